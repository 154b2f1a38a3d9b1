"""The findings of an audit as a table: one line each, errors first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from napari_pose3d.core.review.audit.findings import LabelFinding

_COLUMNS = ("frame", "what and where", "")
_WHAT = 1
_HEIGHT = 150
_NOWHERE = QModelIndex()
_NAMED = 4


class _Lines(QAbstractTableModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.findings: list[LabelFinding] = []
        self.session = ""
        self.state: Callable[[LabelFinding], str] = lambda _: ""

    def rowCount(self, parent: QModelIndex = _NOWHERE) -> int:  # noqa: N802
        return 0 if parent.isValid() else len(self.findings)

    def columnCount(self, parent: QModelIndex = _NOWHERE) -> int:  # noqa: N802
        return 0 if parent.isValid() else len(_COLUMNS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, tooltip, and grey for what is done."""
        finding = self.findings[index.row()]
        state = self.state(finding)
        if role == Qt.ItemDataRole.DisplayRole:
            text = where(finding)
            if finding.session != self.session:
                text = f"{finding.session}: {text}"
            return (f"{finding.frame}", text, state)[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return describe(finding)
        if role == Qt.ItemDataRole.ForegroundRole and state:
            return QColor(128, 128, 128)
        return None

    def headerData(  # noqa: N802
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """The names of the columns."""
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return _COLUMNS[section]
        return None


class FindingTable(QTableView):
    """Lists findings; several can be selected.

    Signals: ``wanted`` with the `LabelFinding` to go to (double click, Enter), ``chosen`` when
    others are selected.
    """

    wanted = Signal(object)
    chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines = _Lines(self)
        self.setModel(self._lines)
        self.setAccessibleName("Findings in labels")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setMinimumHeight(_HEIGHT)
        rows, header = self.verticalHeader(), self.horizontalHeader()
        if rows is not None and header is not None:
            rows.hide()
            rows.setDefaultSectionSize(rows.minimumSectionSize())
            header.setMinimumSectionSize(18)
            for column, text in ((0, "99999"), (2, "dismissed")):
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
                header.resizeSection(column, self.fontMetrics().horizontalAdvance(text) + 12)
            header.setSectionResizeMode(_WHAT, QHeaderView.ResizeMode.Stretch)
        self.doubleClicked.connect(lambda index: self._want(index.row()))
        selection = self.selectionModel()
        if selection is not None:
            selection.selectionChanged.connect(lambda *_: self.chosen.emit())

    @property
    def findings(self) -> tuple[LabelFinding, ...]:
        """Those that are listed."""
        return tuple(self._lines.findings)

    @property
    def selected(self) -> tuple[LabelFinding, ...]:
        """Those that are selected, from top to bottom."""
        model = self.selectionModel()
        rows = sorted({index.row() for index in model.selectedRows()}) if model is not None else []
        return tuple(self._lines.findings[row] for row in rows)

    def text(self, row: int, column: int) -> str:
        """What the user reads in a cell."""
        return str(self._lines.data(self._lines.index(row, column)))

    def show_findings(
        self,
        findings: Sequence[LabelFinding],
        session: str,
        state: Callable[[LabelFinding], str],
    ) -> None:
        """List others; the line that was current stays so as far as there are lines.

        Parameters
        ----------
        session : str
            The one that is open: of others the name is written.
        state : callable
            What was done about a finding; empty for nothing.
        """
        row = self.currentIndex().row()
        self._lines.beginResetModel()
        self._lines.findings, self._lines.session = list(findings), session
        self._lines.state = state
        self._lines.endResetModel()
        if findings and row >= 0:
            self.selectRow(min(row, len(findings) - 1))
        self.chosen.emit()

    def _want(self, row: int) -> None:
        if 0 <= row < len(self._lines.findings):
            self.wanted.emit(self._lines.findings[row])


def where(finding: LabelFinding) -> str:
    """Kind, views and keypoints, shortly."""
    names = finding.keypoints
    few = ", ".join(names) if len(names) < _NAMED else f"{len(names)} keypoints"
    views = ", ".join(finding.views)
    return f"{finding.kind.value}, {views}: {few}" if views else f"{finding.kind.value}: {few}"


def describe(finding: LabelFinding) -> str:
    """A finding in sentences: what, why, and what is suggested."""
    sort = "Error" if finding.kind.is_error else "Worth a look"
    which = "" if finding.certain else "; which of them is open"
    lines = [f"{sort}: {where(finding)}{which}."]
    if finding.evidence:
        lines.append(f"{finding.evidence[:1].upper()}{finding.evidence[1:]}.".replace("..", "."))
    n = len(finding.correction)
    if not n:
        lines.append("Nothing is suggested: look at the images.")
    elif all(at is None for at in finding.correction.values()):
        lines.append("Suggested: take the label away." if n == 1 else "Suggested: take them away.")
    else:
        lines.append(f"Suggested: {n} position{'s' if n > 1 else ''}.")
    return " ".join(lines)
