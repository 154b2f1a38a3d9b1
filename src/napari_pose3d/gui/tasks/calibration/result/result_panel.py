"""The result in the panel: verdicts, and where to go from there."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QGroupBox, QPushButton, QVBoxLayout, QWidget

from napari_pose3d.core.calibration.rig_calibration import Calibration
from napari_pose3d.gui.qt.message_text import MessageLabel

from .result_tables import all_verdicts, headline, summary
from .verdict_list import VerdictList


class ResultPanel(QGroupBox):
    """Hidden until there is a result."""

    page_wanted = Signal()
    space_wanted = Signal()
    save_wanted = Signal()
    report_wanted = Signal()
    use_wanted = Signal()
    clocks_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Result", parent)
        self._headline = MessageLabel()
        self.verdicts = VerdictList()
        grid = QGridLayout()
        self._buttons: dict[str, QPushButton] = {}
        for i, (name, text, tip, signal) in enumerate(
            (
                ("page", "All fi&gures…", "Residuals, clocks, worst images.", self.page_wanted),
                ("space", "&3-D…", "The cameras and the board in space.", self.space_wanted),
                ("save", "Save calibration…", "As Anipose TOML.", self.save_wanted),
                ("report", "Save report…", "A page to look at (HTML).", self.report_wanted),
                ("use", "&Use for the session", "Of the session that is open.", self.use_wanted),
                ("clocks", "Take over offsets…", "Shift the session's views.", self.clocks_wanted),
            )
        ):
            button = QPushButton(text)
            button.setToolTip(tip)
            button.clicked.connect(signal)
            grid.addWidget(button, *divmod(i, 2))
            self._buttons[name] = button
        layout = QVBoxLayout(self)
        layout.addWidget(self._headline)
        layout.addWidget(self.verdicts)
        layout.addLayout(grid)
        self.hide()

    @property
    def text(self) -> str:
        """The measures in one sentence."""
        return self._headline.message

    def button(self, name: str) -> QPushButton:
        """One of "page", "space", "save", "report", "use", "clocks"."""
        return self._buttons[name]

    def show_result(self, calibration: Calibration) -> None:
        """Show a calibration."""
        self._headline.show_message(f"{summary(calibration)} {headline(calibration)}")
        self.verdicts.show_verdicts(all_verdicts(calibration))
        self.show()

    def allow(self, busy: bool, has_session: bool, has_offsets: bool) -> None:
        """Which buttons can be clicked."""
        for button in self._buttons.values():
            button.setEnabled(not busy)
        self._buttons["use"].setEnabled(has_session and not busy)
        self._buttons["use"].setToolTip(
            "Its calibration from now on; one that is there is kept as a copy."
            if has_session
            else "Open a session first."
        )
        clocks = self._buttons["clocks"]
        clocks.setEnabled(has_session and has_offsets and not busy)
        clocks.setToolTip(
            "Shift the views of the open session by whole frames, as the clocks were found."
            if has_offsets
            else "No camera lags by half a frame or more."
        )
