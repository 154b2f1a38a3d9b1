"""The lag of each camera in the course of a recording, and images paired by it.

Notes
-----
A camera of another frame rate lags more and more, and one that loses a frame lags less from there
on. Its images are paired with those of the nearest instant; what is left of a frame stays with the
image as its delay.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...board.observations import BoardObservations

Float64 = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Jump:
    """A lag that changes by whole frames at once.

    Attributes
    ----------
    view : int
    frame : int
        The first of the view's own frames with the new lag.
    frames : int
        Added to the lag; below 0 where the camera lost frames.
    """

    view: int
    frame: int
    frames: int


@dataclass(frozen=True, eq=False)
class ClockCourse:
    """Frames that each camera lags behind the first: its image n shows the instant n - lag(n).

    Attributes
    ----------
    offsets : (view,) float64
        The lag at frame 0.
    growth : (view,) float64
        By which the lag grows from one frame to the next.
    jumps : tuple of Jump
    """

    offsets: Float64
    growth: Float64
    jumps: tuple[Jump, ...] = ()

    @classmethod
    def constant(cls, offsets: NDArray[np.floating | np.integer]) -> ClockCourse:
        """Lags that stay."""
        return cls(np.array(offsets, dtype=np.float64), np.zeros(len(offsets)))

    @property
    def is_constant(self) -> NDArray[np.bool_]:
        """Of each view, ``(view,)``."""
        jumping = np.isin(np.arange(len(self.growth)), [jump.view for jump in self.jumps])
        return np.asarray((self.growth == 0) & ~jumping)

    def lags(self, view: int, frames: NDArray[np.integer | np.floating]) -> Float64:
        """Of a view at some of its own frames, ``(frame,)``."""
        out = self.offsets[view] + self.growth[view] * frames
        for jump in self.jumps:
            if jump.view == view:
                out = out + jump.frames * (frames >= jump.frame)
        return np.asarray(out, dtype=np.float64)

    def recorded(self, view: int, instants: NDArray[np.integer | np.floating]) -> Float64:
        """The view's own frames that show some instants, ``(instant,)``; between whole ones."""
        times = np.asarray(instants, dtype=np.float64)
        for _ in range(4):
            times = instants + self.lags(view, times)
        return times

    def __add__(self, other: ClockCourse) -> ClockCourse:
        return ClockCourse(
            self.offsets + other.offsets, self.growth + other.growth, self.jumps + other.jumps
        )


def paired(
    observations: BoardObservations, course: ClockCourse
) -> tuple[BoardObservations, Float64]:
    """Images at the nearest common instant, and how much later than that they were taken.

    Returns
    -------
    observations : BoardObservations
        Frames are those of the first view.
    delays : (view, frame) float64
        Frames, at most a half; 0 where nothing was seen.
    """
    n_views = len(observations.views)
    if not (course.offsets.any() or course.growth.any() or course.jumps):
        return observations, np.zeros((n_views, len(observations.frames)))
    own = observations.frames
    instants = np.stack([own - course.lags(view, own) for view in range(n_views)])
    nearest = np.round(instants).astype(np.int64)
    frames = np.unique(nearest)
    xy = np.full((n_views, len(frames), *observations.xy.shape[2:]), np.nan)
    delays = np.zeros((n_views, len(frames)))
    seen = observations.n_observed > 0
    for view in range(n_views):
        away = instants[view] - nearest[view]
        # Of two images of one instant the nearer one counts: it is written last.
        order = np.argsort(-np.abs(away), kind="stable")
        order = order[seen[view][order]]
        at = np.searchsorted(frames, nearest[view][order])
        xy[view, at] = observations.xy[view][order]
        delays[view, at] = away[order]
    return replace(observations, frames=frames, xy=xy), delays
