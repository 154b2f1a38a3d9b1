"""Errors that last: how much wider they make a smoothed track's uncertainty.

A smoother takes errors as independent from frame to frame and averages them away. A network's
errors last: for some frames while the picture changes slowly, for hundreds where it has a bias
towards one side of a joint. Their correlation in time is read off what the views disagree about,
which no motion of the keypoint can explain or absorb.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .search_frames import stretches

Float64 = NDArray[np.float64]

_LONGEST_LAG = 60
_FRAMES_AT_ONCE = 4096


def widening(error: Float64, slopes: Float64, trust: Float64, covariance: Float64) -> float:
    """Factor for the covariance of a smoothed track, at least 1.

    With the smoother's weights over time as a two-sided exponential ``a^|l|``, whose own share of
    a frame is ``k = (1 - a) / (1 + a)``, noise of autocorrelation rho makes the noise part of the
    error, ``(1 + a^2) / (1 + a)^2`` of the posterior variance, larger by
    ``1 + 2 sum rho(l) a^l (1 + l (1 - a^2) / (1 + a^2))``.

    Parameters
    ----------
    error : (frame, view, 2)
        Observation minus reprojection of the smoothed track, px; anything where not trusted.
    slopes : (frame, view, 2, 3)
        Derivative of the projection; anything where not trusted.
    trust : (frame, view)
        Inverse variance of each observation, px^-2; 0 where it does not count.
    covariance : (frame, 3, 3)
        Of the smoothed track.
    """
    counts = trust > 0
    solid = counts.sum(axis=1) > 1
    if solid.sum() < 2:
        return 1.0
    # Of a long recording some stretches are enough.
    pieces = stretches(np.ones(len(trust), dtype=bool))
    left, shares = [], []
    for piece in pieces:
        part, share = _unexplained(
            error[piece], slopes[piece], trust[piece], covariance[piece], solid[piece]
        )
        left.append(part)
        shares.append(share)
    shared = np.concatenate(shares)
    if not len(shared):
        return 1.0
    own_share = min(max(float(np.median(shared)) / 3, 1e-3), 1.0)

    a = (1 - own_share) / (1 + own_share)
    total = 0.0
    seen = [counts[piece] for piece in pieces]
    variance = _covariance_at(0, left, seen)
    if not variance > 0:
        return 1.0
    for lag in range(1, min(_LONGEST_LAG, len(left[0]) - 1) + 1):
        weight = a**lag * (1 + lag * (1 - a * a) / (1 + a * a))
        if weight < 1e-3:
            break
        total += weight * _covariance_at(lag, left, seen) / variance
    noise_part = (1 + a * a) / (1 + a) ** 2
    return 1.0 + noise_part * max(2 * total, 0.0)


def _unexplained(
    error: Float64,
    slopes: Float64,
    trust: Float64,
    covariance: Float64,
    solid: NDArray[np.bool_],
) -> tuple[Float64, Float64]:
    """Whitened residuals without what a 3-D point can explain, ``(frame, 2 view)``, and how much
    of the smoothed track's information is the frame's own, for the ``solid`` frames (two views).
    """
    n_frames, n_views = trust.shape
    left = np.zeros((n_frames, 2 * n_views))
    shares = [np.empty(0)]
    # Some frames at a time, so that their matrices are never in memory together.
    for start in range(0, n_frames, _FRAMES_AT_ONCE):
        frames = start + np.flatnonzero(solid[start : start + _FRAMES_AT_ONCE])
        root, sees = np.sqrt(trust[frames])[..., None], (trust[frames] > 0)[..., None]
        whitened = np.where(sees, root * error[frames], 0.0).reshape(-1, 2 * n_views)
        lever = np.where(sees[..., None], root[..., None] * slopes[frames], 0.0)
        lever = lever.reshape(-1, 2 * n_views, 3)
        information = lever.transpose(0, 2, 1) @ lever
        shares.append((covariance[frames] * information).sum(axis=(1, 2)))
        pull = np.einsum("tai,ta->ti", lever, whitened)
        # A trace of a ridge, for frames in which two views see the point from almost one side.
        ridge = 1e-12 * np.trace(information, axis1=1, axis2=2)[:, None, None] * np.eye(3)
        fit = np.linalg.solve(information + ridge, pull[..., None])[..., 0]
        left[frames] = whitened - np.einsum("tai,ti->ta", lever, fit)
    return left, np.concatenate(shares)


def _covariance_at(lag: int, left: list[Float64], seen: list[NDArray[np.bool_]]) -> float:
    """Autocovariance of the residuals per degree of freedom."""
    product, total = 0.0, 0.0
    for part, counts in zip(left, seen, strict=True):
        end = max(len(part) - lag, 0)
        common = (counts[:end] & counts[lag:][:end]).sum(axis=1)
        freedom = np.maximum(2 * common - 3, 0)
        total += float(freedom.sum())
        product += float(np.einsum("ta,ta->t", part[:end], part[lag:][:end])[freedom > 0].sum())
    return product / total if total else 0.0
