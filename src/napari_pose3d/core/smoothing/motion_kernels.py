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
def forward(
    y: Any,
    variance: Any,
    track: Any,
    pixels: Any,
    slopes: Any,
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
    y : (frame, view, 2)
        Observations in px.
    variance : (frame, view)
        Their variance in px^2; NaN or infinite: not used.
    track, pixels, slopes :
        Where and how `linearise` linearised.
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
    PH = np.empty(N_STATE)
    h = np.empty(3)
    nll = 0.0
    for t in range(y.shape[0]):
        if t > 0:
            _predict(m, P, rho, q * bursts[t])
        for c in range(y.shape[1]):
            r = variance[t, c]
            if not (math.isfinite(r) and math.isfinite(y[t, c, 0] + pixels[t, c, 0])):
                continue
            for row in range(2):
                e = y[t, c, row] - pixels[t, c, row]
                for j in range(3):
                    h[j] = slopes[t, c, row, j]
                    e -= h[j] * (m[j] - track[t, j])
                for i in range(N_STATE):
                    PH[i] = P[i, 0] * h[0] + P[i, 1] * h[1] + P[i, 2] * h[2]
                S = r + h[0] * PH[0] + h[1] * PH[1] + h[2] * PH[2]
                nll += 0.5 * (_LOG_2PI + math.log(S) + e * e / S)
                inverse = 1.0 / S
                for i in range(N_STATE):
                    gain = PH[i] * inverse
                    m[i] += gain * e
                    for j in range(i + 1):
                        P[i, j] -= gain * PH[j]
                for i in range(N_STATE):
                    for j in range(i):
                        P[j, i] = P[i, j]
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
        for i in range(n):
            for j in range(n):
                means[t, i] += gain_t[j, i] * shift[j]
                acc = 0.0
                crossed = 0.0
                for k in range(n):
                    acc += gain_t[k, i] * change[k, j]
                    crossed += covs[t + 1, i, k] * gain_t[k, j]
                left[i, j] = acc
                cross[i, j] = crossed  # cov(state t + 1, state t)
        for i in range(n):
            for j in range(i + 1):
                acc = covs[t, i, j]
                for k in range(n):
                    acc += left[i, k] * gain_t[k, j]
                covs[t, i, j] = acc
                covs[t, j, i] = acc
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
