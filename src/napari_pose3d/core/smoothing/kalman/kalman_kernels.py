"""The compiled Kalman filter and Rauch-Tung-Striebel smoother of the published and linear models.

Notes
-----
State: ``x_t = x_{t-1} + w``, ``w ~ N(0, Q)``, at the first frame ``x_0 ~ N(m0, S0)`` itself.
Observation: ``y_t = h(x_t) + e``, ``e ~ N(0, diag(r_t))``, where h is either linear, ``H x``, or
the projection through all cameras of a rig, linearised at the predicted mean (extended Kalman
filter).

As the observation noise is diagonal, each coordinate updates the state by itself: no matrix is
inverted, a missing coordinate is skipped, and the cost is linear in the number of cameras.
Importing this module imports numba.

References
----------
Sarkka, "Bayesian Filtering and Smoothing", 2013, algorithms 5.4 and 8.2.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from napari_pose3d.core.cameras.projection import project

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")

_LOG_2PI = math.log(2.0 * math.pi)


@_jit
def forward(
    cams: Any,
    H: Any,
    y: Any,
    r: Any,
    m0: Any,
    S0: Any,
    Q: Any,
    jitter: float,
    means: Any,
    covs: Any,
) -> float:
    """Filter one track; returns its negative log-likelihood.

    Parameters
    ----------
    cams : (view, PACKED_SIZE)
        Packed cameras; with no view in it, ``H`` is used.
    H : (2 view, state)
        Linear observation.
    y : (frame, 2 view)
        x and y of each view in turn; NaN is skipped.
    r : (frame or 1, 2 view)
        Variance of each observation; one row holds for all frames. A NaN or infinite one is
        skipped.
    m0, S0, Q : (state,), (state, state), (state, state)
    jitter : float
        Added to the innovation's variance in the gain only. Zero, but for comparison with the
        published smoother, whose linear solver does so.
    means, covs : (frame, state), (frame, state, state)
        Filled with the filtered moments, unless they hold no frame.
    """
    n = m0.shape[0]
    n_cams = cams.shape[0]
    n_obs = y.shape[1]
    store = means.shape[0] > 0
    steady = r.shape[0] == 1
    m = m0.copy()
    m_pred = np.empty(n)
    P = S0.copy()
    PH = np.empty(n)
    h = np.empty(n)
    proj = np.empty(8)
    information = np.empty((n, n))
    nll = 0.0
    for t in range(y.shape[0]):
        if t > 0:
            for i in range(n):
                for j in range(n):
                    P[i, j] += Q[i, j]
        rt = r[0] if steady else r[t]
        m_pred[:] = m
        if jitter > 0.0:
            information[:] = 0.0
        visible = True
        for d in range(n_obs):
            if n_cams > 0:
                row = d & 1
                if row == 0:
                    (
                        visible,
                        proj[0],
                        proj[1],
                        proj[2],
                        proj[3],
                        proj[4],
                        proj[5],
                        proj[6],
                        proj[7],
                    ) = project(cams[d >> 1], m_pred[0], m_pred[1], m_pred[2])
                if not visible:
                    continue
                expected = proj[row]
                for i in range(n):
                    h[i] = proj[2 + 3 * row + i]
            else:
                expected = 0.0
                for i in range(n):
                    h[i] = H[d, i]
                    expected += h[i] * m_pred[i]
            variance = rt[d]
            if not (math.isfinite(y[t, d]) and math.isfinite(variance)):
                continue
            # The innovation given the coordinates already used in this frame.
            e = y[t, d] - expected
            S = variance
            for i in range(n):
                e -= h[i] * (m[i] - m_pred[i])
                acc = 0.0
                for j in range(n):
                    acc += P[i, j] * h[j]
                PH[i] = acc
                S += h[i] * acc
            nll += 0.5 * (_LOG_2PI + math.log(S) + e * e / S)
            S += jitter
            for i in range(n):
                gain = PH[i] / S
                m[i] += gain * e
                for j in range(n):
                    P[i, j] -= gain * PH[j]
            if jitter > 0.0:
                w = 1.0 / ((variance + jitter) * (variance + jitter))
                for i in range(n):
                    for j in range(n):
                        information[i, j] += w * h[i] * h[j]
        if jitter > 0.0:
            # The published covariance update is P - K S K^T with S free of the jitter that K was
            # computed with, which leaves jitter * K K^T, K = P H^T (R + jitter)^-1.
            P += jitter * (P @ information @ P)
        for i in range(n):
            for j in range(i):
                P[i, j] = P[j, i] = 0.5 * (P[i, j] + P[j, i])
        if store:
            means[t] = m
            covs[t] = P
    return nll


@_jit
def cholesky(a: Any, low: Any) -> None:
    """Lower triangle of a positive semidefinite matrix."""
    n = a.shape[0]
    for i in range(n):
        for j in range(i + 1):
            s = a[i, j]
            for k in range(j):
                s -= low[i, k] * low[j, k]
            if i == j:
                # A direction with zero variance keeps it; its rows must not divide by zero.
                low[i, i] = math.sqrt(s) if s > 0.0 else 0.0
            else:
                low[i, j] = s / low[j, j] if low[j, j] > 0.0 else 0.0


@_jit
def cholesky_solve(low: Any, b: Any) -> None:
    """``b (n, m)`` becomes ``(low low^T)^-1 b``."""
    n = low.shape[0]
    # Row by row: the columns lie side by side in memory and are worked on together.
    for i in range(n):
        inverse = 1.0 / low[i, i] if low[i, i] > 0.0 else 0.0
        for j in range(i):
            factor = low[i, j]
            for k in range(b.shape[1]):
                b[i, k] -= factor * b[j, k]
        for k in range(b.shape[1]):
            b[i, k] *= inverse
    for i in range(n - 1, -1, -1):
        inverse = 1.0 / low[i, i] if low[i, i] > 0.0 else 0.0
        for j in range(i + 1, n):
            factor = low[j, i]
            for k in range(b.shape[1]):
                b[i, k] -= factor * b[j, k]
        for k in range(b.shape[1]):
            b[i, k] *= inverse


@_jit
def backward(Q: Any, jitter: float, means: Any, covs: Any) -> None:
    """Turn the filtered moments of `forward` into the smoothed ones, in place."""
    n = Q.shape[0]
    boosted = np.empty((n, n))
    predicted = np.empty((n, n))
    low = np.zeros((n, n))
    gain_t = np.empty((n, n))
    left = np.empty((n, n))
    shift = np.empty(n)
    for t in range(means.shape[0] - 2, -1, -1):
        for i in range(n):
            for j in range(n):
                predicted[i, j] = covs[t, i, j] + Q[i, j]
                boosted[i, j] = predicted[i, j]
                gain_t[i, j] = covs[t, i, j]
            boosted[i, i] += jitter
        cholesky(boosted, low)
        cholesky_solve(low, gain_t)  # the transposed gain: P_pred^-1 P
        for i in range(n):
            shift[i] = means[t + 1, i] - means[t, i]
        for i in range(n):
            for j in range(n):
                means[t, i] += gain_t[j, i] * shift[j]
                acc = 0.0
                for k in range(n):
                    acc += gain_t[k, i] * (covs[t + 1, k, j] - predicted[k, j])
                left[i, j] = acc
        for i in range(n):
            for j in range(n):
                acc = 0.0
                for k in range(n):
                    acc += left[i, k] * gain_t[k, j]
                covs[t, i, j] += acc
        for i in range(n):
            for j in range(i):
                covs[t, i, j] = covs[t, j, i] = 0.5 * (covs[t, i, j] + covs[t, j, i])


@_jit
def project_moments(cams: Any, means: Any, covs: Any, xy: Any, variance: Any) -> None:
    """Project smoothed points into all views.

    ``means (frame, 3)``, ``covs (frame, 3, 3)`` -> ``xy`` and ``variance (view, frame, 2)``, the
    latter the diagonal of ``J V J^T``. NaN where a camera cannot see the point.
    """
    for c in range(cams.shape[0]):
        for t in range(means.shape[0]):
            _, u, v, ux, uy, uz, vx, vy, vz = project(
                cams[c], means[t, 0], means[t, 1], means[t, 2]
            )
            V = covs[t]
            xy[c, t, 0], xy[c, t, 1] = u, v
            variance[c, t, 0] = _along(V, ux, uy, uz)
            variance[c, t, 1] = _along(V, vx, vy, vz)


@_jit
def _along(V: Any, x: float, y: float, z: float) -> float:
    """Variance in one direction, ``d^T V d``."""
    return (
        x * (V[0, 0] * x + V[0, 1] * y + V[0, 2] * z)
        + y * (V[1, 0] * x + V[1, 1] * y + V[1, 2] * z)
        + z * (V[2, 0] * x + V[2, 1] * y + V[2, 2] * z)
    )
