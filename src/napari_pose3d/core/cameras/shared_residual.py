"""How much of the residuals is the calibration's, and how much the network's.

Notes
-----
A calibration that is slightly wrong moves what a view observes by an amount that varies slowly
through space, and is the same for every keypoint that comes by. A network errs at each keypoint in
its own way. So the residuals of each keypoint are predicted from those of the *others*, as an
affine function of the position in space: what can be predicted is shared, and no network's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .rig import Rig
from .triangulation.triangulation import triangulate

_POINTS = 2000
_FEWEST_POINTS = 60
# How many directions must agree before it is no accident: a point leaves ``2 views - 3`` of them,
# and one keypoint less than there are can agree with the others. Five keypoints in two views.
_FEWEST_COMPARISONS = 4
# Points that fit so many times worse than usual are errors of a network.
_GROSS = 3.0
# Relative to the number of points; keeps a keypoint that lies apart from being extrapolated to.
_RIDGE = 0.02


@dataclass(frozen=True)
class ResidualParts:
    """Root mean squares of the residuals' length over points and views, px; NaN where unknown.

    Attributes
    ----------
    shared : float
        What the other keypoints predict.
    own : float
        The rest.
    n_keypoints : int
        Of how many keypoints.
    """

    shared: float = np.nan
    own: float = np.nan
    n_keypoints: int = 0


def residual_parts(rig: Rig, xy: NDArray[np.floating]) -> ResidualParts:
    """Divide the residuals of observations.

    Parameters
    ----------
    rig : Rig
        Cameras in the order of the views.
    xy : (view, frame, keypoint, 2)
        Observations in px; NaN where missing.
    """
    points, keypoint = _sample(xy)
    if points.shape[1] < _FEWEST_POINTS:
        return ResidualParts()
    xyz = triangulate(rig, points, threads=1).xyz
    residual = points - rig.project(xyz)
    length = np.sqrt(np.mean(np.square(residual).sum(axis=-1), axis=0))
    usual = np.isfinite(length)
    usual &= length <= _GROSS * np.median(length[usual]) if usual.any() else False
    residual, xyz, keypoint = residual[:, usual], xyz[usual], keypoint[usual]
    names = np.unique(keypoint)
    n_compared = (len(names) - 1) * (2 * len(residual) - 3)
    if n_compared < _FEWEST_COMPARISONS or len(xyz) < _FEWEST_POINTS:
        return ResidualParts()
    place = (xyz - xyz.mean(axis=0)) / xyz.std(axis=0).mean()
    known = np.column_stack([np.ones(len(place)), place])
    # All views together: (point, view x coordinate).
    values = np.moveaxis(residual, 1, 0).reshape(len(place), -1)
    predicted = np.empty_like(values)
    for each in names:
        own = keypoint == each
        others = known[~own]
        normal = others.T @ others + _RIDGE * len(others) * np.diag([0.0, 1.0, 1.0, 1.0])
        predicted[own] = known[own] @ np.linalg.solve(normal, others.T @ values[~own])
    n_views = len(residual)
    whole = np.square(values).sum() / len(place) / n_views
    rest = np.square(values - predicted).sum() / len(place) / n_views
    shared = float(np.sqrt(max(whole - rest, 0.0)))
    return ResidualParts(shared, float(np.sqrt(rest)), len(names))


def _sample(
    xy: NDArray[np.floating],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Points that every view observes, ``(view, point, 2)``, and of which keypoints they are.

    All of a frame, and frames from all over the recording.
    """
    n_frames, n_keypoints = xy.shape[1:3]
    there = np.ones((n_frames, n_keypoints), dtype=bool)
    for view in xy:
        there &= np.isfinite(view).all(axis=-1)
    frames = np.flatnonzero(there.any(axis=1))
    wanted = max(_POINTS // max(n_keypoints, 1), 1)
    chosen = frames[np.linspace(0, len(frames) - 1, min(len(frames), wanted)).astype(int)]
    frame, keypoint = np.nonzero(there[chosen])
    return np.asarray(xy[:, chosen[frame], keypoint], dtype=np.float64), keypoint
