"""A board that is not flat: how far its corners lie from the plane, found together with the rig.

Notes
-----
A board of cardboard bends by some mm. Corners that are free to be anywhere would hide a bad rig, so
four numbers only are found, of the whole board: three heights of a bowl, a saddle and a twist, and
how much longer the board is than it is wide. The mean of both sides keeps its length, which sets
the scale of the rig.

References
----------
Strobl and Hirzinger (2011), "More accurate pinhole camera calibration with imperfect planar
target", release all corners; that needs images that show all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..solve.bundle_adjustment import Freedom, Loss, adjust
from ..solve.rig_solution import Solution
from ..solve.rig_state import (
    INTRINSICS,
    N_CAMERA,
    BoardMotion,
    RigState,
    residuals_of,
    weak_priors,
)
from .board import Board
from .observations import BoardObservations

Float64 = NDArray[np.float64]

_STEP = 0.2  # mm, for differences
_FINE = 0.01  # mm: a step below ends the search
_TURNS, _HALVINGS, _MOST_STEPS = 6, 6, 60
_MOST_FRAMES = 50
_FORGIVING = 3.0  # px: corners of a bent board lie far from those of a flat one
_UNKNOWN = 1e3  # mm: a shape less certain than this is not told at all


@dataclass(frozen=True, eq=False)
class BoardShape:
    """How a board differs from a flat one.

    Attributes
    ----------
    offsets : (corner, 3) float64
        Of each corner from its place on a flat board, mm.
    bend, bend_sd : float
        Largest height over or below the plane through the board, and its standard deviation, mm.
    stretch, stretch_sd : float
        By how much the board is too long for its width, per cent.
    """

    offsets: Float64
    bend: float
    bend_sd: float
    stretch: float
    stretch_sd: float

    def __str__(self) -> str:
        return (
            f"it rises by up to {self.bend:.2f} mm (+- {self.bend_sd:.2f}) from a plane and is "
            f"{self.stretch:+.2f} % (+- {self.stretch_sd:.2f}) too long for its width"
        )


def shape_modes(board: Board) -> Float64:
    """The four ways in which a board may differ, each 1 mm large, ``(4, corner, 3)``.

    Three heights without what a plane explains, and a stretch along the columns against the rows.
    """
    points = board.points
    face = points[: board.n_face_corners]
    middle, half = face.mean(axis=0), np.maximum(np.ptp(face, axis=0) / 2, 1e-9)
    x, y = ((points - middle) / half)[:, :2].T
    modes = np.zeros((4, len(points), 3))
    n = board.n_face_corners
    plane = np.stack([np.ones(n), x[:n], y[:n]], axis=1)
    for mode, height in zip(modes, (x * x, x * y, y * y), strict=False):
        rest = height[:n] - plane @ np.linalg.lstsq(plane, height[:n], rcond=None)[0]
        rest = rest / max(float(np.abs(rest).max()), 1e-9)
        # Both faces bend together.
        mode[:, 2] = np.resize(rest, len(points))
    longest = float(half[:2].max())
    modes[3, :, 0] = -0.5 * half[0] / longest * x
    modes[3, :, 1] = 0.5 * half[1] / longest * y
    return modes


def with_shape(
    observations: BoardObservations,
    solution: Solution,
    solve: Callable[[BoardObservations], Solution],
    check: Callable[[], None] = lambda: None,
) -> tuple[BoardObservations, Solution, BoardShape]:
    """Observations of the board in the shape that it has, and the rig that they give.

    Parameters
    ----------
    solution : Solution
        Of these observations, for a flat board.
    solve : callable
        Gives the solution of other observations.
    check : callable
        Called often; may raise `Cancelled`.
    """
    # Of a flat board the clocks take up a part of what its shape explains: twice.
    for _ in range(2):
        shape = fitted_shape(solution, check)
        observations = replace(observations, shape=shape.offsets)
        solution = solve(observations)
    return observations, solution, shape


def fitted_shape(solution: Solution, check: Callable[[], None] = lambda: None) -> BoardShape:
    """The shape of the board that explains its corners best, with cameras and boards free.

    Parameters
    ----------
    solution : Solution
        For a flat board, or for one of nearly this shape.
    check : callable
        Called often; may raise `Cancelled`.
    """
    solution = _thinned(solution)
    modes = shape_modes(solution.observations.board)
    values = np.zeros(4)
    best = _adjusted(solution, solution.state, modes, values, check)
    inverse = np.zeros((4, 4))
    for _ in range(_TURNS):
        # With all else at its best for each shape, differences of slopes are the cost's curvature.
        curvature = np.stack(
            [
                (_adjusted(solution, best.state, modes, values + _STEP * unit, check).slope)
                for unit in np.eye(4)
            ]
        )
        curvature = (curvature - best.slope) / _STEP
        scales, directions = np.linalg.eigh((curvature + curvature.T) / 2)
        scales = np.maximum(np.abs(scales), 1e-6 * np.abs(scales).max())
        inverse = (directions / scales) @ directions.T
        step = -inverse @ best.slope
        for _ in range(_HALVINGS):
            trial = _adjusted(solution, best.state, modes, values + step, check)
            if trial.cost < best.cost:
                break
            step = step / 2
        else:
            break
        values, best = values + step, trial
        if np.abs(step).max() < _FINE:
            break
    covariance = np.asarray(2 * solution.noise**2 * inverse, np.float64)
    offsets = np.einsum("m,mki->ki", values, modes)
    if solution.observations.shape is not None:
        offsets = offsets + solution.observations.shape
    return _described(solution, modes, offsets, covariance)


def _thinned(solution: Solution) -> Solution:
    """The same with fewer frames: four numbers need no more."""
    n_frames = len(solution.state.board_translations)
    kept = np.arange(0, n_frames, max(1, -(-n_frames // _MOST_FRAMES)))
    images, state, motion = solution.images, solution.state, solution.motion
    images = images.at(np.isin(images.frame, kept))
    return replace(
        solution,
        images=replace(images, frame=np.searchsorted(kept, images.frame)),
        state=replace(
            state,
            board_rotations=state.board_rotations[kept],
            board_translations=state.board_translations[kept],
        ),
        motion=BoardMotion(
            motion.angular[kept],
            motion.velocity[kept],
            motion.angular_change[kept],
            motion.acceleration[kept],
            motion.known[kept],
        ),
    )


class _Adjusted(NamedTuple):
    state: RigState
    cost: float
    slope: Float64  # (4,) of the cost by the shape


def _adjusted(
    solution: Solution,
    state: RigState,
    modes: Float64,
    values: Float64,
    check: Callable[[], None],
) -> _Adjusted:
    """The best cameras and boards for a shape, and the slope of the cost by the shape."""
    free = solution.free.reshape(state.n_views, N_CAMERA)
    images = solution.images
    images = replace(images, points=images.points + np.einsum("m,mki->ki", values, modes))
    found = adjust(
        state,
        images,
        Freedom(free[:, 0], free[:, INTRINSICS], free[:, -1]),
        Loss(_FORGIVING),
        priors=weak_priors(state.intrinsics, solution.observations.sizes, state.fisheye),
        motion=solution.motion,
        most_steps=_MOST_STEPS,
        check=check,
    )
    residuals = residuals_of(found.state, images, solution.motion)
    squared = np.square(residuals.xy).sum(axis=-1)
    weight = residuals.valid / (1 + squared / _FORGIVING**2)
    pull = np.einsum("nka,nkai->nki", residuals.xy * weight[..., None], residuals.by_point)
    to_camera = found.state.rotations[images.view] @ found.state.board_rotations[images.frame]
    slope = 2 * np.einsum("nki,nij,mkj->m", pull, to_camera, modes, optimize=True)
    return _Adjusted(found.state, found.cost, np.asarray(slope))


def _described(
    solution: Solution, modes: Float64, offsets: Float64, covariance: Float64
) -> BoardShape:
    board = solution.observations.board
    heights = offsets[: board.n_face_corners, 2]
    at = int(np.argmax(np.abs(heights)))
    slopes = modes[:, at, 2]
    face = board.points[: board.n_face_corners]
    side = float(np.ptp(face, axis=0)[:2].max()) / 2
    along = float((offsets * modes[3]).sum() / np.square(modes[3]).sum())
    return BoardShape(
        offsets,
        float(np.abs(heights[at])),
        min(float(np.sqrt(max(float(slopes @ covariance @ slopes), 0.0))), _UNKNOWN),
        100 * along / side,
        100 * min(float(np.sqrt(max(float(covariance[3, 3]), 0.0))), _UNKNOWN) / side,
    )
