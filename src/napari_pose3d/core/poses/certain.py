"""Positions that a person gave: observations that no smoother sets aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.intp]
Float32 = NDArray[np.float32]

CERTAIN_VARIANCE = 1.0
"""Of a position that a person gave, px^2 in x and in y: a click is about as good as a pixel."""


class Cell(NamedTuple):
    """One keypoint in one view and frame of the session."""

    view: str
    frame: int
    keypoint: str


Positions = Mapping[Cell, tuple[float, float]]
"""Pixels of the rig's image."""


@dataclass(frozen=True, eq=False)
class CertainObservations:
    """Positions that a person gave, and what the predictions say there.

    Attributes
    ----------
    view, frame, keypoint : (n,) int
        Indices of the cells, each once.
    xy : (n, 2) float64
        Pixels.
    raw_xy, raw_variance : (n, 2) float32
        Centre (px) and variance (px^2) of the ensemble there; NaN where nothing was predicted.
    raw_likelihood : (n,) float32
    """

    view: Index
    frame: Index
    keypoint: Index
    xy: NDArray[np.float64]
    raw_xy: Float32
    raw_variance: Float32
    raw_likelihood: Float32

    @property
    def note(self) -> str:
        """For the report of a run that follows them."""
        n = len(self.xy)
        count = "1 position" if n == 1 else f"{n:,} positions"
        return f"corrected by a person, and taken as certain: {count}"

    def of_keypoint(self, k: int) -> CertainCells | None:
        """Those of one keypoint; None where there are none."""
        mine = self.keypoint == k
        if not mine.any():
            return None
        return CertainCells(self.frame[mine], self.view[mine], self.xy[mine], self.raw_xy[mine])


@dataclass(frozen=True, eq=False)
class CertainCells:
    """Positions that a person gave of one keypoint.

    Attributes
    ----------
    frame, view : (n,) int
    xy, raw : (n, 2)
        Where the person and the predictions have the keypoint, px; NaN for no prediction.
    """

    frame: Index
    view: Index
    xy: NDArray[np.floating[Any]]
    raw: NDArray[np.floating[Any]]

    def in_frames(self, frame_of: Index) -> CertainCells:
        """The same in the frames ``frame_of (frame,)`` of its own; the first of several."""
        frame = frame_of[self.frame]
        kept = np.unique(np.stack([frame, self.view], axis=1), axis=0, return_index=True)[1]
        return CertainCells(frame[kept], self.view[kept], self.xy[kept], self.raw[kept])

    def mask(self, n_frames: int, n_views: int) -> NDArray[np.bool_]:
        """``(frame, view)`` bool."""
        out = np.zeros((n_frames, n_views), dtype=np.bool_)
        out[self.frame, self.view] = True
        return out
