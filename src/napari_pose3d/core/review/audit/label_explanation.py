"""How well labels fit together, and what would make them fit: the geometry of an audit.

Notes
-----
Labels of one keypoint in several views either meet in a point in space, up to the noise of a
click, or some of them are wrong. Wrong labels have a price (`_PRICE`); the *cost* of a keypoint is
the least, over which of its labels are right, of their squared residuals in variances of a click
plus the price of the others. An exchange of labels that makes the cost of a frame much smaller is
what happened.

References
----------
Hartley & Zisserman, "Multiple View Geometry", 2nd ed., 2004, 12.2; the competing explanations are
those of `labels.geometry.hypotheses`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate
from napari_pose3d.core.labels.geometry.hypotheses import make_hypotheses, with_two_wrong
from napari_pose3d.core.poses.arrays import observed_mask

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

LEAST_SD = 1.0
"""px: nobody clicks better than this."""

# A wrong label costs as much as a squared residual of so many variances.
_PRICE = 24.0
_MOST_WRONG = 2
# The median of a chi-squared variable with n degrees of freedom is about n (1 - 2 / 9n)^3.
_WILSON = 2 / 9


@dataclass(frozen=True, eq=False)
class Fit:
    """How the labels of many keypoints fit together.

    Attributes
    ----------
    cost : (frame, keypoint) float64
    right : (view, frame, keypoint) bool
        Labels that the best explanation keeps.
    xyz : (frame, keypoint, 3) float64
        Points from them, rig units; NaN with fewer than two.
    """

    cost: Float64
    right: Bool
    xyz: Float64


def click_noise(rig: Rig, xy: Float64) -> float:
    """Standard deviation of a click in px, robust against wrong labels; at least `LEAST_SD`.

    Parameters
    ----------
    xy : (view, frame, keypoint, 2)
        Labels in rig px.
    """
    labels = _flat(xy)
    found = triangulate(rig, labels, robust="auto")
    squared = np.where(found.inliers, found.residuals**2, 0).sum(axis=0)
    freedom = 2 * found.inliers.sum(axis=0) - 3
    # Two labels have one degree of freedom, and nothing to be robust with.
    enough = freedom >= 3
    if not enough.any():
        enough = freedom >= 1
    if not enough.any():
        return LEAST_SD
    n = freedom[enough]
    variance = np.median(squared[enough] / (n * (1 - _WILSON / n) ** 3))
    return max(float(np.sqrt(variance)), LEAST_SD)


def fit_labels(rig: Rig, xy: Float64, sd: float) -> Fit:
    """The best explanation of each keypoint by itself.

    Parameters
    ----------
    xy : (view, frame, keypoint, 2)
        Labels in rig px; NaN where there is none.
    sd : float
        Standard deviation of a click, px.
    """
    labels = _flat(xy)
    n_views, n = labels.shape[:2]
    seen = observed_mask(labels)
    count = seen.sum(axis=0)
    # Without an explanation all but one are wrong.
    cost = np.where(count >= 2, _PRICE * (count - 1), 0.0)
    right = np.where(count >= 2, False, seen)
    xyz = np.full((n, 3), np.nan)
    parts = [make_hypotheses(rig, labels, seen)]
    many = np.flatnonzero(count >= 5)
    if len(many):
        parts.append(with_two_wrong(rig, labels, seen, many))
    for h in parts:
        total = h.squared / sd**2 + _PRICE * h.n_wrong
        good = np.isfinite(h.xyz[:, 0]) & (h.n_wrong <= _MOST_WRONG)
        total = np.where(good, total, np.inf)
        order = np.argsort(-total, kind="stable")
        better = order[total[order] < cost[h.keypoint[order]]]
        # The last of several written to one place is the best.
        cost[h.keypoint[better]] = total[better]
        right[:, h.keypoint[better]] = h.right[:, better]
        xyz[h.keypoint[better]] = h.xyz[better]
    shape = xy.shape[1:3]
    return Fit(cost.reshape(shape), right.reshape(n_views, *shape), xyz.reshape(*shape, 3))


def exchanged_views(xy: Float64, first: int, second: int) -> Float64:
    """The labels with those of two views in each other's place."""
    out = xy.copy()
    out[[first, second]] = xy[[second, first]]
    return out


def exchanged_sides(xy: Float64, view: int, pair: tuple[int, int]) -> Float64:
    """The labels with left and right of a pair exchanged in one view."""
    out = xy.copy()
    left, right = pair
    out[view, :, [left, right]] = xy[view][:, [right, left]].transpose(1, 0, 2)
    return out


def _flat(xy: Float64) -> Float64:
    """``(view, frame, keypoint, 2)`` -> ``(view, frame * keypoint, 2)``, C order."""
    return np.ascontiguousarray(xy.reshape(xy.shape[0], -1, 2))
