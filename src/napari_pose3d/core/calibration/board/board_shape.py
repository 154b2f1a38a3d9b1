"""A board that is not flat: how far its corners lie from the plane, found together with the rig.

Notes
-----
A board of cardboard bends by some mm. Corners that are free to be anywhere would hide a bad rig, so
a smooth shape is found, the same in all frames: heights up to the third degree, how much longer the
board is than it is wide, and how far its angles are from right ones. The mean of both sides keeps
its length, which sets the scale of the rig; what a plane or a turn of the board explains is left
out. Weak priors keep what no image shows at zero.

References
----------
Strobl and Hirzinger (2011), "More accurate pinhole camera calibration with imperfect planar
target", release all corners; that needs images that show all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..solve.bundle_adjustment import Freedom, Loss
from ..solve.rig_solution import Solution
from ..solve.rig_state import INTRINSICS, LAST_LOSS, N_CAMERA, weak_priors
from .board import Board
from .observations import BoardObservations
from .shape_adjustment import adjust_shape

Float64 = NDArray[np.float64]

_DEGREES = ((2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3))
_NOTHING = 1e-6  # of a height's size, left of it once lower degrees are taken out
_BEND_SD = 0.03  # of the longest side, of each height beforehand
_PRINT_SD = 0.01  # of the longest side, of stretch and shear: a printer's
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
    """The ways in which a board may differ, each 1 mm large, ``(mode, corner, 3)``.

    Heights first, each without what a plane and those before it explain (fewer than seven where
    there are few rows or columns); then a stretch along the columns against the rows, and a shear.
    """
    points = board.points
    face = points[: board.n_face_corners]
    middle, half = face.mean(axis=0), np.maximum(np.ptp(face, axis=0) / 2, 1e-9)
    x, y = ((face - middle) / half)[:, :2].T
    known = [np.ones(len(face)), x, y]
    heights = []
    for power, other in _DEGREES:
        height = x**power * y**other
        basis = np.stack(known, axis=1)
        rest = height - basis @ np.linalg.lstsq(basis, height, rcond=None)[0]
        size = float(np.abs(rest).max())
        if size > _NOTHING:
            heights.append(rest / size)
            known.append(rest / size)
    modes = np.zeros((len(heights) + 2, len(points), 3))
    for mode, height in zip(modes, heights, strict=False):
        # Both faces bend together.
        mode[:, 2] = np.resize(height, len(points))
    flat = (points - middle)[:, :2] / (2 * float(half[:2].max()))
    modes[-2, :, :2] = flat * (-1.0, 1.0)
    modes[-1, :, :2] = flat[:, ::-1]
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
    board, state = solution.observations.board, solution.state
    modes = shape_modes(board)
    side = float(np.ptp(board.points[:, :2], axis=0).max())
    sd = np.full(len(modes), _BEND_SD * side)
    sd[-2:] = _PRINT_SD * side
    values: Float64 = np.zeros(len(modes))
    if solution.observations.shape is not None:
        flat = modes.reshape(len(modes), -1)
        offsets = solution.observations.shape.ravel()
        values = np.asarray(np.linalg.lstsq(flat.T, offsets, rcond=None)[0], np.float64)
    free = solution.free.reshape(state.n_views, N_CAMERA)
    images = replace(solution.images, points=board.points)
    covariance = np.zeros((len(modes), len(modes)))
    # Corners of a bent board lie far from those of a flat one: from a forgiving loss to a strict.
    for scale in (10 * LAST_LOSS, LAST_LOSS):
        state, values, covariance = adjust_shape(
            state,
            images,
            Freedom(free[:, 0], free[:, INTRINSICS], free[:, -1]),
            Loss(scale),
            modes,
            values,
            sd,
            priors=weak_priors(state.intrinsics, solution.observations.sizes, state.fisheye),
            motion=solution.motion,
            check=check,
        )
    return _described(board, modes, values, covariance * solution.noise**2)


def _described(board: Board, modes: Float64, values: Float64, covariance: Float64) -> BoardShape:
    offsets = np.einsum("m,mki->ki", values, modes)
    heights = offsets[: board.n_face_corners, 2]
    at = int(np.argmax(np.abs(heights)))
    slopes = modes[:, at, 2]
    half = float(np.ptp(board.points[:, :2], axis=0).max()) / 2
    variance = float(slopes @ covariance @ slopes), float(covariance[-2, -2])
    bend_sd, stretch_sd = (min(float(np.sqrt(max(each, 0.0))), _UNKNOWN) for each in variance)
    return BoardShape(
        offsets,
        float(np.abs(heights[at])),
        bend_sd,
        100 * float(values[-2]) / half,
        100 * stretch_sd / half,
    )
