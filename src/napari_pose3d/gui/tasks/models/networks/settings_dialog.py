"""What a network was trained with beside what was asked for; what differs stands first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QModelIndex, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.models.listing.effective_settings import EffectiveSetting
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.qt.record_table import RecordModel, RecordTable

_COLUMNS = ("setting", "asked for", "in effect")
_HINTS = ("Key in config.yaml", "In asked_config.yaml", "As litpose wrote it down")
_KEY_WIDTH = 330
_ASKED_WIDTH = 170
_MARKED = QColor(213, 94, 0, 110)
_OF_OTHERS = "It was trained by others, so what was asked for is not known."
_NOTHING = "No setting has that in its name or value."
_NOT_BEGUN = "litpose has not begun: this is what was asked for."


class _Settings(RecordModel):
    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text of a cell; what differs stands out, and what is cut is whole in the tooltip."""
        setting: EffectiveSetting = self.records[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return _cells(setting)[index.column()]
        if role == Qt.ItemDataRole.BackgroundRole and setting.differs:
            return _MARKED
        return None


class SettingsDialog(QDialog):
    """Lists the settings of a network.

    Parameters
    ----------
    name : str
        Of the network.
    settings : sequence of EffectiveSetting
    """

    def __init__(
        self, name: str, settings: Sequence[EffectiveSetting], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Settings of {name}")
        self.resize(800, 640)
        # Python's sort keeps the order of the file.
        self._settings = sorted(settings, key=lambda each: not each.differs)
        self.summary = MessageLabel(_summary(settings))
        self.search = QLineEdit()
        self.search.setPlaceholderText("part of a setting or value")
        self.search.setAccessibleName("Find a setting")
        self.search.setClearButtonEnabled(True)
        self.differing = QCheckBox("Only those that differ")
        any_differs = any(each.differs for each in settings)
        self.differing.setEnabled(any_differs)
        self.differing.setToolTip("" if any_differs else "None is known to differ.")
        self._rows = _Settings(None, _COLUMNS, _HINTS)
        known = _asked_known(settings), _effect_known(settings)
        wide = 2 if known[1] else 1
        self.table = RecordTable(self._rows, "Settings", wide=wide, height=200, several=False)
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        header = self.table.horizontalHeader()
        if header is not None:
            header.resizeSection(0, _KEY_WIDTH)
            if known[1]:
                header.resizeSection(1, _ASKED_WIDTH)
        for number, is_known in enumerate(known, start=1):
            self.table.setColumnHidden(number, not is_known)
        self.nothing = MessageLabel(_NOTHING)
        close = QPushButton("Close")
        close.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.addWidget(self.search, 1)
        row.addWidget(self.differing)
        column = QVBoxLayout(self)
        column.addWidget(self.summary)
        column.addLayout(row)
        column.addWidget(self.table, 1)
        column.addWidget(self.nothing)
        column.addWidget(close)
        self.search.textChanged.connect(self._refresh)
        self.differing.toggled.connect(self._refresh)
        self._refresh()

    def _refresh(self, _: object = None) -> None:
        wanted, only = self.search.text().strip().lower(), self.differing.isChecked()
        found = [
            each
            for each in self._settings
            if (each.differs or not only)
            and (not wanted or any(wanted in cell.lower() for cell in _cells(each)))
        ]
        self._rows.show_records(found)
        self.nothing.setVisible(not found)


def _asked_known(settings: Sequence[EffectiveSetting]) -> bool:
    return any(each.asked for each in settings)


def _effect_known(settings: Sequence[EffectiveSetting]) -> bool:
    return any(each.effective for each in settings)


def _summary(settings: Sequence[EffectiveSetting]) -> str:
    if not _asked_known(settings):
        return _OF_OTHERS
    if not _effect_known(settings):
        return _NOT_BEGUN
    n, asked = sum(each.differs for each in settings), sum(bool(each.asked) for each in settings)
    if not n:
        return f"All {asked} settings took effect as they were asked for."
    return f"{n} of {asked} settings took effect other than asked for; they stand first."


def _cells(setting: EffectiveSetting) -> tuple[str, str, str]:
    return setting.key, setting.asked, setting.effective
