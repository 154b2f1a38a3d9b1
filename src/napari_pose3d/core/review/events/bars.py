"""Bars: what a quantity of a keypoint and view may be before it counts as wrong.

Notes
-----
A bar is ``max(floor, 4 med, med + 6 s)``, with the median ``med`` of the quantity over the frames
of one keypoint and view and ``s`` = 1.4826 times the median distance from it. Unlike percentiles,
such bars leave clean data unflagged. Where most of a series is bad its median is no guide, so it
counts as no more than three times that of all series.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

# Of a correction and of a spread: below it nothing counts as wrong.
FLOOR_PX = 3.0
# Robust standard deviation over the median distance from the median.
SCALE = 1.4826
_MEDIANS = 4.0
_SPREADS = 6.0
_BROKEN = 3.0


def over_bar(values: Float32, floor: float, least_scale: float) -> Float32:
    """Divide ``(..., frame, keypoint)`` by the bars of its series, in place; the bars."""
    median, scale = _median_and_scale(values)
    with np.errstate(invalid="ignore"):
        usual = np.nanmedian(median) if np.isfinite(median).any() else 0.0
        usual_scale = np.nanmedian(scale) if np.isfinite(scale).any() else 0.0
    median = np.minimum(np.nan_to_num(median), _BROKEN * usual)
    scale = np.clip(np.nan_to_num(scale), least_scale, max(_BROKEN * usual_scale, least_scale))
    bars = np.maximum(np.maximum(floor, _MEDIANS * median), median + _SPREADS * scale)
    values /= bars[..., None, :]
    np.nan_to_num(values, copy=False, nan=0.0)
    return np.asarray(bars, np.float32)


def _median_and_scale(values: NDArray[Any]) -> tuple[Float32, Float32]:
    """Over the frames of ``(..., frame, keypoint)``; NaN of a series without values."""
    lead = (*values.shape[:-2], values.shape[-1])
    median, scale = np.full(lead, np.nan, np.float32), np.full(lead, np.nan, np.float32)
    for at in np.ndindex(*lead):
        series = values[(*at[:-1], slice(None), at[-1])]
        series = series[np.isfinite(series)]
        if series.size:
            median[at] = np.median(series)
            scale[at] = SCALE * np.median(np.abs(series - median[at]))
    return median, scale


def finite_median(values: NDArray[Any]) -> float:
    """The median of what is finite; 0 where nothing is."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else 0.0
