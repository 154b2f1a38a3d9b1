"""How unevenly cameras take their images: what is left when each image may have its own instant.

Notes
-----
A software trigger takes an image a few ms early or late. Where that is the main error, residuals
fall to the noise of the corners once each image's instant is estimated around its camera's clock.
An unknown for each image also takes up other errors along the board's motion, so these residuals
are shown beside the others and judge nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .evaluation import Spread
from .solve.bundle_adjustment import Freedom, Loss, adjust
from .solve.clocks.board_motion import motion_of
from .solve.lens import N_INTRINSICS
from .solve.rig_solution import Solution
from .solve.rig_state import BoardImages, BoardMotion, RigState, residuals_of

Float64 = NDArray[np.float64]

PRIOR = 0.05
"""Standard deviation of an image's instant beforehand, frames."""

_TURNS = 6
_FEWEST_MOVING = 20  # images


@dataclass(frozen=True, eq=False)
class Jitter:
    """What the images' instants explain.

    Attributes
    ----------
    board : Spread
        Residuals of corners against the board's pose with the instants estimated, px.
    frames : (view,) float64
        Standard deviation of the instants of each camera around its clock, frames, from their
        median absolute deviation. Of frames that two views saw while the board moved: alone, an
        image takes the board along. NaN where there are none. With few views rather too small.
    """

    board: Spread
    frames: Float64


def estimate_jitter(solution: Solution) -> Jitter | None:
    """Estimate the instant of each image; None where the board hardly ever moves."""
    if int(solution.motion.known[solution.images.frame].sum()) < _FEWEST_MOVING:
        return None
    images, state, motion = _images_with_jitter(solution)
    residuals = residuals_of(state, images, motion)
    lengths = np.linalg.norm(residuals.xy, axis=-1)[residuals.valid]
    frames = np.full(state.n_views, np.nan)
    early = images.delay - solution.images.delay
    sharing = np.bincount(images.frame)[images.frame]
    usable = motion.known[images.frame] & (sharing > 1)
    for view in range(state.n_views):
        at = usable & (images.view == view)
        # The board's pose takes up what the views of a frame have in common.
        delays = early[at] * np.sqrt(sharing[at] / np.maximum(sharing[at] - 1, 1))
        if len(delays):
            frames[view] = 1.4826 * float(np.median(np.abs(delays - np.median(delays))))
    return Jitter(Spread.of(lengths), frames)


def _images_with_jitter(solution: Solution) -> tuple[BoardImages, RigState, BoardMotion]:
    images, state, motion = solution.images, solution.state, solution.motion
    expected = images.delay
    for _ in range(_TURNS):
        residuals = residuals_of(state, images, motion)
        by_world = residuals.by_point @ state.rotations[images.view][:, None]
        rate = np.einsum("nkij,nkj->nki", by_world, residuals.speed)
        weight = np.where(residuals.valid, 1.0, 0.0)[..., None]
        gradient = (rate * residuals.xy * weight).sum(axis=(1, 2))
        gradient += (images.delay - expected) * (solution.noise / PRIOR) ** 2
        curvature = (rate * rate * weight).sum(axis=(1, 2)) + (solution.noise / PRIOR) ** 2
        images = replace(images, delay=images.delay - gradient / curvature)
        state = _boards_only(state, images, motion)
        motion = motion_of(state, solution.observations.frames)
    return images, _boards_only(state, images, motion), motion


def _boards_only(state: RigState, images: BoardImages, motion: BoardMotion) -> RigState:
    no = np.zeros(state.n_views, bool)
    fixed = Freedom(no, np.zeros((state.n_views, N_INTRINSICS), bool), no)
    return adjust(state, images, fixed, Loss(0.5), motion=motion, most_steps=5).state
