"""What certainties let through, a line each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QModelIndex, Qt
from qtpy.QtGui import QFont
from qtpy.QtWidgets import QWidget

from napari_pose3d.core.models.distillation.certainty_check import CertaintyCheck
from napari_pose3d.gui.qt.record_table import RecordModel, RecordTable

_COLUMNS = ("certainty", "frames", "labels", "median", "90 %")
_HINTS = (
    "Largest posterior standard deviation of a position, px",
    "Frames of all smoothed sessions that are certain enough",
    "Labels whose positions are certain, of all in smoothed frames",
    "Median distance of certain positions from their labels, px",
    "Nine tenths of the certain positions are nearer to their labels than this, px",
)
_HEIGHT, _LINES = 64, (2, 8)
_ROOM = 14


class _Checks(RecordModel):
    # The certainty that is chosen.
    chosen = 0.0

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text of a cell; the line of the chosen certainty is bold."""
        check: CertaintyCheck = self.records[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return _cells(check)[index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.FontRole and check.certainty == self.chosen:
            font = QFont()
            font.setBold(True)
            return font
        return None


class CertaintyTable(RecordTable):
    """``picked`` of a line is its certainty."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self._checks = _Checks(None, _COLUMNS, _HINTS)
        name = "What certainties let through"
        super().__init__(self._checks, name, parent, wide=2, height=_HEIGHT, several=False)
        for column, text in ((0, "certainty"), (1, "frames"), (3, "median"), (4, "999.9")):
            self.set_width(column, text, _ROOM)

    def show_checks(self, checks: Sequence[CertaintyCheck], chosen: float) -> None:
        """List others, and which certainty is chosen."""
        self._checks.chosen = chosen
        self._checks.show_records(checks)
        self.fit_rows(*_LINES)

    def mark(self, chosen: float) -> None:
        """Another certainty is chosen."""
        self.show_checks(self.records, chosen)


def _cells(check: CertaintyCheck) -> tuple[str, ...]:
    errors = ("-", "-")
    if check.n_certain:
        errors = f"{check.median:.1f}", f"{check.worst_tenth:.1f}"
    labels = f"{check.n_certain} of {check.n_labels}"
    return f"{check.certainty:g} px", f"{check.n_frames}", labels, *errors
