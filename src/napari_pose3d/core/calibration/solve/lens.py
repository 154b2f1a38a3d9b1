"""Projection through a camera with derivatives by the point and by the intrinsics, in bulk.

Notes
-----
The intrinsics travel as nine numbers: fx, fy, cx, cy, then k1, k2, p1, p2, k3 of OpenCV's model, or
k1, k2, k3, k4 of its fisheye model and a zero.

References
----------
OpenCV, "Camera Calibration and 3D Reconstruction" and "Fisheye camera model".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

N_INTRINSICS = 9
FX, FY, CX, CY, K1, K2, P1, P2, K3 = range(N_INTRINSICS)


def project(
    intrinsics: Float64, points: Float64, fisheye: bool
) -> tuple[Float64, Float64, Float64]:
    """Pixels of points in the camera's frame, and their derivatives.

    Parameters
    ----------
    intrinsics : (..., 9)
        Broadcasts against the leading axes of `points`.
    points : (..., 3)
        x right, y down, z forward.

    Returns
    -------
    xy : (..., 2)
        px; meaningless where z is not above 0.
    by_point : (..., 2, 3)
        px per unit of length.
    by_intrinsics : (..., 2, 9)
    """
    z = points[..., 2]
    inverse = 1.0 / np.where(z > 0, z, 1.0)
    x, y = points[..., 0] * inverse, points[..., 1] * inverse
    plane = _fisheye(intrinsics, x, y) if fisheye else _brown(intrinsics, x, y)
    u, v, ux, uy, vx, vy, by_distortion = plane
    fx, fy = intrinsics[..., FX], intrinsics[..., FY]
    xy = np.stack([fx * u + intrinsics[..., CX], fy * v + intrinsics[..., CY]], axis=-1)

    by_point = np.empty((*x.shape, 2, 3))
    for row, f, dx, dy in ((0, fx, ux, uy), (1, fy, vx, vy)):
        by_point[..., row, 0] = f * dx * inverse
        by_point[..., row, 1] = f * dy * inverse
        by_point[..., row, 2] = -f * (dx * x + dy * y) * inverse

    by_intrinsics = np.zeros((*x.shape, 2, N_INTRINSICS))
    by_intrinsics[..., 0, FX], by_intrinsics[..., 1, FY] = u, v
    by_intrinsics[..., 0, CX] = by_intrinsics[..., 1, CY] = 1.0
    by_intrinsics[..., 0, K1:] = np.asarray(fx)[..., None] * by_distortion[..., 0, :]
    by_intrinsics[..., 1, K1:] = np.asarray(fy)[..., None] * by_distortion[..., 1, :]
    return xy, by_point, by_intrinsics


def _brown(q: Float64, x: Float64, y: Float64) -> tuple[Float64, ...]:
    """OpenCV's radial and tangential distortion of normalised points."""
    k1, k2, p1, p2, k3 = (q[..., i] for i in range(K1, N_INTRINSICS))
    r2 = x * x + y * y
    xy = x * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    slope = k1 + r2 * (2 * k2 + r2 * 3 * k3)
    u = x * radial + 2 * p1 * xy + p2 * (r2 + 2 * x * x)
    v = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * xy
    ux = radial + 2 * x * x * slope + 2 * p1 * y + 6 * p2 * x
    uy = 2 * xy * slope + 2 * p1 * x + 2 * p2 * y
    vy = radial + 2 * y * y * slope + 6 * p1 * y + 2 * p2 * x
    derivative = np.empty((*x.shape, 2, 5))
    r4 = r2 * r2
    for i, power in ((0, r2), (1, r4), (4, r4 * r2)):
        derivative[..., 0, i], derivative[..., 1, i] = x * power, y * power
    derivative[..., 0, 2], derivative[..., 1, 2] = 2 * xy, r2 + 2 * y * y
    derivative[..., 0, 3], derivative[..., 1, 3] = r2 + 2 * x * x, 2 * xy
    return u, v, ux, uy, uy, vy, derivative


def _fisheye(q: Float64, x: Float64, y: Float64) -> tuple[Float64, ...]:
    """OpenCV's equidistant distortion of normalised points."""
    k1, k2, k3, k4 = (q[..., i] for i in range(K1, K1 + 4))
    r2 = np.maximum(x * x + y * y, 1e-24)
    r = np.sqrt(r2)
    theta = np.arctan(r)
    t2 = theta * theta
    bent = theta * (1 + t2 * (k1 + t2 * (k2 + t2 * (k3 + t2 * k4))))
    slope = 1 + t2 * (3 * k1 + t2 * (5 * k2 + t2 * (7 * k3 + t2 * 9 * k4)))
    scale = bent / r
    over_r = (slope / (1 + r2) - scale) / r2
    derivative = np.zeros((*x.shape, 2, 5))
    power = theta * t2 / r
    for i in range(4):
        derivative[..., 0, i], derivative[..., 1, i] = x * power, y * power
        power = power * t2
    mixed = x * y * over_r
    return (
        x * scale,
        y * scale,
        scale + x * x * over_r,
        mixed,
        mixed,
        scale + y * y * over_r,
        derivative,
    )


def undistort(intrinsics: Float64, xy: Float64, fisheye: bool, steps: int = 20) -> Float64:
    """Normalised coordinates of pixels by Newton's method, ``(..., 2)``; NaN stays NaN.

    Parameters
    ----------
    intrinsics : (9,) or broadcast against `xy`
    xy : (..., 2)
        px.
    """
    fx, fy = intrinsics[..., FX], intrinsics[..., FY]
    wanted_x = (xy[..., 0] - intrinsics[..., CX]) / fx
    wanted_y = (xy[..., 1] - intrinsics[..., CY]) / fy
    x, y = wanted_x.copy(), wanted_y.copy()
    distort = _fisheye if fisheye else _brown
    for _ in range(steps):
        u, v, ux, uy, vx, vy, _ = distort(intrinsics, x, y)
        du, dv = u - wanted_x, v - wanted_y
        det = ux * vy - uy * vx
        det = np.where(np.abs(det) < 1e-12, 1.0, det)
        # Half a unit is far in normalised coordinates: a longer step would leave the lens.
        x = x - np.clip((vy * du - uy * dv) / det, -0.5, 0.5)
        y = y - np.clip((ux * dv - vx * du) / det, -0.5, 0.5)
        if np.nanmax(np.abs([du, dv]), initial=0.0) < 1e-13:
            break
    return np.stack([x, y], axis=-1)
