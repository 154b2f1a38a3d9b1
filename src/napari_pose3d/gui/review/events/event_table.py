"""The events of a review as a table: one line each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from napari_pose3d.core.review.events import Event

from .kind_colours import kind_icon

_COLUMNS = ("frames", "what and where", "worst", "")
_WHAT, _MARK = 1, 3
_HEIGHT = 112
MOST_ROWS = 2000


class EventTable(QTableWidget):
    """Lists events; several can be selected with Shift and Ctrl.

    Signals: ``picked`` with the event that the user goes to.
    """

    picked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_COLUMNS), parent)
        self._shown: list[Event] = []
        self._filling = self._pressed = False
        self.setHorizontalHeaderLabels(list(_COLUMNS))
        self.setAccessibleName("Events")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setIconSize(QSize(9, 9))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumHeight(_HEIGHT)
        rows, header = self.verticalHeader(), self.horizontalHeader()
        if rows is not None and header is not None:
            rows.hide()
            rows.setDefaultSectionSize(rows.minimumSectionSize())
            header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            header.setSectionResizeMode(_WHAT, QHeaderView.ResizeMode.Stretch)
            header.setMinimumSectionSize(18)
        self.currentCellChanged.connect(self._on_current)
        self.cellClicked.connect(lambda row, _: self._pick(row))

    @property
    def events(self) -> tuple[Event, ...]:
        """Those that are listed, in their order."""
        return tuple(self._shown)

    @property
    def current(self) -> Event | None:
        row = self.currentRow()
        return self._shown[row] if 0 <= row < len(self._shown) else None

    @property
    def selected(self) -> tuple[Event, ...]:
        """Those that are selected, in the order of the list."""
        model = self.selectionModel()
        rows = sorted({index.row() for index in model.selectedRows()}) if model is not None else []
        return tuple(self._shown[row] for row in rows if row < len(self._shown))

    def show_events(self, events: Sequence[Event], mark: Callable[[Event], str]) -> None:
        """List other events.

        Parameters
        ----------
        events : sequence of Event
        mark : callable
            What was decided about an event, in a sign or a word; empty for nothing.
        """
        self._shown = list(events[:MOST_ROWS])
        self._filling = True
        self.setRowCount(len(self._shown))
        for row, event in enumerate(self._shown):
            for column, text in enumerate((*_cells(event), mark(event))):
                item = QTableWidgetItem(text)
                item.setToolTip(sentence(event))
                if column == _WHAT:
                    item.setIcon(kind_icon(event.kind))
                self.setItem(row, column, item)
        self.clearSelection()
        self.setCurrentCell(-1, -1)
        self._filling = False

    def show_marks(self, mark: Callable[[Event], str]) -> None:
        """Other decisions about the events that are listed."""
        for row, event in enumerate(self._shown):
            item = self.item(row, _MARK)
            if item is not None:
                item.setText(mark(event))

    def select(self, event: Event) -> bool:
        """Make the line of an event the current one, without going there; False without a line."""
        if event not in self._shown:
            return False
        self._filling = True
        self.setCurrentCell(self._shown.index(event), 0)
        self._filling = False
        return True

    def step(self, by: int) -> None:
        """Go to the next event of the list, or to the one before."""
        if not self._shown:
            return
        row = self.currentRow()
        row = 0 if row < 0 else min(max(row + by, 0), len(self._shown) - 1)
        if row == self.currentRow():
            self._pick(row)
        else:
            self.setCurrentCell(row, 0)

    def step_to(self, row: int) -> None:
        """Go to a line, or to the last one."""
        if self._shown:
            self.setCurrentCell(min(max(row, 0), len(self._shown) - 1), 0)

    def _on_current(self, row: int, _column: int, before: int, _: int) -> None:
        # A click is told by itself, also on the row that is the current one already.
        if not self._filling and row != before and not self._pressed:
            self._pick(row)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Until the button is released, no event is gone to."""
        self._pressed = True
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Go to the event that was clicked."""
        super().mouseReleaseEvent(event)
        self._pressed = False

    def _pick(self, row: int) -> None:
        if 0 <= row < len(self._shown) and not self._filling:
            self.picked.emit(self._shown[row])


def _cells(event: Event) -> tuple[str, ...]:
    frames = f"{event.start}" if event.n_frames == 1 else f"{event.start}-{event.end}"
    names = event.keypoints
    few = ", ".join(names) if len(names) < 4 else f"{len(names)} keypoints"
    views = ", ".join(event.views)
    what = f"{event.kind.value}, {views}: {few}" if views else f"{event.kind.value}: {few}"
    worst = "" if event.value != event.value else f"{event.value:.3g} {_SHORT.get(event.unit, '')}"
    return frames, what, worst.strip()


_NAMED = 5
_SHORT = {"px": "px", "degrees": "°"}


def sentence(event: Event) -> str:
    """An event in words."""
    where = f" in {', '.join(event.views)}" if event.views else ""
    value = "" if event.value != event.value else f", {event.value:.3g} {event.unit}"
    names = ", ".join(event.keypoints[:_NAMED])
    if len(event.keypoints) > _NAMED:
        names += f" and {len(event.keypoints) - _NAMED} more"
    return (
        f"{event.kind.value[:1].upper()}{event.kind.value[1:]}{where}: {names}; frames "
        f"{event.start} to {event.end}, worst {event.peak}{value}."
    )
