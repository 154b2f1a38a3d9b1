"""How two sets differ, a line for each view and keypoint, the largest differences first."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QModelIndex, QSize, Qt, Signal
from qtpy.QtWidgets import QWidget

from napari_pose3d.core.review.set_comparison import ComparisonRow, SetComparison
from napari_pose3d.gui.qt.record_table import RecordModel, RecordTable

_COLUMNS = ("view, keypoint", "med.", "95 %", "max", "above")
_HINTS = (
    "",
    "Median distance, px",
    "95 % of the distances are smaller, px",
    "Largest distance, px",
    "Frames that are further apart than the bar",
)
_HEIGHT = 130
_ROOM = 10


class _Rows(RecordModel):
    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text of a cell."""
        row: ComparisonRow = self.records[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return _cells(row)[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return (
                f"{row.keypoint} in {row.view}: {row.both:,} frames in both, {row.only_first:,} "
                f"only in the first, {row.only_second:,} only in the second; the largest distance "
                f"is in frame {row.frame:,}, where a click goes."
            )
        return None


class ComparisonTable(RecordTable):
    """``picked`` is emitted with the `ComparisonRow` that the user goes to."""

    picked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            _Rows(None, _COLUMNS, _HINTS),
            "Differences",
            parent,
            wide=0,
            height=_HEIGHT,
            narrowest=30,
            several=False,
        )
        self._fit_columns()
        # "hindpaw_left" and "hindpaw_right" differ at the end.
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        selection = self.selectionModel()
        if selection is not None:
            selection.currentRowChanged.connect(lambda now, _: self._pick(now.row()))

    def sizeHint(self) -> QSize:  # noqa: N802
        """As low as it may be: in a low window curves and dots have the room."""
        return QSize(super().sizeHint().width(), _HEIGHT)

    def show_comparison(self, found: SetComparison | None, view: str = "") -> None:
        """List the lines of one view, or of all."""
        rows = [] if found is None else [r for r in found.rows if not view or r.view == view]
        rows.sort(key=lambda row: -(row.largest if row.largest == row.largest else -1.0))
        self._lines.show_records(rows)
        self._fit_columns()

    def _fit_columns(self) -> None:
        """As narrow as their texts allow: the rest is for the names."""
        cells = [_cells(row) for row in self.records]
        for column in range(1, len(_COLUMNS)):
            texts = [_COLUMNS[column], *(each[column] for each in cells)]
            self.set_width(column, max(texts, key=self.fontMetrics().horizontalAdvance), _ROOM)

    def _pick(self, row: int) -> None:
        if 0 <= row < len(self.records):
            self.picked.emit(self.records[row])


def _cells(row: ComparisonRow) -> tuple[str, ...]:
    numbers = (row.median, row.percentile_95, row.largest)
    texts = ("" if value != value else f"{value:.3g}" for value in numbers)
    return (f"{row.view}, {row.keypoint}", *texts, f"{row.above:,}")
