"""What an export or an import did: files, what was renamed or lost, and the lint."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from qtpy.QtWidgets import QGroupBox, QVBoxLayout, QWidget

from napari_pose3d.gui.qt.message_text import MessageLabel, MessageList

_FILES, _NOTES, _LINT = 4, 6, 12


def common_folder(files: Sequence[Path]) -> Path:
    """The folder that all files lie in or below."""
    return Path(os.path.commonpath([path.parent for path in files]))


class OutcomePanel(QGroupBox):
    """Hidden until there is something to show."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Result", parent)
        self._head = MessageLabel()
        self.files = MessageList(_FILES)
        self.notes = MessageList(_NOTES)
        self.lint = MessageList(_LINT)
        layout = QVBoxLayout(self)
        for part in (self._head, self.files, self.notes, self.lint):
            layout.addWidget(part)
        self.hide()

    @property
    def head(self) -> str:
        """The first line."""
        return self._head.message

    def show_outcome(
        self,
        head: str,
        files: Sequence[Path],
        notes: Sequence[str],
        lint: Sequence[str] = (),
    ) -> None:
        """Show it in place of what was there."""
        self._head.show_message(head)
        self.files.show_lines(tuple(str(path.relative_to(common_folder(files))) for path in files))
        self.notes.show_lines(tuple(f"• {note[:1].upper()}{note[1:]}" for note in notes))
        self.lint.show_lines(tuple(lint))
        self.show()
