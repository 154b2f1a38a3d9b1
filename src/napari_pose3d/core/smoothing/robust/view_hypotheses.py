"""The most likely sequence of hypotheses about which views are right.

Notes
-----
Of three views with one wrong, any two determine a point, and within the frame nothing decides
between them. Over time something does: the true point continues the frames before and after, while
a false hypothesis jumps away at the beginning of a stretch and back at its end. In each open frame
the hypotheses are: a pair of views is right, one view is, or none. The sequence with the least sum
of negative log-probabilities, of residuals and of steps, is found by dynamic programming.

References
----------
Viterbi, "Error bounds for convolutional codes and an asymptotically optimum decoding algorithm",
IEEE Trans. Information Theory 13, 1967.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.camera import Camera
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import (
    AUTO_THRESHOLD,
    Triangulation,
    auto_thresholds,
    triangulate,
)
from napari_pose3d.core.poses.arrays import observed_mask
from napari_pose3d.settings import IsCancelled, Robust

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

# Correlation time of large errors in frames: so many frames count as one observation.
_CORRELATION_TIME = 100
# Cost of a squared residual at the threshold, in nats; the median of a residual's length is 1.177
# times the noise.
_NATS = 0.5 * (1.177 * AUTO_THRESHOLD) ** 2 / _CORRELATION_TIME
# Variance of steps where views contradict each other, relative to where they agree.
_STEP_FACTOR = 3.0


def most_likely_hypotheses(
    rig: Rig,
    centre: NDArray[np.float32],
    weights: Float64,
    found: Triangulation,
    step_variance: float,
    robust: Robust,
    cancelled: IsCancelled,
    decided: Bool | None = None,
) -> tuple[Float64, Bool, Bool]:
    """Positions, inliers and undecided frames after the choice of hypotheses.

    Parameters
    ----------
    rig : Rig
    centre : (view, frame, 2)
        Pixels; NaN where missing.
    weights : (view, frame)
        Relative inverse variance of the observations.
    found : Triangulation
        Of these, frame by frame; frames with two inliers of three or more views are open.
    step_variance : float
        Typical squared step from frame to frame, squared rig units.
    robust : "auto" or float
        As for `triangulate`.
    decided : (frame,) bool, optional
        Frames in which nothing is open, whatever the views say.

    Returns
    -------
    xyz : (frame, 3)
        Rig units.
    inliers : (view, frame)
        In an undecided frame one view at most, which determines a ray only.
    undecided : (frame,)
    """
    from .view_hypothesis_kernels import viterbi_path

    observed = observed_mask(centre) & (weights > 0)
    n_seen = observed.sum(axis=0)
    is_open = (n_seen > 2) & (found.n_views == 2)
    if decided is not None:
        is_open &= ~decided
    open_frames = np.flatnonzero(is_open)
    xyz, inliers, undecided = found.xyz.copy(), found.inliers.copy(), found.undecided.copy()
    if not len(open_frames):
        return xyz, inliers, undecided
    part, there = centre[:, open_frames], observed[:, open_frames]
    limits = auto_thresholds(found.residuals.T, found.inliers.T)
    if not isinstance(robust, str):
        limits[:] = robust
    points, costs, members = _pairs(rig, part, weights[:, open_frames], there, limits, cancelled)
    rays = rig.undistort(np.where(there[..., None], part, np.nan))
    directions = np.stack([_directions(c, r) for c, r in zip(rig.cameras, rays, strict=True)], 1)
    others = np.where(np.isfinite(directions[..., 0]), n_seen[open_frames, None] - 1, np.inf)
    # A frame that is not open has one hypothesis, at no cost.
    clear = np.isfinite(found.xyz[:, 0]) & ~found.undecided
    choice = np.full(len(n_seen), -1)
    slot = np.full(len(n_seen), -1)
    slot[open_frames] = np.arange(len(open_frames))
    viterbi_path(
        found.xyz,
        clear,
        slot,
        points,
        costs,
        rig.centres,
        directions,
        _NATS * others,
        # Not zero for predictions that do not move at all.
        max(_STEP_FACTOR * step_variance, 1e-12 * float(np.nanmax(np.abs(found.xyz))) ** 2, 1e-300),
        choice,
    )
    n_pairs = points.shape[1]
    undecided[open_frames] = True
    inliers[:, open_frames] = False
    frames = np.flatnonzero((choice >= 0) & (choice < n_pairs))
    at = slot[frames], choice[frames]
    xyz[frames] = points[at]
    inliers[:, frames] = members[at].T
    undecided[frames] = False
    for view in range(len(centre)):
        inliers[view, choice == n_pairs + view] = True
    return xyz, inliers, undecided


def _pairs(
    rig: Rig,
    centre: NDArray[np.float32],
    weights: Float64,
    observed: Bool,
    limits: Float64,
    cancelled: IsCancelled,
) -> tuple[Float64, Float64, Bool]:
    """Point and cost of each pair of views, and the views that agree with it.

    ``(frame, pair, 3)``, ``(frame, pair)`` in nats, ``(frame, pair, view)``.
    """
    points, costs, members = [], [], []
    for pair in combinations(range(len(centre)), 2):
        pair_weights = np.zeros_like(weights)
        for view in pair:
            pair_weights[view] = np.where(observed[view], weights[view], 0.0)
        found = triangulate(rig, centre, pair_weights, None, threads=1, cancelled=cancelled)
        squared = np.where(observed, (found.residuals / limits[:, None]) ** 2, np.inf)
        off = np.where(observed, np.fmin(squared, 1.0), 0.0).sum(axis=0)
        points.append(found.xyz)
        costs.append(np.where(np.isfinite(found.xyz[:, 0]), _NATS * off, np.inf))
        agree = squared <= 1.0
        agree[list(pair)] |= observed[list(pair)]
        members.append(agree.T)
    return np.stack(points, axis=1), np.stack(costs, axis=1), np.stack(members, axis=1)


def _directions(camera: Camera, rays: Float64) -> Float64:
    """Directions of length 1 in the world, ``(frame, 3)``, of normalised coordinates."""
    along = np.concatenate([rays, np.ones((len(rays), 1))], axis=1) @ camera.rotation
    return np.asarray(along / np.linalg.norm(along, axis=1, keepdims=True))
