"""A table of text that is as high as its rows."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.gui.qt.message_text import MessageLabel

from .result_tables import Table


class TableView(QWidget):
    """Shows a `Table` below its title; hidden where there are no rows."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title, self._note = QLabel(), MessageLabel()
        self._table = QTableWidget()
        self._table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._table.setSelectionMode(QAbstractItemView.SelectionMode.ContiguousSelection)
        self._table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._table.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._title)
        layout.addWidget(self._note)
        layout.addWidget(self._table)
        self.hide()

    def help(self, header: str) -> str:
        """The tooltip of a column."""
        for column in range(self._table.columnCount()):
            item = self._table.horizontalHeaderItem(column)
            if item is not None and item.text() == header:
                return item.toolTip()
        return ""

    def texts(self) -> list[list[str]]:
        """The cells, row by row."""
        return [
            [item.text() if (item := self._table.item(row, column)) else ""
             for column in range(self._table.columnCount())]
            for row in range(self._table.rowCount())
        ]  # fmt: skip

    def show_table(self, table: Table) -> None:
        """Show other rows."""
        self._title.setText(table.title)
        self._title.setStyleSheet("font-weight: bold")
        self._note.show_message(table.note)
        self._note.setVisible(bool(table.note))
        self._table.setAccessibleName(table.title)
        self._table.setColumnCount(len(table.header))
        self._table.setHorizontalHeaderLabels(list(table.header))
        for column, text in enumerate(table.header):
            header_item = self._table.horizontalHeaderItem(column)
            assert header_item is not None
            header_item.setToolTip(table.help.get(text, ""))
        self._table.setRowCount(len(table.rows))
        for row, cells in enumerate(table.rows):
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                tip = table.help.get(text if column == 0 else table.header[column], "")
                item.setToolTip(f"{text}\n{tip}" if tip else text)
                self._table.setItem(row, column, item)
        rows, header = self._table.verticalHeader(), self._table.horizontalHeader()
        assert rows is not None
        assert header is not None
        rows.hide()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        self._table.resizeRowsToContents()
        height = header.sizeHint().height() + 4
        height += sum(self._table.rowHeight(row) for row in range(len(table.rows)))
        # Room for a scroll bar below, where the columns are wider than the page.
        self._table.setFixedHeight(height + 14)
        self.setVisible(bool(table.rows))
