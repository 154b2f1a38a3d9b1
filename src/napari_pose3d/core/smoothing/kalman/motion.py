"""How a point moves from one instant to the next: damped motion over any time.

Notes
-----
From frame to frame the smoothers take ``x' = x + rho u + n_x``, ``u' = rho u + n_u`` with
``cov(n) = q [[1/3, 1/2], [1/2, 1]]`` in each axis (`robust.motion_kernels`). There is one linear
stochastic differential equation whose solution over a frame is that: its drift is the logarithm of
the transition, its diffusion follows from the covariance. Its solution over any other time is what
holds between observations that are another time apart, and two steps in a row are the same as one
over both.

References
----------
Sarkka & Solin, "Applied Stochastic Differential Equations", 2019, chapter 6.2 (discretisation of
linear equations).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

_FRAME = (1.0 / 3.0, 0.5, 1.0)


def motion_steps(damping: float, times: Float64 | None = None) -> Float64:
    """The numbers of `robust.motion_kernels.forward` for the steps between instants.

    Parameters
    ----------
    damping : float
        rho, 0 to below 1.
    times : (row,), optional
        Rising, in frames; not given: all steps are one frame.

    Returns
    -------
    (row or 1, 5) float64
        Of the step that leads to a row: rho, the factor of u in x', and the covariance of n_x with
        itself, of n_x with n_u, and of n_u with itself at ``q = 1``. The first row's is a frame's.
    """
    one = np.array([[damping, damping, *_FRAME]])
    if times is None:
        return one
    gaps = np.concatenate([[1.0], np.diff(times)])
    if damping == 0:
        # A random walk: u is not remembered.
        nothing = np.zeros_like(gaps)
        steps = np.stack([nothing, nothing, *(gaps * each for each in _FRAME)], axis=1)
    else:
        steps = _damped(damping, gaps)
    return np.where(gaps[:, None] == 1.0, one, steps)


def _damped(rho: float, t: Float64) -> Float64:
    rate, factor = math.log(rho), rho / (1.0 - rho)

    def integrals(t: Float64) -> tuple[Float64, Float64]:
        """Of rho^s and of rho^2s, from 0 to t."""
        return np.expm1(rate * t) / rate, np.expm1(2 * rate * t) / (2 * rate)

    first, second = (float(each) for each in integrals(np.array(1.0)))
    q11, q12, q22 = _FRAME
    # The diffusion that makes the covariance over a frame what it is.
    d22 = q22 / second
    d12 = (q12 - d22 * factor * (first - second)) / first
    d11 = q11 - 2 * d12 * factor * (1 - first) - d22 * factor**2 * (1 - 2 * first + second)
    first_t, second_t = integrals(t)
    uu = d22 * second_t
    xu = d12 * first_t + d22 * factor * (first_t - second_t)
    xx = d11 * t + 2 * d12 * factor * (t - first_t) + d22 * factor**2 * (t - 2 * first_t + second_t)
    # That diffusion is not quite a covariance: below 0.05 frames x lacks some 1e-5 of its variance.
    xx = np.maximum(xx, xu**2 / uu)
    damped = rho**t
    return np.stack([damped, factor * (1 - damped), xx, xu, uu], axis=1)


def displacement_covariance(covariance: Float64, ahead: Float64) -> Float64:
    """Covariance of the way from the frame before to the frame after.

    Parameters
    ----------
    covariance : (frame, 3, 3)
        Of each position.
    ahead : (frame, 2, 3, 3)
        Of each position with those one and two frames later.

    Returns
    -------
    (frame, 3, 3)
        NaN in the first and the last frame, and where it was lost in rounding.
    """
    out = np.full(covariance.shape, np.nan)
    found = covariance[2:] + covariance[:-2]
    found -= ahead[:-2, 1]
    found -= ahead[:-2, 1].transpose(0, 2, 1)
    minors = (
        found[:, 0, 0],
        found[:, 0, 0] * found[:, 1, 1] - found[:, 0, 1] ** 2,
        np.linalg.det(found),
    )
    positive = np.logical_and.reduce([minor > 0 for minor in minors])
    out[1:-1] = np.where(positive[:, None, None], found, np.nan)
    return out


def acceleration_variance(track: Float64, covariance: Float64, ahead: Float64) -> Float64:
    """Variance of the second difference of positions, along its direction.

    Parameters
    ----------
    track : (frame, 3)
    covariance, ahead
        As for `displacement_covariance`.

    Returns
    -------
    (frame,)
        NaN in the first and the last frame, and where it was lost in rounding.
    """
    bend = track[2:] - 2 * track[1:-1] + track[:-2]
    out = np.full(len(track), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        way = bend / np.linalg.norm(bend, axis=1, keepdims=True)

    def along(matrix: Float64) -> Float64:
        return np.asarray(np.einsum("ti,tij,tj->t", way, matrix, way))

    # Term by term: sums of the matrices of a long recording would take much memory.
    found = along(covariance[2:]) + 4 * along(covariance[1:-1]) + along(covariance[:-2])
    found += 2 * along(ahead[:-2, 1])
    found -= 4 * (along(ahead[:-2, 0]) + along(ahead[1:-1, 0]))
    out[1:-1] = np.where(found > 0, found, np.nan)
    return out
