"""The calibrated smoother: the state is the keypoint's position in space.

``as_published`` follows ensemble-kalman-smoother 4.6.2 in its start values, noise and search.
Our own start is the robust triangulation of the ensemble's centre: observations that contradict
the other views are set aside, and the noise is learned from the residuals (`noise`).
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ..cameras.rig import Rig
from ..cameras.triangulation import homogeneous_points, triangulate
from ..errors import Cancelled, PoseDataError
from ..poses import observed
from ..settings import IsCancelled
from .noise import learned_variance, steady_variance
from .tracks import Float64, Track, side_by_side

# The diagonal boost of the published linear solver.
PUBLISHED_JITTER = 1e-9
# Points triangulated between two looks at the Cancel button.
_BLOCK = 50_000


def calibrated_track(
    rig: Rig,
    centre: NDArray[np.float32],
    variance: NDArray[np.float32],
    searched: NDArray[np.bool_],
    keypoint: str,
    cancelled: IsCancelled,
) -> tuple[Track, NDArray[np.bool_]]:
    """Our model of one keypoint.

    Parameters
    ----------
    rig : Rig
        Cameras in the order of the views.
    centre, variance : (view, frame, 2)
        The ensemble's centre (px) and variance (px^2).
    searched : (frame,) bool
        Frames that the search for ``s`` looks at.

    Returns
    -------
    track : Track
    rejected : (view, frame) bool
        Observations set aside.

    Raises
    ------
    PoseDataError
        Fewer than two frames can be triangulated.
    """
    seen = observed(centre)
    spread = np.where(seen, variance.mean(axis=-1, dtype=np.float64), np.nan)
    xyz, inliers = _robust_start(rig, centre, spread, cancelled)
    located = np.isfinite(xyz[:, 0])
    if located.sum() < 2:
        raise PoseDataError(
            f"the keypoint {keypoint} can be triangulated in {int(located.sum())} of "
            f"{len(xyz)} frames only",
            expected="two or more views that see it in the same frame",
            todo="Leave the keypoint out, lower the minimum likelihood, or check that the views "
            "belong to the cameras of the calibration",
        )
    # A lone observation cannot be checked, but it still says where the ray lies.
    used = np.where(located, inliers, seen)
    rejected = seen & ~used
    error = rig.project(xyz) - centre
    n_views = inliers.sum(axis=0)
    freedom = 2 * n_views - 3
    with np.errstate(invalid="ignore", divide="ignore"):
        # A fit through n views leaves (2n - 3) / 2n of the noise in the residuals.
        squared = np.where(
            inliers & (n_views > 2), (error**2).mean(axis=-1) * (2 * n_views / freedom), np.nan
        )
    r = learned_variance(spread, squared)
    y = np.where(used[..., None], centre, np.nan)
    m0, S0, Q = _motion(xyz[located], np.flatnonzero(located))
    columns = side_by_side(y)
    noise = side_by_side(np.repeat(r[..., None], 2, axis=-1))
    search_y = columns if searched.all() else np.where(searched[:, None], columns, np.nan)
    return Track(columns, noise, m0, S0, Q, np.empty((0, 3)), search_y, noise), rejected


def published_track(
    rig: Rig,
    xy: NDArray[np.float32],
    centre: NDArray[np.float32],
    variance: NDArray[np.float32],
    searched: NDArray[np.bool_],
    keypoint: str,
) -> Track:
    """The model of one keypoint in ensemble-kalman-smoother 4.6.2.

    Parameters
    ----------
    xy : (model, view, frame, 2)
        The ensemble, px.
    centre, variance, searched :
        As in `calibrated_track`.
    """
    found = np.array([_pairwise_median(rig, model) for model in xy])
    located = np.isfinite(found)
    with np.errstate(invalid="ignore"):
        xyz = np.where(located, found, 0.0).sum(axis=0) / located.sum(axis=0)
    finite = np.isfinite(xyz).all(axis=-1)
    if finite.sum() < 2:
        raise PoseDataError(
            f"the keypoint {keypoint} can be triangulated in {int(finite.sum())} of {len(xyz)} "
            "frames only",
            expected="two or more views that see it in the same frame",
        )
    head = xyz[:10] if finite[:10].any() else xyz[finite][:10]
    m0 = np.nanmean(head, axis=0)
    S0 = np.diag(np.nanvar(xyz, axis=0) + 1e-4)
    steps = np.diff(xyz, axis=0)
    mad = np.nanmedian(np.abs(steps - np.nanmedian(steps, axis=0)), axis=0)
    mad = np.nan_to_num(mad)
    Q = np.diag(np.maximum((1.4826 * mad) ** 2, 1e-8))
    y, r = side_by_side(centre), side_by_side(variance)
    return Track(
        y,
        r,
        m0,
        S0,
        Q,
        np.empty((0, 3)),
        # The published search joins its frame ranges end to end.
        np.ascontiguousarray(y[searched]),
        steady_variance(r[searched]),
        PUBLISHED_JITTER,
    )


def _robust_start(
    rig: Rig, centre: NDArray[np.float32], spread: Float64, cancelled: IsCancelled
) -> tuple[Float64, NDArray[np.bool_]]:
    """Robust triangulation in blocks: ``(frame, 3)`` and ``(view, frame)`` inliers."""
    n_frames = centre.shape[1]
    # A variance of a few seeds can be zero by chance; half of the weight is the typical one.
    typical = np.nanmedian(spread) if np.isfinite(spread).any() else 1.0
    weights = 1.0 / (spread + max(float(typical), 1e-2))
    xyz = np.empty((n_frames, 3))
    inliers = np.empty(centre.shape[:2], dtype=bool)
    for start in range(0, n_frames, _BLOCK):
        if cancelled():
            raise Cancelled
        block = slice(start, start + _BLOCK)
        found = triangulate(rig, centre[:, block], weights[:, block], robust="auto")
        xyz[block], inliers[:, block] = found.xyz, found.inliers
    return xyz, inliers


def _motion(xyz: Float64, frames: NDArray[np.intp]) -> tuple[Float64, Float64, Float64]:
    """Start and motion between frames of a track that may have gaps.

    The motion is isotropic, its scale the robust spread of the steps (1.4826 MAD estimates a
    Gaussian's standard deviation); ``s`` scales it.
    """
    m0 = np.median(xyz[:10], axis=0)
    steps = np.diff(xyz, axis=0) / np.sqrt(np.diff(frames))[:, None]
    mad = np.median(np.abs(steps - np.median(steps, axis=0)), axis=0)
    extent = float(xyz.var(axis=0).max())
    scale = max(float(((1.4826 * mad) ** 2).mean()), 1e-8 * extent, 1e-300)
    return m0, np.eye(3) * (extent + 100 * scale), np.eye(3) * scale


def _pairwise_median(rig: Rig, xy: NDArray[np.float32]) -> Float64:
    """Median of the linear solutions of all pairs of views, ``(view, frame, 2) -> (frame, 3)``."""
    rays = rig.undistort(xy)
    points = [
        homogeneous_points(rig.subset([rig.names[a], rig.names[b]]), rays[[a, b]])
        for a, b in combinations(range(len(rig.cameras)), 2)
    ]
    stacked = np.array(points)
    out = np.full(stacked.shape[1:], np.nan)
    any_pair = np.isfinite(stacked).all(axis=-1).any(axis=0)
    out[any_pair] = np.nanmedian(stacked[:, any_pair], axis=0)
    return out
