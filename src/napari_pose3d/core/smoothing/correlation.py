"""Errors that last: how much wider they make a smoothed track's uncertainty.

A smoother takes errors as independent from frame to frame and averages them away. A network's
errors last: for some frames while the picture changes slowly, for hundreds where it has a bias
towards one side of a joint. Their correlation in time is read off what the views disagree about,
which no motion of the keypoint can explain or absorb.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .search_frames import stretches

Float64 = NDArray[np.float64]

_LONGEST_LAG = 60


def widening(
    error: Float64, slopes: Float64, trust: Float64, influence: Callable[[float], Float64]
) -> float:
    """Factor for the covariance of a smoothed track, at least 1.

    A smoother that gives the observation ``l`` frames away the weight ``w(l)`` has the posterior
    variance ``r w(0)`` from observations of variance r, if their errors are new in every frame.
    With an autocorrelation rho it is off by ``2 r sum rho(l) c(l)`` more, c being the
    autocorrelation of the weights.

    Parameters
    ----------
    error : (frame, view, 2)
        Observation minus reprojection of the smoothed track, px; anything where not trusted.
    slopes : (frame, view, 2, 3)
        Derivative of the projection; anything where not trusted.
    trust : (frame, view)
        Inverse variance of each observation, px^-2; 0 where it does not count.
    influence : callable
        From the variance of a frame's point, in squared units of length, to the smoother's weights
        ``(lag,)``, from the frame itself on.
    """
    from .correlation_kernels import add_covariances, unexplained

    # Of a long recording some stretches are enough.
    pieces = stretches(np.ones(len(trust), dtype=bool))
    n_lags = min(_LONGEST_LAG, min(each.stop - each.start for each in pieces) - 1)
    products, freedoms = np.zeros(n_lags + 1), np.zeros(n_lags + 1)
    told = []
    for piece in pieces:
        left, information = np.empty_like(error[piece]), np.empty(len(trust[piece]))
        unexplained(error[piece], slopes[piece], trust[piece], left, information)
        add_covariances(left, trust[piece], products, freedoms)
        told.append(information)
    information = np.concatenate(told)
    if not np.isfinite(information).any() or not products[0] > 0:
        return 1.0
    weights = influence(3.0 / float(np.nanmedian(information)))
    both_sides = np.concatenate([weights[:0:-1], weights])
    covariance = products / np.maximum(freedoms, 1.0)
    total = 0.0
    for lag in range(1, n_lags + 1):
        shared = float(both_sides[lag:] @ both_sides[:-lag]) / float(weights[0])
        total += shared * float(covariance[lag] / covariance[0])
    return 1.0 + max(2 * total, 0.0)
