"""Keypoints from heatmaps, as ``litpose`` 2.4.3 reads them.

Notes
-----
A map is enlarged two-fold, as often as the network made the image smaller: bicubic (a = -0.75,
half-pixel centres, clamped), then smoothed with the binomial kernel of 5 x 5 with zeros around.
Both are linear and separable, and so one matrix for each side. The position is the expectation
over the softmax of 1000 times the map; the likelihood is the softmax within 5 x 5 px around it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

_TEMPERATURE = np.float32(1000.0)
_BINOMIAL = np.array([1, 4, 6, 4, 1]) / 16
_CUBIC = -0.75
_AROUND = 2
# What the enlargement shifts, by how often; litpose subtracts it.
_SHIFT = {1: 0.5, 2: 1.5, 3: 2.5}


def decode_heatmaps(
    heatmaps: NDArray[np.floating], doublings: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions and likelihoods.

    Parameters
    ----------
    heatmaps : (map, H, W)
        As the network gives them: each sums to 1.
    doublings : int
        ``data.downsample_factor``: 1, 2 or 3.

    Returns
    -------
    xy : (map, 2) float64
        px of the network's image.
    likelihood : (map,) float64
    """
    rows = enlargement(heatmaps.shape[1], doublings)
    columns = enlargement(heatmaps.shape[2], doublings)
    n = len(heatmaps)
    xy, likelihood = np.empty((n, 2)), np.empty(n)
    y, x = np.arange(len(rows)), np.arange(len(columns))
    for i, small in enumerate(heatmaps.astype(np.float32)):
        large = rows @ small @ columns.T
        large *= _TEMPERATURE
        large -= large.max()
        share = np.exp(large, out=large)
        in_rows, in_columns = share.sum(axis=1, dtype=float), share.sum(axis=0, dtype=float)
        total = in_rows.sum()
        at = in_columns @ x / total, in_rows @ y / total
        column, row = int(at[0]), int(at[1])
        near = share[
            max(0, row - _AROUND) : row + _AROUND + 1,
            max(0, column - _AROUND) : column + _AROUND + 1,
        ]
        xy[i] = at
        likelihood[i] = near.sum(dtype=float) / total
    return xy - _SHIFT[doublings], likelihood


@lru_cache(maxsize=32)
def enlargement(size: int, doublings: int) -> Float32:
    """The matrix that enlarges a side of a map, ``(size * 2 ** doublings, size)``."""
    matrix = np.eye(size)
    for _ in range(doublings):
        matrix = _smoothing(2 * len(matrix)) @ _doubling(len(matrix)) @ matrix
    found = matrix.astype(np.float32)
    found.flags.writeable = False
    return found


def _doubling(size: int) -> NDArray[np.float64]:
    """Bicubic interpolation to twice the size."""
    matrix = np.zeros((2 * size, size))
    for row in range(2 * size):
        centre = (row + 0.5) / 2 - 0.5
        first = int(np.floor(centre))
        for offset in range(-1, 3):
            weight = _cubic(abs(centre - (first + offset)))
            matrix[row, min(size - 1, max(0, first + offset))] += weight
    return matrix


def _smoothing(size: int) -> NDArray[np.float64]:
    """The binomial kernel, with zeros around."""
    matrix = np.zeros((size, size))
    for offset, weight in zip(range(-2, 3), _BINOMIAL, strict=True):
        matrix += weight * np.eye(size, k=offset)
    return matrix


def _cubic(t: float) -> float:
    if t <= 1:
        return float((_CUBIC + 2) * t**3 - (_CUBIC + 3) * t**2 + 1)
    if t < 2:
        return float(_CUBIC * (t**3 - 5 * t**2 + 8 * t - 4))
    return 0.0
