"""The sessions of a project with check boxes, and how each stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qtpy.QtCore import QModelIndex, Qt, Signal
from qtpy.QtWidgets import QWidget

from napari_pose3d.gui.qt.record_table import RecordModel, RecordTable

from .batch_job import ListedSession
from .batch_runner import SessionState

_COLUMNS = ("session", "state")
_HINTS = (
    "Sessions with predictions; those that are checked are done",
    "Where it is while a batch runs; else the steps whose results are there",
)
_HEIGHT = 70
_LINES = 2, 9


class _Rows(RecordModel):
    toggled = Signal()

    def __init__(self) -> None:
        super().__init__(None, _COLUMNS, _HINTS)
        self.checked: set[str] = set()
        self.states: Mapping[str, SessionState] = {}

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """The first column can be checked."""
        found = super().flags(index)
        return found | Qt.ItemFlag.ItemIsUserCheckable if index.column() == 0 else found

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name with its check box, and the state in words."""
        row: ListedSession = self.records[index.row()]
        state = self.states.get(row.name)
        if role == Qt.ItemDataRole.CheckStateRole and index.column() == 0:
            on = row.name in self.checked
            return Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.DisplayRole:
            if index.column() == 0:
                return row.name
            return state.words if state is not None else ", ".join(row.finished) or "-"
        if role == Qt.ItemDataRole.ToolTipRole:
            return row.name if index.column() == 0 or state is None else state.why or state.words
        return None

    def setData(  # noqa: N802
        self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole
    ) -> bool:
        """Check or uncheck a session."""
        if role != Qt.ItemDataRole.CheckStateRole or index.column() != 0:
            return False
        name = self.records[index.row()].name
        if Qt.CheckState(value) == Qt.CheckState.Checked:
            self.checked.add(name)
        else:
            self.checked.discard(name)
        self.dataChanged.emit(index, index)
        self.toggled.emit()
        return True


class SessionTable(RecordTable):
    """``toggled`` is emitted when other sessions are checked."""

    toggled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        self._rows = _Rows()
        super().__init__(self._rows, "Sessions of the project", parent, wide=0, height=_HEIGHT)
        self.set_width(1, "smooth, review, export", 8)
        self._rows.toggled.connect(self.toggled)
        self.fit_rows(*_LINES)

    @property
    def checked(self) -> tuple[str, ...]:
        """Names of those that are checked, from top to bottom."""
        return tuple(each.name for each in self.records if each.name in self._rows.checked)

    def show_sessions(
        self, sessions: Sequence[ListedSession], states: Mapping[str, SessionState]
    ) -> None:
        """List others; new ones are checked, and what was unchecked stays so."""
        before = {each.name for each in self.records}
        self._rows.checked |= {each.name for each in sessions} - before
        self._rows.states = states
        self._rows.show_records(sessions)
        self.fit_rows(*_LINES)
        self.toggled.emit()

    def show_states(self, states: Mapping[str, SessionState]) -> None:
        """Show where the sessions of a batch are; those without a state show what is done."""
        self._rows.states = states
        self._changed(1)

    def forget(self) -> None:
        """The next ones are of another project."""
        self._rows.checked.clear()
        self._rows.show_records(())

    def check(self, names: Sequence[str]) -> None:
        """Check exactly these."""
        self._rows.checked = set(names)
        self._changed(0)
        self.toggled.emit()

    def step(self, name: str) -> None:
        """The state of a session is another one."""
        for row, each in enumerate(self.records):
            if each.name == name:
                index = self._rows.index(row, 1)
                self._rows.dataChanged.emit(index, index)

    def _changed(self, column: int) -> None:
        last = len(self.records) - 1
        if last >= 0:
            first = self._rows.index(0, column)
            self._rows.dataChanged.emit(first, self._rows.index(last, column))
