"""Minimum of a smooth function of one variable between two bounds."""

from __future__ import annotations

import math
from collections.abc import Callable

_GOLDEN = (3 - math.sqrt(5)) / 2


def bounded_minimum(
    function: Callable[[float], float], low: float, high: float, tolerance: float
) -> tuple[float, float]:
    """Argument of the minimum of a function and its value there, without derivatives.

    Golden sections, and parabolas through the three best points where they converge.

    Parameters
    ----------
    function : callable
    low, high : float
    tolerance : float
        Of the argument.

    Notes
    -----
    `scipy.optimize` is not used: importing it takes 40 MB and a quarter of a second.

    References
    ----------
    Brent, "Algorithms for Minimization without Derivatives", 1973, chapter 5.
    """
    best = second = third = low + _GOLDEN * (high - low)
    f_best = f_second = f_third = function(best)
    step = before = 0.0
    while True:
        middle = 0.5 * (low + high)
        near = 1e-10 * abs(best) + tolerance / 3
        if abs(best - middle) <= 2 * near - 0.5 * (high - low):
            return best, f_best
        parabola = False
        if abs(before) > near:
            r = (best - second) * (f_best - f_third)
            q = (best - third) * (f_best - f_second)
            p = (best - third) * q - (best - second) * r
            q = 2 * (q - r)
            p, q = (-p, q) if q > 0 else (p, -q)
            # Only into the bounds, and only in steps that shrink.
            parabola = abs(p) < abs(0.5 * q * before) and q * (low - best) < p < q * (high - best)
            if parabola:
                before, step = step, p / q
                if best + step - low < 2 * near or high - best - step < 2 * near:
                    step = math.copysign(near, middle - best)
        if not parabola:
            before = (high if best < middle else low) - best
            step = _GOLDEN * before
        place = best + (step if abs(step) >= near else math.copysign(near, step))
        value = function(place)
        if value <= f_best:
            low, high = (low, best) if place < best else (best, high)
            third, f_third, second, f_second = second, f_second, best, f_best
            best, f_best = place, value
            continue
        low, high = (place, high) if place < best else (low, place)
        if value <= f_second or second == best:
            third, f_third, second, f_second = second, f_second, place, value
        elif value <= f_third or third in (best, second):
            third, f_third = place, value
