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
_FRAMES_AT_ONCE = 4096


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
    counts = trust > 0
    solid = counts.sum(axis=1) > 1
    if solid.sum() < 2:
        return 1.0
    # Of a long recording some stretches are enough.
    pieces = stretches(np.ones(len(trust), dtype=bool))
    left, told = [], []
    for piece in pieces:
        part, information = _unexplained(error[piece], slopes[piece], trust[piece], solid[piece])
        left.append(part)
        told.append(information)
    seen = [counts[piece] for piece in pieces]
    typical = np.concatenate(told)
    variance = _covariance_at(0, left, seen)
    if not len(typical) or not variance > 0:
        return 1.0
    weights = influence(3.0 / float(np.median(typical)))
    both_sides = np.concatenate([weights[:0:-1], weights])
    total = 0.0
    for lag in range(1, min(_LONGEST_LAG, len(left[0]) - 1) + 1):
        shared = float(both_sides[lag:] @ both_sides[:-lag]) / float(weights[0])
        total += shared * _covariance_at(lag, left, seen) / variance
    return 1.0 + max(2 * total, 0.0)


def _unexplained(
    error: Float64,
    slopes: Float64,
    trust: Float64,
    solid: NDArray[np.bool_],
) -> tuple[Float64, Float64]:
    """Whitened residuals without what a 3-D point can explain, ``(frame, 2 view)``, and how much
    the ``solid`` frames (two views) tell of their point: the trace of the information.
    """
    n_frames, n_views = trust.shape
    left = np.zeros((n_frames, 2 * n_views))
    told = [np.empty(0)]
    # Some frames at a time, so that their matrices are never in memory together.
    for start in range(0, n_frames, _FRAMES_AT_ONCE):
        frames = start + np.flatnonzero(solid[start : start + _FRAMES_AT_ONCE])
        root, sees = np.sqrt(trust[frames])[..., None], (trust[frames] > 0)[..., None]
        whitened = np.where(sees, root * error[frames], 0.0).reshape(-1, 2 * n_views)
        lever = np.where(sees[..., None], root[..., None] * slopes[frames], 0.0)
        lever = lever.reshape(-1, 2 * n_views, 3)
        information = lever.transpose(0, 2, 1) @ lever
        told.append(np.trace(information, axis1=1, axis2=2))
        pull = np.einsum("tai,ta->ti", lever, whitened)
        # A trace of a ridge, for frames in which two views see the point from almost one side.
        ridge = 1e-12 * np.trace(information, axis1=1, axis2=2)[:, None, None] * np.eye(3)
        fit = np.linalg.solve(information + ridge, pull[..., None])[..., 0]
        left[frames] = whitened - np.einsum("tai,ti->ta", lever, fit)
    return left, np.concatenate(told)


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
