"""The compiled loops of the robust smoother: damped motion in space seen by calibrated cameras.

State: position and step ``(x, u)`` of a point, three coordinates each::

    x' = x + rho u + n_x        cov(n_x, n_u) = q z_t [[1/3, 1/2], [1/2, 1]] (x) I
    u' =     rho u + n_u

which is the integrated Wiener process for ``rho = 1`` and a random walk for ``rho = 0``
(Bar-Shalom, Li & Kirubarajan, "Estimation with Applications to Tracking and Navigation", 2001,
6.2); ``z_t`` lets single frames move more than others. The cameras are linearised about a given
track, so that one pass is exactly linear and the passes can be iterated.

Importing this module imports numba.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from ..cameras.projection import project
from .kalman import cholesky, cholesky_solve

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")

_LOG_2PI = math.log(2.0 * math.pi)
N_STATE = 6


@_jit
def linearise(cams: Any, track: Any, pixels: Any, slopes: Any) -> None:
    """Projection of ``track (frame, 3)`` and its derivative; NaN where a camera cannot see it.

    ``pixels (frame, view, 2)``, ``slopes (frame, view, 2, 3)``.
    """
    out = np.empty(8)
    for t in range(track.shape[0]):
        for c in range(cams.shape[0]):
            project(cams[c], track[t, 0], track[t, 1], track[t, 2], out)
            for row in range(2):
                pixels[t, c, row] = out[row]
                for j in range(3):
                    slopes[t, c, row, j] = out[2 + 3 * row + j]


@_jit
def _predict(m: Any, P: Any, rho: float, noise: float) -> None:
    for i in range(3):
        m[i] += rho * m[3 + i]
        m[3 + i] *= rho
    for i in range(3):
        for j in range(3):
            step = P[3 + i, 3 + j]
            mixed = P[i, 3 + j]
            P[i, j] += rho * (mixed + P[3 + i, j]) + rho * rho * step
            P[i, 3 + j] = rho * mixed + rho * rho * step
    for i in range(3):
        for j in range(3):
            P[3 + i, 3 + j] *= rho * rho
            P[3 + j, i] = P[i, 3 + j]
    for i in range(3):
        P[i, i] += noise / 3.0
        P[i, 3 + i] += 0.5 * noise
        P[3 + i, i] += 0.5 * noise
        P[3 + i, 3 + i] += noise


@_jit
def gather(y: Any, variance: Any, pixels: Any, slopes: Any, seen: Any) -> None:
    """What all views of a frame say about its point, whatever the motion, into ``seen``.

    With the cameras linear, H being their derivative and e the residual at the point of
    linearisation, that is the information ``A = H^T R^-1 H`` and ``b = H^T R^-1 e``: a frame costs
    the filter the same with two views and with twelve.

    Parameters
    ----------
    y : (frame, view, 2)
        Observations in px.
    variance : (frame, view)
        Their variance in px^2; NaN or infinite: not used.
    pixels, slopes :
        As `linearise` left them.
    seen : (frame, 10)
        Becomes A (xx, xy, xz, yy, yz, zz), b, and ``e^T R^-1 e + log det(2 pi R)``.
    """
    for t in range(y.shape[0]):
        for i in range(10):
            seen[t, i] = 0.0
        for c in range(y.shape[1]):
            r = variance[t, c]
            if not (math.isfinite(r) and math.isfinite(y[t, c, 0] + pixels[t, c, 0])):
                continue
            w = 1.0 / r
            seen[t, 9] += 2.0 * (_LOG_2PI + math.log(r))
            for row in range(2):
                e = y[t, c, row] - pixels[t, c, row]
                h0, h1, h2 = slopes[t, c, row, 0], slopes[t, c, row, 1], slopes[t, c, row, 2]
                w0, w1, w2 = w * h0, w * h1, w * h2
                seen[t, 0] += w0 * h0
                seen[t, 1] += w0 * h1
                seen[t, 2] += w0 * h2
                seen[t, 3] += w1 * h1
                seen[t, 4] += w1 * h2
                seen[t, 5] += w2 * h2
                seen[t, 6] += w0 * e
                seen[t, 7] += w1 * e
                seen[t, 8] += w2 * e
                seen[t, 9] += w * e * e


@_jit
def _update(m: Any, P: Any, seen: Any, track: Any, scratch: Any) -> float:
    """Take in what the views of a frame say; returns its negative log-likelihood.

    ``(I + A P)^-1`` takes the place of the innovation's inverse (the push-through identity), with P
    the position's part: ``H^T S^-1 = (I + A P)^-1 H^T R^-1``, ``det S = det R det(I + A P)``.
    """
    a00, a01, a02, a11, a12, a22 = seen[0], seen[1], seen[2], seen[3], seen[4], seen[5]
    if not a00 + a11 + a22 > 0.0:
        return 0.0
    d0, d1, d2 = m[0] - track[0], m[1] - track[1], m[2] - track[2]
    ad0 = a00 * d0 + a01 * d1 + a02 * d2
    ad1 = a01 * d0 + a11 * d1 + a12 * d2
    ad2 = a02 * d0 + a12 * d1 + a22 * d2
    b0, b1, b2 = seen[6], seen[7], seen[8]
    distance = seen[9] + d0 * (ad0 - 2.0 * b0) + d1 * (ad1 - 2.0 * b1) + d2 * (ad2 - 2.0 * b2)
    g0, g1, g2 = b0 - ad0, b1 - ad1, b2 - ad2
    p00, p01, p02 = P[0, 0], P[0, 1], P[0, 2]
    p11, p12, p22 = P[1, 1], P[1, 2], P[2, 2]
    # I + A P
    m00 = 1.0 + a00 * p00 + a01 * p01 + a02 * p02
    m01 = a00 * p01 + a01 * p11 + a02 * p12
    m02 = a00 * p02 + a01 * p12 + a02 * p22
    m10 = a01 * p00 + a11 * p01 + a12 * p02
    m11 = 1.0 + a01 * p01 + a11 * p11 + a12 * p12
    m12 = a01 * p02 + a11 * p12 + a12 * p22
    m20 = a02 * p00 + a12 * p01 + a22 * p02
    m21 = a02 * p01 + a12 * p11 + a22 * p12
    m22 = 1.0 + a02 * p02 + a12 * p12 + a22 * p22
    c00, c01, c02 = m11 * m22 - m12 * m21, m02 * m21 - m01 * m22, m01 * m12 - m02 * m11
    determinant = m00 * c00 + m10 * c01 + m20 * c02
    inverse = 1.0 / determinant
    c00, c01, c02 = c00 * inverse, c01 * inverse, c02 * inverse
    c10, c11, c12 = (
        (m12 * m20 - m10 * m22) * inverse,
        (m00 * m22 - m02 * m20) * inverse,
        (m02 * m10 - m00 * m12) * inverse,
    )
    c20, c21, c22 = (
        (m10 * m21 - m11 * m20) * inverse,
        (m01 * m20 - m00 * m21) * inverse,
        (m00 * m11 - m01 * m10) * inverse,
    )
    u0 = c00 * g0 + c01 * g1 + c02 * g2
    u1 = c10 * g0 + c11 * g1 + c12 * g2
    u2 = c20 * g0 + c21 * g1 + c22 * g2
    distance -= (
        g0 * (p00 * u0 + p01 * u1 + p02 * u2)
        + g1 * (p01 * u0 + p11 * u1 + p12 * u2)
        + g2 * (p02 * u0 + p12 * u1 + p22 * u2)
    )
    # W = (I + A P)^-1 A, symmetric but for rounding.
    w00 = c00 * a00 + c01 * a01 + c02 * a02
    w01 = c00 * a01 + c01 * a11 + c02 * a12
    w02 = c00 * a02 + c01 * a12 + c02 * a22
    w11 = c10 * a01 + c11 * a11 + c12 * a12
    w12 = c10 * a02 + c11 * a12 + c12 * a22
    w22 = c20 * a02 + c21 * a12 + c22 * a22
    for i in range(N_STATE):
        x, y, z = P[i, 0], P[i, 1], P[i, 2]
        m[i] += x * u0 + y * u1 + z * u2
        scratch[i, 0], scratch[i, 1], scratch[i, 2] = x, y, z
        scratch[i, 3] = x * w00 + y * w01 + z * w02
        scratch[i, 4] = x * w01 + y * w11 + z * w12
        scratch[i, 5] = x * w02 + y * w12 + z * w22
    for i in range(N_STATE):
        x, y, z = scratch[i, 3], scratch[i, 4], scratch[i, 5]
        for j in range(i + 1):
            P[i, j] -= x * scratch[j, 0] + y * scratch[j, 1] + z * scratch[j, 2]
            P[j, i] = P[i, j]
    return 0.5 * (distance + math.log(determinant))


@_jit
def forward(
    seen: Any,
    track: Any,
    m0: Any,
    S0: Any,
    rho: float,
    q: float,
    bursts: Any,
    means: Any,
    covs: Any,
) -> float:
    """Filter one keypoint; returns its negative log-likelihood.

    Parameters
    ----------
    seen : (frame, 10)
        From `gather`.
    track : (frame, 3)
        Where the cameras were linearised.
    m0, S0 : (6,), (6, 6)
        Prior of the first frame.
    bursts : (frame,)
        ``z_t`` of the step that leads to frame t.
    means, covs : (frame, 6), (frame, 6, 6)
        Filled with the filtered moments, unless they hold no frame.
    """
    store = means.shape[0] > 0
    m = m0.copy()
    P = S0.copy()
    scratch = np.empty((N_STATE, 6))
    nll = 0.0
    for t in range(seen.shape[0]):
        if t > 0:
            _predict(m, P, rho, q * bursts[t])
        nll += _update(m, P, seen[t], track[t], scratch)
        if store:
            means[t] = m
            covs[t] = P
    return nll


@_jit
def backward(rho: float, q: float, bursts: Any, means: Any, covs: Any, activity: Any) -> None:
    """Turn the filtered moments into the smoothed ones, in place.

    ``activity (frame,)`` becomes ``E[n_t^T Q0^-1 n_t] / q``, the squared size of the step that led
    to frame t in units of its expected size at ``z_t = 1``, from the smoothed moments with their
    lag-one covariance; 6 on average where the model is right.
    """
    n = N_STATE
    pred_m = np.empty(n)
    pred_P = np.empty((n, n))
    low = np.zeros((n, n))
    gain_t = np.empty((n, n))
    shift = np.empty(n)
    change = np.empty((n, n))
    left = np.empty((n, n))
    cross = np.empty((n, n))
    step = np.empty(n)
    activity[0] = n
    for t in range(means.shape[0] - 2, -1, -1):
        for i in range(n):
            pred_m[i] = means[t, i]
            for j in range(n):
                pred_P[i, j] = covs[t, i, j]
        # F P, before the prediction spoils P.
        for j in range(n):
            for i in range(3):
                gain_t[i, j] = pred_P[i, j] + rho * pred_P[3 + i, j]
                gain_t[3 + i, j] = rho * pred_P[3 + i, j]
        _predict(pred_m, pred_P, rho, q * bursts[t + 1])
        cholesky(pred_P, low)
        cholesky_solve(low, gain_t)  # the transposed gain: P_pred^-1 F P
        for i in range(n):
            shift[i] = means[t + 1, i] - pred_m[i]
            for j in range(n):
                change[i, j] = covs[t + 1, i, j] - pred_P[i, j]
        after = covs[t + 1]
        now = covs[t]
        for i in range(n):
            for j in range(n):
                means[t, i] += gain_t[j, i] * shift[j]
                left[i, j] = 0.0
                cross[i, j] = 0.0
            for k in range(n):
                gain, spread = gain_t[k, i], after[i, k]
                for j in range(n):
                    left[i, j] += gain * change[k, j]
                    cross[i, j] += spread * gain_t[k, j]  # cov(state t + 1, state t)
        for i in range(n):
            for k in range(n):
                factor = left[i, k]
                for j in range(n):
                    now[i, j] += factor * gain_t[k, j]
            for j in range(i):
                now[i, j] = now[j, i] = 0.5 * (now[i, j] + now[j, i])
        # E[n n^T] of n = state t+1 - F state t, then its trace with [[12, -6], [-6, 4]] = Q0^-1.
        for i in range(3):
            step[i] = means[t + 1, i] - means[t, i] - rho * means[t, 3 + i]
            step[3 + i] = means[t + 1, 3 + i] - rho * means[t, 3 + i]
        total = 0.0
        for i in range(3):
            vxx = covs[t + 1, i, i]
            vxu = covs[t + 1, i, 3 + i]
            vuu = covs[t + 1, 3 + i, 3 + i]
            # F V_t F^T
            a, b, d = covs[t, i, i], covs[t, i, 3 + i], covs[t, 3 + i, 3 + i]
            vxx += a + 2.0 * rho * b + rho * rho * d
            vxu += rho * b + rho * rho * d
            vuu += rho * rho * d
            # - C F^T - F C^T
            cxx, cxu = cross[i, i], cross[i, 3 + i]
            cux, cuu = cross[3 + i, i], cross[3 + i, 3 + i]
            vxx -= 2.0 * (cxx + rho * cxu)
            vxu -= rho * cxu + cux + rho * cuu
            vuu -= 2.0 * rho * cuu
            sx, su = step[i], step[3 + i]
            total += 12.0 * (vxx + sx * sx) - 12.0 * (vxu + sx * su) + 4.0 * (vuu + su * su)
        activity[t + 1] = total / q
