"""How certain a calibration is: its parameters, and the points that it triangulates.

Notes
-----
Parameters trade with one another: the pose of a camera with its principal point, say. What counts
is by how much points in space may be wrong, which is less than the parameters by themselves let
fear. So the covariance of all cameras is carried through triangulation, and what moves the rig as
a whole is left out, since that changes no length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .solve.bundle_adjustment import covariance_of
from .solve.lens import N_INTRINSICS, project
from .solve.rig_solution import Solution
from .solve.rig_state import CLOCK, INTRINSICS, N_CAMERA
from .solve.rotations import cross_matrix

Float64 = NDArray[np.float64]

_MOST_POINTS = 100
_WELL_SEEN = 1e-9  # smallest over largest eigenvalue of what the views say about a point


@dataclass(frozen=True)
class SpaceError:
    """Standard deviation of triangulated points, as far as the rig makes it.

    Attributes
    ----------
    sd : float
        Median over the points, mm.
    percent : float
        The same in per cent of the size of the volume in which two cameras see the board.
    """

    sd: float
    percent: float


def parameter_covariance(solution: Solution) -> Float64:
    """Covariance of the cameras' free unknowns, ``(n, n)``; see `Solution.free`."""
    return covariance_of(solution.information)


def standard_errors(solution: Solution) -> Float64:
    """Standard errors of each camera's unknowns, ``(view, 16)``: rotation (rad), translation (mm),
    nine intrinsics, clock (frames); NaN for what was held fixed."""
    out = np.full((solution.state.n_views, N_CAMERA), np.nan)
    if not solution.information.size:
        return out
    variance = np.maximum(np.diag(parameter_covariance(solution)), 0)
    out.reshape(-1)[np.flatnonzero(solution.free)] = np.sqrt(variance)
    if solution.state.fisheye:
        out[:, INTRINSICS.start + N_INTRINSICS - 1] = np.nan
    return out


def space_error(solution: Solution) -> SpaceError | None:
    """By how much triangulated points may be wrong; None where nothing tells.

    The points are the middles of the board in some frames in which two cameras see it; each is
    triangulated from all cameras in whose images it lies.
    """
    if not solution.information.size:
        return None
    state = solution.state
    middle = solution.observations.points.mean(axis=0)
    placed = solution.images.in_several_views(len(state.board_translations))
    places = (state.board_rotations @ middle + state.board_translations)[placed]
    if not len(places):
        return None
    places = places[:: max(1, -(-len(places) // _MOST_POINTS))]
    low, high = np.percentile(places, (2, 98), axis=0)
    size = float(np.linalg.norm(high - low))
    slopes, known = _slopes(solution, places)
    if known.sum() < 3 or not size > 0:
        return None
    slopes, places = slopes[known], places[known]
    # What turns and shifts all points together is no error of a length.
    off = places - places.mean(axis=0)
    rigid = np.concatenate(
        [np.tile(np.eye(3), (len(off), 1, 1)), -cross_matrix(off)], axis=-1
    ).reshape(-1, 6)
    basis = np.linalg.qr(rigid)[0]
    stacked = slopes.reshape(-1, slopes.shape[-1])
    stacked = stacked - basis @ (basis.T @ stacked)
    variance = np.einsum("ni,ij,nj->n", stacked, parameter_covariance(solution), stacked)
    sd = float(np.median(np.sqrt(np.maximum(variance.reshape(-1, 3).sum(axis=1), 0))))
    return SpaceError(sd, 100 * sd / size)


def _slopes(solution: Solution, places: Float64) -> tuple[Float64, NDArray[np.bool_]]:
    """How triangulated points move with the cameras' unknowns.

    Returns
    -------
    slopes : (point, 3, n)
        Derivatives by the free unknowns.
    known : (point,) bool
        Points that two cameras see.
    """
    state = solution.state
    n = len(places)
    normal = np.zeros((n, 3, 3))
    mixed = np.zeros((n, 3, state.n_views, N_CAMERA))
    views = np.zeros(n, np.int64)
    for view, (width, height) in enumerate(solution.observations.sizes):
        rotation = state.rotations[view]
        turned = places @ rotation.T
        at = turned + state.translations[view]
        xy, by_point, by_intrinsics = project(state.intrinsics[view], at, state.fisheye)
        seen = (at[:, 2] > 0) & (xy >= 0).all(axis=1) & (xy[:, 0] < width) & (xy[:, 1] < height)
        by_point = by_point * seen[:, None, None]
        by_place = by_point @ rotation
        by_camera = np.zeros((n, 2, N_CAMERA))
        by_camera[:, :, :3] = -by_point @ cross_matrix(turned)
        by_camera[:, :, 3:6] = by_point
        by_camera[:, :, INTRINSICS] = by_intrinsics * seen[:, None, None]
        by_camera[:, :, CLOCK] = 0.0
        normal += np.einsum("pai,paj->pij", by_place, by_place)
        mixed[:, :, view] = np.einsum("pai,pac->pic", by_place, by_camera)
        views += seen
    values = np.linalg.eigvalsh(normal)
    known = (views > 1) & (values[:, 0] > _WELL_SEEN * values[:, 2])
    safe = np.where(known[:, None, None], normal, np.eye(3))
    slopes = -np.linalg.solve(safe, mixed.reshape(n, 3, -1))
    return np.asarray(slopes[:, :, solution.free], np.float64), known
