"""The compiled robust triangulation of points whose views contradict each other.

Arrays are (point, view, ...); ``used (point, view)`` marks the observations that are used.
Importing this module imports numba.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from ..projection import _ROT, _TRANS, project
from .triangulation_kernels import (
    copy_matrix,
    copy_point,
    make_scratch,
    residuals_of,
    solve_point,
)

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")

# Two hypotheses whose costs differ by less, in units of one outlier, count as equally good: with a
# threshold of five typical residuals, their likelihood ratio is below 100.
_TOO_CLOSE = 0.25
# Squared sine of the angle below which rays count as parallel.
_PARALLEL = 1e-14
# Of five views or more, a hypothesis with one outlier is accepted at once if the squared residuals
# of the others are on average below this part of their squared threshold: any other hypothesis with
# one outlier shares at least three views with it.
_ENOUGH_VIEWS, _FITS = 5, 0.1


@_jit
def _centre(cam: Any, out: Any) -> None:
    """The camera's centre in the world, ``-R^T t``."""
    for j in range(3):
        out[j] = -(
            cam[_ROT + j] * cam[_TRANS]
            + cam[_ROT + 3 + j] * cam[_TRANS + 1]
            + cam[_ROT + 6 + j] * cam[_TRANS + 2]
        )


@_jit
def _direction(cam: Any, ray: Any, out: Any) -> None:
    """A ray's direction in the world; of length 1 along the camera's axis."""
    for j in range(3):
        out[j] = cam[_ROT + j] * ray[0] + cam[_ROT + 3 + j] * ray[1] + cam[_ROT + 6 + j]


@_jit
def _propose(cam_a: Any, o_a: Any, d_a: Any, cam_b: Any, o_b: Any, d_b: Any, point: Any) -> bool:
    """Where two rays pass each other, as an approximate point; False if parallel.

    Between the nearest points of the two (Hartley & Zisserman 12.5 call it the midpoint), nearer to
    the ray of the camera that resolves more there: the error in pixels is shared.
    """
    aa = d_a[0] * d_a[0] + d_a[1] * d_a[1] + d_a[2] * d_a[2]
    bb = d_b[0] * d_b[0] + d_b[1] * d_b[1] + d_b[2] * d_b[2]
    ab = d_a[0] * d_b[0] + d_a[1] * d_b[1] + d_a[2] * d_b[2]
    determinant = aa * bb - ab * ab
    if not determinant > _PARALLEL * aa * bb:
        return False
    x, y, z = o_b[0] - o_a[0], o_b[1] - o_a[1], o_b[2] - o_a[2]
    along_a = x * d_a[0] + y * d_a[1] + z * d_a[2]
    along_b = x * d_b[0] + y * d_b[1] + z * d_b[2]
    # Depths, the directions being as long as they are.
    s = (along_a * bb - along_b * ab) / determinant
    t = (along_a * ab - along_b * aa) / determinant
    p, q = cam_a[0] * t, cam_b[0] * s
    p, q = p * p, q * q
    share = q / (p + q) if p + q > 0.0 else 0.5
    for j in range(3):
        near_a, near_b = o_a[j] + s * d_a[j], o_b[j] + t * d_b[j]
        point[j] = near_a + share * (near_b - near_a)
    return True


@_jit
def _truncated_cost(
    cams: Any, xy: Any, used: Any, point: Any, limits: Any, worst: float, squared: Any
) -> float:
    """``sum min(r^2 / limit, 1)`` over the used views; given up when it reaches ``worst``."""
    cost = 0.0
    for c in range(cams.shape[0]):
        if not used[c]:
            continue
        squared[c] = math.inf
        visible, u, v, _, _, _, _, _, _ = project(cams[c], point[0], point[1], point[2])
        if visible:
            x, y = xy[c, 0] - u, xy[c, 1] - v
            squared[c] = x * x + y * y
        cost += min(squared[c] / limits[c], 1.0)
        if cost >= worst:
            break
    return cost


@_jit
def _contradicts(mask: int, best: int) -> bool:
    """Whether another hypothesis, as bits of the views it uses, has another point.

    Two that share a pair of views put the point in one place and differ by noise only.
    """
    n_mask = n_best = n_common = 0
    common = mask & best
    while mask or best:
        n_mask += mask & 1
        n_best += best & 1
        n_common += common & 1
        mask, best, common = mask >> 1, best >> 1, common >> 1
    return n_mask >= n_best and n_common < 2


@_jit
def _by_residual(residuals: Any, used: Any, order: Any) -> None:
    """Fill ``order`` with the used views, the smallest residual first; NaN comes last."""
    n = 0
    for c in range(residuals.shape[0]):
        if not used[c]:
            continue
        j = n
        while j > 0 and (
            residuals[order[j - 1]] > residuals[c] or math.isnan(residuals[order[j - 1]])
        ):
            order[j] = order[j - 1]
            j -= 1
        order[j] = c
        n += 1


@_jit
def solve_robust(
    cams: Any,
    xy: Any,
    ray: Any,
    weight: Any,
    used: Any,
    thresholds: Any,
    xyz: Any,
    cov: Any,
    residuals: Any,
    undecided: Any,
) -> None:
    """Solve points of `solve` with a residual above its view's threshold in px once more.

    Each pair of views proposes a point; the proposal with the least truncated cost
    ``sum min(r^2 / threshold^2, 1)`` over all views wins, and the views within the threshold of it
    are solved once more. ``used`` then marks those views only.

    ``undecided (point)`` becomes True where another proposal is as good and leaves out other views,
    or where there are two views only and they disagree.
    """
    n_cams = cams.shape[0]
    scratch = make_scratch()
    pair = np.zeros(n_cams, dtype=np.bool_)
    best = np.zeros(n_cams, dtype=np.bool_)
    point = np.empty(3)
    point_cov = np.empty((3, 3))
    centres, directions = np.empty((n_cams, 3)), np.empty((n_cams, 3))
    for c in range(n_cams):
        _centre(cams[c], centres[c])
    squared = np.empty(n_cams)
    limits = np.empty(n_cams)
    for c in range(n_cams):
        limits[c] = thresholds[c] * thresholds[c]
    n_pairs = n_cams * (n_cams - 1) // 2
    costs = np.empty(n_pairs)
    masks = np.empty(n_pairs, dtype=np.int64)
    order = np.empty(n_cams, dtype=np.int64)
    for i in range(xy.shape[0]):
        undecided[i] = False
        observed = 0
        suspicious = math.isnan(xyz[i, 0])
        for c in range(n_cams):
            if used[i, c]:
                observed += 1
                suspicious |= not residuals[i, c] <= thresholds[c]
        if observed < 2 or not suspicious:
            continue
        if observed == 2:
            undecided[i] = True
            continue
        lowest = math.inf
        n_rivals = 0
        for c in range(n_cams):
            if used[i, c]:
                _direction(cams[c], ray[i, c], directions[c])
        good_enough = -math.inf
        if observed >= _ENOUGH_VIEWS:
            good_enough = 1.0 + _FITS * (observed - 1)
        # Views that fit best come first: a good proposal spares most of the work on the others.
        _by_residual(residuals[i], used[i], order)
        for first in range(observed - 1):
            for second in range(first + 1, observed):
                a, b = order[first], order[second]
                if lowest <= good_enough:
                    break
                if not _propose(
                    cams[a], centres[a], directions[a], cams[b], centres[b], directions[b], point
                ):
                    continue
                worst = lowest + _TOO_CLOSE
                cost = _truncated_cost(cams, xy[i], used[i], point, limits, worst, squared)
                if not cost < worst:
                    continue
                mask = 0
                for c in range(n_cams):
                    if used[i, c] and (squared[c] <= limits[c] or c in (a, b)):
                        mask |= 1 << c
                costs[n_rivals] = cost
                masks[n_rivals] = mask
                n_rivals += 1
                if cost < lowest:
                    lowest = cost
                    for c in range(n_cams):
                        best[c] = (mask >> c) & 1
        if lowest == math.inf:
            continue
        # The first refit can bring a view back that the pair's own noise had put outside.
        for _ in range(2):
            if not solve_point(cams, xy[i], ray[i], weight[i], best, scratch, point, point_cov):
                break
            copy_point(point, xyz[i])
            copy_matrix(point_cov, cov[i])
            residuals_of(cams, xy[i], point, residuals[i])
            n_best = 0
            changed = False
            for c in range(n_cams):
                pair[c] = used[i, c] and residuals[i, c] <= thresholds[c]
                n_best += pair[c]
                changed |= pair[c] != best[c]
            if n_best < 2 or not changed:
                break
            for c in range(n_cams):
                best[c] = pair[c]
        chosen = 0
        for c in range(n_cams):
            used[i, c] = best[c]
            if best[c]:
                chosen |= 1 << c
        for rival in range(n_rivals):
            if costs[rival] < lowest + _TOO_CLOSE and _contradicts(masks[rival], chosen):
                undecided[i] = True
