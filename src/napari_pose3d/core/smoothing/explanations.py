"""Which views to believe where only two of them agree: decided by the track, not by the frame.

Of three views with one wrong, any two tell of a point; frame by frame nobody knows which. But the
animal does not jump: the true point follows from the frames before and leads to those after, while
the other explanations of a stretch leap away at its beginning and back at its end. The sequence of
explanations that is likeliest as a whole is found by dynamic programming (Viterbi 1967).
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ..cameras.rig import Rig
from ..cameras.triangulation import Triangulation, triangulate
from ..poses import observed
from ..settings import IsCancelled, Robust

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

# As in `triangulation`: what is no noise any more, in typical residuals and at least in px.
_OFF, _LEAST_OFF = 5.0, 3.0
# Errors of this size last about so many frames: what a stretch of frames says about a residual is
# little more than what one of them says.
_LAST = 100
# What a squared residual at the limit costs, in nats; the median of a residual's length is 1.177
# times the noise.
_NATS = 0.5 * (1.177 * _OFF) ** 2 / _LAST
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
    undecided : (frame,)
    """
    from .explanation_kernels import likeliest_path

    seen = observed(centre) & (trust > 0)
    n_seen = seen.sum(axis=0)
    open_frames = np.flatnonzero((n_seen > 2) & (found.n_views == 2))
    xyz, inliers, undecided = found.xyz.copy(), found.inliers.copy(), found.undecided.copy()
    if not len(open_frames):
        return xyz, inliers, undecided
    limits = _limits(found, robust)
    part, weight = centre[:, open_frames], trust[:, open_frames]
    points, costs, members = [], [], []
    for pair in combinations(range(len(centre)), 2):
        chosen = np.zeros_like(weight)
        chosen[list(pair)] = np.where(seen[list(pair)][:, open_frames], weight[list(pair)], 0.0)
        each = triangulate(rig, part, chosen, None, threads=1, cancelled=cancelled)
        squared = (each.residuals / limits[:, None]) ** 2
        counted = np.where(seen[:, open_frames], np.fmin(squared, 1.0), 0.0).sum(axis=0)
        points.append(each.xyz)
        costs.append(np.where(np.isfinite(each.xyz[:, 0]), _NATS * counted, np.inf))
        members.append((squared <= 1.0) & seen[:, open_frames])
    # A frame that is clear has one explanation, at no cost.
    clear = np.isfinite(found.xyz[:, 0]) & ~found.undecided
    choice = np.full(len(n_seen), -1)
    slot = np.full(len(n_seen), -1)
    slot[open_frames] = np.arange(len(open_frames))
    all_points, all_costs = np.stack(points, axis=1), np.stack(costs, axis=1)
    variance = _LARGER * step_variance
    likeliest_path(found.xyz, clear, slot, all_points, all_costs, variance, choice)
    undecided[open_frames] = True
    frames = np.flatnonzero((choice >= 0) & (choice < len(points)))
    at = slot[frames]
    xyz[frames] = all_points[at, choice[frames]]
    inliers[:, frames] = np.stack(members)[choice[frames], :, at].T
    undecided[frames] = False
    return xyz, inliers, undecided


def _limits(found: Triangulation, robust: Robust) -> Float64:
    """Residuals beyond which an observation is none of the keypoint, px; ``(view,)``."""
    n_views = len(found.residuals)
    if not isinstance(robust, str):
        return np.full(n_views, float(robust))
    limits = np.full(n_views, _LEAST_OFF)
    telling = found.inliers & (found.n_views > 2)
    for view, counts in enumerate(telling):
        if counts.any():
            limits[view] = max(_OFF * float(np.median(found.residuals[view, counts])), _LEAST_OFF)
    return limits
