"""The one frame slider of all views: that of the main viewer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, Signal

from .frame_controller import FrameController
from .player import Player


class FrameSlider(QObject):
    """Moves the main viewer's slider, and asks for the frame that it stands on.

    Parameters
    ----------
    viewer : napari viewer
    frames : FrameController
    n_frames : callable
        How many frames there are; 0 where nothing is shown.
    speed : callable
        Frames per second.

    Signals: ``playing_changed`` with whether it plays.
    """

    playing_changed = Signal(bool)

    def __init__(
        self,
        viewer: Any,
        frames: FrameController,
        n_frames: Callable[[], int],
        speed: Callable[[], float],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer, self._frames, self._n_frames = viewer, frames, n_frames
        self._player = Player(self._advance, lambda: frames.is_waiting, speed, self)
        self._player.changed.connect(self.playing_changed)
        viewer.dims.events.current_step.connect(self._on_step)

    @property
    def _axis(self) -> int:
        """The frame's axis of the main viewer: ours are the last four."""
        return max(int(self._viewer.dims.ndim) - 4, 0)

    @property
    def position(self) -> int:
        """The frame that the slider stands on."""
        steps, axis = self._viewer.dims.current_step, self._axis
        return int(steps[axis]) if len(steps) > axis else 0

    def go_to(self, frame: int) -> None:
        """Show a frame, everywhere."""
        frame = min(max(frame, 0), max(self._n_frames() - 1, 0))
        if int(self._viewer.dims.current_step[self._axis]) != frame:
            self._viewer.dims.set_current_step(self._axis, frame)
        elif frame != self._frames.frame:
            self._frames.request(frame)

    def step(self, by: int) -> None:
        """Go on from the newest frame that was asked for."""
        self.go_to(self._frames.frame + by)

    @property
    def is_playing(self) -> bool:
        """Whether frames go on by themselves."""
        return self._player.is_playing

    def toggle_playing(self) -> None:
        """Play from here, or stop."""
        if self._player.is_playing:
            self._player.stop()
        else:
            self._player.start()

    def on_key(self, key: str, shift: bool = False) -> bool:
        """Arrows step, with Shift by ten; Space plays; Home and End.

        Returns
        -------
        bool
            Whether the key means anything.
        """
        by = 10 if shift else 1
        if key == "Left":
            self.step(-by)
        elif key == "Right":
            self.step(by)
        elif key == "Space":
            self.toggle_playing()
        elif key == "Home":
            self.go_to(0)
        elif key == "End":
            self.go_to(self._n_frames() - 1)
        else:
            return False
        return True

    def frame_shown(self) -> None:
        """The frame that was asked for is seen."""
        self._player.frame_shown()

    def stop(self) -> None:
        """Play no more, and leave the slider alone."""
        self._player.stop()
        self._viewer.dims.events.current_step.disconnect(self._on_step)

    def _advance(self) -> bool:
        there_is_one = self._frames.frame < self._n_frames() - 1
        if there_is_one:
            self.step(1)
        return there_is_one

    def _on_step(self) -> None:
        if self._n_frames() and self.position != self._frames.frame:
            self._frames.request(self.position)
