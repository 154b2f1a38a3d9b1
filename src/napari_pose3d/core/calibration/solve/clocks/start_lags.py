"""Whole frames that recordings began one after the other, from how fast the board turns.

Notes
-----
The angle by which a board turns between two frames is the same for every camera, wherever it
stands. So the lag of two recordings is where their angles are most alike, whatever the cameras'
poses are; those are then put to the vote at the few lags that come out best.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..rotations import angle_between

Float64 = NDArray[np.float64]
Ints = NDArray[np.int64]

_GAP = 3  # frames: of neighbours, the angle is mostly noise
_FEWEST = 20  # frames in common at a lag
_ALIKE = 0.5  # correlation
_MOST_LAGS = 6


def lags_by_turning(
    frames: tuple[Ints, Ints], rotations: tuple[Float64, Float64]
) -> tuple[int, ...]:
    """Frames that the second view may lag behind the first, the likeliest first.

    Parameters
    ----------
    frames : pair of (image,) int64
        Frame numbers of the images of each view, rising.
    rotations : pair of (image, 3, 3)
        Of the board in each image.

    Returns
    -------
    tuple of int
        At most six; empty where nothing is alike.
    """
    first, second = (_turning(*each) for each in zip(frames, rotations, strict=True))
    if first is None or second is None:
        return ()
    start_a, a = first
    start_b, b = second
    n = 1 << int(np.ceil(np.log2(len(a) + len(b))))
    known_a, known_b = np.isfinite(a).astype(float), np.isfinite(b).astype(float)
    # The logarithm: a few fast turns must not decide.
    a, b = (np.nan_to_num(np.log1p(np.degrees(each))) for each in (a, b))

    def crossed(x: Float64, y: Float64) -> Float64:
        """Sum over frames of ``x[f] y[f + lag]``, by lag."""
        product = np.conj(np.fft.rfft(x, n)) * np.fft.rfft(y, n)
        return np.asarray(np.fft.irfft(product, n))

    count = np.round(crossed(known_a, known_b))
    total = np.maximum(count, 1)
    mean_a, mean_b = crossed(a, known_b) / total, crossed(known_a, b) / total
    var_a = crossed(a * a, known_b) / total - mean_a**2
    var_b = crossed(known_a, b * b) / total - mean_b**2
    alike = (crossed(a, b) / total - mean_a * mean_b) / np.sqrt(np.maximum(var_a * var_b, 1e-12))
    alike[(count < _FEWEST) | (var_a < 1e-6) | (var_b < 1e-6)] = -1.0
    out: list[int] = []
    for place in np.argsort(-alike, kind="stable"):
        if alike[place] < _ALIKE or len(out) == _MOST_LAGS:
            break
        lag = int(place if place < len(b) else place - n)
        out.append(lag + start_b - start_a)
    return tuple(out)


def _turning(frames: Ints, rotations: Float64) -> tuple[int, Float64] | None:
    """First frame, and from there on the angle to a few frames later; NaN where unknown."""
    if len(frames) < _FEWEST:
        return None
    at = np.searchsorted(frames, frames + _GAP)
    there = np.flatnonzero(at < len(frames))
    there = there[frames[at[there]] == frames[there] + _GAP]
    if len(there) < _FEWEST:
        return None
    out = np.full(int(frames[-1] - frames[0]) + 1, np.nan)
    out[frames[there] - frames[0]] = angle_between(rotations[at[there]], rotations[there])
    return int(frames[0]), out
