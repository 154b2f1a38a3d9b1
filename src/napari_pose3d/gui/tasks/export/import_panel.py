"""Choosing a file of another program to import."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.pipeline.exchange.format_table import FORMATS
from napari_pose3d.gui.qt.forms import let_shrink
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.qt.task_layout import SectionPart

_ABOUT = (
    "Poses become CSV files, labels a project. The file is looked through in any case; without a "
    "folder nothing is written."
)


class ImportPanel(SectionPart):
    """Emits ``clicked`` when the import is to run."""

    clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source = QLineEdit()
        self.source.setPlaceholderText("a file, or the folder of a data set")
        self.source.setAccessibleName("File to import")
        file, folder = QPushButton("F&ile…"), QPushButton("Fol&der…")
        file.clicked.connect(self._choose_file)
        folder.clicked.connect(self._choose_folder)
        self.formats = QComboBox()
        self.formats.addItem("found in the file", None)
        for each in FORMATS.values():
            self.formats.addItem(each.title, each.key)
        let_shrink(self.formats, 10)
        self.out = QLineEdit()
        self.out.setPlaceholderText("nothing is written")
        out = QPushButton("…")
        out.setToolTip("Choose the folder to write to.")
        out.clicked.connect(self._choose_out)
        self.zero = QCheckBox("Positions at exactly 0 are &missing")
        self.zero.setToolTip("Some programs write (0, 0) where there is no label.")
        self.residuals = QCheckBox("Compare with the open calibratio&n")
        self.residuals.setToolTip(
            "The residuals are those with the calibration of the open session; without this, with "
            "the cameras in the file, where it holds some."
        )
        self.button = QPushButton("I&mport")
        self.button.clicked.connect(self.clicked)
        buttons = QHBoxLayout()
        buttons.addWidget(file)
        buttons.addWidget(folder)
        grid = QGridLayout()
        for row, (text, field) in enumerate((("Format:", self.formats), ("To:", self.out))):
            label = QLabel(text)
            label.setBuddy(field)
            grid.addWidget(label, row, 0)
            grid.addWidget(field, row, 1)
        grid.addWidget(out, 1, 2)
        grid.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(MessageLabel(_ABOUT))
        layout.addWidget(self.source)
        layout.addLayout(buttons)
        layout.addLayout(grid)
        layout.addWidget(self.zero)
        layout.addWidget(self.residuals)
        layout.addWidget(self.button)
        self._busy = False
        self.source.textChanged.connect(lambda _: self._refresh())
        self._refresh()

    @property
    def path(self) -> Path:
        """What is to be imported."""
        return Path(self.source.text().strip()).expanduser()

    @property
    def folder(self) -> Path | None:
        """Where to; None: nothing is written."""
        text = self.out.text().strip()
        return Path(text).expanduser() if text else None

    @property
    def format(self) -> str | None:
        """None: found in the file."""
        key = self.formats.currentData()
        return None if key is None else str(key)

    def set_busy(self, busy: bool) -> None:
        """Say whether a job runs."""
        self._busy = busy
        self._refresh()

    def _refresh(self) -> None:
        named = bool(self.source.text().strip())
        self.button.setEnabled(named and not self._busy)
        hint = "A job is running." if self._busy else "Choose a file or a folder first."
        self.button.setToolTip("" if named and not self._busy else hint)

    def _choose_file(self) -> None:
        found, _ = QFileDialog.getOpenFileName(self, "Import", self.source.text())
        if found:
            self.source.setText(found)

    def _choose_folder(self) -> None:
        found = QFileDialog.getExistingDirectory(self, "Import a data set", self.source.text())
        if found:
            self.source.setText(found)

    def _choose_out(self) -> None:
        found = QFileDialog.getExistingDirectory(self, "Import to", self.out.text())
        if found:
            self.out.setText(found)
