"""The compiled regression behind `observation_noise`. Importing this module imports numba."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")

_STEPS = 8
# The correction of `correction` has a value for each of so many bins, each a factor of four wide.
N_BINS = 16
# A bin counts as if so many observations in it had been as expected.
_AS_EXPECTED = 50.0


@_jit
def gamma_regression(x: Any, u: Any, at_least: int) -> tuple[float, float]:
    """``a, b >= 0`` of ``u ~ a + b x`` with a variance that grows as the squared mean.

    By iteratively reweighted least squares (McCullagh & Nelder, "Generalized Linear Models", 2nd
    ed., 1989, 2.5 and 8). Pairs with a NaN are left out; with fewer than ``at_least`` others the
    answer is 0, 1.
    """
    n = 0
    mean_x = mean_u = 0.0
    for i in range(x.shape[0]):
        if math.isfinite(x[i] + u[i]):
            n += 1
            mean_x += x[i]
            mean_u += u[i]
    if n < at_least:
        return 0.0, 1.0
    mean_x, mean_u = mean_x / n, mean_u / n
    a, b = mean_u, 0.0
    for _ in range(_STEPS):
        sw = sx = sxx = su = sxu = 0.0
        for i in range(x.shape[0]):
            if not math.isfinite(x[i] + u[i]):
                continue
            expected = max(a + b * x[i], 1e-6)
            w = 1.0 / (expected * expected)
            wx = w * x[i]
            sw += w
            sx += wx
            sxx += wx * x[i]
            su += w * u[i]
            sxu += wx * u[i]
        determinant = sw * sxx - sx * sx
        if determinant <= 1e-12 * sw * sxx:
            return mean_u, 0.0
        a, b = (sxx * su - sx * sxu) / determinant, (sw * sxu - sx * su) / determinant
        # On the border of the allowed region the other coefficient is fitted alone.
        if b < 0.0:
            a, b = su / sw, 0.0
        elif a < 0.0:
            a, b = 0.0, (sxu / sxx if sxx > 0.0 else mean_u / max(mean_x, 1e-12))
    return a, b


@_jit
def _bin(x: float, middle: float) -> float:
    """Place of a value among the bins: half of them lie below ``middle``."""
    if not x > 0.0:
        return 0.0
    place = 0.5 * N_BINS + 0.5 * math.log2(x / middle)
    return min(max(place, 0.0), N_BINS - 1.0)


@_jit
def correction(x: Any, u: Any, a: float, b: float, middle: float, ratios: Any) -> None:
    """Mean of ``u / (a + b x)`` by bin of x, into ``ratios (N_BINS,)``; near 1 for a few pairs."""
    total, count = np.zeros(N_BINS), np.zeros(N_BINS)
    for i in range(x.shape[0]):
        if math.isfinite(x[i] + u[i]):
            k = round(_bin(x[i], middle))
            total[k] += u[i] / max(a + b * x[i], 1e-6)
            count[k] += 1.0
    for k in range(N_BINS):
        ratios[k] = (total[k] + _AS_EXPECTED) / (count[k] + _AS_EXPECTED)


@_jit
def corrected(x: Any, a: float, b: float, middle: float, ratios: Any, floor: float) -> Any:
    """``(a + b x)`` times the ratio between bins, at least ``floor``; NaN where x is."""
    out = np.empty_like(x)
    for i in range(x.shape[0]):
        if math.isnan(x[i]):
            out[i] = math.nan
            continue
        place = _bin(x[i], middle)
        k = min(int(place), N_BINS - 2)
        ratio = ratios[k] + (place - k) * (ratios[k + 1] - ratios[k])
        out[i] = max((a + b * x[i]) * ratio, floor)
    return out
