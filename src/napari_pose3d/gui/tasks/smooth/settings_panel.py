"""How strongly and by which method to smooth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QRadioButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.poses.arrays import FloatArray
from napari_pose3d.gui.qt.forms import SettingsForm
from napari_pose3d.gui.qt.task_layout import FoldedPart
from napari_pose3d.settings import ReadingSettings, SmootherParts, SmoothingSettings

# The slider moves in tenths of a power of ten of s; its ends lie beyond what the search finds.
_STEPS_PER_DECADE = 10
_SLOWEST, _FASTEST = -4, 4
_WORDS = (
    (-2.4, "very smooth"),
    (-0.8, "smooth"),
    (0.8, "in between"),
    (2.4, "close to the data"),
    (float("inf"), "follow the data"),
)

MORE_READING = {
    "views": "Names of the views",
    "allow_missing": "Go on with incomplete sets",
    "shared_keypoints": "Go on with shared keypoints",
    "mirrored": "Each file holds all views",
}
MORE_SMOOTHING = {
    "robust": "Set outliers aside",
    "max_gap": "Longest gap to fill",
    "motion": "Motion",
    "smooth_params": "s of single keypoints",
    "blocks": "Keypoints that share s",
    "skeleton": "Bones",
    "left_right": "Left and right keypoints",
    "fix_swaps": "Exchange confused left and right",
    "s_frames": "Frames for the search",
    "avg_mode": "Centre of the sets",
    "var_mode": "Variance of the sets",
    "inflate_vars": "Doubt what views contradict",
    "n_latent": "Linear: dimensions",
    "quantile_keep_pca": "Linear: % of frames for the fit",
    "corrections": "Use corrections from Review",
    "leave_out_bad": "Leave out what is marked bad",
    "own_times": "Each camera at its own times",
    "as_published": "As ensemble-kalman-smoother 4.6.2",
    "threads": "Threads",
}
PARTS = {
    "learn_noise": "Learn how noisy the views are",
    "bursts": "Let single frames move more",
    "widen": "Widen for lasting errors",
}


class SmoothingPanel(QGroupBox):
    """The settings of `SmoothingSettings` and what of `ReadingSettings` is no choice of files.

    `reading_changed` is emitted when files have to be matched anew, `changed` whenever any setting
    may be another one.
    """

    reading_changed = Signal()
    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("4 · Smoothing", parent)
        self._automatic = QRadioButton("Auto&matic: found for each keypoint")
        self._automatic.setToolTip("The smoothing that makes the data most likely.")
        self._by_hand = QRadioButton("By ha&nd:")
        self._by_hand.setToolTip(_help("smooth_param"))
        self._automatic.setChecked(True)
        group = QButtonGroup(self)
        group.addButton(self._automatic)
        group.addButton(self._by_hand)

        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(_SLOWEST * _STEPS_PER_DECADE, _FASTEST * _STEPS_PER_DECADE)
        self._slider.setPageStep(_STEPS_PER_DECADE)
        self._slider.setAccessibleName("Smoothing, from very smooth to follow the data")
        self._slider.setToolTip(_help("smooth_param"))
        self._word = QLabel()
        ends = QHBoxLayout()
        ends.addWidget(QLabel("very smooth"))
        ends.addStretch(1)
        ends.addWidget(QLabel("follow the data"))
        hand = QHBoxLayout()
        hand.addWidget(self._by_hand)
        hand.addWidget(self._word, 1)

        self._form = SettingsForm(SmoothingSettings, {"mode": "Mode"})
        self._likelihood = SettingsForm(
            ReadingSettings,
            {"min_likelihood": "Lowest likelihood"},
            {"min_likelihood": {"min": 0.0, "max": 1.0, "step": 0.05}},
        )
        self._more_reading = SettingsForm(ReadingSettings, MORE_READING)
        self._more = SettingsForm(
            SmoothingSettings,
            MORE_SMOOTHING,
            {
                "n_latent": {"min": 1, "max": 50},
                # Shorter than what the settings call them, which the panel has no room for.
                "var_mode": {
                    "choices": [("by likelihood", "confidence_weighted_var"), ("plain", "var")]
                },
                "quantile_keep_pca": {"min": 1.0, "max": 100.0, "step": 5.0},
            },
        )
        self._take_bones = QPushButton()
        self._take_bones.setToolTip(
            "Writes the lines of the project's skeleton into the field for bones."
        )
        self._project_bones: tuple[tuple[str, str], ...] = ()
        self.offer_bones(())
        self._more.add_below("skeleton", self._take_bones)
        self._parts = SettingsForm(SmootherParts, PARTS)
        folded = FoldedPart("More options")
        folded.addWidget(self._more_reading.native)
        folded.addWidget(self._more.native)
        folded.addWidget(_heading("The calibrated smoother's own parts"))
        folded.addWidget(self._parts.native)

        layout = QVBoxLayout(self)
        layout.addWidget(self._automatic)
        layout.addLayout(hand)
        layout.addWidget(self._slider)
        layout.addLayout(ends)
        layout.addWidget(self._form.native)
        layout.addWidget(self._likelihood.native)
        layout.addWidget(folded)

        self._automatic.toggled.connect(self._refresh)
        self._slider.valueChanged.connect(self._refresh)
        self._take_bones.clicked.connect(self._fill_in_bones)
        for form in (self._form, self._likelihood, self._more_reading, self._more, self._parts):
            form.on_change(self.changed.emit)
        self._more_reading.widget("views").native.editingFinished.connect(self.reading_changed)
        self._more_reading.widget("mirrored").changed.connect(lambda _: self.reading_changed.emit())
        self._refresh()

    def smoothing(self) -> SmoothingSettings:
        """The chosen settings; raises `PoseDataError` for a text that cannot be read."""
        s = None if self._automatic.isChecked() else self.smooth_param
        parts = SmootherParts(**self._parts.values())
        values = {**self._form.values(), **self._more.values(), "parts": parts}
        return SmoothingSettings(smooth_param=s, **values)

    def reading(self) -> dict[str, Any]:
        """Fields of `ReadingSettings`, without session, individual and keypoints."""
        return {**self._likelihood.values(), **self._more_reading.values()}

    @property
    def smooth_param(self) -> float:
        """``s`` at the place of the slider."""
        return float(10 ** (self._slider.value() / _STEPS_PER_DECADE))

    def set_smooth_param(self, s: float | None) -> None:
        """Choose ``s`` by hand, as a user would; None chooses automatic."""
        self._automatic.setChecked(s is None)
        self._by_hand.setChecked(s is not None)
        if s is not None:
            self._slider.setValue(round(math.log10(s) * _STEPS_PER_DECADE))

    def set_fix_swaps(self, exchanged: bool) -> None:
        """Choose whether confused left and right are exchanged, as a user would."""
        self._more.widget("fix_swaps").value = exchanged

    def suggest(self, found: FloatArray) -> None:
        """Put the slider where the search ended, so that a user can go on from there by hand."""
        if self._automatic.isChecked():
            self._slider.setValue(round(float(np.median(np.log10(found))) * _STEPS_PER_DECADE))

    def offer_bones(self, bones: Sequence[tuple[str, str]]) -> None:
        """Offer the skeleton of the project that the predictions lie in; empty: there is none."""
        self._project_bones = tuple(bones)
        self._take_bones.setText(f"Take the project's {len(bones)} bones")
        self._take_bones.setVisible(bool(bones))

    def _fill_in_bones(self) -> None:
        text = "; ".join(f"{a}, {b}" for a, b in self._project_bones)
        self._more.widget("skeleton").value = text

    def _refresh(self) -> None:
        by_hand = self._by_hand.isChecked()
        self._slider.setEnabled(by_hand)
        exponent = self._slider.value() / _STEPS_PER_DECADE
        word = next(text for limit, text in _WORDS if exponent < limit)
        self._word.setText(f"{word}  (s = {self.smooth_param:.3g})" if by_hand else "")
        self.changed.emit()


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    return label


def _help(name: str) -> str:
    return str(SmoothingSettings.__dataclass_fields__[name].metadata["help"])
