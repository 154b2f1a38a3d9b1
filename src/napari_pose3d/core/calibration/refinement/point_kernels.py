"""The compiled loops of `point_adjustment`. Importing this module imports numba."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from napari_pose3d.core.cameras.projection import project

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")

N_UNKNOWNS = 11
"""Of a camera: rotation, translation, log focal length, principal point, k1 and k2."""

_BEHIND = 1e6  # px^2 that an observation counts whose point lies behind its camera


@_jit
def point_costs(cams: Any, xyz: Any, xy: Any, used: Any, scale2: float, out: Any) -> None:
    """Cauchy's cost of each point, ``out (point,)`` in px^2."""
    for p in range(len(xyz)):
        total = 0.0
        for c in range(len(cams)):
            if not used[p, c]:
                continue
            seen, u, v, _, _, _, _, _, _ = project(cams[c], xyz[p, 0], xyz[p, 1], xyz[p, 2])
            squared = _BEHIND
            if seen:
                squared = (u - xy[p, c, 0]) ** 2 + (v - xy[p, c, 1]) ** 2
            total += math.log1p(squared / scale2)
        out[p] = scale2 * total


@_jit
def _camera_row(cam: Any, pivot: Any, point: Any, place: Any, row: Any) -> None:
    """Derivatives of a pixel by the camera's unknowns, ``row (2, 11)``.

    ``place`` holds u, v and the derivative of the pixel by the world's point (6). The rotation is
    about `pivot`, a point in the camera's frame.
    """
    cx = cam[16] * point[0] + cam[17] * point[1] + cam[18] * point[2] + cam[25]
    cy = cam[19] * point[0] + cam[20] * point[1] + cam[21] * point[2] + cam[26]
    cz = cam[22] * point[0] + cam[23] * point[1] + cam[24] * point[2] + cam[27]
    x, y, z = cx - pivot[0], cy - pivot[1], cz - pivot[2]
    for i in range(2):
        wx, wy, wz = place[2 + 3 * i], place[3 + 3 * i], place[4 + 3 * i]
        a = wx * cam[16] + wy * cam[17] + wz * cam[18]
        b = wx * cam[19] + wy * cam[20] + wz * cam[21]
        e = wx * cam[22] + wy * cam[23] + wz * cam[24]
        row[i, 0] = e * y - b * z
        row[i, 1] = a * z - e * x
        row[i, 2] = b * x - a * y
        row[i, 3], row[i, 4], row[i, 5] = a, b, e
    row[0, 6], row[1, 6] = place[0] - cam[2], place[1] - cam[3]
    row[0, 7], row[0, 8], row[1, 7], row[1, 8] = 1.0, 0.0, 0.0, 1.0
    x, y = cx / cz, cy / cz
    r2 = x * x + y * y
    power = r2
    if cam[28] != 0.0:
        r = math.sqrt(max(r2, 1e-24))
        theta = math.atan(r)
        power = theta**3 / r
        r2 = theta * theta
    row[0, 9], row[1, 9] = cam[0] * x * power, cam[1] * y * power
    row[0, 10], row[1, 10] = row[0, 9] * r2, row[1, 9] * r2


@_jit
def _inverted(v: Any, out: Any) -> None:
    """Inverse of a symmetric 3 x 3 matrix that is positive definite."""
    a, b, c, d, e, f = v[0, 0], v[0, 1], v[0, 2], v[1, 1], v[1, 2], v[2, 2]
    aa, bb, cc = d * f - e * e, c * e - b * f, b * e - c * d
    det = a * aa + b * bb + c * cc
    det = 1.0 / det if det > 0.0 else 0.0
    out[0, 0], out[0, 1], out[0, 2] = aa * det, bb * det, cc * det
    out[1, 0], out[1, 1], out[1, 2] = bb * det, (a * f - c * c) * det, (b * c - a * e) * det
    out[2, 0], out[2, 1], out[2, 2] = cc * det, out[1, 2], (a * d - b * b) * det


@_jit
def accumulate(
    cams: Any,
    pivots: Any,
    xyz: Any,
    xy: Any,
    used: Any,
    scale2: float,
    damping: float,
    unknowns: Any,
    n_unknowns: Any,
    start: Any,
    cluster: Any,
    system: Any,
    diagonal: Any,
    scores: Any,
    inverse: Any,
    gradient: Any,
    mixed: Any,
) -> None:
    """Add up the weighted normal equations with the points eliminated.

    ``unknowns (view, 11)`` lists the free unknowns of each camera, ``n_unknowns (view,)`` of them,
    which begin at ``start (view,)`` of the ``n`` free ones. ``system (n, n)``, ``diagonal (n,)`` of
    the cameras' own part, and ``scores (cluster, n)``, the reduced gradient by `cluster` of points,
    start at zero. ``inverse (point, 3, 3)``, ``gradient (point, 3)`` and ``mixed (point, view, 11,
    3)`` receive what gives the points back.
    """
    n_views = len(cams)
    row, place = np.empty((2, N_UNKNOWNS)), np.empty(8)
    block, solved = np.empty((3, 3)), np.empty((n_views, N_UNKNOWNS, 3))
    own = np.zeros((n_views, N_UNKNOWNS))
    for p in range(len(xyz)):
        block[:] = 0.0
        h = gradient[p]
        h[:] = 0.0
        point = xyz[p]
        group = scores[cluster[p]]
        for c in range(n_views):
            m = mixed[p, c]
            m[:] = 0.0
            own[c] = 0.0
            if not used[p, c]:
                continue
            seen, u, v, ux, uy, uz, vx, vy, vz = project(cams[c], point[0], point[1], point[2])
            if not seen:
                continue
            place[0], place[1] = u, v
            place[2], place[3], place[4] = ux, uy, uz
            place[5], place[6], place[7] = vx, vy, vz
            eu, ev = u - xy[p, c, 0], v - xy[p, c, 1]
            weight = 1.0 / (1.0 + (eu * eu + ev * ev) / scale2)
            for i in range(3):
                a, b = weight * place[2 + i], weight * place[5 + i]
                h[i] += a * eu + b * ev
                for j in range(3):
                    block[i, j] += a * place[2 + j] + b * place[5 + j]
            n = n_unknowns[c]
            if n == 0:
                continue
            _camera_row(cams[c], pivots[c], point, place, row)
            for i in range(n):
                at = unknowns[c, i]
                a, b = weight * row[0, at], weight * row[1, at]
                own[c, i] = a * eu + b * ev
                for j in range(3):
                    m[i, j] = a * place[2 + j] + b * place[5 + j]
                for j in range(n):
                    other = unknowns[c, j]
                    value = a * row[0, other] + b * row[1, other]
                    system[start[c] + i, start[c] + j] += value
                    if i == j:
                        diagonal[start[c] + i] += value
        for i in range(3):
            block[i, i] = block[i, i] * (1.0 + damping) + 1e-300
        v_inverse = inverse[p]
        _inverted(block, v_inverse)
        for c in range(n_views):
            for i in range(n_unknowns[c]):
                reduced = own[c, i]
                for j in range(3):
                    value = 0.0
                    for k in range(3):
                        value += mixed[p, c, i, k] * v_inverse[k, j]
                    solved[c, i, j] = value
                    reduced -= value * h[j]
                group[start[c] + i] += reduced
        for c in range(n_views):
            if n_unknowns[c] == 0 or not used[p, c]:
                continue
            for d in range(n_views):
                if n_unknowns[d] == 0 or not used[p, d]:
                    continue
                for i in range(n_unknowns[c]):
                    a, b, e = solved[c, i, 0], solved[c, i, 1], solved[c, i, 2]
                    for j in range(n_unknowns[d]):
                        w = mixed[p, d, j]
                        system[start[c] + i, start[d] + j] -= a * w[0] + b * w[1] + e * w[2]


@_jit
def moved_points(
    xyz: Any,
    change: Any,
    n_unknowns: Any,
    start: Any,
    inverse: Any,
    gradient: Any,
    mixed: Any,
    out: Any,
) -> None:
    """Points after the cameras' unknowns changed by ``change (n,)``."""
    against = np.empty(3)
    for p in range(len(xyz)):
        against[:] = gradient[p]
        for c in range(len(n_unknowns)):
            for i in range(n_unknowns[c]):
                step = change[start[c] + i]
                for j in range(3):
                    against[j] += mixed[p, c, i, j] * step
        for j in range(3):
            out[p, j] = xyz[p, j] - (
                inverse[p, j, 0] * against[0]
                + inverse[p, j, 1] * against[1]
                + inverse[p, j, 2] * against[2]
            )
