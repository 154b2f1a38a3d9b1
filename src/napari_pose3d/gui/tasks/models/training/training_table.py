"""Trainings that belong together, a line each: state, epoch, error, time left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QModelIndex, QSize, Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QWidget

from napari_pose3d.core.models.runs.training_progress import TrainingProgress
from napari_pose3d.gui.layers.colours import PALETTE
from napari_pose3d.gui.qt.record_table import RecordModel, RecordTable

_COLUMNS = ("network", "state", "epoch", "px", "left")
_HINTS = (
    "",
    "",
    "Completed, and in all",
    "Last error in px of the resized images: of validation, or else of training",
    "An estimate from the epochs that were done",
)
_HEIGHT = 64
_LINES = 2, 8


@dataclass(frozen=True)
class TrainingRow:
    """A network that is trained, or was; ``place`` decides on its colour."""

    name: str
    place: int
    progress: TrainingProgress


class _Rows(RecordModel):
    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, tooltip, and the colour of the curves."""
        row: TrainingRow = self.records[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return _cells(row)[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{row.name}: {row.progress.describe()}"
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            return QColor(PALETTE[row.place % len(PALETTE)])
        return None


class TrainingTable(RecordTable):
    """``chosen`` is emitted when other lines are selected."""

    chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_Rows(None, _COLUMNS, _HINTS), "Trainings", parent, wide=0, height=_HEIGHT)
        for column, text in ((1, "cancelled"), (2, "300/300"), (3, "99.9"), (4, "59 min")):
            self.set_width(column, text, 8)
        self.setIconSize(QSize(9, 9))
        # Names differ at their end.
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        selection = self.selectionModel()
        if selection is not None:
            selection.selectionChanged.connect(lambda *_: self.chosen.emit())

    def show_rows(self, rows: Sequence[TrainingRow]) -> None:
        """List others; what was selected stays so."""
        before = {row.name for row in self.selected}
        selection = self.selectionModel()
        self.blockSignals(True)
        self._lines.show_records(rows)
        self.fit_rows(*_LINES)
        for n, row in enumerate(rows):
            if row.name in before and selection is not None:
                flags = selection.SelectionFlag
                selection.select(self._lines.index(n, 0), flags.Select | flags.Rows)
        self.blockSignals(False)
        self.chosen.emit()


def _cells(row: TrainingRow) -> tuple[str, ...]:
    progress = row.progress
    error = progress.validation_error
    if error is None:
        error = progress.train_error
    over = progress.state.state.is_over
    left = "" if progress.seconds_left is None or over else _short(progress.seconds_left)
    epoch = f"{progress.epoch}/{progress.epochs}" if progress.epochs else ""
    return (
        row.name,
        progress.state.state.value,
        epoch,
        "" if error is None else f"{error:.1f}",
        left,
    )


def _short(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
