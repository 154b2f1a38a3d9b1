"""Which labels of a keypoint are wrong: every hypothesis solved, then weighed.

Notes
-----
A hypothesis is one keypoint with the views that are thought right. The labels of the others are
taken to be anywhere in their neighbourhood.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

# How many labels are wrong, before anything is known.
_WRONG = 0.02
# Radius in px of the neighbourhood that a wrong label lies in.
_NEIGHBOURHOOD = 100.0
# With fewer right views than this, nothing would speak for two wrong ones.
_RIGHT_BESIDE_TWO_WRONG = 3


@dataclass(frozen=True, eq=False)
class Hypotheses:
    """Explanations of all keypoints, those of one keypoint in a row.

    Attributes
    ----------
    keypoint : (hypothesis,) int64
        Ascending.
    right : (view, hypothesis) bool
        The labels that count.
    n_wrong : (hypothesis,) int64
    xyz : (hypothesis, 3) float64
        The point from these labels, rig units; NaN where they have none.
    covariance : (hypothesis, 3, 3) float64
        Of ``xyz`` for a click with a standard deviation of 1 px.
    reprojection : (view, hypothesis, 2) float64
    jacobian : (view, hypothesis, 2, 3) float64
        Derivative of ``reprojection`` by ``xyz``.
    squared : (hypothesis,) float64
        Sum of the squared residuals of the right labels, px^2.
    """

    keypoint: NDArray[np.int64]
    right: Bool
    n_wrong: NDArray[np.int64]
    xyz: Float64
    covariance: Float64
    reprojection: Float64
    jacobian: Float64
    squared: Float64

    @cached_property
    def freedom(self) -> NDArray[np.int64]:
        """Degrees of freedom of the residuals, ``(hypothesis,)``."""
        return np.asarray(2 * self.right.sum(axis=0) - 3)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Index of the first hypothesis of each keypoint that has any."""
        return np.flatnonzero(np.diff(self.keypoint, prepend=-1))


def make_hypotheses(rig: Rig, xy: Float64, observed: Bool) -> Hypotheses:
    """Solve all explanations: nothing wrong, and from three labels on each one wrong.

    Parameters
    ----------
    rig : Rig
    xy : (view, keypoint, 2)
        Labels in rig pixels.
    observed : (view, keypoint) bool
        Which are there.
    """
    n = observed.sum(axis=0)
    some = np.flatnonzero(n >= 2)
    view, single = np.nonzero(observed & (n >= 3))
    keypoint = np.concatenate([some, single])
    right = observed[:, keypoint].copy()
    right[view, len(some) + np.arange(len(single))] = False
    order = np.argsort(keypoint, kind="stable")
    return _solve(rig, xy, keypoint[order], right[:, order], observed)


def with_two_wrong(
    rig: Rig, xy: Float64, observed: Bool, keypoints: NDArray[np.int64]
) -> Hypotheses:
    """Solve the explanations with two wrong labels for some keypoints; maybe none.

    Parameters
    ----------
    rig, xy, observed : see `make_hypotheses`
    keypoints : (n,) int64
        Ascending.
    """
    of, right = [], []
    for k in keypoints:
        views = np.flatnonzero(observed[:, k])
        if len(views) < _RIGHT_BESIDE_TWO_WRONG + 2:
            continue
        for pair in combinations(views, 2):
            of.append(k)
            kept = observed[:, k].copy()
            kept[list(pair)] = False
            right.append(kept)
    kept_views = np.array(right, dtype=np.bool_).reshape(-1, len(observed)).T
    return _solve(rig, xy, np.array(of, dtype=np.int64), kept_views, observed)


def joined(a: Hypotheses, b: Hypotheses) -> Hypotheses:
    """Both together, in the order of their keypoints."""
    order = np.argsort(np.concatenate([a.keypoint, b.keypoint]), kind="stable")

    def both(name: str, axis: int) -> NDArray[Any]:
        return np.concatenate([getattr(a, name), getattr(b, name)], axis).take(order, axis)

    return Hypotheses(
        keypoint=both("keypoint", 0),
        right=both("right", 1),
        n_wrong=both("n_wrong", 0),
        xyz=both("xyz", 0),
        covariance=both("covariance", 0),
        reprojection=both("reprojection", 1),
        jacobian=both("jacobian", 1),
        squared=both("squared", 0),
    )


def _solve(
    rig: Rig, xy: Float64, keypoint: NDArray[np.int64], right: Bool, observed: Bool
) -> Hypotheses:
    from napari_pose3d.core.cameras.projection import project_with_derivatives

    labels = np.where(right[..., None], xy[:, keypoint], np.nan)
    xyz = triangulate(rig, labels).xyz
    reprojection = np.empty(labels.shape)
    jacobian = np.empty((*labels.shape, 3))
    project_with_derivatives(rig.packed, xyz, reprojection, jacobian)
    error = labels - reprojection
    squared = np.where(right, np.einsum("vhi,vhi->vh", error, error), 0.0).sum(axis=0)
    used = np.where(right[..., None, None], jacobian, 0.0)
    information = np.einsum("vhai,vhaj->hij", used, used)
    return Hypotheses(
        keypoint,
        right,
        observed[:, keypoint].sum(axis=0) - right.sum(axis=0),
        xyz,
        inverse(information),
        reprojection,
        jacobian,
        squared,
    )


def inverse(matrices: Float64) -> Float64:
    """Inverse of positive semidefinite matrices ``(..., n, n)``; huge where they have none."""
    n = matrices.shape[-1]
    # Far below what the labels tell about any direction, unless they tell nothing.
    ridge = 1e-15 * np.trace(matrices, axis1=-2, axis2=-1)[..., None, None] * np.eye(n)
    good = np.isfinite(ridge[..., 0, 0]) & (ridge[..., 0, 0] > 0)
    out = np.full(matrices.shape, np.nan)
    out[good] = np.linalg.inv((matrices + ridge)[good])
    return out


def label_cost(h: Hypotheses, variance: float) -> Float64:
    """``-2 log`` of the probability of the labels under each hypothesis, ``(hypothesis,)``.

    Up to a constant for each keypoint: the position in space is integrated out, every place being
    as likely as any other.

    Parameters
    ----------
    h : Hypotheses
    variance : float
        Of a click, px^2.
    """
    density = np.pi * _NEIGHBOURHOOD**2 / (2 * np.pi * variance)
    price = 2 * np.log(density * (1 - _WRONG) / _WRONG)
    with np.errstate(invalid="ignore"):
        _, volume = np.linalg.slogdet(h.covariance * variance)
    cost = h.squared / variance - volume + price * h.n_wrong
    return np.where(np.isfinite(cost), cost, np.inf)


def probabilities(cost: Float64, h: Hypotheses) -> Float64:
    """Of each hypothesis among those of its keypoint, from ``-2 log`` likelihoods."""
    if not len(cost):
        return cost
    counts = np.diff(h.starts, append=len(cost))
    lowest = np.repeat(np.minimum.reduceat(cost, h.starts), counts)
    with np.errstate(invalid="ignore"):
        weight = np.nan_to_num(np.exp(-0.5 * (cost - lowest)))
    total = np.repeat(np.add.reduceat(weight, h.starts), counts)
    return weight / np.where(total > 0, total, 1.0)
