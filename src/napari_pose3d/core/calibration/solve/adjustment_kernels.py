"""The compiled loops of `bundle_adjustment`. Importing this module imports numba.

Notes
-----
BLAS splits sums among its threads, so that their number changes the last bits; these loops do not.
In `eliminate`, frames that a camera did not see cost nothing, which is most in a rig of many.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")

_CAMERA = 16  # rotation, translation, nine intrinsics, clock
_ALL = 22  # and the board's rotation and translation
_BEHIND = 1e6  # px^2 that a corner counts which lies behind its camera


@_jit
def _lens(q: Any, fisheye: bool, x: float, y: float, d: Any) -> tuple[float, ...]:
    """Distorted point u, v, its derivative by x, y, and ``d (2, 5)`` by the coefficients."""
    r2 = x * x + y * y
    if fisheye:
        r2 = max(r2, 1e-24)
        r = math.sqrt(r2)
        theta = math.atan(r)
        t2 = theta * theta
        bent = theta * (1.0 + t2 * (q[4] + t2 * (q[5] + t2 * (q[6] + t2 * q[7]))))
        bend = 1.0 + t2 * (3.0 * q[4] + t2 * (5.0 * q[5] + t2 * (7.0 * q[6] + t2 * 9.0 * q[7])))
        scale = bent / r
        over = (bend / (1.0 + r2) - scale) / r2
        power = theta * t2 / r
        for i in range(4):
            d[0, i], d[1, i] = x * power, y * power
            power *= t2
        d[0, 4] = d[1, 4] = 0.0
        mixed = x * y * over
        return x * scale, y * scale, scale + x * x * over, mixed, mixed, scale + y * y * over
    k1, k2, p1, p2, k3 = q[4], q[5], q[6], q[7], q[8]
    xy = x * y
    radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
    bend = k1 + r2 * (2.0 * k2 + r2 * 3.0 * k3)
    ax, ay = r2 + 2.0 * x * x, r2 + 2.0 * y * y
    d[0, 0], d[1, 0] = x * r2, y * r2
    d[0, 1], d[1, 1] = x * r2 * r2, y * r2 * r2
    d[0, 2], d[1, 2] = 2.0 * xy, ay
    d[0, 3], d[1, 3] = ax, 2.0 * xy
    d[0, 4], d[1, 4] = x * r2 * r2 * r2, y * r2 * r2 * r2
    mixed = 2.0 * xy * bend + 2.0 * p1 * x + 2.0 * p2 * y
    return (
        x * radial + 2.0 * p1 * xy + p2 * ax,
        y * radial + p1 * ay + 2.0 * p2 * xy,
        radial + 2.0 * x * x * bend + 2.0 * p1 * y + 6.0 * p2 * x,
        mixed,
        mixed,
        radial + 2.0 * y * y * bend + 6.0 * p1 * y + 2.0 * p2 * x,
    )


@_jit
def _cross(a0: float, a1: float, a2: float, b0: float, b1: float, b2: float) -> tuple[float, ...]:
    return a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0


@_jit
def _shrink(jitter2: float, su: float, sv: float) -> tuple[float, float, float]:
    """The symmetric matrix that shrinks what lies along a motion of (su, sv) px per frame."""
    rate2 = su * su + sv * sv
    less = 1.0 / math.sqrt(1.0 + jitter2 * rate2) - 1.0
    over = less / max(rate2, 1e-12)
    return 1.0 + over * su * su, over * su * sv, 1.0 + over * sv * sv


@_jit
def _project_corner(
    rot: Any,
    trans: Any,
    q: Any,
    fisheye: bool,
    tau: float,
    b_rot: Any,
    b_trans: Any,
    omega: Any,
    velocity: Any,
    alpha: Any,
    acceleration: Any,
    point: Any,
    place: Any,
    d: Any,
) -> bool:
    """Project one corner of the board.

    ``place`` receives u, v, the derivative of the pixel by the point in the camera (6), the point
    turned into the world (3), the point turned into the camera (3), its speed in the world (3), and
    the distorted coordinates (2). False where it lies behind the camera.
    """
    tx = b_rot[0, 0] * point[0] + b_rot[0, 1] * point[1] + b_rot[0, 2] * point[2]
    ty = b_rot[1, 0] * point[0] + b_rot[1, 1] * point[1] + b_rot[1, 2] * point[2]
    tz = b_rot[2, 0] * point[0] + b_rot[2, 1] * point[1] + b_rot[2, 2] * point[2]
    sx, sy, sz = _cross(omega[0], omega[1], omega[2], tx, ty, tz)
    ax, ay, az = _cross(alpha[0], alpha[1], alpha[2], tx, ty, tz)
    cx, cy, cz = _cross(omega[0], omega[1], omega[2], sx, sy, sz)
    ax, ay, az = ax + cx + acceleration[0], ay + cy + acceleration[1], az + cz + acceleration[2]
    sx, sy, sz = sx + velocity[0], sy + velocity[1], sz + velocity[2]
    wx = tx + b_trans[0] + tau * (sx + 0.5 * tau * ax)
    wy = ty + b_trans[1] + tau * (sy + 0.5 * tau * ay)
    wz = tz + b_trans[2] + tau * (sz + 0.5 * tau * az)
    cx = rot[0, 0] * wx + rot[0, 1] * wy + rot[0, 2] * wz
    cy = rot[1, 0] * wx + rot[1, 1] * wy + rot[1, 2] * wz
    cz = rot[2, 0] * wx + rot[2, 1] * wy + rot[2, 2] * wz
    x, y, z = cx + trans[0], cy + trans[1], cz + trans[2]
    if not z > 0.0:
        return False
    inverse = 1.0 / z
    x, y = x * inverse, y * inverse
    u, v, ux, uy, vx, vy = _lens(q, fisheye, x, y, d)
    fx, fy = q[0], q[1]
    place[0], place[1] = fx * u + q[2], fy * v + q[3]
    place[2], place[3] = fx * ux * inverse, fx * uy * inverse
    place[4] = -fx * (ux * x + uy * y) * inverse
    place[5], place[6] = fy * vx * inverse, fy * vy * inverse
    place[7] = -fy * (vx * x + vy * y) * inverse
    place[8], place[9], place[10] = tx, ty, tz
    place[11], place[12], place[13] = cx, cy, cz
    place[14], place[15], place[16] = sx + tau * ax, sy + tau * ay, sz + tau * az
    place[17], place[18] = u, v
    return True


@_jit
def image_costs(
    rot: Any,
    trans: Any,
    q: Any,
    clocks: Any,
    fisheye: bool,
    b_rot: Any,
    b_trans: Any,
    omega: Any,
    velocity: Any,
    alpha: Any,
    acceleration: Any,
    view: Any,
    frame: Any,
    xy: Any,
    observed: Any,
    points: Any,
    delay: Any,
    scale2: float,
    jitter2: float,
    out: Any,
) -> None:
    """Cauchy's cost of each image, ``out (image,)`` in px^2."""
    place, d = np.empty(19), np.empty((2, 5))
    for n in range(len(view)):
        c, f = view[n], frame[n]
        tau = delay[n] - clocks[c]
        total = 0.0
        for k in range(points.shape[0]):
            if not observed[n, k]:
                continue
            squared = _BEHIND
            if _project_corner(
                rot[c],
                trans[c],
                q[c],
                fisheye,
                tau,
                b_rot[f],
                b_trans[f],
                omega[f],
                velocity[f],
                alpha[f],
                acceleration[f],
                points[k],
                place,
                d,
            ):
                eu, ev = place[0] - xy[n, k, 0], place[1] - xy[n, k, 1]
                if jitter2 > 0.0:
                    gx = (
                        rot[c, 0, 0] * place[14]
                        + rot[c, 0, 1] * place[15]
                        + rot[c, 0, 2] * place[16]
                    )
                    gy = (
                        rot[c, 1, 0] * place[14]
                        + rot[c, 1, 1] * place[15]
                        + rot[c, 1, 2] * place[16]
                    )
                    gz = (
                        rot[c, 2, 0] * place[14]
                        + rot[c, 2, 1] * place[15]
                        + rot[c, 2, 2] * place[16]
                    )
                    a, b, e = _shrink(
                        jitter2,
                        place[2] * gx + place[3] * gy + place[4] * gz,
                        place[5] * gx + place[6] * gy + place[7] * gz,
                    )
                    eu, ev = a * eu + b * ev, b * eu + e * ev
                squared = eu * eu + ev * ev
            total += math.log1p(squared / scale2)
        out[n] = scale2 * total


@_jit
def accumulate(
    rot: Any,
    trans: Any,
    q: Any,
    clocks: Any,
    fisheye: bool,
    b_rot: Any,
    b_trans: Any,
    omega: Any,
    velocity: Any,
    alpha: Any,
    acceleration: Any,
    view: Any,
    frame: Any,
    xy: Any,
    observed: Any,
    points: Any,
    delay: Any,
    scale2: float,
    jitter2: float,
    cameras: Any,
    camera_gradient: Any,
    boards: Any,
    board_gradient: Any,
    mixed: Any,
) -> None:
    """Add up the weighted normal equations.

    ``cameras (view, 16, 16)``, ``camera_gradient (view, 16)``, ``boards (frame, 6, 6)``,
    ``board_gradient (frame, 6)`` and ``mixed (frame, view, 16, 6)`` start at zero.
    """
    place, d = np.empty(19), np.empty((2, 5))
    row = np.zeros((2, _ALL))
    total, gradient = np.empty((_ALL, _ALL)), np.empty(_ALL)
    world, spun = np.empty((2, 3)), np.empty((2, 3))
    for n in range(len(view)):
        c, f = view[n], frame[n]
        tau = delay[n] - clocks[c]
        total[:] = 0.0
        gradient[:] = 0.0
        for k in range(points.shape[0]):
            if not observed[n, k]:
                continue
            if not _project_corner(
                rot[c],
                trans[c],
                q[c],
                fisheye,
                tau,
                b_rot[f],
                b_trans[f],
                omega[f],
                velocity[f],
                alpha[f],
                acceleration[f],
                points[k],
                place,
                d,
            ):
                continue
            eu, ev = place[0] - xy[n, k, 0], place[1] - xy[n, k, 1]
            for i in range(2):
                a, b, e = place[2 + 3 * i], place[3 + 3 * i], place[4 + 3 * i]
                # By the camera: -D [R X]x, then D.
                row[i, 0] = -(b * place[13] - e * place[12])
                row[i, 1] = -(e * place[11] - a * place[13])
                row[i, 2] = -(a * place[12] - b * place[11])
                row[i, 3], row[i, 4], row[i, 5] = a, b, e
                for j in range(3):
                    world[i, j] = a * rot[c, 0, j] + b * rot[c, 1, j] + e * rot[c, 2, j]
                focal = q[c, i]
                for j in range(5):
                    row[i, 10 + j] = focal * d[i, j]
                row[i, 15] = -(
                    world[i, 0] * place[14] + world[i, 1] * place[15] + world[i, 2] * place[16]
                )
                # By the board: -D R (1 + tau [omega]x) [R p]x, then D R.
                a, b, e = world[i, 0], world[i, 1], world[i, 2]
                o0, o1, o2 = tau * omega[f, 0], tau * omega[f, 1], tau * omega[f, 2]
                spun[i, 0] = a + b * o2 - e * o1
                spun[i, 1] = b + e * o0 - a * o2
                spun[i, 2] = e + a * o1 - b * o0
                a, b, e = spun[i, 0], spun[i, 1], spun[i, 2]
                row[i, 16] = -(b * place[10] - e * place[9])
                row[i, 17] = -(e * place[8] - a * place[10])
                row[i, 18] = -(a * place[9] - b * place[8])
                row[i, 19], row[i, 20], row[i, 21] = world[i, 0], world[i, 1], world[i, 2]
            row[0, 6], row[0, 7], row[0, 8], row[0, 9] = place[17], 0.0, 1.0, 0.0
            row[1, 6], row[1, 7], row[1, 8], row[1, 9] = 0.0, place[18], 0.0, 1.0
            if jitter2 > 0.0:
                a, b, e = _shrink(jitter2, -row[0, 15], -row[1, 15])
                for j in range(_ALL):
                    row[0, j], row[1, j] = (
                        a * row[0, j] + b * row[1, j],
                        b * row[0, j] + e * row[1, j],
                    )
                eu, ev = a * eu + b * ev, b * eu + e * ev
            weight = 1.0 / (1.0 + (eu * eu + ev * ev) / scale2)
            for i in range(_ALL):
                p, s = weight * row[0, i], weight * row[1, i]
                gradient[i] += p * eu + s * ev
                for j in range(i, _ALL):
                    total[i, j] += p * row[0, j] + s * row[1, j]
        for i in range(_CAMERA):
            camera_gradient[c, i] += gradient[i]
            for j in range(i, _CAMERA):
                cameras[c, i, j] += total[i, j]
                if j != i:
                    cameras[c, j, i] += total[i, j]
            for j in range(6):
                mixed[f, c, i, j] += total[i, _CAMERA + j]
        for i in range(6):
            board_gradient[f, i] += gradient[_CAMERA + i]
            for j in range(i, 6):
                boards[f, i, j] += total[_CAMERA + i, _CAMERA + j]
                if j != i:
                    boards[f, j, i] += total[_CAMERA + i, _CAMERA + j]


@_jit
def eliminate(mixed: Any, inverse: Any, gradient: Any, n_own: int, system: Any, right: Any) -> None:
    """Subtract ``W V^-1 W^T`` from `system`, and add ``W V^-1 h`` to `right`.

    Parameters
    ----------
    mixed : (frame, n, 6)
        W, with `n_own` rows for each camera.
    inverse : (frame, 6, 6)
    gradient : (frame, 6)
    system : (n, n)
        Changed in place, as `right (n,)` is.
    """
    n_frames, n, _ = mixed.shape
    n_views = n // n_own
    solved = np.zeros((n, 6))
    seen = np.empty(n_views, np.int64)
    for f in range(n_frames):
        count = 0
        for c in range(n_views):
            there = False
            for a in range(c * n_own, (c + 1) * n_own):
                for k in range(6):
                    if mixed[f, a, k] != 0.0:
                        there = True
            if not there:
                continue
            seen[count] = c
            count += 1
            for a in range(c * n_own, (c + 1) * n_own):
                for j in range(6):
                    value = 0.0
                    for k in range(6):
                        value += mixed[f, a, k] * inverse[f, k, j]
                    solved[a, j] = value
                    right[a] += value * gradient[f, j]
        for i in range(count):
            for a in range(seen[i] * n_own, (seen[i] + 1) * n_own):
                s0, s1, s2 = solved[a, 0], solved[a, 1], solved[a, 2]
                s3, s4, s5 = solved[a, 3], solved[a, 4], solved[a, 5]
                for j in range(i + 1):
                    for b in range(seen[j] * n_own, (seen[j] + 1) * n_own):
                        w = mixed[f, b]
                        system[a, b] -= (
                            s0 * w[0] + s1 * w[1] + s2 * w[2] + s3 * w[3] + s4 * w[4] + s5 * w[5]
                        )
    for a in range(n):
        for b in range(a + 1, n):
            system[a, b] = system[b, a]


@_jit
def solve_positive(matrix: Any, right: Any, out: Any) -> bool:
    """Solve ``matrix x = right`` by Cholesky's method; False where it is not positive definite.

    Parameters
    ----------
    matrix : (n, n)
        Its lower triangle is overwritten by the factor.
    right, out : (n,)
    """
    n = len(right)
    for i in range(n):
        for j in range(i + 1):
            value = matrix[i, j]
            for k in range(j):
                value -= matrix[i, k] * matrix[j, k]
            if i == j:
                if not value > 0.0:
                    return False
                matrix[i, i] = math.sqrt(value)
            else:
                matrix[i, j] = value / matrix[j, j]
    for i in range(n):
        value = right[i]
        for k in range(i):
            value -= matrix[i, k] * out[k]
        out[i] = value / matrix[i, i]
    for i in range(n - 1, -1, -1):
        value = out[i]
        for k in range(i + 1, n):
            value -= matrix[k, i] * out[k]
        out[i] = value / matrix[i, i]
    return True
