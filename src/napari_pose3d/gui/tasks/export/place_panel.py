"""Where an export is written to."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QGroupBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.gui.qt.message_text import MessageLabel


class PlacePanel(QGroupBox):
    """Emits ``changed`` when another folder is chosen."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("3 · Where", parent)
        self.edit = QLineEdit()
        self.edit.setAccessibleName("Folder to export to")
        self.edit.textChanged.connect(lambda _: self.changed.emit())
        browse = QPushButton("&Browse…")
        browse.clicked.connect(self._browse)
        self.replace = QCheckBox("Replace files that exist alread&y")
        self.replace.toggled.connect(lambda _: self.changed.emit())
        self._target = MessageLabel()
        row = QHBoxLayout()
        row.addWidget(self.edit, 1)
        row.addWidget(browse)
        layout = QVBoxLayout(self)
        layout.addLayout(row)
        layout.addWidget(self._target)
        layout.addWidget(self.replace)
        self._proposed = ""

    @property
    def folder(self) -> Path | None:
        """None where nothing is chosen."""
        text = self.edit.text().strip()
        return Path(text).expanduser() if text else None

    @property
    def target(self) -> str:
        """The file to be written, or why there is none."""
        return self._target.message

    def propose(self, folder: Path | None) -> None:
        """Put a folder in, unless the user has chosen one."""
        if self.edit.text() in ("", self._proposed):
            self._proposed = "" if folder is None else str(folder)
            self.edit.setText(self._proposed)

    def show_target(self, text: str) -> None:
        """Say what will be written."""
        self._target.show_message(text)

    def _browse(self) -> None:
        found = QFileDialog.getExistingDirectory(self, "Export to", self.edit.text())
        if found:
            self.edit.setText(found)
