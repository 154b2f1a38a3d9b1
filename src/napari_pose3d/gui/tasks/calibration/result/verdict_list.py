"""A verdict for each camera in words, and with a sign."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_pose3d.core.calibration.verdicts import Verdict
from napari_pose3d.gui.qt.message_text import MessageLabel

from .result_tables import GRADE_SIGNS


class VerdictList(QWidget):
    """One line for each camera and for the rig, and what is to be done below it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._labels: list[MessageLabel] = []

    @property
    def lines(self) -> list[str]:
        """What the user reads."""
        return [label.message for label in self._labels]

    def show_verdicts(self, verdicts: Sequence[Verdict]) -> None:
        """Show other verdicts."""
        for label in self._labels:
            self._column.removeWidget(label)
            label.deleteLater()
        self._labels = []
        for verdict in verdicts:
            lines = [f"{GRADE_SIGNS[verdict.grade]} {verdict.view}: {verdict.grade}"]
            lines += [f"    {text}." for _, text in verdict.findings]
            label = MessageLabel("\n".join(lines))
            self._labels.append(label)
            self._column.addWidget(label)
