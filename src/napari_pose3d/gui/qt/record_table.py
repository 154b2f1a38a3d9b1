"""Tables with a line for each record of a list: what all of them share.

A widget for each cell would take seconds for some hundred lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QItemSelectionModel, QModelIndex, Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

_NOWHERE = QModelIndex()


class RecordModel(QAbstractTableModel):
    """Records and the names of their columns; `data` says what a cell shows.

    Parameters
    ----------
    columns : sequence of str
    hints : sequence of str
        Tooltips of the columns.
    """

    def __init__(
        self, parent: QWidget | None, columns: Sequence[str], hints: Sequence[str] = ()
    ) -> None:
        super().__init__(parent)
        self._columns, self._hints = columns, hints
        self.records: list[Any] = []

    def show_records(self, records: Sequence[Any]) -> None:
        """List others."""
        self.beginResetModel()
        self.records = list(records)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = _NOWHERE) -> int:  # noqa: N802
        return 0 if parent.isValid() else len(self.records)

    def columnCount(self, parent: QModelIndex = _NOWHERE) -> int:  # noqa: N802
        return 0 if parent.isValid() else len(self._columns)

    def headerData(  # noqa: N802
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Names and hints of the columns."""
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return self._columns[section]
            if role == Qt.ItemDataRole.ToolTipRole and self._hints:
                return self._hints[section]
        return None


class RecordTable(QTableView):
    """Shows the lines of a `RecordModel`; lines are selected as a whole, and low.

    Parameters
    ----------
    model : RecordModel
    name : str
        For screen readers.
    wide : int
        The column that takes the room that the others leave.
    height, narrowest : int
        Smallest height of the table and width of a column, px.
    several : bool
        Whether more than one line can be selected.
    """

    def __init__(
        self,
        model: RecordModel,
        name: str,
        parent: QWidget | None = None,
        *,
        wide: int,
        height: int,
        narrowest: int = 18,
        several: bool = True,
    ) -> None:
        super().__init__(parent)
        model.setParent(self)
        self._lines = model
        self.setModel(model)
        self.setAccessibleName(name)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        mode = QAbstractItemView.SelectionMode
        self.setSelectionMode(mode.ExtendedSelection if several else mode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setMinimumHeight(height)
        rows, header = self.verticalHeader(), self.horizontalHeader()
        if rows is not None and header is not None:
            rows.hide()
            rows.setDefaultSectionSize(rows.minimumSectionSize())
            header.setMinimumSectionSize(narrowest)
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            header.setSectionResizeMode(wide, QHeaderView.ResizeMode.Stretch)

    @property
    def records(self) -> tuple[Any, ...]:
        """Those that are listed, from top to bottom."""
        return tuple(self._lines.records)

    @property
    def selected(self) -> tuple[Any, ...]:
        """Those that are selected, from top to bottom."""
        model = self.selectionModel()
        rows = sorted({index.row() for index in model.selectedRows()}) if model is not None else []
        return tuple(self._lines.records[row] for row in rows)

    def select_only(self, row: int) -> None:
        """Select a line and no other; with Shift or Ctrl held, `selectRow` would add it."""
        model, index = self.selectionModel(), self._lines.index(row, 0)
        flags = QItemSelectionModel.SelectionFlag
        if model is not None:
            model.setCurrentIndex(index, flags.NoUpdate)
            model.select(index, flags.ClearAndSelect | flags.Rows)

    def text(self, row: int, column: int) -> str:
        """What the user reads in a cell."""
        return str(self._lines.data(self._lines.index(row, column)))

    def fit_rows(self, least: int, most: int) -> None:
        """Make the table as high as its lines, but not less or more than so many."""
        rows, header = self.verticalHeader(), self.horizontalHeader()
        if rows is not None and header is not None:
            n = min(max(len(self._lines.records), least), most)
            borders = 2 * self.frameWidth() + 2
            self.setFixedHeight(
                header.sizeHint().height() + n * rows.defaultSectionSize() + borders
            )

    def set_width(self, column: int, text: str, room: int) -> None:
        """Make a column as wide as a text and some room, px."""
        header = self.horizontalHeader()
        if header is not None:
            header.resizeSection(column, self.fontMetrics().horizontalAdvance(text) + room)
