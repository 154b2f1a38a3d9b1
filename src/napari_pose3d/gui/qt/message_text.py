"""Text for people in labels: shown as it is, and wrapped wherever it has to be."""

from __future__ import annotations

import re
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QToolButton, QVBoxLayout, QWidget

# Where a long path or name may go on in the next line.
_BREAK = "\N{ZERO WIDTH SPACE}"
# Characters of a path that fit beside a few words.
_SHORT = 28
_AFTER = re.compile(r"(?<=[/\\_,;])(?=\S)")


def breakable(text: str) -> str:
    """The text with places where a path may be broken; Qt breaks at spaces only, and cuts."""
    return _AFTER.sub(_BREAK, text)


def short_path(path: Path) -> str:
    """The end of a path, for a notification: napari cuts there what is longer than its line."""
    text = str(path)
    parts = path.parts
    kept = 1
    while kept < len(parts) and len(str(Path(*parts[-kept - 1 :]))) <= _SHORT:
        kept += 1
    return text if kept == len(parts) else str(Path("…", *parts[-kept:]))


class MessageLabel(QLabel):
    """Plain text that wraps and can be selected; ``<session>`` is a word, not a tag."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._message = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.show_message(text)

    @property
    def message(self) -> str:
        """The text, without the places to break it."""
        return self._message

    def show_message(self, text: str) -> None:
        """Say something else."""
        self._message = text
        self.setText(breakable(text))


class MessageList(QWidget):
    """The first few of many lines, and the others behind a button.

    Parameters
    ----------
    most : int
        How many lines are shown at once.
    """

    def __init__(self, most: int = 3, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._most = most
        self._lines: tuple[str, ...] = ()
        self._label = MessageLabel()
        self._details = QToolButton()
        self._details.setCheckable(True)
        self._details.toggled.connect(self._refresh)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self._label)
        column.addWidget(self._details)
        self.show_lines(())

    def text(self) -> str:
        """What can be read now."""
        return self._label.message

    def show_lines(self, lines: tuple[str, ...]) -> None:
        """Say this instead; nothing hides the list."""
        self._lines = tuple(lines)
        self._details.setChecked(False)
        self._refresh()

    def show_all(self) -> None:
        """As if the button was clicked."""
        self._details.setChecked(True)

    def _refresh(self, _: bool = False) -> None:
        every = self._details.isChecked()
        more = len(self._lines) - self._most
        shown = self._lines if every else self._lines[: self._most]
        self._label.show_message("\n".join(shown))
        self._details.setVisible(more > 0)
        self._details.setText("fewer" if every else f"details ({more} more)")
        self.setVisible(bool(self._lines))
