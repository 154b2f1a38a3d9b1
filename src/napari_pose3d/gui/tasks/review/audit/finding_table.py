"""The findings of an audit as a table: one line each, errors first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qtpy.QtCore import QModelIndex, QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QWidget

from napari_pose3d.core.review.audit.findings import LabelFinding
from napari_pose3d.gui.qt.record_table import RecordModel, RecordTable

_COLUMNS = ("frame", "what and where", "")
_WHAT, _STATE = 1, 2
_HEIGHT = 150
_MEASURED = 200
_ICON = 9  # px
# An error, and what is worth a look.
_ERROR, _LOOK = "#e5484d", "#f5b83d"
_NAMED = 4


class _Findings(RecordModel):
    """``session`` is the one that is open; ``state`` tells what was done about a finding."""

    session = ""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, _COLUMNS)
        self.state: Callable[[LabelFinding], str] = lambda _: ""

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, tooltip, and grey for what is done."""
        finding = self.records[index.row()]
        state = self.state(finding)
        if role == Qt.ItemDataRole.DisplayRole:
            text = where(finding)
            if finding.session != self.session:
                text = f"{finding.session}: {text}"
            return (f"{finding.frame}", text, state)[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return describe(finding)
        if role == Qt.ItemDataRole.DecorationRole and index.column() == _WHAT:
            return _square(_ERROR if finding.kind.is_error else _LOOK)
        if role == Qt.ItemDataRole.ForegroundRole and state:
            return QColor(128, 128, 128)
        return None


class FindingTable(RecordTable):
    """Lists findings; several can be selected.

    Signals: ``wanted`` with the `LabelFinding` to go to (double click, Enter), ``chosen`` when
    others are selected.
    """

    wanted = Signal(object)
    chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        self._findings = _Findings()
        super().__init__(self._findings, "Findings in labels", parent, wide=_WHAT, height=_HEIGHT)
        self.setIconSize(QSize(_ICON, _ICON))
        # The kind stands at the beginning, and the keypoint at the end.
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self._fit_columns()
        self.doubleClicked.connect(lambda index: self._want(index.row()))
        selection = self.selectionModel()
        if selection is not None:
            selection.selectionChanged.connect(lambda *_: self.chosen.emit())

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
        self._findings.session, self._findings.state = session, state
        self._findings.show_records(findings)
        self._fit_columns()
        if findings and row >= 0:
            self.select_only(min(row, len(findings) - 1))
        self.chosen.emit()

    def _fit_columns(self) -> None:
        """As narrow as their texts allow: the rest is for what and where."""
        for column in (0, _STATE):
            texts = [self.text(row, column) for row in range(min(len(self.records), _MEASURED))]
            widest = max([_COLUMNS[column], *texts], key=self.fontMetrics().horizontalAdvance)
            self.set_width(column, widest, 12)

    def _want(self, row: int) -> None:
        if 0 <= row < len(self.records):
            self.wanted.emit(self.records[row])


def _square(colour: str) -> QIcon:
    square = QPixmap(_ICON, _ICON)
    square.fill(QColor(colour))
    return QIcon(square)


def where(finding: LabelFinding) -> str:
    """Kind, views and keypoints, shortly."""
    names = finding.keypoints
    few = ", ".join(names) if len(names) < _NAMED else f"{len(names)} keypoints"
    # An image has no keypoints.
    what = ", ".join((finding.kind.value, *finding.views))
    return f"{what}: {few}" if few else what


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
