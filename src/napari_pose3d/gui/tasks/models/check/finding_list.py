"""What would go wrong with a training: how bad it is, where, what to do, and a button for that."""

from __future__ import annotations

import re
from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFrame, QPushButton, QVBoxLayout, QWidget

from napari_pose3d.core.models.preflight.training_finding import TrainingFinding
from napari_pose3d.gui.qt.message_text import MessageLabel

_SIGNS = {"error": "✗ Error", "warning": "! Warning", "note": "· Note"}
LABEL, CALIBRATE, TRY, SPLIT, RENAME = (
    "Go to Label",
    "Go to Calibration",
    "Trial step",
    "Train on 90 %",
    "Take a free name",
)
# Options of the command line, in brackets.
_OPTION = re.compile(r" \((?:models \w+ )?--[\w-]+\)")
# What can be done about a finding, by what its kind begins with or ends in.
_REMEDIES = (
    ("never labeled", LABEL),
    ("few labels", LABEL),
    ("few sessions", LABEL),
    ("too few frames", LABEL),
    ("missing image", LABEL),
    ("label outside", LABEL),
    ("calibration of", CALIBRATE),
    ("unreadable calibration", CALIBRATE),
    ("memory", TRY),
    ("no GPU", TRY),
    ("validation frames", SPLIT),
    ("used folder", RENAME),
)


class FindingList(QWidget):
    """Lists findings, errors first; ``remedy_wanted`` is emitted with what a button says."""

    remedy_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._rows: list[QWidget] = []
        self.texts: list[str] = []
        self.buttons: dict[str, QPushButton] = {}
        """Those that can be clicked, by what they say."""

    def show_findings(self, findings: Sequence[TrainingFinding]) -> None:
        """Show others."""
        self.clear()
        for finding in findings:
            self._add(finding)
        if not findings:
            self._put(QFrame(), "✓ Nothing was found.")

    def clear(self) -> None:
        """Show none."""
        for row in self._rows:
            self._column.removeWidget(row)
            row.deleteLater()
        self._rows, self.texts, self.buttons = [], [], {}

    def _add(self, finding: TrainingFinding) -> None:
        frame = QFrame()
        self._put(frame, worded(finding))
        remedy = next((what for kind, what in _REMEDIES if finding.kind == kind), None)
        if remedy is None:
            remedy = next((w for k, w in _REMEDIES if finding.kind.startswith(k)), None)
        # Several findings may have one remedy.
        if remedy is None or remedy in self.buttons:
            return
        button = QPushButton(remedy)
        button.clicked.connect(lambda: self.remedy_wanted.emit(remedy))
        layout = frame.layout()
        assert layout is not None
        layout.addWidget(button)
        self.buttons[remedy] = button

    def _put(self, frame: QFrame, text: str) -> None:
        frame.setFrameShape(QFrame.Shape.StyledPanel)
        layout = QVBoxLayout(frame)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.addWidget(MessageLabel(text))
        self._column.addWidget(frame)
        self._rows.append(frame)
        self.texts.append(text)


def worded(finding: TrainingFinding) -> str:
    """A finding in some lines: what, where and why, what helps."""
    place = f" ({finding.where})" if finding.where else ""
    lines = [f"{_SIGNS[finding.severity]}: {finding.problem}{place}."]
    if finding.evidence:
        lines.append(finding.evidence)
    if finding.remedy:
        lines.append(f"→ {_OPTION.sub('', finding.remedy)}.")
    return "\n".join(lines)
