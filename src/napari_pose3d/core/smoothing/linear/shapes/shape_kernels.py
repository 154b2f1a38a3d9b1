"""Filter and smoother of a shape's state, each part of which returns to its mean by itself.

``x' = a x + w`` with diagonal ``a`` and ``w ~ N(0, diag(q))``; ``y = C x + e`` with
``e ~ N(0, diag(r))``. Observations update the state one at a time; what is missing is skipped.

References
----------
Rauch, Tung and Striebel (1965), "Maximum likelihood estimates of linear dynamic systems".
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


@numba.njit(cache=True, nogil=True)
def forward(  # type: ignore[no-untyped-def]
    C, y, r, a, q, m0, S0, means, covs
) -> float:
    """Negative log-likelihood; fills ``means (frame, n)`` and ``covs (frame, n, n)``."""
    n_frames, n_rows = y.shape
    n = len(m0)
    m, P, gain = m0.copy(), S0.copy(), np.empty(n)
    loss = 0.0
    for t in range(n_frames):
        if t > 0:
            for i in range(n):
                m[i] *= a[i]
                for j in range(n):
                    P[i, j] *= a[i] * a[j]
                P[i, i] += q[i]
        for k in range(n_rows):
            if math.isnan(y[t, k]):
                continue
            innovation, variance = y[t, k], r[t, k]
            for i in range(n):
                innovation -= C[k, i] * m[i]
                gain[i] = 0.0
                for j in range(n):
                    gain[i] += P[i, j] * C[k, j]
                variance += C[k, i] * gain[i]
            loss += 0.5 * (math.log(2 * math.pi * variance) + innovation * innovation / variance)
            for i in range(n):
                m[i] += gain[i] * innovation / variance
                for j in range(n):
                    P[i, j] -= gain[i] * gain[j] / variance
        for i in range(n):
            means[t, i] = m[i]
            for j in range(n):
                covs[t, i, j] = 0.5 * (P[i, j] + P[j, i])
    return loss


@numba.njit(cache=True, nogil=True)
def backward(a, q, means, covs) -> None:  # type: ignore[no-untyped-def]
    """Filtered to smoothed, in place."""
    n_frames, n = means.shape
    for t in range(n_frames - 2, -1, -1):
        predicted = covs[t].copy()
        cross = covs[t].copy()
        ahead = np.empty(n)
        for i in range(n):
            ahead[i] = means[t + 1, i] - a[i] * means[t, i]
            for j in range(n):
                predicted[i, j] *= a[i] * a[j]
                cross[i, j] *= a[j]
            predicted[i, i] += q[i]
        gain = np.linalg.solve(predicted, cross.T).T
        means[t] += gain @ ahead
        covs[t] += gain @ (covs[t + 1] - predicted) @ gain.T
