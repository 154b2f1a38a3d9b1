"""How the values of a quantity lie about their bars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.review.decisions.thresholds import THRESHOLDS, values_and_bars
from napari_pose3d.core.review.events.excesses import Excesses

BINS = 96
OCTAVES = 6.0
"""The bins reach from 1/64 of the usual bar to 64 times it; beyond, in the outermost ones."""

_FINE = 4096
_FINE_OCTAVES = 12.0


@dataclass(frozen=True, eq=False)
class Distribution:
    """Of one quantity, in some views and keypoints.

    Attributes
    ----------
    name : str
        A key of `THRESHOLDS`.
    bar : float
        The usual one, in the quantity's unit; NaN where there is nothing.
    lowest, highest : float
        Of the bars.
    counts : (BINS,) int64
        Of values, by their logarithm.
    n : int
        Values above zero.
    """

    name: str
    bar: float
    lowest: float
    highest: float
    counts: NDArray[np.int64]
    n: int
    _fine: NDArray[np.int64]

    def share_above(self, factor: float) -> float:
        """Of the values, those above their bars if these are multiplied by a factor; 0 to 1."""
        if not self.n:
            return 0.0
        at = (np.log2(factor) / _FINE_OCTAVES + 1) / 2 * _FINE
        first = int(np.clip(np.ceil(at), 0, _FINE))
        return float(self._fine[first:].sum() / self.n)


def distribution(excesses: Excesses, name: str, view: str = "", keypoint: str = "") -> Distribution:
    """How the values lie about their bars.

    Parameters
    ----------
    excesses : Excesses
    name : str
        A key of `THRESHOLDS`.
    view, keypoint : str
        Empty: all of them. What is in space is in no view.
    """
    in_space = getattr(excesses, name).ndim == 2
    values, bars = values_and_bars(excesses, name, "" if in_space else view, keypoint)
    bars = bars[bars > 0]
    if not len(values) or not len(bars):
        nothing = np.zeros(BINS, np.int64)
        return Distribution(name, np.nan, np.nan, np.nan, nothing, 0, np.zeros(_FINE, np.int64))
    bar = float(np.median(bars))
    counts = _counts(np.log2(values / bar), OCTAVES, BINS)
    fine = _counts(np.log2(_excess(excesses, name, view, keypoint)), _FINE_OCTAVES, _FINE)
    return Distribution(
        name, bar, float(bars.min()), float(bars.max()), counts, int(fine.sum()), fine
    )


def all_distributions(
    excesses: Excesses, view: str = "", keypoint: str = ""
) -> tuple[Distribution, ...]:
    """Those of all quantities."""
    return tuple(distribution(excesses, name, view, keypoint) for name in THRESHOLDS)


def _excess(excesses: Excesses, name: str, view: str, keypoint: str) -> NDArray[np.float32]:
    values: NDArray[np.float32] = getattr(excesses, name)
    if name == "bone":
        if keypoint:
            k = excesses.keypoints.index(keypoint)
            values = values[:, [b for b, bone in enumerate(excesses.bones) if k in bone]]
    elif keypoint:
        values = values[..., [excesses.keypoints.index(keypoint)]]
    if values.ndim == 3 and view:
        values = values[[excesses.views.index(view)]]
    return values[values > 0]


def _counts(logs: NDArray[np.floating], octaves: float, bins: int) -> NDArray[np.int64]:
    at = np.clip((logs / octaves + 1) / 2 * bins, 0, bins - 1).astype(np.int64)
    return np.bincount(at, minlength=bins).astype(np.int64)
