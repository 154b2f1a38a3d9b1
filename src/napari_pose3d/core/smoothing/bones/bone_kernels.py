"""The compiled loop behind `bone_lengths`. Importing this module imports numba."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from napari_pose3d.core.cameras.triangulation.triangulation_kernels import (
    invert_symmetric,
)

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")

_STEPS = 20
_HALVINGS = 8


@_jit
def _cost(
    point: Any,
    prior: Any,
    precision: Any,
    xyz: Any,
    covs: Any,
    bones: Any,
    lengths: Any,
    variances: Any,
    normal: Any,
    gradient: Any,
) -> float:
    """Squared distance from the prior and from the lengths, and its normal equations."""
    cost = 0.0
    for i in range(3):
        gradient[i] = 0.0
        for j in range(3):
            normal[i, j] = precision[i, j]
            gradient[i] += precision[i, j] * (prior[j] - point[j])
        cost += (prior[i] - point[i]) * gradient[i]
    u = np.empty(3)
    for b in range(bones.shape[0]):
        if bones[b] < 0:
            continue
        other = bones[b]
        distance = 0.0
        for i in range(3):
            u[i] = point[i] - xyz[other, i]
            distance += u[i] * u[i]
        distance = math.sqrt(distance)
        if not distance > 0.0:
            continue
        spread = variances[b]
        for i in range(3):
            u[i] /= distance
        for i in range(3):
            for j in range(3):
                spread += u[i] * covs[other, i, j] * u[j]
        off = lengths[b] - distance
        cost += off * off / spread
        for i in range(3):
            gradient[i] += u[i] * off / spread
            for j in range(3):
                normal[i, j] += u[i] * u[j] / spread
    return cost


@_jit
def _bend(point: Any, xyz: Any, others: Any, cov: Any) -> None:
    """Inflate ``cov`` along each bone, as the sphere of its length departs from the tangent plane.

    A step e across the bone ends ``e^2 / 2 distance`` short of the plane; added is the second
    moment of that, with the covariance across the bone.
    """
    u, along = np.empty(3), np.empty(3)
    flat = cov.copy()
    for b in range(others.shape[0]):
        if others[b] < 0:
            continue
        squared = 0.0
        for i in range(3):
            u[i] = point[i] - xyz[others[b], i]
            squared += u[i] * u[i]
        if not squared > 0.0:
            continue
        for i in range(3):
            u[i] /= math.sqrt(squared)
        radial = 0.0
        for i in range(3):
            along[i] = 0.0
            for j in range(3):
                along[i] += flat[i, j] * u[j]
            radial += u[i] * along[i]
        # Of the covariance across the bone, T = (I - u u^T) cov (I - u u^T), the traces of T, T T.
        trace = -radial
        square = radial * radial
        for i in range(3):
            trace += flat[i, i]
            square -= 2.0 * along[i] * along[i]
            for j in range(3):
                square += flat[i, j] * flat[i, j]
        # No place on the sphere is further from the plane than its diameter.
        short = min((trace * trace + 2.0 * square) / (4.0 * squared), 4.0 * squared)
        for i in range(3):
            for j in range(3):
                cov[i, j] += short * u[i] * u[j]


@_jit
def _settle(
    point: Any,
    prior: Any,
    precision: Any,
    xyz: Any,
    covs: Any,
    others: Any,
    lengths: Any,
    variances: Any,
    out: Any,
) -> float:
    """Gauss-Newton from ``point``, which moves; its cost, and its covariance into ``out``."""
    normal, gradient, trial = np.empty((3, 3)), np.empty(3), np.empty(3)
    bones = (xyz, covs, others, lengths, variances)
    cost = _cost(point, prior, precision, *bones, normal, gradient)
    for _ in range(_STEPS):
        if not invert_symmetric(normal, out):
            return math.inf
        for i in range(3):
            trial[i] = point[i]
            for j in range(3):
                trial[i] += out[i, j] * gradient[j]
        new = math.inf
        for _ in range(_HALVINGS):
            new = _cost(trial, prior, precision, *bones, normal, gradient)
            if new <= cost:
                break
            for i in range(3):
                trial[i] = 0.5 * (trial[i] + point[i])
        if not new <= cost:
            break
        gained = cost - new
        point[:] = trial
        cost = new
        if gained <= 1e-9 * cost:
            break
    _cost(point, prior, precision, *bones, normal, gradient)
    if not invert_symmetric(normal, out):
        return math.inf
    _bend(point, xyz, others, out)
    return cost


@_jit
def _other_side(point: Any, centre: Any, cov: Any, out: Any) -> None:
    """Where the line of the greatest variance through ``point`` meets the sphere again."""
    line, new = np.ones(3), np.empty(3)
    for _ in range(30):
        size = 0.0
        for i in range(3):
            new[i] = cov[i, 0] * line[0] + cov[i, 1] * line[1] + cov[i, 2] * line[2]
            size += new[i] * new[i]
        for i in range(3):
            line[i] = new[i] / math.sqrt(size)
    along = 0.0
    for i in range(3):
        along += (point[i] - centre[i]) * line[i]
    for i in range(3):
        out[i] = point[i] - 2.0 * along * line[i]


@_jit
def pull(
    xyz: Any, covs: Any, n_views: Any, ends: Any, lengths: Any, variances: Any, moved: Any
) -> None:
    """Update points that fewer than two views observed by the lengths of their bones, in place.

    The smoother's posterior is the prior, and each bone to a neighbour with two views is an
    observation of the distance to it. The ray of a single view meets the sphere around a neighbour
    twice: the more probable intersection is taken, and the covariance includes the other one.

    Parameters
    ----------
    xyz, covs : (frame, keypoint, 3), (frame, keypoint, 3, 3)
    n_views : (frame, keypoint)
    ends : (bone, 2)
    lengths, variances : (bone,)
    moved : (frame, keypoint) bool
        Becomes True for the points that were updated.
    """
    n_bones = ends.shape[0]
    # The keypoint at the other end of each bone, -1 where it is not used.
    others = np.empty(n_bones, dtype=np.int64)
    precision = np.empty((3, 3))
    point, cov = np.empty(3), np.empty((3, 3))
    rival, rival_cov = np.empty(3), np.empty((3, 3))
    for t in range(xyz.shape[0]):
        for k in range(xyz.shape[1]):
            if n_views[t, k] > 1 or not math.isfinite(xyz[t, k, 0]):
                continue
            known = -1
            for b in range(n_bones):
                others[b] = -1
                if ends[b, 0] == k:
                    others[b] = ends[b, 1]
                elif ends[b, 1] == k:
                    others[b] = ends[b, 0]
                if others[b] >= 0 and n_views[t, others[b]] < 2:
                    others[b] = -1
                known = max(known, others[b])
            if known < 0 or not invert_symmetric(covs[t, k], precision):
                continue
            prior, frame = xyz[t, k].copy(), (xyz[t], covs[t], others, lengths, variances)
            point[:] = prior
            cost = _settle(point, prior, precision, *frame, cov)
            _other_side(point, xyz[t, known], covs[t, k], rival)
            rival_cost = _settle(rival, prior, precision, *frame, rival_cov)
            if rival_cost < cost:
                kept, kept_cov, kept_cost = rival.copy(), rival_cov.copy(), rival_cost
                rival[:], rival_cov[:], rival_cost = point, cov, cost
                point[:], cov[:], cost = kept, kept_cov, kept_cost
            if cost == math.inf:
                continue
            share = math.exp(-0.5 * (rival_cost - cost))
            share /= 1.0 + share
            for i in range(3):
                for j in range(3):
                    away = (rival[i] - point[i]) * (rival[j] - point[j])
                    if share > 0.0:
                        cov[i, j] += share * (rival_cov[i, j] - cov[i, j] + away)
            moved[t, k] = True
            xyz[t, k] = point
            covs[t, k] = cov
