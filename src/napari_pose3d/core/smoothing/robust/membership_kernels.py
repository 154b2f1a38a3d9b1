"""Membership: the posterior probability that an observation is an inlier, given all others.

Importing this module imports numba.
"""

from __future__ import annotations

import math
from typing import Any

import numba

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")

# Prior probability of an inlier; an outlier is uniform over an image of so many px^2.
_PRIOR_INLIER = 0.98
_IMAGE_AREA = 1e6


@_jit
def _covariance_in_image(jacobian: Any, cov: Any) -> tuple[float, float, float]:
    """``H V H^T`` of one view, as its three different elements xx, xy, yy."""
    xx = xy = yy = 0.0
    for i in range(3):
        across = down = 0.0
        for j in range(3):
            across += cov[i, j] * jacobian[0, j]
            down += cov[i, j] * jacobian[1, j]
        xx += jacobian[0, i] * across
        xy += jacobian[1, i] * across
        yy += jacobian[1, i] * down
    return xx, xy, yy


@_jit
def expected_squared_error(
    y: Any, pixels: Any, jacobian: Any, covs: Any, inflation: float, squared: Any
) -> None:
    """Expectation of each squared observation error, px^2, into ``squared (frame, view)``.

    The mean over x and y of ``e e^T + H V H^T``: a smoothed track lies nearer to its observations
    than the truth does. ``inflation`` is a factor of ``V``. Shapes as in `membership`.
    """
    for t in range(y.shape[0]):
        for c in range(y.shape[1]):
            ex, ey = y[t, c, 0] - pixels[t, c, 0], y[t, c, 1] - pixels[t, c, 1]
            a, _, d = _covariance_in_image(jacobian[t, c], covs[t])
            squared[t, c] = 0.5 * (ex * ex + ey * ey + inflation * (a + d))


@_jit
def membership(
    y: Any,
    pixels: Any,
    jacobian: Any,
    covs: Any,
    noise: Any,
    new_noise: Any,
    usable: Any,
    nearest: float,
    weights: Any,
) -> None:
    """Posterior probability that each observation is an inlier, written into ``weights``.

    From its leave-one-out innovation, in closed form: with ``A = H V H^T`` of the smoothed state
    and the effective variance ``r`` of the observation, leaving it out turns the residual e into
    ``r (r - A)^-1 e`` and A into ``r^2 (r - A)^-1 - r``.

    Parameters
    ----------
    y, pixels : (frame, view, 2)
        Observation and reprojection of the smoothed track, px.
    jacobian : (frame, view, 2, 3)
        Derivative of the projection.
    covs : (frame, state, state)
        Of the smoothed track, the position first.
    noise, weights : (frame, view)
        Variance (px^2) and weight that the track was smoothed with.
    new_noise : (frame, view)
        Variance of the innovation's observation, px^2.
    usable : (frame, view) bool
        Observations whose camera can see the track.
    nearest : float
        Not negative: instead of a probability, 1 for innovations not longer than so many px.
    """
    elsewhere = (1.0 - _PRIOR_INLIER) / _IMAGE_AREA
    for t in range(weights.shape[0]):
        for c in range(weights.shape[1]):
            if not usable[t, c]:
                weights[t, c] = 0.0
                continue
            ex, ey = y[t, c, 0] - pixels[t, c, 0], y[t, c, 1] - pixels[t, c, 1]
            a, b, d = _covariance_in_image(jacobian[t, c], covs[t])
            if weights[t, c] > 0.0:
                r = noise[t, c] / weights[t, c]
                p, s = r - a, r - d
                rest = p * s - b * b
                # Not positive by rounding, or as the track has moved since.
                if rest > 0.0 and p > 0.0:
                    # (r - A)^-1 = [[s, b], [b, p]] / rest
                    ex, ey = r * (s * ex + b * ey) / rest, r * (b * ex + p * ey) / rest
                    a, b, d = r * r * s / rest - r, r * r * b / rest, r * r * p / rest - r
            if nearest >= 0.0:
                weights[t, c] = 1.0 if ex * ex + ey * ey <= nearest * nearest else 0.0
                continue
            a += new_noise[t, c]
            d += new_noise[t, c]
            determinant = a * d - b * b
            if not determinant > 0.0:
                weights[t, c] = 0.0
                continue
            distance = (d * ex * ex - 2.0 * b * ex * ey + a * ey * ey) / determinant
            density = (
                _PRIOR_INLIER * math.exp(-0.5 * distance) / (2.0 * math.pi * math.sqrt(determinant))
            )
            probability = density / (density + elsewhere)
            weights[t, c] = probability if probability >= 1e-4 else 0.0
