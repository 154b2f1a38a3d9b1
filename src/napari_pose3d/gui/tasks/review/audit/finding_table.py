"""The findings of an audit as a table: one line each, errors first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qtpy.QtCore import QModelIndex, Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QWidget

from napari_pose3d.core.review.audit.findings import LabelFinding
from napari_pose3d.gui.qt.record_table import RecordModel, RecordTable

_COLUMNS = ("frame", "what and where", "")
_WHAT = 1
_HEIGHT = 150
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
        for column, text in ((0, "99999"), (2, "dismissed")):
            self.set_width(column, text, 12)
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
        if findings and row >= 0:
            self.selectRow(min(row, len(findings) - 1))
        self.chosen.emit()

    def _want(self, row: int) -> None:
        if 0 <= row < len(self.records):
            self.wanted.emit(self.records[row])


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
