"""How many frames each camera lags, found together with the rig from a board that moves.

Notes
-----
A camera that lags shows the board where it was a little earlier. How the board moves is read from
its own poses in neighbouring frames, so nothing but the images is needed; the motion is renewed as
the poses change. A clock that is not certain stays zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...board.observations import BoardObservations
from ..bundle_adjustment import Adjusted, Freedom, Loss, adjust, covariance_of
from ..rig_state import (
    CLOCK,
    CORNER_NOISE,
    LAST_LOSS,
    MEDIAN_LENGTH,
    N_CAMERA,
    BoardImages,
    BoardMotion,
    RigState,
    residuals_of,
    weak_priors,
)
from .board_motion import motion_of, with_known_motion

Float64 = NDArray[np.float64]

FEWEST_MOVING = 10
"""Images of a moving board, shared with other views, below which no clock is estimated."""

_MOVING = 0.5  # px per frame
_ROUNDS = 4
# A clock must exceed its own standard error by this factor to be kept.
_CERTAIN = 4.0


@dataclass(frozen=True, eq=False)
class Clocks:
    """What is known of the cameras' clocks.

    Attributes
    ----------
    adjusted : Adjusted or None
        The rig with its clocks; None where none is certain.
    motion : BoardMotion
    images : BoardImages
        Those that were used.
    sd : (view,) float64
        Standard errors in frames for residuals of 1 px; NaN where none was estimated.
    note : str
        Why none was estimated; "" otherwise.
    """

    adjusted: Adjusted | None
    motion: BoardMotion
    images: BoardImages
    sd: Float64
    note: str = ""


def estimate_clocks(
    state: RigState,
    observations: BoardObservations,
    images: BoardImages,
    free: Freedom,
    check: Callable[[], None] = lambda: None,
    *,
    keep: bool = False,
) -> Clocks:
    """Estimate how many frames each camera lags behind the first, together with the rig.

    Parameters
    ----------
    state : RigState
        A rig that was fitted without clocks.
    observations : BoardObservations
        For frame numbers and image sizes.
    images : BoardImages
    free : Freedom
        What else may change.
    check : callable
        Called often; may raise `Cancelled`.
    keep : bool
        Whether the rig is wanted also where no clock is certain.
    """
    nothing = np.full(state.n_views, np.nan)
    motion = motion_of(state, observations.frames)
    moving = moving_images(state, images, motion)
    estimated = moving >= FEWEST_MOVING
    estimated[0] = False
    if not estimated.any():
        note = (
            f"the board moves in {int(moving[1:].max(initial=0))} shared images of a view only "
            f"({FEWEST_MOVING} are needed)"
        )
        return Clocks(None, motion, images, nothing, note)
    freedom = Freedom(free.poses, free.intrinsics, estimated)
    result = Adjusted(state, np.inf, np.zeros((0, 0)), 0)
    used, scale = images, 2.0
    for turn in range(_ROUNDS):
        priors = weak_priors(state.intrinsics, observations.sizes, state.fisheye)
        used = with_known_motion(images, motion)
        last = turn == _ROUNDS - 1
        result = adjust(
            state,
            used,
            freedom,
            Loss(scale),
            priors=priors,
            motion=motion,
            most_steps=30 if last else 8,
            tolerance=1e-9 if last else 1e-4,
            check=check,
        )
        state, scale = result.state, LAST_LOSS
        motion = motion_of(state, observations.frames)
    sd = nothing.copy()
    sd[estimated] = _standard_errors(result.information, freedom)
    noise = corner_noise(state, used, motion)
    if not keep and not (estimated & (np.abs(state.clocks) > _CERTAIN * sd * noise)).any():
        return Clocks(None, motion, images, sd)
    return Clocks(result, motion, used, sd)


def moving_images(state: RigState, images: BoardImages, motion: BoardMotion) -> NDArray[np.int64]:
    """How many images of each view show a moving board that another view sees as well."""
    residuals = residuals_of(state, images, motion)
    by_world = residuals.by_point @ state.rotations[images.view][:, None]
    rate = np.linalg.norm(np.einsum("nkij,nkj->nki", by_world, residuals.speed), axis=-1)
    count = np.maximum(images.observed.sum(axis=1), 1)
    speed = (rate * images.observed).sum(axis=1) / count
    shared = np.bincount(images.frame, minlength=len(motion.known))[images.frame] > 1
    counted = shared & motion.known[images.frame] & (speed > _MOVING)
    return np.bincount(images.view[counted], minlength=state.n_views)


def corner_noise(state: RigState, images: BoardImages, motion: BoardMotion) -> float:
    """Standard deviation of a coordinate of a corner, px, from the median residual."""
    residuals = residuals_of(state, images, motion)
    length = np.linalg.norm(residuals.xy, axis=-1)[residuals.valid]
    return max(float(np.median(length)) / MEDIAN_LENGTH, 0.01) if len(length) else CORNER_NOISE


def _standard_errors(information: Float64, freedom: Freedom) -> Float64:
    """Standard errors of the free clocks for residuals of 1 px."""
    free = np.flatnonzero(freedom.mask)
    variance = np.diag(covariance_of(information))
    return np.asarray(np.sqrt(np.maximum(variance[free % N_CAMERA == CLOCK], 0)))
