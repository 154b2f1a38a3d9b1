"""From the labels of some views to all views: the point in space, and which label disagrees.

The point is the least squares solution in pixels of the labels that agree. With three labels or
more, explanations compete: all are right up to the noise of a click, or one is wrong (with five or
more: one or two). Each is judged by its probability given all labels, with the position in space
integrated out (Laplace's approximation; MacKay, "Information Theory, Inference, and Learning
Algorithms", 2003, chapters 27 and 28).

Two views check each other in one direction only: a label moved along its epipolar line still fits
the other view. So the labels alone name the wrong one of three in some 95 of 100 cases, however far
off it is. What settles the rest is where a prediction puts the point, and how far it lies from the
other keypoints.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.poses.arrays import observed_mask
from napari_pose3d.errors import PoseDataError

from .hypotheses import (
    Hypotheses,
    joined,
    label_cost,
    make_hypotheses,
    probabilities,
    with_two_wrong,
)
from .keypoint_priors import Distances, ExpectedPoints, KeypointPrior

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

CLICK_SD = 1.5
"""Standard deviation of a click in px, in x and in y, while nothing is known about the labeler."""

# The stated variance of a click counts as this many observations against the residuals.
_STATED = 4.0
# Two labels with a larger squared residual than this, in variances, cannot both be trusted.
_MOST_SQUARED = 9.0
# Rounds of estimating the noise, each as long as it grows by this factor.
_MOST_ROUNDS = 5
_WORTH_A_ROUND = 1.05
# Of so many keypoints one may have several wrong labels.
_FEW = 4
# A point is beyond doubt, and may speak for its neighbours, from this probability on.
_SURE = 0.99
# An explanation less probable than this does not widen the uncertainty of the chosen one.
_WORTH_A_THOUGHT = 0.05


class Place(IntEnum):
    """Where a point falls in a view."""

    UNKNOWN = 0
    """There is no point."""
    INSIDE = 1
    """In the image."""
    OUTSIDE = 2
    """In front of the camera, beside the image."""
    BEHIND = 3
    """Behind the camera."""


@dataclass(frozen=True, eq=False)
class Projection:
    """Points of one frame from its labels, and their reprojections in all views.

    Attributes
    ----------
    xyz : (keypoint, 3) float64
        Rig units; NaN with fewer than two labels, or when the rays do not meet.
    covariance : (keypoint, 3, 3) float64
        Of ``xyz``. Wider than the clicks alone would have it where residuals are larger, and where
        another explanation of the labels is nearly as probable.
    reprojection : (view, keypoint, 2) float64
        Rig px, also outside of the image; NaN behind the camera.
    uncertainty : (view, keypoint, 2, 2) float64
        Covariance of ``reprojection``, px^2.
    place : (view, keypoint) int8
        `Place` of each reprojection.
    used : (view, keypoint) bool
        The labels that the point was computed from.
    residual : (view, keypoint) float64
        Length in px of label minus reprojection; NaN where there is no label.
    misfit : (keypoint,) float64
        Residuals of the used labels, in standard deviations of a click as stated: 1 is typical. Two
        labels above 3 contradict each other, though nothing tells which one is wrong.
    left_out : (view, keypoint) float64
        Length in px of label minus the reprojection from all other labels; NaN with fewer than
        three labels.
    left_out_sd : (view, keypoint) float64
        The same in standard deviations of what is expected from clicks (Mahalanobis distance; 95 %
        of right labels are below 2.45 when all others are right).
    doubt : (view, keypoint) float64
        Probability that the label is wrong; NaN with fewer than three labels.
    suspect : (keypoint,) int64
        Index of the view whose label disagrees with the others, -1 when none does.
    click_sd : float
        Standard deviation of a click in px that the frame's residuals suggest; at least the stated
        one.
    """

    xyz: Float64
    covariance: Float64
    reprojection: Float64
    uncertainty: Float64
    place: NDArray[np.int8]
    used: Bool
    residual: Float64
    misfit: Float64
    left_out: Float64
    left_out_sd: Float64
    doubt: Float64
    suspect: NDArray[np.int64]
    click_sd: float


def project_labels(
    rig: Rig,
    xy: ArrayLike,
    *,
    click_sd: float = CLICK_SD,
    expected: ExpectedPoints | None = None,
    distances: Distances | None = None,
) -> Projection:
    """Points in space from the labels of one frame, and where they fall in every view.

    Parameters
    ----------
    rig : Rig
        Cameras, in the order of ``xy``'s first axis.
    xy : (view, keypoint, 2)
        Labels that a person stands behind, in rig pixels; NaN elsewhere.
    click_sd : float
        Standard deviation of a click in px, in x and in y.
    expected : ExpectedPoints, optional
        From predictions or a smoothed result. Where labels contradict each other it helps to find
        the wrong one; labels that agree it never overrules.
    distances : Distances, optional
        From the frames labeled so far (`learn_distances`); likewise.

    Returns
    -------
    Projection

    Raises
    ------
    PoseDataError
        The labels do not have the rig's number of views.
    """
    labels = np.asarray(xy, dtype=np.float64)
    n_views = len(rig.cameras)
    if labels.ndim != 3 or labels.shape[0] != n_views or labels.shape[-1] != 2:
        raise PoseDataError(
            f"the labels have shape {labels.shape}",
            expected=f"({n_views}, keypoint, 2), one entry per camera of the rig",
        )
    seen = observed_mask(labels)
    h = make_hypotheses(rig, labels, seen)
    variance = click_sd**2
    puzzling = _puzzling(h, variance)
    # A few keypoints that nothing explains have more wrong labels; many are clicks that are worse
    # than stated.
    if 0 < len(puzzling) <= max(1, len(h.starts) // _FEW):
        h = joined(h, with_two_wrong(rig, labels, seen, puzzling))
    noise = _noise(h, variance)
    probability = _weighed(h, noise, KeypointPrior(expected, distances))
    return _collected(rig, labels, seen, h, probability, variance, noise)


def _puzzling(h: Hypotheses, variance: float) -> NDArray[np.int64]:
    """Keypoints whose labels no hypothesis explains."""
    best = _best(h, probabilities(label_cost(h, variance), h))
    unlikely = h.freedom[best] + 4 * np.sqrt(2.0 * h.freedom[best])
    return h.keypoint[best[h.squared[best] > variance * unlikely]]


def _noise(h: Hypotheses, variance: float) -> float:
    """Variance of a click that the residuals of all keypoints suggest, px^2."""
    noise = variance
    for _ in range(_MOST_ROUNDS):
        # Clicks that look wrong beside a small noise may look right beside a larger one.
        probability = probabilities(label_cost(h, noise), h)
        best = _best(h, probability)
        best = best[probability[best] > 0]
        if not len(best):
            break
        squared, freedom = h.squared[best] / variance, h.freedom[best]
        # The median of chi-squared (Wilson & Hilferty 1931): wild labels must not make all others
        # look uncertain. With few keypoints it says less than the mean.
        median = np.median(squared / (freedom * (1 - 2 / (9 * freedom)) ** 3))
        total = float(freedom.sum())
        typical = min(float(median), float(squared.sum()) / total)
        suggested = variance * (_STATED + total * typical) / (_STATED + total)
        if suggested < _WORTH_A_ROUND * noise:
            break
        noise = suggested
    return noise


def _best(h: Hypotheses, probability: Float64) -> NDArray[np.int64]:
    """Index of the most probable hypothesis of each keypoint that has any."""
    order = np.lexsort((-probability, h.keypoint))
    return order[h.starts]


def _weighed(h: Hypotheses, variance: float, known: KeypointPrior) -> Float64:
    """Probability of each hypothesis.

    The labels alone decide whether one of them is wrong, since a person who contradicts a
    prediction may well be right. What is known besides decides which one.
    """
    cost = label_cost(h, variance)
    probability = probabilities(cost, h)
    best = _best(h, probability)
    sure = probability[best] > _SURE
    # Two labels can only be right together.
    sure &= h.squared[best] < _MOST_SQUARED * variance * h.freedom[best]
    candidates = (h.n_wrong > 0) & np.isfinite(cost)
    in_doubt = np.unique(h.keypoint[candidates & (probability > 1 - _SURE)])
    if not len(in_doubt):
        return probability
    covariance = h.covariance * variance
    trusted = best[sure]
    for k in in_doubt:
        rows = np.flatnonzero(candidates & (h.keypoint == k))
        others = trusted[h.keypoint[trusted] != k]
        part = cost[rows] + known.cost(
            k, h.xyz[rows], covariance[rows], h.keypoint[others], h.xyz[others], covariance[others]
        )
        weight = np.exp(-0.5 * (part - part.min()))
        probability[rows] = probability[rows].sum() * weight / weight.sum()
    return probability


def _collected(
    rig: Rig,
    labels: Float64,
    seen: Bool,
    h: Hypotheses,
    probability: Float64,
    variance: float,
    noise: float,
) -> Projection:
    n_views, n_keypoints = seen.shape
    best = _best(h, probability)
    best = best[probability[best] > 0]
    k = h.keypoint[best]
    xyz = np.full((n_keypoints, 3), np.nan)
    covariance = np.full((n_keypoints, 3, 3), np.nan)
    reprojection = np.full((n_views, n_keypoints, 2), np.nan)
    uncertainty = np.full((n_views, n_keypoints, 2, 2), np.nan)
    used = np.zeros(seen.shape, dtype=np.bool_)
    misfit = np.full(n_keypoints, np.nan)
    misfit[k] = np.sqrt(h.squared[best] / (variance * h.freedom[best]))
    xyz[k] = h.xyz[best]
    covariance[k] = _inflated_covariance(h, probability, best, noise)
    reprojection[:, k] = h.reprojection[:, best]
    J = h.jacobian[:, best]
    uncertainty[:, k] = np.einsum("vkai,kij,vkbj->vkab", J, covariance[k], J)
    used[:, k] = h.right[:, best]

    left_out = np.full(seen.shape, np.nan)
    left_out_sd = left_out.copy()
    doubt = np.where(seen & (seen.sum(axis=0) >= 3), 0.0, np.nan)
    wrong = seen[:, h.keypoint] & ~h.right
    view, row = np.nonzero(wrong)
    np.add.at(doubt, (view, h.keypoint[row]), probability[row])
    single = np.flatnonzero(h.n_wrong == 1)
    view, of = wrong[:, single].argmax(axis=0), h.keypoint[single]
    error = labels[view, of] - h.reprojection[view, single]
    J = h.jacobian[view, single]
    spread = noise * (np.einsum("nai,nij,nbj->nab", J, h.covariance[single], J) + np.eye(2))
    left_out[view, of] = np.linalg.norm(error, axis=-1)
    left_out_sd[view, of] = _mahalanobis(error, spread)

    suspects = np.where(wrong[:, best], np.nan_to_num(left_out[:, k], nan=np.inf), -1.0)
    suspect = np.full(n_keypoints, -1, dtype=np.int64)
    suspect[k] = np.where(h.n_wrong[best] > 0, suspects.argmax(axis=0), -1)
    return Projection(
        xyz=xyz,
        covariance=covariance,
        reprojection=reprojection,
        uncertainty=uncertainty,
        place=_places(rig, xyz, reprojection),
        used=used,
        residual=np.linalg.norm(labels - reprojection, axis=-1),
        misfit=misfit,
        left_out=left_out,
        left_out_sd=left_out_sd,
        doubt=doubt,
        suspect=suspect,
        click_sd=float(np.sqrt(noise)),
    )


def _inflated_covariance(
    h: Hypotheses,
    probability: Float64,
    best: NDArray[np.int64],
    noise: float,
) -> Float64:
    """Covariance of the chosen points: residuals and other explanations taken into account."""
    freedom = h.freedom[best]
    scale = np.maximum((_STATED * noise + h.squared[best]) / (_STATED + freedom), noise)
    total = probability[best]
    covariance = h.covariance[best] * (scale * total)[:, None, None]
    chosen = np.zeros(len(probability), dtype=np.bool_)
    chosen[best] = True
    # The covariance of a mixture, about the chosen point.
    for row in np.flatnonzero(~chosen & (probability > _WORTH_A_THOUGHT)):
        i = np.searchsorted(h.keypoint[best], h.keypoint[row])
        shift = h.xyz[row] - h.xyz[best[i]]
        covariance[i] += probability[row] * (h.covariance[row] * noise + np.outer(shift, shift))
        total[i] += probability[row]
    return covariance / total[:, None, None]


def _mahalanobis(error: Float64, covariance: Float64) -> Float64:
    """Length of ``error (n, 2)`` in standard deviations, ``(n,)``."""
    a, b, c = covariance[:, 0, 0], covariance[:, 0, 1], covariance[:, 1, 1]
    x, y = error[:, 0], error[:, 1]
    return np.sqrt((c * x * x - 2 * b * x * y + a * y * y) / (a * c - b * b))


def _places(rig: Rig, xyz: Float64, reprojection: Float64) -> NDArray[np.int8]:
    # The centre of a pixel is an integer, so an image begins half a pixel before zero.
    last = np.array([camera.size or (np.inf, np.inf) for camera in rig.cameras]) - 0.5
    inside = ((reprojection >= -0.5) & (reprojection <= last[:, None])).all(axis=-1)
    axes = np.stack([camera.rotation[2] for camera in rig.cameras])
    depth = axes @ xyz.T + np.array([[camera.translation[2]] for camera in rig.cameras])
    place = np.where(inside, Place.INSIDE, np.where(depth > 0, Place.OUTSIDE, Place.BEHIND))
    place[:, np.isnan(xyz[:, 0])] = Place.UNKNOWN
    return place.astype(np.int8)
