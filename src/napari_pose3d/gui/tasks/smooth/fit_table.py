"""How far the predictions of each view lie from the result, as a table to check it by."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from napari_pose3d.core.pipeline.results.run_summary import COLUMNS, view_cells
from napari_pose3d.core.poses.arrays import Result

CAPTION = "How far predictions lie from the points, px:"
# The panel is narrow.
_SHORTER = {"set aside": "aside"}
# More rows scroll.
_MOST_ROWS = 6


class FitTable(QTableWidget):
    """Shows the residuals and shares of each view; hidden where there is nothing to show."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(COLUMNS), parent)
        self.setHorizontalHeaderLabels([_SHORTER.get(name, name) for name in COLUMNS])
        self.setAccessibleName("Distance of predictions from the result, by view")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        for column, meaning in enumerate(COLUMNS.values()):
            item = self.horizontalHeaderItem(column)
            if item is not None:
                item.setToolTip(meaning)
        rows, header = self.verticalHeader(), self.horizontalHeader()
        if rows is not None and header is not None:
            rows.hide()
            rows.setDefaultSectionSize(rows.minimumSectionSize())
            header.setMinimumSectionSize(20)
            header.setDefaultAlignment(Qt.AlignmentFlag.AlignCenter)
            header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)

    def texts(self) -> list[list[str]]:
        """What the cells say, row by row."""
        rows, columns = range(self.rowCount()), range(self.columnCount())
        return [[item.text() if (item := self.item(r, c)) else "" for c in columns] for r in rows]

    def show_result(self, result: Result) -> None:
        """Show another result."""
        views = result.report.views
        self.setRowCount(len(views))
        for row, cells in enumerate(view_cells(views)):
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                if column:
                    side = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    item.setTextAlignment(side)
                item.setToolTip(cells[0] if column == 0 else list(COLUMNS.values())[column])
                self.setItem(row, column, item)
        # Without a calibration there is nothing that the views gave together.
        before = [found.calibration_residual for found in views.values()]
        self.setColumnHidden(1, bool(np.isnan(before).all()))
        header = self.horizontalHeader()
        height = header.sizeHint().height() if header else 24
        height += sum(self.rowHeight(row) for row in range(min(len(views), _MOST_ROWS))) + 4
        self.setFixedHeight(height)
        self.setVisible(bool(views))
