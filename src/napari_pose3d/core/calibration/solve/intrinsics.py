"""Intrinsics of single cameras: a start for the whole rig."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import PoseDataError

from ..board.observations import BoardObservations
from .board_poses import candidate_poses, focal_length, homographies
from .bundle_adjustment import Freedom, Loss, adjust, covariance_of
from .clocks.camera_clocks import corner_noise
from .lens import CX, CY, FX, FY, K1, N_INTRINSICS, undistort
from .rig_state import BoardImages, BoardMotion, RigState, weak_priors

Float64 = NDArray[np.float64]

MOST_IMAGES = 40
"""Images that a camera's intrinsics are found from; more add time and no certainty."""

_GUESS = 1.2  # focal length over image width, of a usual lens
FEWEST_CORNERS = 6
"""An image with fewer corners says nothing about the lens."""


def start_intrinsics(
    observations: BoardObservations,
    known: Float64 | None,
    fisheye: bool,
    check: Callable[[], None] = lambda: None,
) -> tuple[Float64, NDArray[np.bool_]]:
    """Intrinsics of all cameras: those that are known, and the others from their own images.

    Parameters
    ----------
    known : (view, 9), optional
        Rows of NaN are not known.

    Returns
    -------
    intrinsics : (view, 9)
    held : (view,) bool
        Those that are known and stay.

    Raises
    ------
    PoseDataError
        See `camera_intrinsics`.
    """
    n_views = len(observations.views)
    intrinsics = np.full((n_views, N_INTRINSICS), np.nan) if known is None else known.copy()
    held = np.asarray(np.isfinite(intrinsics).all(axis=1))
    for view in np.flatnonzero(~held):
        intrinsics[view] = camera_intrinsics(observations, int(view), fisheye, check)
    return intrinsics, held


def camera_intrinsics(
    observations: BoardObservations,
    view: int,
    fisheye: bool = False,
    check: Callable[[], None] = lambda: None,
) -> Float64:
    """Intrinsics of one camera from its own images of the board, ``(9,)``.

    Errors are those of `intrinsics_with_errors`.
    """
    return intrinsics_with_errors(observations, view, fisheye, check)[0]


def intrinsics_with_errors(
    observations: BoardObservations,
    view: int,
    fisheye: bool = False,
    check: Callable[[], None] = lambda: None,
) -> tuple[Float64, Float64]:
    """Intrinsics of one camera from its own images of the board, and their standard errors.

    Returns
    -------
    intrinsics, sd : (9,)

    Raises
    ------
    PoseDataError
        When no image shows six corners that do not lie on one line.
    """
    name, size = observations.views[view], observations.sizes[view]
    images = BoardImages.of(observations.of_views([name]))
    images = images.at(images.observed.sum(axis=1) >= FEWEST_CORNERS)
    matrices, found = homographies(images.points, images.xy, images.observed)
    images, matrices = images.at(found), matrices[found]
    if not len(images.view):
        raise PoseDataError(
            f"no image of view {name} shows enough of the board",
            expected=f"{FEWEST_CORNERS} corners that do not lie on one line, in several images",
            todo="Record the board larger and tilted in several directions",
        )
    focal = focal_length(matrices, size) or _GUESS * size[0]
    start = np.zeros((1, N_INTRINSICS))
    start[0, [FX, FY]] = focal
    start[0, CX], start[0, CY] = (size[0] - 1) / 2, (size[1] - 1) / 2

    images = images.at(_spread(images, size))
    images = replace(images, frame=np.arange(len(images.view)))
    state = _with_poses(start, images, fisheye)
    free = np.zeros((1, N_INTRINSICS), bool)
    free[0, [FX, FY, K1]] = True
    no = np.zeros(1, bool)
    for scale, everything in ((20.0, False), (5.0, False), (2.0, True), (0.5, True)):
        if everything:
            free[:] = True
        priors = weak_priors(state.intrinsics, (size,), fisheye)
        result = adjust(
            state, images, Freedom(no, free, no), Loss(scale), priors=priors, check=check
        )
        state = result.state
    noise = corner_noise(state, images, BoardMotion.still(len(images.view)))
    sd = noise * np.sqrt(np.maximum(np.diag(covariance_of(result.information)), 0.0))
    return np.asarray(state.intrinsics[0]), np.asarray(sd)


def _with_poses(intrinsics: Float64, images: BoardImages, fisheye: bool) -> RigState:
    """One camera at the origin with the better pose of the board in each image."""
    poses = candidate_poses(
        images.points, undistort(intrinsics, images.xy, fisheye), images.observed
    )
    return RigState(
        rotations=np.eye(3)[None],
        translations=np.zeros((1, 3)),
        intrinsics=intrinsics,
        clocks=np.zeros(1),
        fisheye=fisheye,
        board_rotations=poses.rotations[:, 0],
        board_translations=poses.translations[:, 0],
    )


def _spread(images: BoardImages, size: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask of images that differ in place, size and tilt, by farthest points."""
    n = len(images.view)
    if n <= MOST_IMAGES:
        return np.ones(n, bool)
    weight = images.observed[..., None]
    count = images.observed.sum(axis=1)
    middle = (images.xy * weight).sum(axis=1) / count[:, None]
    off = (images.xy - middle[:, None]) * weight
    spread = np.einsum("nki,nkj->nij", off, off) / count[:, None, None]
    area = np.linalg.det(spread).clip(1e-9)
    features = np.column_stack(
        [
            middle / size[0],
            0.25 * np.log(area),
            (spread[:, 0, 0] - spread[:, 1, 1]) / np.sqrt(area) / 4,
            spread[:, 0, 1] / np.sqrt(area) / 2,
        ]
    )
    # Images with many corners say more: they come first among equals.
    chosen = [int(np.argmax(count))]
    distance = np.full(n, np.inf)
    while len(chosen) < MOST_IMAGES:
        step = np.square(features - features[chosen[-1]]).sum(axis=1)
        distance = np.minimum(distance, step)
        chosen.append(int(np.argmax(distance * count)))
    mask = np.zeros(n, bool)
    mask[chosen] = True
    return mask
