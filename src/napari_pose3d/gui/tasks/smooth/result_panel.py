"""What a run did, how to look at it, and saving it."""

from __future__ import annotations

from typing import get_args

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.pipeline.results.run_summary import summary
from napari_pose3d.core.poses.arrays import Result
from napari_pose3d.gui.layers.display import Shown, Space
from napari_pose3d.gui.qt.message_text import MessageLabel, MessageList

from .fit_table import CAPTION, FitTable

_NAMED_NOTES = 3


class ResultPanel(QGroupBox):
    """Emits what the user wants to see; knows nothing of layers."""

    space_chosen = Signal(str)
    shown_chosen = Signal(str)
    cameras_chosen = Signal(bool)
    save_clicked = Signal()
    exchange_clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("5 · Result", parent)
        self._stale = MessageLabel()
        self._stale.setStyleSheet("font-weight: bold;")
        self._stale.hide()
        self._serious = MessageList(_NAMED_NOTES)
        self._serious.setStyleSheet("font-weight: bold;")
        self._summary = MessageLabel()
        self._fit_caption = QLabel(CAPTION)
        self._fit = FitTable()
        self._notes = MessageList(_NAMED_NOTES)

        self._spaces: dict[str, QPushButton] = {}
        spaces = QHBoxLayout()
        group = QButtonGroup(self)
        for space, text, tip in (
            ("2-D", "&2-D views", "Show the camera views side by side."),
            ("3-D", "&3-D", "Show the animal in space."),
        ):
            button = QPushButton(text)
            button.setCheckable(True)
            button.setToolTip(tip)
            button.clicked.connect(lambda _=False, name=space: self.space_chosen.emit(name))
            group.addButton(button)
            spaces.addWidget(button)
            self._spaces[space] = button

        self._shown: dict[str, QRadioButton] = {}
        shown = QHBoxLayout()
        shown.addWidget(QLabel("Show:"))
        for name in get_args(Shown):
            radio = QRadioButton(name)
            radio.clicked.connect(lambda _=False, name=name: self.shown_chosen.emit(name))
            shown.addWidget(radio)
            self._shown[name] = radio
        self._shown["both"].setChecked(True)
        self._shown["raw"].setToolTip(
            "Rings: the centre of the prediction sets, triangulated in 3-D."
        )
        self._shown["smoothed"].setToolTip("Discs; faint where the position was filled in.")
        self._shown["both"].setToolTip("Raw positions as rings, smoothed ones as discs.")
        shown.addStretch(1)
        self._cameras = QCheckBox("cameras in 3-D")
        self._cameras.setChecked(True)
        self._cameras.setToolTip(
            "Show the cameras around the animal, or let the animal fill the view. Cameras that "
            "stand far away are drawn nearer, in their true direction."
        )
        self._cameras.clicked.connect(self.cameras_chosen)

        self._save = QPushButton("Save resul&ts…")
        self._save.setToolTip("A CSV for each view, one in 3-D, and a record of the run.")
        self._exchange = QPushButton("E&xchange left and right, and run again")
        self._exchange.setToolTip(
            "Left and right of a pair are put in each other's place where a view contradicts the "
            "other views, or a prediction set the other sets ('Exchange confused left and right' "
            "under 'More options')."
        )
        layout = QVBoxLayout(self)
        layout.addWidget(self._stale)
        layout.addWidget(self._serious)
        layout.addWidget(self._summary)
        layout.addLayout(spaces)
        layout.addLayout(shown)
        layout.addWidget(self._cameras)
        layout.addWidget(self._save)
        layout.addWidget(self._fit_caption)
        layout.addWidget(self._fit)
        layout.addWidget(self._notes)
        layout.addWidget(self._exchange)
        self._save.clicked.connect(self.save_clicked)
        self._exchange.clicked.connect(self.exchange_clicked)
        # Gives its place to the choices until there is something to show.
        self.hide()

    @property
    def text(self) -> str:
        """The summary."""
        return self._summary.message

    def show_result(self, result: Result, space: Space) -> None:
        """Say what a run did and open the switches for it."""
        self.show_stale("")
        self._summary.show_message(summary(result))
        self._fit.show_result(result)
        self._fit_caption.setVisible(not self._fit.isHidden())
        report = result.report
        self._serious.show_lines(tuple(f"Warning: {note}." for note in report.serious))
        notes = (f"Note: {note}" for note in report.warnings if note not in report.serious)
        self._notes.show_lines(tuple(notes))
        swaps = result.swaps
        self._exchange.setVisible(swaps is not None and swaps.any and not swaps.corrected)
        has_3d = result.poses3d is not None
        self._spaces["3-D"].setEnabled(has_3d)
        self._spaces["3-D"].setToolTip(
            "Show the animal in space." if has_3d else "There is no 3-D without a calibration."
        )
        self.show_space(space)
        self.show()

    def show_stale(self, why: str) -> None:
        """Say that the result belongs to inputs that are others now; empty: it does not."""
        self._stale.show_message(why)
        self._stale.setVisible(bool(why))
        self._save.setText("Save the earlier resul&ts…" if why else "Save resul&ts…")

    @property
    def stale(self) -> str:
        """Why the result is not of what is chosen now; empty when it is."""
        return "" if self._stale.isHidden() else self._stale.message

    def show_space(self, space: Space) -> None:
        """Check the button of the space that is on the screen."""
        self._spaces[space].setChecked(True)
        self._cameras.setEnabled(space == "3-D")

    def set_saving(self, saving: bool) -> None:
        """No second save while one runs."""
        self._save.setEnabled(not saving)
