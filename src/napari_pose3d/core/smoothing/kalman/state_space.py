"""One keypoint's state-space model and its solution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import IsCancelled

Float64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Track:
    """A linear-Gaussian model of one keypoint; see `kalman_kernels` for the symbols.

    Attributes
    ----------
    y : (frame, 2 view)
        Observations, px; NaN where missing.
    r : (frame or 1, 2 view)
        Variance of the observations, px^2.
    m0, S0 : (state,), (state, state)
        Prior of the first frame.
    Q : (state, state)
        Covariance of the motion between frames at ``s = 1``.
    H : (2 view, state)
        Linear observation; unused with cameras.
    search_y, search_r : like y and r
        What the search for ``s`` uses.
    jitter : float
        See `kalman_kernels.forward`.
    """

    y: Float64
    r: Float64
    m0: Float64
    S0: Float64
    Q: Float64
    H: Float64
    search_y: Float64
    search_r: Float64
    jitter: float = 0.0


def negative_log_likelihood(cams: Float64, track: Track, smooth_param: float) -> float:
    """Of the observations that the search uses, given ``s``."""
    from .kalman_kernels import forward

    n = len(track.m0)
    return float(
        forward(
            cams,
            track.H,
            track.search_y,
            track.search_r,
            track.m0,
            track.S0,
            track.Q * smooth_param,
            track.jitter,
            np.empty((0, n)),
            np.empty((0, n, n)),
        )
    )


def smooth_track(
    cams: Float64, track: Track, smooth_param: float, cancelled: IsCancelled
) -> tuple[Float64, Float64]:
    """Smoothed states ``(frame, state)`` and covariances ``(frame, state, state)``."""
    from .kalman_kernels import backward, forward

    n_frames, n = len(track.y), len(track.m0)
    means, covs = np.empty((n_frames, n)), np.empty((n_frames, n, n))
    Q = track.Q * smooth_param
    if cancelled():
        raise Cancelled
    forward(cams, track.H, track.y, track.r, track.m0, track.S0, Q, track.jitter, means, covs)
    if cancelled():
        raise Cancelled
    backward(Q, track.jitter, means, covs)
    return means, covs


def side_by_side(array: NDArray[Any]) -> Float64:
    """``(view, frame, 2)`` -> ``(frame, 2 view)``: x and y of each view in turn."""
    return np.ascontiguousarray(
        array.transpose(1, 0, 2).reshape(array.shape[1], -1), dtype=np.float64
    )


def by_view(array: Float64) -> Float64:
    """``(frame, 2 view)`` -> ``(view, frame, 2)``, the inverse of `side_by_side`."""
    return array.reshape(len(array), -1, 2).transpose(1, 0, 2)
