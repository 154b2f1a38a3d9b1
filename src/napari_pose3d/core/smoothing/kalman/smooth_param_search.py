"""The search for the smoothing parameter: which frames it uses, and how it finds the optimum."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled

from .state_space import Float64, Track, negative_log_likelihood

FrameRange = tuple[int | None, int | None]

# Bounds of log s in the search of the published smoother, and in ours.
PUBLISHED_BOUNDS = (-8.0, 8.0)
BOUNDS = (-14.0, 14.0)
# Distance of the first probes in log s: the likelihood is smooth on a much coarser scale.
_PROBE_STEP = 2.0
_TOLERANCE = 1e-3
_STRETCHES, _STRETCH = 20, 1_000


def find_smooth_param(
    cams: Float64,
    tracks: Sequence[Track],
    bounds: tuple[float, float],
    cancelled: IsCancelled,
) -> float:
    """The ``s`` that maximises the likelihood of all given tracks together.

    Probes on a coarse grid in ``log s`` bracket the optimum, so that a local
    maximum of the likelihood cannot hold the search; Brent's bounded method then refines it.
    """

    def cost(log_s: float) -> float:
        if cancelled():
            raise Cancelled
        total = sum(negative_log_likelihood(cams, track, np.exp(log_s)) for track in tracks)
        return total if np.isfinite(total) else 1e300

    low, high = bounds
    grid = np.linspace(low, high, round((high - low) / _PROBE_STEP) + 1)
    costs = [cost(point) for point in grid]
    best = int(np.argmin(costs))
    bracket = (grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)])
    log_s, least = bounded_minimum(cost, *bracket, _TOLERANCE)
    return float(np.exp(log_s if least <= costs[best] else grid[best]))


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


def frame_mask(ranges: Sequence[FrameRange], n_frames: int) -> NDArray[np.bool_]:
    """True for the frames of the half-open ranges, ``(frame,)``; no range: all frames.

    Raises
    ------
    PoseDataError
        A range is empty or lies outside the recording.
    """
    if not ranges:
        return np.ones(n_frames, dtype=bool)
    mask = np.zeros(n_frames, dtype=bool)
    for first, end in ranges:
        start, stop = 0 if first is None else first, n_frames if end is None else end
        if not 0 <= start < stop <= n_frames:
            raise PoseDataError(
                f"the frame range {'' if first is None else first}:{'' if end is None else end} "
                "for finding s holds no frame of the recording or goes beyond it",
                expected=f"first and one past the last frame between 0 and {n_frames}",
            )
        mask[start:stop] = True
    return mask


def sample_stretches(searched: NDArray[np.bool_]) -> list[slice]:
    """A sample of a recording that determines its smoothing parameter.

    All frames searched, or, of more than 20,000, twenty stretches of a thousand spread evenly over
    them: these determine the parameter to within a percent. A stretch may also hold frames that are
    not searched.

    Parameters
    ----------
    searched : (frame,) bool
    """
    frames = np.flatnonzero(searched)
    if len(frames) <= _STRETCHES * _STRETCH:
        return [slice(int(frames[0]), int(frames[-1]) + 1)]
    firsts = np.linspace(0, len(frames) - _STRETCH, _STRETCHES).astype(int)
    return [slice(int(frames[i]), int(frames[i + _STRETCH - 1]) + 1) for i in firsts]
