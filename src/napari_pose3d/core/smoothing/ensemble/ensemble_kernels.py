"""The compiled loop behind `ensemble_statistics`. Importing this module imports numba.

In single precision and in the order of the published smoother, which numbers are compared with.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")


@_jit
def reduce_models(
    xy: Any,
    confidence: Any,
    median: bool,
    centre: Any,
    variance: Any,
    likelihood: Any,
    n_models: Any,
) -> None:
    """Centre, variance, mean likelihood and number of the models that observed each keypoint.

    Parameters
    ----------
    xy : (model, frame, keypoint, 2) float32
        A model that gives only half a position counts as not having observed it.
    confidence : (model, frame, keypoint) float32
    median : bool
        Whether the centre is the median or the mean.
    centre, variance : (frame, keypoint, 2) float32
        Filled; NaN where no model did.
    likelihood : (frame, keypoint) float32
        Filled; of all models that give one.
    n_models : (frame, keypoint) integer
        Filled.
    """
    size = xy.shape[0]
    values = np.empty(size, np.float32)
    zero = np.float32(0.0)
    for t in range(xy.shape[1]):
        for k in range(xy.shape[2]):
            total, n_given = zero, 0
            for m in range(size):
                if not math.isnan(confidence[m, t, k]):
                    total += confidence[m, t, k]
                    n_given += 1
            likelihood[t, k] = total / np.float32(n_given) if n_given else np.float32(math.nan)
            n = 0
            for i in range(2):
                n = 0
                total = zero
                for m in range(size):
                    if not math.isfinite(xy[m, t, k, 0] + xy[m, t, k, 1]):
                        continue
                    value = xy[m, t, k, i]
                    total += value
                    # Sorted as they come: they are few.
                    j = n
                    while j > 0 and values[j - 1] > value:
                        values[j] = values[j - 1]
                        j -= 1
                    values[j] = value
                    n += 1
                if n == 0:
                    centre[t, k, i] = variance[t, k, i] = np.float32(math.nan)
                    continue
                mean = total / np.float32(n)
                if not median:
                    centre[t, k, i] = mean
                elif n % 2:
                    centre[t, k, i] = values[n // 2]
                else:
                    centre[t, k, i] = np.float32(0.5) * (values[n // 2 - 1] + values[n // 2])
                total = zero
                for m in range(size):
                    if math.isfinite(xy[m, t, k, 0] + xy[m, t, k, 1]):
                        off = xy[m, t, k, i] - mean
                        total += off * off
                variance[t, k, i] = total / np.float32(n)
            n_models[t, k] = n
