"""What was found wrong with a rig: severity, evidence, what to do, and a button that does it."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFrame, QPushButton, QVBoxLayout, QWidget

from napari_pose3d.core.calibration.lint.rig_lint import Finding
from napari_pose3d.errors import RemedyKind
from napari_pose3d.gui.qt.message_text import MessageLabel

from .rig_check import evidence_text

_SIGNS = {"error": "✗ Error", "warning": "! Warning", "note": "· Note"}
_ACTIONS: dict[RemedyKind, str] = {
    "names": "Map cameras…",
    "video_size": "Use the size of the video",
    "refine": "Mend the calibration",
    "offset": "Shift the view by {argument} frames",
    "exchange": "Exchange the cameras",
    "invert_pose": "Take the pose of {argument} the other way round",
    "rewrite": "Write the file as it was understood",
    "calibrate": "Make a new calibration",
}
# What can be done to a file by itself.
_WITHOUT_SESSION = ("invert_pose", "rewrite", "calibrate")


class FindingList(QWidget):
    """`remedy_wanted` is emitted with the finding whose button was clicked."""

    remedy_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._rows: list[QWidget] = []
        self.texts: list[str] = []
        self.buttons: dict[str, QPushButton] = {}
        """Those that can be clicked, by what they say."""

    def show_findings(self, findings: Sequence[Finding], has_session: bool) -> None:
        """Show other findings; most remedies need an open session."""
        for row in self._rows:
            self._column.removeWidget(row)
            row.deleteLater()
        self._rows, self.texts, self.buttons = [], [], {}
        for finding in findings:
            self._add(finding, has_session)
        if not findings:
            self._put(QFrame(), "✓ Nothing was found.")

    def _add(self, finding: Finding, has_session: bool) -> None:
        text = f"{_SIGNS[finding.severity]}: {finding.problem}."
        evidence = evidence_text(finding)
        if evidence:
            text += f"\n{evidence}"
        if finding.todo:
            text += f"\n→ {finding.todo}."
        frame = QFrame()
        self._put(frame, text)
        remedy = finding.remedy
        if remedy is None or remedy.kind not in _ACTIONS:
            return
        if not has_session and remedy.kind not in _WITHOUT_SESSION:
            return
        # Several findings of one kind have one remedy.
        if remedy.kind in ("rewrite", "calibrate") and _ACTIONS[remedy.kind] in self.buttons:
            return
        argument = f"{int(remedy.argument):+d}" if remedy.kind == "offset" else remedy.argument
        button = QPushButton(_ACTIONS[remedy.kind].format(argument=argument))
        button.clicked.connect(lambda: self.remedy_wanted.emit(finding))
        layout = frame.layout()
        assert layout is not None
        layout.addWidget(button)
        self.buttons[button.text()] = button

    def _put(self, frame: QFrame, text: str) -> None:
        frame.setFrameShape(QFrame.Shape.StyledPanel)
        layout = QVBoxLayout(frame)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.addWidget(MessageLabel(text))
        self._column.addWidget(frame)
        self._rows.append(frame)
        self.texts.append(text)
