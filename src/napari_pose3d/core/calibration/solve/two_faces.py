"""A board of which some cameras see the back, though nothing was said of one.

Notes
-----
The corners of the back lie behind those of the front by the board's thickness. A camera that sees
the back only is tied to the others through that thickness: wrong by some mm, it bends the rig. It
shows in the residuals as soon as the board is tilted in several directions.

A video that is mirrored, as some recording programs do, looks the same; but no camera behind the
board explains it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import PoseDataError

from ..board.observations import BoardObservations
from .bundle_adjustment import Freedom, Loss, adjust, costs_of
from .rig_solution import Solution, solve_rig
from .rig_state import INTRINSICS, N_CAMERA, BoardMotion, residuals_of, weak_priors

Float64 = NDArray[np.float64]

_THICKEST = 40.0  # mm
_THIN = 0.3  # mm: no more than paper or a pane that is seen through
_CERTAIN = 4.0  # standard errors
_FORGIVING = 2.0  # px
_MIRRORED = 0.5  # share of the residual that is left with the image turned back
_SUSPECT = 3.0  # times the residual of the other views


def with_thickness(
    solution: Solution,
    observations: BoardObservations,
    check: Callable[[], None] = lambda: None,
) -> tuple[BoardObservations, str]:
    """The observations of a board whose thickness is found, and a note on it.

    Parameters
    ----------
    solution : Solution
        For a board without thickness to speak of.
    observations : BoardObservations
        As recorded, corners of the back after those of the front.

    Returns
    -------
    observations : BoardObservations
        Of a board as thick as was found; where it is thin, its two faces are one.
    note : str
    """
    thickness, sd = _thickness(solution, check)
    board = observations.board
    if thickness > max(_THIN, _CERTAIN * sd):
        note = f"the board is {thickness:.1f} mm thick (+- {sd:.1f}), as its back shows"
        return replace(observations, board=replace(board, thickness=thickness)), note
    half = board.n_face_corners
    front, back = observations.xy[:, :, :half], observations.xy[:, :, half:]
    xy = np.where(np.isfinite(front), front, back)
    thin = replace(board, thickness=0.0)
    return replace(observations, board=thin, xy=xy), "the board is thin: its back is its front"


def refuse_mirrored(
    solution: Solution,
    observations: BoardObservations,
    behind: Sequence[str],
    options: dict[str, Any],
) -> None:
    """Refuse videos that are mirrored left and right.

    Parameters
    ----------
    behind : sequence of str
        Views that were taken to see the board's back.
    options : dict
        Of `solve_rig`.

    Raises
    ------
    PoseDataError
        When a view explains what it shows much better with its images turned back.
    """
    before = view_residuals(solution)
    for name in behind:
        view = observations.views.index(name)
        others = np.delete(before, view)
        if not before[view] > max(_SUSPECT * float(np.median(others)), 1.0):
            continue
        half = observations.board.n_face_corners
        xy = observations.xy.copy()
        xy[view, :, :half] = xy[view, :, half:]
        xy[view, :, :half, 0] = observations.sizes[view][0] - 1 - xy[view, :, :half, 0]
        xy[view, :, half:] = np.nan
        try:
            turned = solve_rig(replace(observations, xy=xy), **options)
        except PoseDataError:
            continue
        after = view_residuals(turned)[view]
        if after < _MIRRORED * before[view]:
            raise PoseDataError(
                f"the video of view {name} is mirrored left and right: turned back, corners are "
                f"{after:.2f} px from the board, as it is {before[view]:.1f} px",
                expected="videos as the camera sees",
                todo="Turn off mirroring in the recording program, or mirror the video back",
            )


def view_residuals(solution: Solution) -> Float64:
    """Median distance of the corners from the board's pose in each view, px."""
    residuals = residuals_of(solution.state, solution.images, solution.motion)
    lengths = np.linalg.norm(residuals.xy, axis=-1)
    out = np.full(solution.state.n_views, np.nan)
    for view in range(len(out)):
        of_view = lengths[solution.images.view == view]
        there = residuals.valid[solution.images.view == view]
        if there.any():
            out[view] = np.median(of_view[there])
    return out


def _thickness(solution: Solution, check: Callable[[], None]) -> tuple[float, float]:
    """Thickness of the board and its standard error, mm."""
    from scipy.optimize import minimize_scalar

    images, state = solution.images, solution.state
    half = len(images.points) // 2
    free = solution.free.reshape(state.n_views, N_CAMERA)
    freedom = Freedom(free[:, 0], free[:, INTRINSICS], np.zeros(state.n_views, bool))
    priors = weak_priors(state.intrinsics, solution.observations.sizes, state.fisheye)
    motion: BoardMotion = solution.motion

    def cost(thickness: float) -> float:
        nonlocal state
        check()
        points = images.points.copy()
        points[half:, 2] = thickness
        trial = replace(images, points=points)
        result = adjust(
            state,
            trial,
            freedom,
            Loss(_FORGIVING),
            priors=priors,
            motion=motion,
            most_steps=40,
        )
        state = result.state
        return float(costs_of(result.state, trial, motion, Loss(_FORGIVING)).sum())

    best: Any = minimize_scalar(
        cost, bounds=(0.0, _THICKEST), method="bounded", options={"xatol": 0.02, "maxiter": 25}
    )
    at, least = float(best.x), float(best.fun)
    step = max(0.1 * at, 0.5)
    bend = (cost(at + step) - 2 * least + cost(abs(at - step))) / step**2
    sd = solution.noise * np.sqrt(2 / bend) if bend > 0 else np.inf
    return at, float(sd)
