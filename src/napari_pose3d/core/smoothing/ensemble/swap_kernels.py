"""The compiled loops behind `swaps`. Importing this module imports numba."""

from __future__ import annotations

import math
from typing import Any

import numba

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")

# Below this distance of the two sides, in px, no swap is detected.
_APART = 8.0
# Swapped means: within this part of the distance between the two places, and not so otherwise.
_NEAR = 0.3


@_jit
def _swapped(left: Any, right: Any, at_left: Any, at_right: Any) -> bool:
    """Whether two positions lie in each other's place; NaN: no."""
    apart = math.hypot(at_left[0] - at_right[0], at_left[1] - at_right[1])
    if not apart >= _APART:
        return False
    near, far = _NEAR * apart, (1.0 - _NEAR) * apart
    return (
        math.hypot(left[0] - at_right[0], left[1] - at_right[1]) <= near
        and math.hypot(right[0] - at_left[0], right[1] - at_left[1]) <= near
        and math.hypot(left[0] - at_left[0], left[1] - at_left[1]) >= far
        and math.hypot(right[0] - at_right[0], right[1] - at_right[1]) >= far
    )


@_jit
def flag_views(observations: Any, expected: Any, pairs: Any, flags: Any) -> None:
    """Fill ``flags (view, frame, pair)`` from two arrays ``(view, frame, keypoint, 2)``."""
    for v in range(flags.shape[0]):
        for t in range(flags.shape[1]):
            for p in range(flags.shape[2]):
                left, right = pairs[p, 0], pairs[p, 1]
                flags[v, t, p] = _swapped(
                    observations[v, t, left],
                    observations[v, t, right],
                    expected[v, t, left],
                    expected[v, t, right],
                )


@_jit
def count_models(xy: Any, centre: Any, pairs: Any, counts: Any) -> int:
    """How many models hold a pair the other way round than the centre of all; their sum.

    ``xy (model, frame, keypoint, 2)``, ``centre (frame, keypoint, 2)``, ``pairs (pair, 2)``;
    ``counts (frame, pair)`` is filled.
    """
    total = 0
    for t in range(counts.shape[0]):
        for p in range(counts.shape[1]):
            left, right = pairs[p, 0], pairs[p, 1]
            counts[t, p] = 0
            for m in range(xy.shape[0]):
                if _swapped(xy[m, t, left], xy[m, t, right], centre[t, left], centre[t, right]):
                    counts[t, p] += 1
                    total += 1
    return total


@_jit
def exchange_models(xy: Any, confidence: Any, centre: Any, pairs: Any) -> None:
    """Exchange the pairs that `count_models` counts, in place; ``confidence`` goes with ``xy``."""
    for t in range(xy.shape[1]):
        for p in range(pairs.shape[0]):
            left, right = pairs[p, 0], pairs[p, 1]
            for m in range(xy.shape[0]):
                if _swapped(xy[m, t, left], xy[m, t, right], centre[t, left], centre[t, right]):
                    for i in range(2):
                        kept = xy[m, t, left, i]
                        xy[m, t, left, i] = xy[m, t, right, i]
                        xy[m, t, right, i] = kept
                    sure = confidence[m, t, left]
                    confidence[m, t, left] = confidence[m, t, right]
                    confidence[m, t, right] = sure
