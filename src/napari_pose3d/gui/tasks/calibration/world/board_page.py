"""The world of the board as it lies in one frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSpinBox, QVBoxLayout, QWidget

from napari_pose3d.core.calibration.origin import still_frames
from napari_pose3d.gui.qt.message_text import MessageLabel

if TYPE_CHECKING:
    from napari_pose3d.core.calibration.rig_calibration import Calibration

_NONE = "The board's poses are known of a calibration that was just made."


class BoardPage(QWidget):
    """`complete` is emitted with whether there are frames to choose from."""

    complete = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame = QSpinBox()
        self._frame.setAccessibleName("Frame in which the board lies on the floor")
        self._frame.setToolTip("The board in this frame is the floor, its first corner the origin.")
        label = QLabel("Board in frame")
        label.setBuddy(self._frame)
        self._note = MessageLabel(_NONE)
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self._frame, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self._note)
        self.show_calibration(None)

    @property
    def frame(self) -> int:
        """The chosen frame."""
        return self._frame.value()

    @property
    def is_complete(self) -> bool:
        """Whether there are frames to choose from."""
        return self._frame.isEnabled()

    def show_calibration(self, calibration: Calibration | None) -> None:
        """Whose frames can be chosen; one in which the board lies still is proposed."""
        self._frame.setEnabled(calibration is not None)
        if calibration is None:
            self._note.show_message(_NONE)
        else:
            observations = calibration.solution.observations
            frames, still = observations.frames, still_frames(observations)
            self._frame.setRange(int(frames[0]), int(frames[-1]))
            text = "The board lies still nowhere: choose a frame in which it lies on the floor."
            if len(still):
                self._frame.setValue(int(frames[still[len(still) // 2]]))
                first, last = int(frames[still[0]]), int(frames[still[-1]])
                text = f"The board lies still in frames {first} to {last}."
            self._note.show_message(text)
        self.complete.emit(self.is_complete)
