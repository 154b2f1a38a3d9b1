"""The events of a review as a table: one line each, by kind if wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.review.events import Event
from napari_pose3d.core.review.failure_flags import ADVICE, Failure

from .kind_colours import kind_icon

_COLUMNS = ("frames", "what", "where")
_HEIGHT = 220
_MOST_ROWS = 2000


class EventTable(QWidget):
    """`picked` is emitted with the event that the user goes to."""

    picked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._all: tuple[Event, ...] = ()
        self._shown: list[Event] = []
        self._filling = False
        self.kinds = QComboBox()
        self.kinds.setToolTip("Only events of one kind.")
        self.kinds.setAccessibleName("Kind of events")
        self.kinds.currentIndexChanged.connect(self._fill)
        self.order = QComboBox()
        self.order.addItems(["worst first", "by time"])
        self.order.setAccessibleName("Order of events")
        self.order.currentIndexChanged.connect(self._fill)
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setHorizontalHeaderLabels(list(_COLUMNS))
        self.table.setAccessibleName("Events")
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setTabKeyNavigation(False)
        self.table.setWordWrap(False)
        self.table.setIconSize(QSize(9, 9))
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.setMinimumHeight(_HEIGHT)
        rows, header = self.table.verticalHeader(), self.table.horizontalHeader()
        if rows is not None and header is not None:
            rows.hide()
            rows.setDefaultSectionSize(rows.minimumSectionSize())
            header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self.table.currentCellChanged.connect(self._on_current)
        self.table.cellClicked.connect(lambda row, _: self._pick(row))
        previous, following = QPushButton("&Previous"), QPushButton("&Next")
        previous.clicked.connect(lambda: self.step(-1))
        following.clicked.connect(lambda: self.step(1))
        self._details = QLabel()
        self._details.setWordWrap(True)
        self._details.setTextFormat(Qt.TextFormat.PlainText)
        top, bottom = QHBoxLayout(), QHBoxLayout()
        top.addWidget(self.kinds, 1)
        top.addWidget(self.order)
        bottom.addWidget(previous)
        bottom.addWidget(following)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(top)
        layout.addWidget(self.table, 1)
        layout.addLayout(bottom)
        layout.addWidget(self._details)

    @property
    def events(self) -> tuple[Event, ...]:
        """Those that are listed, in their order."""
        return tuple(self._shown)

    @property
    def current(self) -> Event | None:
        row = self.table.currentRow()
        return self._shown[row] if 0 <= row < len(self._shown) else None

    def show_events(self, events: Sequence[Event]) -> None:
        """List other events; the kind that was chosen stays where there are any of it."""
        self._all = tuple(events)
        chosen = self.kinds.currentData()
        counts = Counter(event.kind for event in events)
        self._filling = True
        self.kinds.clear()
        self.kinds.addItem(f"all kinds ({len(self._all):,})", None)
        for kind in Failure:
            if counts[kind]:
                self.kinds.addItem(kind_icon(kind), f"{kind.value} ({counts[kind]:,})", kind)
        self.kinds.setCurrentIndex(max(self.kinds.findData(chosen), 0))
        self._filling = False
        self._fill()

    def step(self, by: int) -> None:
        """Go to the next event of the list, or to the one before."""
        if not self._shown:
            return
        row = self.table.currentRow()
        row = 0 if row < 0 else min(max(row + by, 0), len(self._shown) - 1)
        if row == self.table.currentRow():
            self._pick(row)
        else:
            self.table.setCurrentCell(row, 0)

    def _fill(self) -> None:
        if self._filling:
            return
        kind = self.kinds.currentData()
        shown = [event for event in self._all if kind is None or event.kind is kind]
        if self.order.currentIndex() == 1:
            shown.sort(key=lambda event: (event.start, event.end))
        self._shown = shown[:_MOST_ROWS]
        self._filling = True
        self.table.setRowCount(len(self._shown))
        for row, event in enumerate(self._shown):
            for column, text in enumerate(_cells(event)):
                item = QTableWidgetItem(text)
                item.setToolTip(_sentence(event))
                if column == 1:
                    item.setIcon(kind_icon(event.kind))
                self.table.setItem(row, column, item)
        self.table.setCurrentCell(-1, -1)
        self._filling = False
        more = len(shown) - len(self._shown)
        self._details.setText(f"{more:,} more are in the saved review." if more else "")

    def _on_current(self, row: int, _column: int, before: int, _: int) -> None:
        # A click is told by itself, also on the row that is the current one already.
        pressed = QApplication.mouseButtons() != Qt.MouseButton.NoButton
        if not self._filling and row != before and not pressed:
            self._pick(row)

    def _pick(self, row: int) -> None:
        if 0 <= row < len(self._shown) and not self._filling:
            event = self._shown[row]
            self._details.setText(f"{_sentence(event)}\n{ADVICE[event.kind]}")
            self.picked.emit(event)


def _cells(event: Event) -> tuple[str, ...]:
    frames = f"{event.start}" if event.n_frames == 1 else f"{event.start}-{event.end}"
    names = event.keypoints
    few = ", ".join(names) if len(names) < 4 else f"{len(names)} keypoints"
    views = ", ".join(event.views)
    return frames, event.kind.value, f"{views}: {few}" if views else few


def _sentence(event: Event) -> str:
    where = f" in {', '.join(event.views)}" if event.views else ""
    value = "" if event.value != event.value else f", {event.value:.3g} {event.unit}"
    names = ", ".join(event.keypoints)
    return (
        f"{event.kind.value[:1].upper()}{event.kind.value[1:]}{where}: {names}; frames "
        f"{event.start} to {event.end}, worst {event.peak}{value}."
    )
