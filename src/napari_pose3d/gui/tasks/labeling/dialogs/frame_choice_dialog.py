"""The dialog "Add frames": which frames go to the queue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QRadioButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.errors import PoseDataError
from napari_pose3d.wording import counted

Method = Literal["current", "numbers", "every", "kmeans"]

_EXAMPLE = "10, 20-30, 100-200:10"
_USUAL_STEP, _USUAL_COUNT = 100, 20
_MOST_SEED = 2**31 - 1
_FIELD_WIDTH = 190
_TEXT_LINES = 3


@dataclass(frozen=True)
class FrameChoice:
    """Which frames to add.

    Attributes
    ----------
    method : "current", "numbers", "every" or "kmeans"
    numbers_text : str
        Frame numbers and ranges as they were typed, such as "10, 20-30, 100-200:10".
    every : int
        Each so-many-th frame.
    count, seed : int
        How many frames k-means chooses, and the seed of its random numbers.
    with_predictions : bool
        Whether predictions become proposals.
    """

    method: Method
    numbers_text: str = ""
    every: int = _USUAL_STEP
    count: int = _USUAL_COUNT
    seed: int = 0
    with_predictions: bool = False


_METHODS: dict[Method, str] = {
    "current": "The frame that the camera views show.",
    "numbers": "Single numbers, ranges and ranges with a step, separated by commas.",
    "every": "Frames at equal distances, from the first to the last.",
    "kmeans": "Images of all views are compared; of each group of similar ones one is taken.",
}


class AddFramesDialog(QDialog):
    """Asks which frames to add, and says what will be added; adds nothing itself.

    Parameters
    ----------
    current : int
        The frame that is shown.
    n_frames : int
        Of the session.
    preview : callable
        Says in one sentence what a choice by numbers or of every n-th frame adds; raises
        `PoseDataError` where the choice is invalid.
    no_predictions : str
        Why there is nothing to propose; "" where there are predictions.
    """

    def __init__(
        self,
        current: int,
        n_frames: int,
        preview: Callable[[FrameChoice], str],
        no_predictions: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Add frames")
        self._current, self._preview = current, preview
        self._methods = QButtonGroup(self)
        self._numbers = QLineEdit()
        self._numbers.setPlaceholderText(_EXAMPLE)
        self._numbers.setAccessibleName("Numbers of frames")
        self._every = _spin(1, max(n_frames, 1), _USUAL_STEP, "Every so many frames")
        self._count = _spin(1, max(n_frames, 1), _USUAL_COUNT, "How many frames")
        self._seed = _spin(0, _MOST_SEED, 0, "Seed")
        self._seed.setToolTip("The same seed chooses the same frames again.")
        self._proposals = QCheckBox("With &predictions as proposals")
        self._proposals.setToolTip(
            "What the networks predicted in these frames is drawn as crosses, to be confirmed or "
            "dragged; it is no label before."
        )
        self._proposals.setEnabled(not no_predictions)
        self._proposals.setChecked(not no_predictions)
        self._sentence = QLabel()
        self._sentence.setWordWrap(True)
        # Room for the longest message, so that the dialog does not jump while one types.
        height = self._sentence.fontMetrics().lineSpacing() * _TEXT_LINES
        self._sentence.setMinimumHeight(height)
        kinds = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(kinds.Ok | kinds.Cancel)
        add = buttons.button(kinds.Ok)
        assert add is not None
        add.setText("Add")
        self._add = add
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addLayout(self._make_grid())
        column.addWidget(self._proposals)
        if no_predictions:
            reason = QLabel(no_predictions)
            reason.setWordWrap(True)
            reason.setIndent(20)
            column.addWidget(reason)
        column.addWidget(self._sentence)
        column.addStretch(1)
        column.addWidget(buttons)
        self._check()

    @property
    def choice(self) -> FrameChoice:
        """What is chosen now."""
        checked = self._methods.checkedButton()
        assert checked is not None
        method: Method = checked.property("method")
        return FrameChoice(
            method,
            self._numbers.text().strip(),
            self._every.value(),
            self._count.value(),
            self._seed.value(),
            self._proposals.isChecked(),
        )

    @property
    def sentence(self) -> str:
        """What the user reads about the choice."""
        return self._sentence.text()

    def _make_grid(self) -> QGridLayout:
        grid = QGridLayout()
        kmeans = QHBoxLayout()
        seed = QLabel("&seed")
        seed.setBuddy(self._seed)
        for part in (self._count, seed, self._seed):
            kmeans.addWidget(part)
        self._add_method(grid, "current", f"The &current frame, {self._current:,}")
        numbers = self._add_method(grid, "numbers", "By &number")
        every = self._add_method(grid, "every", "&Every so many frames")
        differing = self._add_method(grid, "kmeans", "That &differ most, by k-means on all views")
        grid.addWidget(self._numbers, 1, 1)
        grid.addWidget(self._every, 2, 1)
        grid.addLayout(kmeans, 3, 1)
        self._numbers.textEdited.connect(lambda _: self._choose(numbers))
        for field, button in (
            (self._every, every),
            (self._count, differing),
            (self._seed, differing),
        ):
            field.valueChanged.connect(lambda _, b=button: self._choose(b))
        grid.setColumnMinimumWidth(1, _FIELD_WIDTH)
        return grid

    def _add_method(self, grid: QGridLayout, method: Method, text: str) -> QRadioButton:
        button = QRadioButton(text)
        button.setProperty("method", method)
        button.setChecked(method == "current")
        button.toggled.connect(lambda on: self._check() if on else None)
        self._methods.addButton(button)
        grid.addWidget(button, grid.count(), 0)
        button.setToolTip(_METHODS[method])
        return button

    def _choose(self, button: QRadioButton) -> None:
        """The value of a field wins."""
        button.setChecked(True)
        self._check()

    def _check(self) -> None:
        choice = self.choice
        try:
            text, right = self._say(choice), True
        except PoseDataError as error:
            text, right = str(error), False
        self._sentence.setText(text)
        self._add.setEnabled(right)

    def _say(self, choice: FrameChoice) -> str:
        if choice.method == "current":
            return f"Frame {self._current:,} will be added."
        if choice.method == "kmeans":
            return (
                f"{counted(choice.count, 'frame')} will be added, chosen by what all views show. "
                "The videos are read for that, which takes a while."
            )
        if choice.method == "numbers" and not choice.numbers_text:
            raise PoseDataError("which frames", expected=f"numbers and ranges, such as {_EXAMPLE}")
        return self._preview(choice)


def _spin(least: int, most: int, value: int, name: str) -> QSpinBox:
    spin = QSpinBox()
    spin.setRange(least, most)
    spin.setValue(value)
    spin.setAccessibleName(name)
    return spin
