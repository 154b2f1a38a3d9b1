"""Lags that change in the course of a recording: another frame rate, or lost frames.

Notes
-----
The residual of an image along the corners' motion tells how much later than its pair it was taken.
What all views of a frame have in common is taken up by the board's pose, so only differences count.
A line through them is another frame rate, a jump by whole frames is a lost one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..rig_state import BoardImages, BoardMotion, RigState, residuals_of
from .clock_course import ClockCourse, Jump

Float64 = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_GROWTH = 0.15
"""Frames in the course of a recording, below which a lag counts as constant."""

MOST_GROWTH = 0.05
"""Frames per frame: a video whose lag grows faster is of another recording."""

_FEWEST_MOVING = 20  # images of a view
_MOVING = 0.5  # px per frame
_CERTAIN = 5.0  # standard errors
_LEAST_JUMP = 0.6  # frames
_FEWEST_BESIDE = 8  # images before and after a jump
_CLEARLY = 0.8  # of the scatter that a line leaves
_PLACES = 80
_FURTHEST = 4.0  # frames: residuals tell no larger differences


@dataclass(frozen=True, eq=False)
class _Instants:
    """How much later than its clock says each image was taken, as its residuals tell."""

    view: Ints
    frame: Ints
    time: Float64
    delay: Float64


class Changes(NamedTuple):
    """What may have to be added to the cameras' lags.

    Attributes
    ----------
    levels : (view,) float64
        Of the lags midway, frames.
    growth : (view,) float64
        Frames per frame.
    errors : (view,) float64
        Standard errors of ``growth``.
    jumps : tuple of Jump
        Of one view; of all but the first, where that lost frames.
    before : (view,) float64
        Whole frames that the lags before the jumps are to change by.
    middle, span : float
        Of the frames that this was found in.
    """

    levels: Float64
    growth: Float64
    errors: Float64
    jumps: tuple[Jump, ...]
    before: Float64
    middle: float
    span: float

    @property
    def is_sure(self) -> NDArray[np.bool_]:
        """Whether each view's lag grows, ``(view,)``."""
        grown = np.abs(self.growth)
        return np.asarray((grown > _CERTAIN * self.errors) & (grown * self.span > LEAST_GROWTH))

    def line(self, share: Float64) -> ClockCourse:
        """Growth, times a factor for each view."""
        growth = share * self.growth
        return ClockCourse(share * self.levels - growth * self.middle, growth)

    def step(self) -> ClockCourse:
        """The jumps."""
        return ClockCourse(self.before, np.zeros(len(self.growth)), self.jumps)


def lag_changes(
    state: RigState,
    images: BoardImages,
    motion: BoardMotion,
    frames: Ints,
) -> Changes | None:
    """How the cameras' lags change; None where the board hardly moves.

    Parameters
    ----------
    state : RigState
    images : BoardImages
    motion : BoardMotion
    frames : (frame,) int64
        Frame numbers of the state's boards.

    Notes
    -----
    The rig bends itself to hide a part of what it is fitted to, so that too little is found at
    first.
    """
    instants = _instants(state, images, motion, frames)
    n_views = state.n_views
    enough = np.bincount(instants.view, minlength=n_views) >= _FEWEST_MOVING
    if not enough[0] or enough.sum() < 2:
        return None
    middle = float(np.median(instants.time))
    levels, slopes, errors = _lines(instants, np.flatnonzero(enough)[1:], middle, n_views)
    jumps, earlier = _jumps(instants, np.flatnonzero(enough))
    before = np.zeros(n_views)
    for jump in jumps:
        before[jump.view] = -jump.frames if earlier else 0
    return Changes(-levels, -slopes, errors, jumps, before, middle, float(np.ptp(instants.time)))


def _instants(state: RigState, images: BoardImages, motion: BoardMotion, frames: Ints) -> _Instants:
    residuals = residuals_of(state, images, motion)
    by_world = residuals.by_point @ state.rotations[images.view][:, None]
    rate = np.einsum("nkij,nkj->nki", by_world, residuals.speed) * residuals.valid[..., None]
    strength = np.square(rate).sum(axis=(1, 2))
    count = np.maximum(residuals.valid.sum(axis=1), 1)
    along = (rate * residuals.xy).sum(axis=(1, 2))
    delay = np.clip(-along / np.maximum(strength, 1e-12), -_FURTHEST, _FURTHEST)
    usable = motion.known[images.frame] & (np.sqrt(strength / count) > _MOVING)
    shared = np.bincount(images.frame[usable], minlength=len(frames))[images.frame] > 1
    at = usable & shared
    frame = images.frame[at]
    return _Instants(images.view[at], frame, frames[frame].astype(float), delay[at])


def _against_others(instants: _Instants, values: Float64) -> Float64:
    """Values ``(image, ...)`` without their mean over the images of each frame."""
    n = int(instants.frame.max(initial=0)) + 1
    count = np.maximum(np.bincount(instants.frame, minlength=n), 1)
    flat = values.reshape(len(values), -1)
    mean = np.stack(
        [np.bincount(instants.frame, column, minlength=n) / count for column in flat.T], axis=1
    )
    return np.asarray((flat - mean[instants.frame]).reshape(values.shape))


def _lines(
    instants: _Instants, views: Ints, middle: float, n_views: int
) -> tuple[Float64, Float64, Float64]:
    """Delays of some views against the first: midway, their growth, and its standard error."""
    time = instants.time - middle
    columns = [(instants.view == view).astype(float) for view in views]
    design = np.stack(columns + [column * time for column in columns], axis=1)
    design = _against_others(instants, design)
    wanted = _against_others(instants, instants.delay)
    weight: Float64 = np.ones(len(wanted))
    solution: Float64 = np.zeros(design.shape[1])
    scale = 1.0
    for _ in range(12):
        fit = np.linalg.lstsq(design * weight[:, None], wanted * weight, rcond=None)
        solution = np.asarray(fit[0], dtype=np.float64)
        away = np.abs(wanted - design @ solution)
        scale = max(1.4826 * float(np.median(away)), 1e-6)
        weight = np.asarray(1.0 / np.sqrt(1.0 + np.square(away / (2.0 * scale))))
    covariance = np.linalg.pinv((design * weight[:, None] ** 2).T @ design, hermitian=True)
    levels, slopes, errors = np.zeros(n_views), np.zeros(n_views), np.full(n_views, np.inf)
    n = len(views)
    levels[views] = solution[:n]
    slopes[views] = solution[n:]
    errors[views] = scale * np.sqrt(np.maximum(np.diag(covariance)[n:], 0.0))
    return levels, slopes, errors


class _Step(NamedTuple):
    """A jump of one view's delays; ``gain`` is by how much it beats a line."""

    gain: float
    time: float
    before: float
    after: float


def _jumps(instants: _Instants, views: Ints) -> tuple[tuple[Jump, ...], bool]:
    """The clearest jump by whole frames of one view against the others, () for none; and whether
    what lies before it is out of step, rather than what lies after it."""
    apart = _against_others(instants, instants.delay)
    sharing = np.bincount(instants.frame)[instants.frame]
    best: tuple[int, _Step] | None = None
    for view in views.tolist():
        at = instants.view == view
        delay = (apart * sharing / np.maximum(sharing - 1, 1))[at]
        order = np.argsort(instants.time[at], kind="stable")
        step = _step(instants.time[at][order], delay[order])
        if step is not None and (best is None or step.gain > best[1].gain):
            best = view, step
    if best is None:
        return (), False
    view, step = best
    # A later instant is a smaller lag.
    frames, time = -round(step.after - step.before), int(step.time)
    earlier = abs(step.before) > abs(step.after)
    if view == 0:
        # The first camera is the clock: all others jump the other way.
        return tuple(Jump(each, time, -frames) for each in views.tolist() if each), earlier
    return (Jump(view, time, frames),), earlier


def _step(time: Float64, delay: Float64) -> _Step | None:
    n = len(time)
    if n < 2 * _FEWEST_BESIDE:
        return None
    line = np.polyfit(time - time.mean(), np.clip(delay, *np.percentile(delay, (5, 95))), 1)
    of_line = _scatter(delay - np.polyval(line, time - time.mean()))
    places = np.arange(_FEWEST_BESIDE, n - _FEWEST_BESIDE + 1)
    stride = max(1, len(places) // _PLACES)
    cost, place = min((_split(delay, at), int(at)) for at in places[::stride])
    near = places[np.abs(places - place) < stride]
    cost, place = min((_split(delay, at), int(at)) for at in near)
    before, after = float(np.median(delay[:place])), float(np.median(delay[place:]))
    if abs(after - before) < _LEAST_JUMP or cost > _CLEARLY * of_line:
        return None
    return _Step(of_line - cost, float(time[place]), before, after)


def _split(delay: Float64, at: int) -> float:
    """Scatter about a median before a place and another one after it."""
    parts = delay[:at], delay[at:]
    return _scatter(np.concatenate([part - np.median(part) for part in parts]))


def _scatter(values: Float64) -> float:
    return float(np.abs(values).clip(max=1.0).mean())
