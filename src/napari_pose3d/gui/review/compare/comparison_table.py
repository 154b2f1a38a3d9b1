"""How two sets differ, a line for each view and keypoint, the largest differences first."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from napari_pose3d.core.review.comparison.set_comparison import ComparisonRow, SetComparison

_COLUMNS = ("view, keypoint", "med.", "95 %", "max", "above")
_HINTS = (
    "",
    "Median distance, px",
    "95 % of the distances are smaller, px",
    "Largest distance, px",
    "Frames that are further apart than the bar",
)
_HEIGHT = 130
_NOWHERE = QModelIndex()


class _Lines(QAbstractTableModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: list[ComparisonRow] = []

    def rowCount(self, parent: QModelIndex = _NOWHERE) -> int:  # noqa: N802
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = _NOWHERE) -> int:  # noqa: N802
        return 0 if parent.isValid() else len(_COLUMNS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text of a cell."""
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return _cells(row)[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return (
                f"{row.keypoint} in {row.view}: {row.both:,} frames in both, {row.only_first:,} "
                f"only in the first, {row.only_second:,} only in the second; the largest distance "
                f"is in frame {row.frame:,}."
            )
        return None

    def headerData(  # noqa: N802
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Names and hints of the columns."""
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return _COLUMNS[section]
            if role == Qt.ItemDataRole.ToolTipRole:
                return _HINTS[section]
        return None


class ComparisonTable(QTableView):
    """``picked`` is emitted with the `ComparisonRow` that the user goes to."""

    picked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines = _Lines(self)
        self.setModel(self._lines)
        self.setAccessibleName("Differences")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setMinimumHeight(_HEIGHT)
        rows, header = self.verticalHeader(), self.horizontalHeader()
        if rows is not None and header is not None:
            rows.hide()
            rows.setDefaultSectionSize(rows.minimumSectionSize())
            header.setMinimumSectionSize(30)
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            width = self.fontMetrics().horizontalAdvance("above") + 10
            for column in range(1, len(_COLUMNS)):
                header.resizeSection(column, width)
            header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        selection = self.selectionModel()
        if selection is not None:
            selection.currentRowChanged.connect(lambda now, _: self._pick(now.row()))

    @property
    def rows(self) -> tuple[ComparisonRow, ...]:
        """The lines, from top to bottom."""
        return tuple(self._lines.rows)

    def show_comparison(self, found: SetComparison | None, view: str = "") -> None:
        """List the lines of one view, or of all."""
        rows = [] if found is None else [r for r in found.rows if not view or r.view == view]
        rows.sort(key=lambda row: -(row.largest if row.largest == row.largest else -1.0))
        self._lines.beginResetModel()
        self._lines.rows = rows
        self._lines.endResetModel()

    def _pick(self, row: int) -> None:
        if 0 <= row < len(self._lines.rows):
            self.picked.emit(self._lines.rows[row])


def _cells(row: ComparisonRow) -> tuple[str, ...]:
    numbers = (row.median, row.percentile_95, row.largest)
    texts = ("" if value != value else f"{value:.3g}" for value in numbers)
    return (f"{row.view}, {row.keypoint}", *texts, f"{row.above:,}")
