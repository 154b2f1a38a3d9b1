"""The events of a review as a table: one line each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qtpy.QtCore import QModelIndex, QSize, Qt, Signal
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QWidget

from napari_pose3d.core.review.events.events import Event
from napari_pose3d.core.review.events.failures import Failure
from napari_pose3d.gui.qt.record_table import RecordModel, RecordTable

from .kind_colours import kind_icon

_COLUMNS = ("frames", "what and where", "largest", "")
_HINTS = (
    "The first frame and the last",
    "What seems wrong, in which views, of which keypoints",
    "The largest value; the order goes by how far it lies beyond what is usual",
    "What was decided",
)
_WHAT, _MARK = 1, 3
_HEIGHT = 112
_MEASURED = 200
_PADDING = 10
MOST_ROWS = 2000


class _Events(RecordModel):
    """``mark`` tells what was decided about an event."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, _COLUMNS, _HINTS)
        self.mark: Callable[[Event], str] = lambda _: ""

    def show_marks(self) -> None:
        """The last column changed."""
        if self.records:
            last = len(self.records) - 1
            self.dataChanged.emit(self.index(0, _MARK), self.index(last, _MARK))

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, tooltip and the colour of the kind."""
        event = self.records[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            if index.column() == _MARK:
                return self.mark(event)
            return _cells(event)[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return sentence(event)
        if role == Qt.ItemDataRole.DecorationRole and index.column() == _WHAT:
            return kind_icon(event.kind)
        return None


class EventTable(RecordTable):
    """Lists events; several can be selected with Shift and Ctrl.

    Signals: ``picked`` with the event that the user goes to; ``selection_changed``.
    """

    picked = Signal(object)
    selection_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        self._events = _Events()
        super().__init__(self._events, "Events", parent, wide=_WHAT, height=_HEIGHT)
        self._filling = self._pressed = False
        self.setIconSize(QSize(9, 9))
        # The kind stands at the beginning, and the keypoint at the end.
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        selection = self.selectionModel()
        if selection is not None:
            selection.currentRowChanged.connect(self._on_current)
            selection.selectionChanged.connect(lambda *_: self._on_selection())

    def sizeHint(self) -> QSize:  # noqa: N802
        """As low as it may be: in a low window what is said about an event counts more."""
        return QSize(super().sizeHint().width(), _HEIGHT)

    @property
    def row(self) -> int:
        """The current line; -1 for none."""
        return int(self.currentIndex().row())

    @property
    def current(self) -> Event | None:
        return self._events.records[self.row] if 0 <= self.row < len(self._events.records) else None

    def show_events(self, events: Sequence[Event], mark: Callable[[Event], str]) -> None:
        """List other events.

        Parameters
        ----------
        events : sequence of Event
        mark : callable
            What was decided about an event, in a sign or a word; empty for nothing.
        """
        self._filling = True
        self._events.mark = mark
        self._events.show_records(events[:MOST_ROWS])
        self._filling = False
        self._fit_columns()
        self.selection_changed.emit()

    def show_marks(self) -> None:
        """Other decisions about the events that are listed."""
        self._events.show_marks()
        self._fit_columns()

    def _fit_columns(self) -> None:
        """As narrow as the texts allow: the rest is for what and where."""
        header, metrics = self.horizontalHeader(), self.fontMetrics()
        if header is None:
            return
        lines = self._events.records[:_MEASURED]
        widest = [0] * len(_COLUMNS)
        for event in lines:
            for column, text in enumerate((*_cells(event), self._events.mark(event))):
                widest[column] = max(widest[column], metrics.horizontalAdvance(text))
        for column, width in enumerate(widest):
            if column != _WHAT:
                title = metrics.horizontalAdvance(_COLUMNS[column]) * 1.1
                header.resizeSection(column, round(max(width, title)) + _PADDING)

    def select(self, event: Event) -> bool:
        """Make the line of an event the current one, without going there; False without a line."""
        if event not in self._events.records:
            return False
        self._filling = True
        self.select_only(self._events.records.index(event))
        self._filling = False
        self.selection_changed.emit()
        return True

    def step(self, by: int) -> None:
        """Go to the next event of the list, or to the one before."""
        if self._events.records:
            self.step_to(0 if self.row < 0 else self.row + by)

    def step_to(self, row: int) -> None:
        """Go to a line, or to the nearest that there is."""
        n = len(self._events.records)
        if not n:
            return
        row = min(max(row, 0), n - 1)
        if row == self.row:
            self._pick(row)
        else:
            self.select_only(row)

    def _on_selection(self) -> None:
        if not self._filling:
            self.selection_changed.emit()

    def _on_current(self, now: QModelIndex, before: QModelIndex) -> None:
        # A click is told when the button goes up, also on the line that is the current one already.
        if not self._filling and not self._pressed and now.row() != before.row():
            self._pick(now.row())

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Until the button is released, no event is gone to."""
        self._pressed = True
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Go to the event whose line is the current one now.

        The mouse may have been drawn on to another line since the press, or the list may have
        moved under it.
        """
        super().mouseReleaseEvent(event)
        pressed, self._pressed = self._pressed, False
        if pressed and self.selected:
            self._pick(self.row)

    def _pick(self, row: int) -> None:
        if 0 <= row < len(self._events.records) and not self._filling:
            self.picked.emit(self._events.records[row])


def _cells(event: Event) -> tuple[str, ...]:
    frames = f"{event.start}" if event.n_frames == 1 else f"{event.start}-{event.end}"
    names = event.keypoints
    few = ", ".join(names) if len(names) < 4 else f"{len(names)} keypoints"
    views = ", ".join(event.views)
    what = f"{event.kind.value}, {views}" if views else event.kind.value
    if event.kind not in _OF_ALL:
        what += f": {few}"
    return frames, what, _amount(event)


_NAMED = 5
# The keypoints tell nothing: a view fails as a whole.
_OF_ALL = (Failure.LOST_VIEW, Failure.CAMERA_MOVED, Failure.DRIFT)
_SHORT = {"degrees": "°", "length": ""}
# What the value of a kind is; of the others it is the distance from raw to smoothed.
_MEANING = {
    Failure.SWAPPED_SIDES: "{} off",
    Failure.SETS_DISAGREE: "sets spread by {}",
    Failure.JUMP: "a leap of {}",
    Failure.UNCERTAIN: "known to {} (1 sd)",
    Failure.OUTSIDE: "{} from the nearest labeled pose",
    Failure.CAMERA_MOVED: "turned by {}",
    Failure.DRIFT: "turned by {}",
}


def _amount(event: Event) -> str:
    """The largest value with its unit; empty where the kind has none."""
    if event.value != event.value:
        return ""
    return f"{event.value:.3g} {_SHORT.get(event.unit, event.unit)}".strip()


def sentence(event: Event, *, with_value: bool = True) -> str:
    """An event in words; without the value where something else tells it."""
    where = f" in {', '.join(event.views)}" if event.views else ""
    names = ", ".join(event.keypoints[:_NAMED])
    if len(event.keypoints) > _NAMED:
        names += f" and {len(event.keypoints) - _NAMED} more"
    what = f"{event.kind.value[:1].upper()}{event.kind.value[1:]}{where}"
    if event.kind not in _OF_ALL:
        what += f": {names}"
    when = f"frame {event.start}"
    if event.kind is Failure.CAMERA_MOVED:
        when = f"from frame {event.start} on"
    elif event.n_frames > 1:
        when = f"frames {event.start} to {event.end}"
        if event.kind.is_mended_by_labels:
            when += f", worst {event.peak}"
    value = _value(event) if with_value else ""
    return f"{what}, {when}: {value}." if value else f"{what}, {when}."


def _value(event: Event) -> str:
    amount = _amount(event)
    if not amount:
        return ""
    if event.kind is Failure.BONE:
        way = "shorter" if event.value < 0 else "longer"
        return f"{amount.lstrip('-')} {way} than usual"
    return _MEANING.get(event.kind, "{} from the smoothed point").format(amount)
