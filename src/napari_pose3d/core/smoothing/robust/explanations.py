"""Which views to believe where only two of them agree: decided by the track, not by the frame.

Of three views with one wrong, any two tell of a point; frame by frame nobody knows which. But the
animal does not jump: the true point follows from the frames before and leads to those after, while
the other explanations of a stretch leap away at its beginning and back at its end. Where no two
views agree, one of them may still go on smoothly. The sequence of explanations (a pair of views,
one view, or none) that is likeliest as a whole is found by dynamic programming (Viterbi 1967).
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Camera, Rig
from napari_pose3d.core.cameras.triangulation.triangulation import (
    AUTO_THRESHOLD,
    Triangulation,
    auto_thresholds,
    triangulate,
)
from napari_pose3d.core.poses.arrays import observed
from napari_pose3d.core.settings import IsCancelled, Robust

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

# Errors of this size last about so many frames: what a stretch of frames says about a residual is
# little more than what one of them says.
_LAST = 100
# What a squared residual at the limit costs, in nats; the median of a residual's length is 1.177
# times the noise.
_NATS = 0.5 * (1.177 * AUTO_THRESHOLD) ** 2 / _LAST
# Steps of a track whose views contradict each other are larger than they look where they agree.
_LARGER = 3.0


def most_likely_explanations(
    rig: Rig,
    centre: NDArray[np.float32],
    trust: Float64,
    found: Triangulation,
    step_variance: float,
    robust: Robust,
    cancelled: IsCancelled,
) -> tuple[Float64, Bool, Bool]:
    """Positions, inliers and what stays undecided, where two views stand against others.

    Parameters
    ----------
    rig : Rig
    centre : (view, frame, 2)
        Pixels; NaN where missing.
    trust : (view, frame)
        Relative inverse variance of the observations.
    found : Triangulation
        Of these, frame by frame.
    step_variance : float
        Typical squared step from frame to frame, squared rig units.
    robust : "auto" or float
        As for `triangulate`.

    Returns
    -------
    xyz : (frame, 3)
    inliers : (view, frame)
        In an undecided frame one view at most, that is believed though it tells a ray only.
    undecided : (frame,)
    """
    from .explanation_kernels import likeliest_path

    seen = observed(centre) & (trust > 0)
    n_seen = seen.sum(axis=0)
    open_frames = np.flatnonzero((n_seen > 2) & (found.n_views == 2))
    xyz, inliers, undecided = found.xyz.copy(), found.inliers.copy(), found.undecided.copy()
    if not len(open_frames):
        return xyz, inliers, undecided
    part, there = centre[:, open_frames], seen[:, open_frames]
    limits = auto_thresholds(found.residuals.T, found.inliers.T)
    if not isinstance(robust, str):
        limits[:] = robust
    points, costs, members = _pairs(rig, part, trust[:, open_frames], there, limits, cancelled)
    rays = rig.undistort(np.where(there[..., None], part, np.nan))
    directions = np.stack([_directions(c, r) for c, r in zip(rig.cameras, rays, strict=True)], 1)
    others = np.where(np.isfinite(directions[..., 0]), n_seen[open_frames, None] - 1, np.inf)
    # A frame that is clear has one explanation, at no cost.
    clear = np.isfinite(found.xyz[:, 0]) & ~found.undecided
    choice = np.full(len(n_seen), -1)
    slot = np.full(len(n_seen), -1)
    slot[open_frames] = np.arange(len(open_frames))
    likeliest_path(
        found.xyz,
        clear,
        slot,
        points,
        costs,
        rig.centres,
        directions,
        _NATS * others,
        # Frozen predictions do not move at all.
        max(_LARGER * step_variance, 1e-12 * float(np.nanmax(np.abs(found.xyz))) ** 2, 1e-300),
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
    trust: Float64,
    seen: Bool,
    limits: Float64,
    cancelled: IsCancelled,
) -> tuple[Float64, Float64, Bool]:
    """What each pair of views says: points, costs, and the views that agree.

    ``(frame, pair, 3)``, ``(frame, pair)`` in nats, ``(frame, pair, view)``.
    """
    points, costs, members = [], [], []
    for pair in combinations(range(len(centre)), 2):
        weights = np.zeros_like(trust)
        for view in pair:
            weights[view] = np.where(seen[view], trust[view], 0.0)
        found = triangulate(rig, centre, weights, None, threads=1, cancelled=cancelled)
        squared = np.where(seen, (found.residuals / limits[:, None]) ** 2, np.inf)
        off = np.where(seen, np.fmin(squared, 1.0), 0.0).sum(axis=0)
        points.append(found.xyz)
        costs.append(np.where(np.isfinite(found.xyz[:, 0]), _NATS * off, np.inf))
        agree = squared <= 1.0
        agree[list(pair)] |= seen[list(pair)]
        members.append(agree.T)
    return np.stack(points, axis=1), np.stack(costs, axis=1), np.stack(members, axis=1)


def _directions(camera: Camera, rays: Float64) -> Float64:
    """Directions of length 1 in the world, ``(frame, 3)``, of normalised coordinates."""
    along = np.concatenate([rays, np.ones((len(rays), 1))], axis=1) @ camera.rotation
    return np.asarray(along / np.linalg.norm(along, axis=1, keepdims=True))
