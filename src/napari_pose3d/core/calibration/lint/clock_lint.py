"""Cameras out of step, from predictions: lags that stay, and lags that grow.

Notes
-----
A view that lags misses what the others say while the animal moves; shifted by the right number of
frames, it agrees.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import (
    leave_one_out_residuals,
    triangulate,
)
from napari_pose3d.errors import Cancelled

Float64 = NDArray[np.float64]

MOST_SHIFT = 10
"""Frames by which cameras may be out of step and still be found."""

_MOST_POINTS = 6000
_FEWEST_POINTS = 30
_BLOCK = 20
# Share of the residual left at the best shift, above which the shift counts as none.
_CLEARLY = 0.9
_STRETCHES = 6
_FEWEST_FRAMES = 60  # of a stretch
_FEWEST_LAGS = 4  # stretches in which the lag is certain
_LEAST_GROWTH = 0.5  # frames in the course of the recording
_STRAIGHT = 0.25  # of the growth, as far as lags may be from a line


def clock_shifts(rig: Rig, xy: Float64, cancelled: Callable[[], bool] = lambda: False) -> Float64:
    """Frames by which each view lags behind the others, ``(view,)``; 0 where none is certain.

    Notes
    -----
    Each view in turn is shifted against the others; the shift of the least median distance to
    where the others put the points (of two views, the second and the residual), with a parabola
    between whole frames. Odd and even blocks of
    frames must agree, else nothing is certain.
    """
    n_views = len(rig.cameras)
    out = np.zeros(n_views)
    if n_views < 2:
        return out
    # One at a time, the worst first: a view out of step makes the others look so.
    for _ in range(n_views):
        views = _movable(n_views)
        proposals = [_best_shift(rig, _shifted(xy, out), view, cancelled) for view in views]
        gains = [gain for _, gain in proposals]
        best = int(np.argmax(gains))
        view, shift = views[best], proposals[best][0]
        if gains[best] < 1 - _CLEARLY or abs(shift) < 0.05:
            break
        out[view] += shift
    return out - np.median(out) if n_views > 2 else out


def lag_growth(
    rig: Rig, xy: Float64, shifts: Float64, cancelled: Callable[[], bool] = lambda: False
) -> tuple[int, float] | None:
    """The view whose lag behind the others grows most, and by how many frames from first to last.

    None where lags stay the same, or the recording is too short.

    Parameters
    ----------
    shifts : (view,)
        What `clock_shifts` found. A view that lags always as much makes others look now more, now
        less out of step, as the animal moves: it is brought to their clock first.

    Notes
    -----
    The recording is cut into stretches, and the lag in each is that of `clock_shifts`; what grows
    lies near a line, or goes up in steps that are small beside the whole.
    """
    n = xy.shape[1]
    length = n // _STRETCHES
    if len(rig.cameras) < 2 or length < _FEWEST_FRAMES:
        return None
    xy = _shifted(xy, shifts)
    best: tuple[float, int, float] | None = None
    middles = length * (np.arange(_STRETCHES) + 0.5)
    for view in _movable(len(rig.cameras)):
        lags, base = np.full(_STRETCHES, np.nan), 0
        for k in range(_STRETCHES):
            frames = np.arange(k * length, (k + 1) * length)
            part = xy[:, frames].copy()
            # Each stretch goes on from the one before: lags may grow beyond any search.
            inside = (frames + base >= 0) & (frames + base < n)
            part[view] = np.where(
                inside[:, None, None], xy[view, np.clip(frames + base, 0, n - 1)], np.nan
            )
            shift, gain, certain = _lag_of(rig, part, view, cancelled)
            if certain:
                lags[k] = base + (shift if gain > 1 - _CLEARLY else 0.0)
                base = round(lags[k])
        known = np.isfinite(lags)
        if known.sum() < _FEWEST_LAGS:
            continue
        slope, level = np.polyfit(middles[known], lags[known], 1)
        growth = float(slope * n)
        away = np.abs(lags[known] - level - slope * middles[known]).max()
        if abs(growth) < _LEAST_GROWTH or away > _STRAIGHT * abs(growth):
            continue
        if best is None or abs(growth) > best[0]:
            best = (abs(growth), view, growth)
    return None if best is None else best[1:]


def _movable(n_views: int) -> list[int]:
    """Views that can be told to lag: of two, the second against the first."""
    return [1] if n_views == 2 else list(range(n_views))


def _misses(rig: Rig, xy: Float64, view: int) -> Float64:
    """How far a view is from what the others say, px; of two views, from the common point."""
    if len(rig.cameras) == 2:
        return np.asarray(triangulate(rig, xy).residuals[view], dtype=np.float64)
    return np.asarray(leave_one_out_residuals(rig, xy)[view], dtype=np.float64)


def _shifted(xy: Float64, lags: Float64) -> Float64:
    """Views brought to one clock by linear interpolation: a view that lags shows earlier frames."""
    out = xy.copy()
    n = xy.shape[1]
    for view in np.flatnonzero(lags):
        at = np.arange(n) + lags[view]
        low = np.floor(at).astype(int)
        part = (at - low)[:, None, None]
        inside = (low >= 0) & (low < n - (part[:, 0, 0] > 0))
        a, b = xy[view, np.clip(low, 0, n - 1)], xy[view, np.clip(low + 1, 0, n - 1)]
        value = np.where(part > 0, (1 - part) * a + part * b, a)
        out[view] = np.where(inside[:, None, None], value, np.nan)
    return out


def _best_shift(
    rig: Rig, xy: Float64, view: int, cancelled: Callable[[], bool]
) -> tuple[float, float]:
    """The lag of one view against the others, and the share by which it lowers the median."""
    shift, gain, _ = _lag_of(rig, xy, view, cancelled)
    return shift, gain


def _lag_of(
    rig: Rig, xy: Float64, view: int, cancelled: Callable[[], bool]
) -> tuple[float, float, bool]:
    """The same, and whether there are enough points, and odd and even blocks agree."""
    n = xy.shape[1]
    span = min(MOST_SHIFT, n // 4)
    lags = np.arange(-span, span + 1)
    block = (np.arange(n) // _BLOCK) % 2
    costs = np.full((2, len(lags)), np.inf)
    chosen = np.flatnonzero(np.isfinite(xy).all(axis=-1).sum(axis=(0, 2)) > 0)
    if len(chosen) * xy.shape[2] > _MOST_POINTS:
        # Whole stretches: neighbours in time are needed for nothing here, but blocks are.
        step = -(-len(chosen) * xy.shape[2] // _MOST_POINTS)
        chosen = chosen[::step]
    for i, lag in enumerate(lags):
        if cancelled():
            raise Cancelled
        at = chosen + lag
        inside = (at >= 0) & (at < n)
        trial = xy[:, chosen[inside]].copy()
        trial[view] = xy[view, at[inside]]
        distance = _misses(rig, trial, view)
        for part in (0, 1):
            values = distance[block[chosen[inside]] == part]
            values = values[np.isfinite(values)]
            if len(values) >= _FEWEST_POINTS:
                costs[part, i] = np.median(values)
    if not np.isfinite(costs[:, span]).all():
        return 0.0, 0.0, False
    best = [int(np.argmin(cost)) for cost in costs]
    if abs(best[0] - best[1]) > 1:
        return 0.0, 0.0, False
    cost = costs.mean(axis=0)
    at_best = int(np.argmin(cost))
    shift = float(lags[at_best])
    if 0 < at_best < len(lags) - 1 and np.isfinite(cost[at_best - 1 : at_best + 2]).all():
        # The distance grows with the lag like a V, rounded by noise: a parabola through squares.
        a, b, c = np.square(cost[at_best - 1 : at_best + 2])
        bend = a - 2 * b + c
        shift += float(np.clip((a - c) / (2 * bend), -0.5, 0.5)) if bend > 0 else 0.0
    zero = cost[span]
    gain = 1 - float(cost[at_best] / zero) if at_best != span else 0.0
    if at_best == span and abs(shift) > 0.05:
        trial = _shifted(xy, np.where(np.arange(len(xy)) == view, shift, 0.0))[:, chosen]
        values = _misses(rig, trial, view)
        gain = 1 - float(np.nanmedian(values) / zero) if np.isfinite(values).any() else 0.0
    return shift, gain, True
