"""Compiled projection through a calibrated camera, with derivatives and the exact inverse.

Notes
-----
The model is OpenCV's: a point of the world goes to the camera by ``X_cam = R X + t``, is divided
by its depth, distorted (radial k1 k2 k3, rational k4 k5 k6, tangential p1 p2, thin prism s1..s4,
tilted sensor; or the four-parameter fisheye model) and scaled to pixels by fx, fy, cx, cy. Skew is
not part of the model. A camera is passed as one row of float64, see `PACKED_SIZE` and
`pack_camera`. This module imports numba; import it only inside functions that compute.

References
----------
OpenCV documentation, "Camera Calibration and 3D Reconstruction" and "Fisheye camera model".
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from .camera import Camera

# The layout of a packed camera.
_FX, _FY, _CX, _CY = 0, 1, 2, 3
_DIST = 4  # k1 k2 p1 p2 k3 k4 k5 k6 s1 s2 s3 s4, or the four of the fisheye model
_ROT = 16
_TRANS = 25
_FISHEYE = 28
_TILTED = 29
_TILT = 30  # 3 x 3
_TILT_INV = 39
_MAX_R2 = 48  # beyond this squared normalised radius the distortion folds back
PACKED_SIZE = 49

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")
# Inlined into the loop over observations: nothing passes through memory, and what the loop does not
# use is not computed.
_inline = numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)

# Newton's method on the distortion converges quadratically; 30 steps are a bound, not the rule.
_UNDISTORT_STEPS = 30
_UNDISTORT_TOLERANCE = 1e-13


def pack_camera(camera: Camera) -> NDArray[np.float64]:
    """One camera as a row of `PACKED_SIZE` numbers for the compiled functions."""
    row = np.zeros(PACKED_SIZE)
    matrix = camera.matrix
    row[[_FX, _FY, _CX, _CY]] = matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]
    coefficients = np.zeros(14)
    coefficients[: camera.distortion.size] = camera.distortion
    row[_DIST : _DIST + 12] = coefficients[:12]
    row[_ROT : _ROT + 9] = camera.rotation.ravel()
    row[_TRANS : _TRANS + 3] = camera.translation
    row[_FISHEYE] = camera.fisheye
    if not camera.fisheye and np.any(coefficients[12:]):
        tilt = _tilt_matrix(coefficients[12], coefficients[13])
        row[_TILTED] = 1.0
        row[_TILT : _TILT + 9] = tilt.ravel()
        row[_TILT_INV : _TILT_INV + 9] = np.linalg.inv(tilt).ravel()
    row[_MAX_R2] = _fold_radius_squared(tuple(coefficients[:8].tolist()), camera.fisheye)
    return row


def pack_cameras(cameras: tuple[Camera, ...]) -> NDArray[np.float64]:
    """All cameras of a rig, ``(view, PACKED_SIZE)``."""
    if not cameras:
        return np.zeros((0, PACKED_SIZE))
    return np.stack([pack_camera(camera) for camera in cameras])


def _tilt_matrix(tau_x: float, tau_y: float) -> NDArray[np.float64]:
    """Homography of a tilted sensor (Louhichi et al. 2007, as OpenCV applies it)."""
    cx, sx, cy, sy = math.cos(tau_x), math.sin(tau_x), math.cos(tau_y), math.sin(tau_y)
    rot_x = np.array([[1, 0, 0], [0, cx, sx], [0, -sx, cx]])
    rot_y = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    rot = rot_y @ rot_x
    project = np.array([[rot[2, 2], 0, -rot[0, 2]], [0, rot[2, 2], -rot[1, 2]], [0, 0, 1.0]])
    return project @ rot


# A fit packs the same lenses anew at each step.
@lru_cache(maxsize=256)
def _fold_radius_squared(coefficients: tuple[float, ...], fisheye: bool) -> float:
    """Squared normalised radius at which the radial distortion stops growing (inf: nowhere).

    Beyond it two directions share one pixel, and a point far outside the image can seem to lie
    inside: such a point is not observed.
    """
    if fisheye:
        k1, k2, k3, k4 = coefficients[:4]
        # theta_d' = 1 + 3 k1 q + 5 k2 q^2 + 7 k3 q^3 + 9 k4 q^4 with q = theta^2
        slope = np.polynomial.Polynomial([1, 3 * k1, 5 * k2, 7 * k3, 9 * k4])
        limit = (0.5 * math.pi) ** 2
    else:
        k1, k2, _, _, k3, k4, k5, k6 = coefficients
        num = np.polynomial.Polynomial([1, k1, k2, k3])
        den = np.polynomial.Polynomial([1, k4, k5, k6])
        q = np.polynomial.Polynomial([0, 1])
        # d/dr of r num(r^2)/den(r^2), times den^2; the poles of the factor are limits as well.
        slope = (num + 2 * q * num.deriv()) * den - 2 * q * num * den.deriv()
        slope = slope * den
        limit = math.inf
    roots = slope.roots() if slope.degree() > 0 else np.array([])
    real = roots[np.abs(roots.imag) < 1e-12 * np.maximum(1, np.abs(roots))].real
    positive = real[(real > 0) & (real < limit)]
    smallest = float(positive.min()) if positive.size else limit
    if fisheye:
        return math.tan(math.sqrt(smallest)) ** 2 if smallest < limit else math.inf
    return smallest


@_jit
def _distort_fisheye(cam: Any, x: float, y: float) -> tuple[float, ...]:
    """As `distort`, for the fisheye model."""
    r2 = x * x + y * y
    r = math.sqrt(r2)
    if r < 1e-12:
        return x, y, 1.0, 0.0, 0.0, 1.0
    theta = math.atan(r)
    q = theta * theta
    k1, k2, k3, k4 = cam[_DIST], cam[_DIST + 1], cam[_DIST + 2], cam[_DIST + 3]
    theta_d = theta * (1.0 + q * (k1 + q * (k2 + q * (k3 + q * k4))))
    slope = 1.0 + q * (3.0 * k1 + q * (5.0 * k2 + q * (7.0 * k3 + q * 9.0 * k4)))
    scale = theta_d / r
    # d scale / d r = (theta_d' / (1 + r^2) - scale) / r
    over_r = (slope / (1.0 + r2) - scale) / r2
    mixed = x * y * over_r
    return x * scale, y * scale, scale + x * x * over_r, mixed, mixed, scale + y * y * over_r


@_jit
def _tilt(
    cam: Any, u: float, v: float, ux: float, uy: float, vx: float, vy: float
) -> tuple[float, ...]:
    """A distorted point and its derivative as the tilted sensor sees them."""
    a = cam[_TILT] * u + cam[_TILT + 1] * v + cam[_TILT + 2]
    b = cam[_TILT + 3] * u + cam[_TILT + 4] * v + cam[_TILT + 5]
    c = cam[_TILT + 6] * u + cam[_TILT + 7] * v + cam[_TILT + 8]
    au = (cam[_TILT] - a / c * cam[_TILT + 6]) / c
    av = (cam[_TILT + 1] - a / c * cam[_TILT + 7]) / c
    bu = (cam[_TILT + 3] - b / c * cam[_TILT + 6]) / c
    bv = (cam[_TILT + 4] - b / c * cam[_TILT + 7]) / c
    return (
        a / c,
        b / c,
        au * ux + av * vx,
        au * uy + av * vy,
        bu * ux + bv * vx,
        bu * uy + bv * vy,
    )


@_inline
def distort(cam: Any, x: float, y: float) -> tuple[float, ...]:
    """Distort a normalised point: its position u, v and the derivative u_x, u_y, v_x, v_y."""
    if cam[_FISHEYE] != 0.0:
        return _distort_fisheye(cam, x, y)
    k1, k2, p1, p2, k3 = (
        cam[_DIST],
        cam[_DIST + 1],
        cam[_DIST + 2],
        cam[_DIST + 3],
        cam[_DIST + 4],
    )
    r2 = x * x + y * y
    num = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
    slope = k1 + r2 * (2.0 * k2 + r2 * 3.0 * k3)
    k4, k5, k6 = cam[_DIST + 5], cam[_DIST + 6], cam[_DIST + 7]
    if k4 != 0.0 or k5 != 0.0 or k6 != 0.0:
        den = 1.0 + r2 * (k4 + r2 * (k5 + r2 * k6))
        den_slope = k4 + r2 * (2.0 * k5 + r2 * 3.0 * k6)
        slope = (slope - num * den_slope / den) / den
        num = num / den
    s1, s2, s3, s4 = cam[_DIST + 8], cam[_DIST + 9], cam[_DIST + 10], cam[_DIST + 11]
    xy = x * y
    u = x * num + 2.0 * p1 * xy + p2 * (r2 + 2.0 * x * x) + r2 * (s1 + s2 * r2)
    v = y * num + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * xy + r2 * (s3 + s4 * r2)
    prism_u = 2.0 * (s1 + 2.0 * s2 * r2)
    prism_v = 2.0 * (s3 + 2.0 * s4 * r2)
    ux = num + 2.0 * x * x * slope + 2.0 * p1 * y + 6.0 * p2 * x + prism_u * x
    uy = 2.0 * xy * slope + 2.0 * p1 * x + 2.0 * p2 * y + prism_u * y
    vx = 2.0 * xy * slope + 2.0 * p1 * x + 2.0 * p2 * y + prism_v * x
    vy = num + 2.0 * y * y * slope + 6.0 * p1 * y + 2.0 * p2 * x + prism_v * y
    if cam[_TILTED] != 0.0:
        return _tilt(cam, u, v, ux, uy, vx, vy)
    return u, v, ux, uy, vx, vy


@_inline
def project(cam: Any, X: float, Y: float, Z: float) -> tuple[Any, ...]:
    """Project a world point.

    Returns
    -------
    visible : bool
        False, and everything else NaN, where the camera cannot see it.
    u, v : float
        The pixel.
    u_X, u_Y, u_Z, v_X, v_Y, v_Z : float
        Its derivative by the world point.
    """
    # In names of their own: after each number that is stored somewhere, the compiler would have to
    # read them again.
    r00, r01, r02 = cam[_ROT], cam[_ROT + 1], cam[_ROT + 2]
    r10, r11, r12 = cam[_ROT + 3], cam[_ROT + 4], cam[_ROT + 5]
    r20, r21, r22 = cam[_ROT + 6], cam[_ROT + 7], cam[_ROT + 8]
    xc = r00 * X + r01 * Y + r02 * Z + cam[_TRANS]
    yc = r10 * X + r11 * Y + r12 * Z + cam[_TRANS + 1]
    zc = r20 * X + r21 * Y + r22 * Z + cam[_TRANS + 2]
    iz = 1.0 / zc
    x, y = xc * iz, yc * iz
    if not zc > 0.0 or x * x + y * y > cam[_MAX_R2]:
        nan = math.nan
        return False, nan, nan, nan, nan, nan, nan, nan, nan
    u, v, ux, uy, vx, vy = distort(cam, x, y)
    fx, fy = cam[_FX], cam[_FY]
    u, v = fx * u + cam[_CX], fy * v + cam[_CY]
    # d(x, y)/d(camera point) = [[1, 0, -x], [0, 1, -y]] / z, then the rotation.
    fx, fy = fx * iz, fy * iz
    ux, uy, vx, vy = fx * ux, fx * uy, fy * vx, fy * vy
    uz, vz = -(ux * x + uy * y), -(vx * x + vy * y)
    return (
        True,
        u,
        v,
        ux * r00 + uy * r10 + uz * r20,
        ux * r01 + uy * r11 + uz * r21,
        ux * r02 + uy * r12 + uz * r22,
        vx * r00 + vy * r10 + vz * r20,
        vx * r01 + vy * r11 + vz * r21,
        vx * r02 + vy * r12 + vz * r22,
    )


@_jit
def undistort(cam: Any, u: float, v: float) -> tuple[Any, ...]:
    """Normalised image coordinates of a pixel, iterated to convergence (Newton).

    Returns
    -------
    found : bool
        False, and NaN, where the pixel has no preimage, as in the corner of an image whose
        distortion folds back.
    x, y : float
    """
    xd = (u - cam[_CX]) / cam[_FX]
    yd = (v - cam[_CY]) / cam[_FY]
    if not (math.isfinite(xd) and math.isfinite(yd)):
        return False, math.nan, math.nan
    if cam[_FISHEYE] != 0.0:
        return _undistort_fisheye(cam, xd, yd)
    x, y = xd, yd
    if cam[_TILTED] != 0.0:
        i = _TILT_INV
        c = cam[i + 6] * xd + cam[i + 7] * yd + cam[i + 8]
        x = (cam[i] * xd + cam[i + 1] * yd + cam[i + 2]) / c
        y = (cam[i + 3] * xd + cam[i + 4] * yd + cam[i + 5]) / c
    limit = cam[_MAX_R2]
    if x * x + y * y > limit:
        shrink = math.sqrt(0.81 * limit / (x * x + y * y))
        x, y = x * shrink, y * shrink
    px, py, a, b, c, d = distort(cam, x, y)
    ex, ey = px - xd, py - yd
    error = ex * ex + ey * ey
    tolerance = (_UNDISTORT_TOLERANCE * max(1.0, math.sqrt(xd * xd + yd * yd))) ** 2
    for _ in range(_UNDISTORT_STEPS):
        if error <= tolerance:
            break
        det = a * d - b * c
        if det == 0.0:
            break
        dx, dy = (d * ex - b * ey) / det, (a * ey - c * ex) / det
        step = 1.0
        improved = False
        for _ in range(20):
            nx, ny = x - step * dx, y - step * dy
            if nx * nx + ny * ny <= limit:
                px, py, na, nb, nc, nd = distort(cam, nx, ny)
                gx, gy = px - xd, py - yd
                if gx * gx + gy * gy < error:
                    improved = True
                    break
            step *= 0.5
        if not improved:
            break
        x, y, ex, ey = nx, ny, gx, gy
        a, b, c, d = na, nb, nc, nd
        error = ex * ex + ey * ey
    # A thousandth of a pixel separates "converged, but for rounding" from "no preimage".
    if error > (1e-3 / max(abs(cam[_FX]), abs(cam[_FY]))) ** 2:
        return False, math.nan, math.nan
    return True, x, y


@_jit
def _undistort_fisheye(cam: Any, xd: float, yd: float) -> tuple[Any, ...]:
    theta_d = math.sqrt(xd * xd + yd * yd)
    if theta_d < 1e-12:
        return True, xd, yd
    k1, k2, k3, k4 = cam[_DIST], cam[_DIST + 1], cam[_DIST + 2], cam[_DIST + 3]
    limit = math.atan(math.sqrt(cam[_MAX_R2])) if math.isfinite(cam[_MAX_R2]) else 0.5 * math.pi
    theta = min(theta_d, 0.9 * limit)
    for _ in range(_UNDISTORT_STEPS):
        q = theta * theta
        value = theta * (1.0 + q * (k1 + q * (k2 + q * (k3 + q * k4)))) - theta_d
        slope = 1.0 + q * (3.0 * k1 + q * (5.0 * k2 + q * (7.0 * k3 + q * 9.0 * k4)))
        if slope <= 0.0:
            break
        new = min(max(theta - value / slope, 0.0), limit)
        if abs(new - theta) <= _UNDISTORT_TOLERANCE:
            theta = new
            break
        theta = new
    q = theta * theta
    value = theta * (1.0 + q * (k1 + q * (k2 + q * (k3 + q * k4)))) - theta_d
    if abs(value) * max(abs(cam[_FX]), abs(cam[_FY])) > 1e-3 or theta >= 0.5 * math.pi:
        return False, math.nan, math.nan
    scale = math.tan(theta) / theta_d
    return True, xd * scale, yd * scale


@_jit
def project_points(cams: Any, xyz: Any, out: Any) -> None:
    """``xyz (point, 3)`` -> ``out (view, point, 2)``."""
    for c in range(cams.shape[0]):
        for i in range(xyz.shape[0]):
            _, u, v, _, _, _, _, _, _ = project(cams[c], xyz[i, 0], xyz[i, 1], xyz[i, 2])
            out[c, i, 0], out[c, i, 1] = u, v


@_jit
def project_with_derivatives(cams: Any, xyz: Any, xy: Any, jacobian: Any) -> None:
    """``xyz (point, 3)`` -> ``xy (view, point, 2)`` and ``jacobian (view, point, 2, 3)``."""
    for c in range(cams.shape[0]):
        for i in range(xyz.shape[0]):
            _, u, v, ux, uy, uz, vx, vy, vz = project(cams[c], xyz[i, 0], xyz[i, 1], xyz[i, 2])
            xy[c, i, 0], xy[c, i, 1] = u, v
            d = jacobian[c, i]
            d[0, 0], d[0, 1], d[0, 2] = ux, uy, uz
            d[1, 0], d[1, 1], d[1, 2] = vx, vy, vz


@_jit
def undistort_points(cams: Any, xy: Any, out: Any) -> None:
    """``xy (view, point, 2)`` in px -> ``out`` likewise, normalised."""
    for c in range(cams.shape[0]):
        for i in range(xy.shape[1]):
            _, x, y = undistort(cams[c], xy[c, i, 0], xy[c, i, 1])
            out[c, i, 0], out[c, i, 1] = x, y
