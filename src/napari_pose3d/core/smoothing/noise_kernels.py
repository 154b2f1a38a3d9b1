"""The compiled regression behind `noise`. Importing this module imports numba."""

from __future__ import annotations

import math
from typing import Any

import numba

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")

_STEPS = 8


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
