"""The frames that wait to be labeled, and those that are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from qtpy.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    Qt,
    Signal,
)
from qtpy.QtGui import QAction, QFont, QFontMetrics, QKeySequence
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from .picking_table import PickingTable

_COLUMNS = ("Frame", "Why", "Labels")
_FRAME, _WHY, _LABELS = range(len(_COLUMNS))
_FILTERS: tuple[tuple[str, str], ...] = (("All", ""), ("Queue", "queued"), ("Labeled", "labeled"))
_BAR_HEIGHT = 6
_BAR = (
    "QProgressBar {border: none; border-radius: 3px; background: rgba(128, 128, 128, 90)}"
    "QProgressBar::chunk {border-radius: 3px; background: #009e73}"
)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_ROOT = QModelIndex()


@dataclass(frozen=True, slots=True)
class FrameEntry:
    """A frame of the list.

    Attributes
    ----------
    frame : int
        Session frame.
    kind : "queued" or "labeled"
    reason : str
        Why it is in the queue; may be empty.
    unsaved : bool
        Whether some of its labels are not in the files yet.
    complete : float
        Part of its labels that are there, from 0 to 1.
    """

    frame: int
    kind: Literal["queued", "labeled"]
    reason: str = ""
    unsaved: bool = False
    complete: float = 0.0

    @property
    def labels(self) -> str:
        """How much is labeled, and whether it is saved; only what is complete counts 100 %."""
        text = "queued" if self.kind == "queued" else f"{int(100 * self.complete)} %"
        return f"{text} ●" if self.unsaved else text

    def words(self, current: bool) -> str:
        """All of it in words."""
        facts = [f"Frame {self.frame:,}"]
        facts += ["the one that is shown"] if current else []
        facts.append(
            "in the queue"
            if self.kind == "queued"
            else f"{int(100 * self.complete)} % of its labels are there"
        )
        facts += [self.reason] if self.reason else []
        facts += ["not saved yet"] if self.unsaved else []
        return ", ".join(facts)


class FrameList(QWidget):
    """Shows frames and takes wishes; it changes nothing itself.

    `wanted` is emitted with the frame that the user goes to, `remove_wanted` with a list of queued
    frames to be taken from the queue, `add_wanted` when frames are to be added.
    """

    wanted = Signal(int)
    remove_wanted = Signal(list)
    add_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: tuple[FrameEntry, ...] = ()
        self._summary = QLabel()
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(_BAR_HEIGHT)
        self._bar.setStyleSheet(_BAR)
        self._bar.setAccessibleName("Labeled frames")
        self._filter = QComboBox()
        self._filter.setAccessibleName("Which frames are listed")
        for text, kind in _FILTERS:
            self._filter.addItem(text, kind)
        self._filter.currentIndexChanged.connect(lambda _: self._list())
        add = QPushButton("&Add frames…")
        add.clicked.connect(self.add_wanted)
        self._table = PickingTable()
        self._model = _Model(self._table)
        self._set_up_table()
        self._remove = QAction("Take from the queue", self)
        self._remove.setShortcut(QKeySequence(Qt.Key.Key_Delete))
        self._remove.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self._remove.setEnabled(False)
        self._remove.triggered.connect(lambda: self.remove_wanted.emit(self._queued_selected()))
        self._table.addAction(self._remove)
        self._table.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        selection = self._table.selectionModel()
        assert selection is not None
        self._selection = selection
        selection.selectionChanged.connect(lambda *_: self._on_selected())
        self.setFocusProxy(self._table)
        row = QHBoxLayout()
        row.addWidget(self._filter, 1)
        row.addWidget(add, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self._summary)
        column.addWidget(self._bar)
        column.addWidget(self._table, 1)
        column.addLayout(row)
        self.show_frames((), -1, 0)

    def show_frames(self, entries: Sequence[FrameEntry], current: int, n_frames: int) -> None:
        """Show these instead; what is selected stays so.

        Parameters
        ----------
        entries : sequence of FrameEntry
            In the order in which they are listed.
        current : int
            The frame that is shown; brought into view when it is another than before.
        n_frames : int
            Of the session.
        """
        self._entries = tuple(entries)
        labeled = sum(entry.kind == "labeled" for entry in entries)
        queued = len(self._entries) - labeled
        self._summary.setText(f"{labeled:,} labeled, {queued:,} queued, {n_frames:,} frames")
        self._bar.setRange(0, max(len(self._entries), 1))
        self._bar.setValue(labeled)
        self._bar.setToolTip(f"{labeled:,} of {len(self._entries):,} are labeled")
        metrics = QFontMetrics(self.font())
        widest = max(metrics.horizontalAdvance(text) for text in (f"▸ {n_frames:,}", "Frame"))
        # A quarter more, since the current one is bold.
        self._table.setColumnWidth(_FRAME, widest * 5 // 4 + 8)
        moved = current != self._model.current
        self._model.current = current
        self._list()
        if moved:
            self._set_current_row()

    def _set_up_table(self) -> None:
        table = self._table
        table.setModel(self._model)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setShowGrid(False)
        table.setAccessibleName("Frames to be labeled, and labeled ones")
        table.picked.connect(lambda index: self.wanted.emit(self._model.entry(index.row()).frame))
        rows, columns = table.verticalHeader(), table.horizontalHeader()
        assert rows is not None
        assert columns is not None
        rows.hide()
        rows.setDefaultSectionSize(QFontMetrics(self.font()).height() + 6)
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        columns.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        columns.setSectionResizeMode(_WHY, QHeaderView.ResizeMode.Stretch)
        columns.setHighlightSections(False)
        columns.setMinimumSectionSize(20)
        width = QFontMetrics(self.font()).horizontalAdvance
        columns.resizeSection(_LABELS, width("queued ●") + 12)

    def _list(self) -> None:
        kind = self._filter.currentData()
        shown = [entry for entry in self._entries if not kind or entry.kind == kind]
        if self._model.same_frames(shown):
            self._model.replace(shown)
            self._on_selected()
            return
        chosen = {self._model.entry(row).frame for row in self._selected_rows()}
        bar = self._table.verticalScrollBar()
        assert bar is not None
        place = bar.value()
        self._model.reset(shown)
        self._set_current_row()
        self._select([row for row, entry in enumerate(shown) if entry.frame in chosen])
        bar.setValue(place)
        self._on_selected()

    def _set_current_row(self) -> None:
        """The keys go on from the frame that is shown; brings it into view."""
        row = self._model.row_of(self._model.current)
        if row is not None:
            index, flags = self._model.index(row, _FRAME), QItemSelectionModel.SelectionFlag
            self._selection.setCurrentIndex(index, flags.NoUpdate)
            self._table.scrollTo(index)

    def _select(self, rows: list[int]) -> None:
        """Select rows; neighbours as one range, since thousands of ranges are slow."""
        ranges = QItemSelection()
        for _, run in groupby(enumerate(rows), lambda each: each[1] - each[0]):
            numbers = [row for _, row in run]
            first = self._model.index(numbers[0], _FRAME)
            ranges.select(first, self._model.index(numbers[-1], _LABELS))
        self._selection.select(ranges, QItemSelectionModel.SelectionFlag.Select)

    def _selected_rows(self) -> list[int]:
        selected = self._selection.selection()
        ranges = [selected[i] for i in range(len(selected))]
        return sorted({row for each in ranges for row in range(each.top(), each.bottom() + 1)})

    def _queued_selected(self) -> list[int]:
        entries = map(self._model.entry, self._selected_rows())
        return [entry.frame for entry in entries if entry.kind == "queued"]

    def _on_selected(self) -> None:
        self._remove.setEnabled(bool(self._queued_selected()))


class _Model(QAbstractTableModel):
    """The entries that are listed."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.current = -1
        self._entries: list[FrameEntry] = []
        self._rows: dict[int, int] = {}
        self._bold = QFont()
        self._bold.setBold(True)

    def same_frames(self, entries: list[FrameEntry]) -> bool:
        """Whether these are the frames that are listed already, in this order."""
        return [e.frame for e in entries] == [e.frame for e in self._entries]

    def replace(self, entries: list[FrameEntry]) -> None:
        """Take other facts about the same frames."""
        self._entries = entries
        if entries:
            self.dataChanged.emit(self.index(0, 0), self.index(len(entries) - 1, _LABELS))

    def reset(self, entries: list[FrameEntry]) -> None:
        """List other frames."""
        self.beginResetModel()
        self._entries = entries
        self._rows = {entry.frame: row for row, entry in enumerate(entries)}
        self.endResetModel()

    def entry(self, row: int) -> FrameEntry:
        return self._entries[row]

    def row_of(self, frame: int) -> int | None:
        return self._rows.get(frame)

    def rowCount(self, parent: QModelIndex = _ROOT) -> int:  # noqa: N802
        return 0 if parent.isValid() else len(self._entries)

    def columnCount(self, parent: QModelIndex = _ROOT) -> int:  # noqa: N802
        return 0 if parent.isValid() else len(_COLUMNS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        entry, column = self._entries[index.row()], index.column()
        current = entry.frame == self.current
        if role == Qt.ItemDataRole.DisplayRole:
            number = f"▸ {entry.frame:,}" if current else f"{entry.frame:,}"
            return (number, entry.reason, entry.labels)[column]
        if role == Qt.ItemDataRole.TextAlignmentRole and column == _FRAME:
            return _RIGHT
        if role == Qt.ItemDataRole.FontRole and current:
            return self._bold
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return entry.words(current)
        return None

    def headerData(  # noqa: N802
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _COLUMNS[section]
        return None
