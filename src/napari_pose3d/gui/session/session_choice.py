"""Choosing a session of a project, and what of it to show."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QGroupBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.projects.project import Project
from napari_pose3d.core.projects.session import PredictionSet, Session
from napari_pose3d.gui.qt.message_text import MessageLabel

_COLUMNS = {
    "session": "Name of the recording",
    "views": "Number of views",
    "videos": "Views that have a video",
    "sets": "Prediction sets of networks",
    "results": "Results of smoothing that were saved",
    "rig": "Whether there is a calibration",
}
_MOST_ROWS = 6
# The name gets the room that napari would put around the other headings.
_HEADINGS = "QHeaderView { font-size: 11px; } QHeaderView::section { padding: 2px 1px; }"
_LIST_HEIGHT = 92
# Below so many there is nothing to search in.
_SEARCHED_FROM = 8
_KINDS = {"predictions": "predictions", "smoothed": "smoothed", "3d": "3-D positions"}


class SessionPanel(QGroupBox):
    """The sessions as a table, and the chosen one's prediction sets as a list with check boxes.

    `changed` is emitted when another session is chosen.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("2 · Session", parent)
        self._project: Project | None = None
        self._filter = QLineEdit()
        self._filter.setPlaceholderText("search")
        self._filter.setClearButtonEnabled(True)
        self._filter.textChanged.connect(self._apply_filter)
        self._table = QTableWidget(0, len(_COLUMNS))
        self._table.setHorizontalHeaderLabels(list(_COLUMNS))
        self._table.setAccessibleName("Sessions of the project")
        self._table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self._table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        for place, meaning in enumerate(_COLUMNS.values()):
            item = self._table.horizontalHeaderItem(place)
            if item is not None:
                item.setToolTip(meaning)
        # Names of recordings differ at the end as often as at the beginning.
        self._table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self._table.setWordWrap(False)
        rows, header = self._table.verticalHeader(), self._table.horizontalHeader()
        if rows is not None and header is not None:
            rows.hide()
            header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            # A long name must not push the numbers out of sight; it is wholly below the table.
            header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
            header.setMinimumSectionSize(24)
            # A session is always chosen: bold headings would only take room.
            header.setHighlightSections(False)
            header.setStyleSheet(_HEADINGS)
        self._table.itemSelectionChanged.connect(self._on_selected)
        self._facts = MessageLabel()
        self._show_label = QLabel("Show on the videos:")
        self._sets = QListWidget()
        self._sets.setAccessibleName("Prediction sets to show")
        self._sets.setToolTip(
            "Prediction sets: the predictions of one network (one seed of a training) for all "
            "views, or what was smoothed. Checked ones are drawn when the session is opened."
        )
        self._sets.setFixedHeight(_LIST_HEIGHT)
        column = QVBoxLayout(self)
        for part in (self._filter, self._table, self._facts, self._show_label, self._sets):
            column.addWidget(part)
        self.offer(None)

    @property
    def project(self) -> Project | None:
        return self._project

    @property
    def session(self) -> Session | None:
        """The chosen session."""
        rows = {item.row() for item in self._table.selectedItems()}
        if self._project is None or not rows:
            return None
        return self._project.sessions[rows.pop()]

    @property
    def sets(self) -> tuple[PredictionSet, ...]:
        """The checked sets of the chosen session."""
        session = self.session
        if session is None:
            return ()
        items = [self._sets.item(i) for i in range(self._sets.count())]
        checked = [
            item is not None and item.checkState() == Qt.CheckState.Checked for item in items
        ]
        return tuple(each for each, yes in zip(session.sets, checked, strict=True) if yes)

    def offer(self, project: Project | None) -> None:
        """Show the sessions of a project; the first one is chosen."""
        self._project = project
        sessions = () if project is None else project.sessions
        self._table.blockSignals(True)
        self._table.setRowCount(len(sessions))
        for row, session in enumerate(sessions):
            for column, text in enumerate(_cells(session)):
                item = QTableWidgetItem(text)
                item.setToolTip(session.name)
                self._table.setItem(row, column, item)
        self._table.clearSelection()
        self._table.blockSignals(False)
        self._fit_height(len(sessions))
        self._filter.setVisible(len(sessions) >= _SEARCHED_FROM)
        self._filter.clear()
        self.setEnabled(bool(sessions))
        if sessions:
            self._table.selectRow(0)
        self._on_selected()

    def choose(self, name: str) -> None:
        """Choose a session by its name; one that is not there changes nothing."""
        sessions = () if self._project is None else self._project.sessions
        for row, session in enumerate(sessions):
            if session.name == name:
                self._table.selectRow(row)

    def _fit_height(self, n_sessions: int) -> None:
        rows, header = self._table.verticalHeader(), self._table.horizontalHeader()
        if rows is not None and header is not None:
            height = min(max(n_sessions, 1), _MOST_ROWS) * rows.defaultSectionSize()
            borders = 2 * self._table.frameWidth() + 2
            self._table.setFixedHeight(height + header.sizeHint().height() + borders)

    def _apply_filter(self, text: str) -> None:
        sessions = () if self._project is None else self._project.sessions
        for row, session in enumerate(sessions):
            self._table.setRowHidden(row, text.lower() not in session.name.lower())

    def _on_selected(self) -> None:
        session = self.session
        self._sets.clear()
        self._facts.show_message("" if session is None else _facts(session))
        for each in () if session is None else session.sets:
            item = QListWidgetItem(f"{each.name}  ({_KINDS[each.kind]})")
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Unchecked)
            self._sets.addItem(item)
        first = _shown_at_first(session)
        if session is not None and first is not None:
            shown = self._sets.item(session.sets.index(first))
            if shown is not None:
                shown.setCheckState(Qt.CheckState.Checked)
        there = session is not None and bool(session.sets)
        self._sets.setVisible(there)
        self._show_label.setVisible(there)
        self.changed.emit()


def _shown_at_first(session: Session | None) -> PredictionSet | None:
    """What most people want to see: the smoothed poses, else the first network's predictions."""
    if session is None:
        return None
    of_kind = {kind: [each for each in session.sets if each.kind == kind] for kind in _KINDS}
    found = of_kind["smoothed"] or of_kind["predictions"]
    return found[0] if found else None


def _cells(session: Session) -> tuple[str, ...]:
    def count(kind: str) -> str:
        return str(sum(each.kind == kind for each in session.sets) or "-")

    return (
        session.name,
        str(len(session.views)),
        str(len(session.videos) or "-"),
        count("predictions"),
        count("smoothed"),
        "yes" if session.rig_path else "-",
    )


def _facts(session: Session) -> str:
    parts = [f"{session.name}\nViews: {', '.join(session.views)}."]
    if session.labels:
        parts.append(f"Labels: {', '.join(session.labels)}.")
    parts.append(
        f"Calibration: {session.rig_path.name}." if session.rig_path else "No calibration."
    )
    parts += [
        f"{view}: {words}."
        for view, alignment in session.alignments.items()
        if (words := alignment.describe())
    ]
    return " ".join(parts)
