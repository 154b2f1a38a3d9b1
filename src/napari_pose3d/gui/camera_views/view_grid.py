"""Views in rows and columns that the user can resize, rearrange, hide and maximise."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QSplitter, QVBoxLayout, QWidget


class ViewGrid(QWidget):
    """Places named widgets; knows nothing about what they show.

    `changed` is emitted when the user has moved a border.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cells: dict[str, QWidget] = {}
        self._order: list[str] = []
        self._hidden: set[str] = set()
        self._maximised = ""
        self._rows = QSplitter(Qt.Orientation.Vertical)
        self._rows.setChildrenCollapsible(False)
        self._rows.splitterMoved.connect(lambda *_: self.changed.emit())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._rows)

    @property
    def order(self) -> list[str]:
        """All names, hidden ones included."""
        return list(self._order)

    @property
    def hidden(self) -> list[str]:
        """Those that the user has hidden."""
        return [name for name in self._order if name in self._hidden]

    @property
    def seen(self) -> list[str]:
        """Those that are on the screen."""
        if self._maximised:
            return [self._maximised]
        return [name for name in self._order if name not in self._hidden]

    @property
    def maximised(self) -> str:
        """The only one that is shown; empty when all are."""
        return self._maximised

    def set_cells(
        self, cells: dict[str, QWidget], order: Sequence[str] = (), hidden: Sequence[str] = ()
    ) -> bool:
        """Place these widgets; those without a place in ``order`` come last.

        Returns
        -------
        bool
            Whether anything was moved; if not, the borders stay where they are.
        """
        before = self._cells, self._order, self._hidden, self._maximised
        self._cells = dict(cells)
        self._order = [name for name in order if name in cells]
        self._order += [name for name in cells if name not in self._order]
        self._hidden = set(hidden) & set(cells)
        if len(self._hidden) == len(cells):
            self._hidden = set()
        self._maximised = self._maximised if self._maximised in cells else ""
        changed = before != (self._cells, self._order, self._hidden, self._maximised)
        if changed:
            self._place()
        return changed

    def swap(self, one: str, other: str) -> None:
        """Let two change places."""
        if one == other or not {one, other} <= set(self._order):
            return
        a, b = self._order.index(one), self._order.index(other)
        self._order[a], self._order[b] = other, one
        self._place()

    def toggle_maximised(self, name: str) -> None:
        """Show only this one, or all again."""
        self._maximised = "" if self._maximised else name
        self._place()

    def sizes(self) -> dict[str, list[int]]:
        """Where the borders are, by splitter."""
        found = {"rows": self._rows.sizes()}
        for i in range(self._rows.count()):
            row = self._rows.widget(i)
            if isinstance(row, QSplitter):
                found[f"row {i}"] = row.sizes()
        return found

    def set_sizes(self, sizes: dict[str, list[int]]) -> None:
        """Put the borders back where they were, as far as there are as many as then."""
        heights = sizes.get("rows", [])
        if len(heights) == self._rows.count():
            self._rows.setSizes(heights)
        for i in range(self._rows.count()):
            row = self._rows.widget(i)
            widths = sizes.get(f"row {i}", [])
            if isinstance(row, QSplitter) and len(widths) == row.count():
                row.setSizes(widths)

    def forget(self) -> None:
        """Hold on to no widget any more; they end with the grid."""
        self._cells, self._order = {}, []

    def _place(self) -> None:
        seen = self.seen
        # Cells stay in their splitters' window: a canvas that changes its window loses its
        # drawing context.
        for name, cell in self._cells.items():
            if name not in seen:
                cell.hide()
        n_columns = columns_for(len(seen))
        old = [self._rows.widget(i) for i in range(self._rows.count())]
        for first in range(0, len(seen), n_columns):
            row = QSplitter(Qt.Orientation.Horizontal)
            row.setChildrenCollapsible(False)
            row.splitterMoved.connect(lambda *_: self.changed.emit())
            self._rows.addWidget(row)
            for name in seen[first : first + n_columns]:
                row.addWidget(self._cells[name])
                self._cells[name].show()
            row.setSizes([1000] * row.count())
        parked = self._parked()
        for name, cell in self._cells.items():
            if name not in seen:
                cell.setParent(parked)
        for gone in old:
            if gone is not None:
                gone.hide()
                gone.setParent(parked)
                gone.deleteLater()
        self._rows.setSizes([1000] * self._rows.count())

    def _parked(self) -> QWidget:
        """Where cells wait that are not seen: in the same window, without a place."""
        if not hasattr(self, "_waiting_room"):
            self._waiting_room = QWidget(self)
            self._waiting_room.hide()
        return self._waiting_room


def columns_for(count: int) -> int:
    """How many columns suit so many images on a screen that is wider than high."""
    return max(1, math.ceil(math.sqrt(count)))
