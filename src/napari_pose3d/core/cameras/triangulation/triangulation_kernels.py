"""The compiled loops of `triangulation`. Importing this module imports numba.

Arrays are (point, view, ...); ``used (point, view)`` marks the observations that are used.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from ..projection import _ROT, _TRANS, project, undistort

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")

_GAUSS_NEWTON_STEPS = 10
# Relative to the distance from the cameras; far below what a pixel can resolve.
_STEP_TOLERANCE = 1e-10
# A step that promises to lower the cost by less, relatively, is the last: it is a ten-thousandth of
# the point's own uncertainty, and what it leaves is a thousand times less.
_LEAST_GAIN = 1e-8


@_jit
def invert_symmetric(a: Any, out: Any) -> bool:
    """Inverse of a positive definite 3 x 3 matrix by Cholesky; False where it is not."""
    l00 = a[0, 0]
    if not l00 > 0.0:
        return False
    l00 = math.sqrt(l00)
    l10, l20 = a[1, 0] / l00, a[2, 0] / l00
    l11 = a[1, 1] - l10 * l10
    # A pivot that lost all its digits belongs to a direction that nothing determines.
    if not l11 > 1e-14 * a[1, 1]:
        return False
    l11 = math.sqrt(l11)
    l21 = (a[2, 1] - l20 * l10) / l11
    l22 = a[2, 2] - l20 * l20 - l21 * l21
    if not l22 > 1e-14 * a[2, 2]:
        return False
    l22 = math.sqrt(l22)
    i00, i11, i22 = 1.0 / l00, 1.0 / l11, 1.0 / l22
    i10 = -l10 * i00 * i11
    i21 = -l21 * i11 * i22
    i20 = -(l20 * i00 + l21 * i10) * i22
    out[0, 0] = i00 * i00 + i10 * i10 + i20 * i20
    out[0, 1] = out[1, 0] = i10 * i11 + i20 * i21
    out[0, 2] = out[2, 0] = i20 * i22
    out[1, 1] = i11 * i11 + i21 * i21
    out[1, 2] = out[2, 1] = i21 * i22
    out[2, 2] = i22 * i22
    return True


@_jit
def rays(cams: Any, xy: Any, used: Any, out: Any) -> None:
    """Normalised coordinates of the used pixels; a pixel without direction is no longer used."""
    for i in range(xy.shape[0]):
        for c in range(xy.shape[1]):
            x = y = math.nan
            if used[i, c]:
                used[i, c], x, y = undistort(cams[c], xy[i, c, 0], xy[i, c, 1])
            out[i, c, 0], out[i, c, 1] = x, y


@_jit
def nearest_to_rays(cams: Any, ray: Any, used: Any, normal: Any, inverse: Any, out: Any) -> bool:
    """The point with the least sum of squared distances to the used rays."""
    normal[:] = 0.0
    b0 = b1 = b2 = 0.0
    for c in range(cams.shape[0]):
        if not used[c]:
            continue
        x, y = ray[c, 0], ray[c, 1]
        cam = cams[c]
        # The ray's direction in the world, and the camera's centre.
        dx = cam[_ROT] * x + cam[_ROT + 3] * y + cam[_ROT + 6]
        dy = cam[_ROT + 1] * x + cam[_ROT + 4] * y + cam[_ROT + 7]
        dz = cam[_ROT + 2] * x + cam[_ROT + 5] * y + cam[_ROT + 8]
        norm = 1.0 / math.sqrt(dx * dx + dy * dy + dz * dz)
        dx, dy, dz = dx * norm, dy * norm, dz * norm
        tx, ty, tz = cam[_TRANS], cam[_TRANS + 1], cam[_TRANS + 2]
        ox = -(cam[_ROT] * tx + cam[_ROT + 3] * ty + cam[_ROT + 6] * tz)
        oy = -(cam[_ROT + 1] * tx + cam[_ROT + 4] * ty + cam[_ROT + 7] * tz)
        oz = -(cam[_ROT + 2] * tx + cam[_ROT + 5] * ty + cam[_ROT + 8] * tz)
        m00, m01, m02 = 1.0 - dx * dx, -dx * dy, -dx * dz
        m11, m12, m22 = 1.0 - dy * dy, -dy * dz, 1.0 - dz * dz
        normal[0, 0] += m00
        normal[0, 1] += m01
        normal[0, 2] += m02
        normal[1, 1] += m11
        normal[1, 2] += m12
        normal[2, 2] += m22
        b0 += m00 * ox + m01 * oy + m02 * oz
        b1 += m01 * ox + m11 * oy + m12 * oz
        b2 += m02 * ox + m12 * oy + m22 * oz
    normal[1, 0], normal[2, 0], normal[2, 1] = normal[0, 1], normal[0, 2], normal[1, 2]
    if not invert_symmetric(normal, inverse):
        return False
    for j in range(3):
        out[j] = inverse[j, 0] * b0 + inverse[j, 1] * b1 + inverse[j, 2] * b2
    return True


@_jit
def linear(
    cams: Any, ray: Any, weight: Any, used: Any, start: Any, normal: Any, inverse: Any, out: Any
) -> bool:
    """Linear solution with rows ``(x r3 - r1) X = t1 - x t3``, each scaled to pixels.

    Dividing a row by the depth at ``start`` and multiplying by the focal length turns its error
    into pixels, so that near and far cameras count as they should.
    """
    normal[:] = 0.0
    b0 = b1 = b2 = 0.0
    for c in range(cams.shape[0]):
        if not used[c]:
            continue
        cam = cams[c]
        depth = (
            cam[_ROT + 6] * start[0]
            + cam[_ROT + 7] * start[1]
            + cam[_ROT + 8] * start[2]
            + cam[_TRANS + 2]
        )
        if not depth > 0.0:
            return False
        for row in range(2):
            n = ray[c, row]
            a0 = n * cam[_ROT + 6] - cam[_ROT + 3 * row]
            a1 = n * cam[_ROT + 7] - cam[_ROT + 3 * row + 1]
            a2 = n * cam[_ROT + 8] - cam[_ROT + 3 * row + 2]
            rhs = cam[_TRANS + row] - n * cam[_TRANS + 2]
            # Solved for the shift from `start`: the numbers stay small.
            rhs -= a0 * start[0] + a1 * start[1] + a2 * start[2]
            scale = cam[row] / depth
            w = weight[c] * scale * scale
            normal[0, 0] += w * a0 * a0
            normal[0, 1] += w * a0 * a1
            normal[0, 2] += w * a0 * a2
            normal[1, 1] += w * a1 * a1
            normal[1, 2] += w * a1 * a2
            normal[2, 2] += w * a2 * a2
            b0 += w * a0 * rhs
            b1 += w * a1 * rhs
            b2 += w * a2 * rhs
    normal[1, 0], normal[2, 0], normal[2, 1] = normal[0, 1], normal[0, 2], normal[1, 2]
    if not invert_symmetric(normal, inverse):
        return False
    for j in range(3):
        out[j] = start[j] + inverse[j, 0] * b0 + inverse[j, 1] * b1 + inverse[j, 2] * b2
    return True


@_jit
def _pixel_cost(
    cams: Any, xy: Any, weight: Any, used: Any, point: Any, normal: Any, gradient: Any
) -> float:
    """Weighted squared error in px at ``point`` and its normal equations; inf behind a camera."""
    n00 = n01 = n02 = n11 = n12 = n22 = g0 = g1 = g2 = cost = 0.0
    for c in range(cams.shape[0]):
        if not used[c]:
            continue
        visible, u, v, ux, uy, uz, vx, vy, vz = project(cams[c], point[0], point[1], point[2])
        if not visible:
            return math.inf
        ex, ey, w = xy[c, 0] - u, xy[c, 1] - v, weight[c]
        cost += w * (ex * ex + ey * ey)
        g0 += w * (ux * ex + vx * ey)
        g1 += w * (uy * ex + vy * ey)
        g2 += w * (uz * ex + vz * ey)
        n00 += w * (ux * ux + vx * vx)
        n01 += w * (ux * uy + vx * vy)
        n02 += w * (ux * uz + vx * vz)
        n11 += w * (uy * uy + vy * vy)
        n12 += w * (uy * uz + vy * vz)
        n22 += w * (uz * uz + vz * vz)
    gradient[0], gradient[1], gradient[2] = g0, g1, g2
    normal[0, 0], normal[1, 1], normal[2, 2] = n00, n11, n22
    normal[0, 1] = normal[1, 0] = n01
    normal[0, 2] = normal[2, 0] = n02
    normal[1, 2] = normal[2, 1] = n12
    return cost


@_jit
def copy_point(point: Any, out: Any) -> None:
    """``out[:] = point``, which compiles for a second: numba makes the text of its error too."""
    for j in range(3):
        out[j] = point[j]


@_jit
def copy_matrix(matrix: Any, out: Any) -> None:
    """``out[:] = matrix`` for 3 x 3; see `copy_point`."""
    for i in range(3):
        for j in range(3):
            out[i, j] = matrix[i, j]


@_jit
def _gauss_newton(
    cams: Any, xy: Any, weight: Any, used: Any, scratch: Any, point: Any, cov: Any
) -> bool:
    """Least squares of the error in pixels from a start in ``point``; False if it has none."""
    normal, inverse, gradient, trial = scratch
    cost = _pixel_cost(cams, xy, weight, used, point, normal, gradient)
    if not math.isfinite(cost):
        return False
    for _ in range(_GAUSS_NEWTON_STEPS):
        if not invert_symmetric(normal, inverse):
            return False
        size = promised = 0.0
        for j in range(3):
            trial[j] = (
                inverse[j, 0] * gradient[0]
                + inverse[j, 1] * gradient[1]
                + inverse[j, 2] * gradient[2]
            )
            size += trial[j] * trial[j]
            promised += trial[j] * gradient[j]
        for j in range(3):
            trial[j] += point[j]
        # With no curvature left to gain from, a longer step would only stir the rounding.
        scale = (
            _STEP_TOLERANCE
            * _STEP_TOLERANCE
            * (point[0] * point[0] + point[1] * point[1] + point[2] * point[2] + inverse[0, 0])
        )
        if size <= scale or promised <= _LEAST_GAIN * cost:
            copy_point(trial, point)
            copy_matrix(inverse, cov)
            return True
        new = _pixel_cost(cams, xy, weight, used, trial, normal, gradient)
        halvings = 0
        while not new <= cost and halvings < 8:
            for j in range(3):
                trial[j] = 0.5 * (trial[j] + point[j])
            new = _pixel_cost(cams, xy, weight, used, trial, normal, gradient)
            halvings += 1
        if not new <= cost:
            # Nothing better in this direction: the point stands.
            _pixel_cost(cams, xy, weight, used, point, normal, gradient)
            break
        copy_point(trial, point)
        cost = new
    return invert_symmetric(normal, cov)


@_jit
def solve_point(
    cams: Any, xy: Any, ray: Any, weight: Any, used: Any, scratch: Any, point: Any, cov: Any
) -> bool:
    """Linear start and Gauss-Newton; ``cov`` becomes ``(J^T W J)^-1``."""
    normal, inverse, _, trial = scratch
    if not nearest_to_rays(cams, ray, used, normal, inverse, point):
        return False
    if linear(cams, ray, weight, used, point, normal, inverse, trial):
        copy_point(trial, point)
    return _gauss_newton(cams, xy, weight, used, scratch, point, cov)


@_jit
def residuals_of(cams: Any, xy: Any, point: Any, out: Any) -> None:
    """Length in px of observation minus projection, of every view that has both."""
    for c in range(cams.shape[0]):
        # Of a camera that does not see the point the pixel is NaN, and so is the length.
        _, u, v, _, _, _, _, _, _ = project(cams[c], point[0], point[1], point[2])
        ex, ey = xy[c, 0] - u, xy[c, 1] - v
        squared = ex * ex + ey * ey
        out[c] = math.sqrt(squared) if squared < math.inf else math.nan


@_jit
def make_scratch() -> Any:
    return np.empty((3, 3)), np.empty((3, 3)), np.empty(3), np.empty(3)


@_jit
def solve(
    cams: Any, xy: Any, ray: Any, weight: Any, used: Any, xyz: Any, cov: Any, residuals: Any
) -> None:
    """Every point from its used observations; NaN where that is impossible."""
    scratch = make_scratch()
    for i in range(xy.shape[0]):
        observed = 0
        for c in range(cams.shape[0]):
            observed += used[i, c]
        if observed < 2 or not solve_point(
            cams, xy[i], ray[i], weight[i], used[i], scratch, xyz[i], cov[i]
        ):
            xyz[i] = math.nan
            cov[i] = math.nan
            residuals[i] = math.nan
            continue
        residuals_of(cams, xy[i], xyz[i], residuals[i])


@_jit
def refine(
    cams: Any, xy: Any, weight: Any, used: Any, chosen: Any, xyz: Any, cov: Any, residuals: Any
) -> None:
    """Gauss-Newton on the ``chosen`` points from the start in ``xyz``; NaN where it fails."""
    scratch = make_scratch()
    for i in range(xy.shape[0]):
        if not chosen[i]:
            continue
        if math.isfinite(xyz[i, 0]) and _gauss_newton(
            cams, xy[i], weight[i], used[i], scratch, xyz[i], cov[i]
        ):
            residuals_of(cams, xy[i], xyz[i], residuals[i])
        else:
            xyz[i] = math.nan
            cov[i] = math.nan
            residuals[i] = math.nan


@_jit
def left_out(cams: Any, xy: Any, ray: Any, weight: Any, used: Any, out: Any) -> None:
    """Distance in px of each observation from the point of the others' used observations."""
    n_cams = cams.shape[0]
    scratch = make_scratch()
    others = np.zeros(n_cams, dtype=np.bool_)
    residuals = np.empty(n_cams)
    point = np.empty(3)
    cov = np.empty((3, 3))
    for i in range(xy.shape[0]):
        for left in range(n_cams):
            out[i, left] = math.nan
            if not math.isfinite(xy[i, left, 0] + xy[i, left, 1]):
                continue
            n_others = 0
            for c in range(n_cams):
                others[c] = used[i, c] and c != left
                n_others += others[c]
            if n_others < 2 or not solve_point(
                cams, xy[i], ray[i], weight[i], others, scratch, point, cov
            ):
                continue
            residuals_of(cams, xy[i], point, residuals)
            out[i, left] = residuals[left]
