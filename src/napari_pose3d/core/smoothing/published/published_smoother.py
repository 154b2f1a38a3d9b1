"""The calibrated smoother of ensemble-kalman-smoother 4.6.2, for comparison.

Notes
-----
Its initial values, its observation noise (the raw ensemble variance), its search and the numerical
conventions that affect its results are kept. Two things differ: a missing observation is skipped
instead of turning the rest of the track into NaN, and the search finds the optimum instead of
stopping early.

References
----------
Biderman, Whiteway et al., "Lightning Pose", Nature Methods 21, 2024 (ensemble Kalman smoother).
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import homogeneous_points
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled

from ..kalman.state_space import (
    Float64,
    Track,
    side_by_side,
)
from ..noise.observation_noise import steady_variance

# The diagonal boost of the published linear solver.
PUBLISHED_JITTER = 1e-9
# Between two checks for a cancellation.
_FRAMES_AT_ONCE = 5_000


def published_track(
    rig: Rig,
    xy: NDArray[np.float32],
    centre: NDArray[np.float32],
    variance: NDArray[np.float32],
    searched: NDArray[np.bool_],
    keypoint: str,
    cancelled: IsCancelled,
) -> Track:
    """The model of one keypoint in ensemble-kalman-smoother 4.6.2.

    Parameters
    ----------
    xy : (model, view, frame, 2)
        The ensemble, px.
    centre, variance : (view, frame, 2)
        The ensemble's centre (px) and variance (px^2).
    searched : (frame,) bool
        Frames that the search for ``s`` uses.
    keypoint : str
        For messages.

    Raises
    ------
    PoseDataError
        Fewer than two frames can be triangulated.
    """
    found = np.array([_pairwise_median(rig, model, cancelled) for model in xy])
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


def _pairwise_median(rig: Rig, xy: NDArray[np.float32], cancelled: IsCancelled) -> Float64:
    """Median of the linear solutions of all pairs of views, ``(view, frame, 2) -> (frame, 3)``."""
    parts = []
    for start in range(0, max(xy.shape[1], 1), _FRAMES_AT_ONCE):
        if cancelled():
            raise Cancelled
        parts.append(_median_of_pairs(rig, xy[:, start : start + _FRAMES_AT_ONCE]))
    return np.concatenate(parts)


def _median_of_pairs(rig: Rig, xy: NDArray[np.float32]) -> Float64:
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
