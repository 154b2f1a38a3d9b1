"""The window around given positions that is smoothed anew, and which frames and cells it holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
At = tuple[int, int, int]
"""View, frame and keypoint of a cell."""

MARGIN = 120
"""Frames on either side that are smoothed as well, at first."""

# What changes by less of the posterior's standard deviation has not changed.
_SAME = 1e-3


@dataclass(frozen=True, eq=False)
class SmoothedWindow:
    """A part of a track: ``(frame, 3)``, ``(frame, 3, 3)``, ``(frame, view)`` twice."""

    xyz: Float64
    covariance: Float64
    noise: Float64
    used: Bool


def cells_of(k: int, window: slice, n_views: int, cells: Iterable[At]) -> Bool:
    """Those of one keypoint in a window, ``(frame, view)``."""
    out = np.zeros((window.stop - window.start, n_views), dtype=np.bool_)
    for v, t, keypoint in cells:
        if keypoint == k and window.start <= t < window.stop:
            out[t - window.start, v] = True
    return out


def difference(
    before: SmoothedWindow, after: SmoothedWindow, frames: Sequence[int], window: slice
) -> tuple[int, int]:
    """First and last frame that differ; those given are always among them."""
    apart = np.linalg.norm(after.xyz - before.xyz, axis=1)
    sd = np.sqrt(np.trace(before.covariance, axis1=1, axis2=2))
    moved = ~(apart <= _SAME * sd) | (before.used != after.used).any(axis=1)
    at = window.start + np.flatnonzero(moved)
    both = [*frames, *at[[0, -1]].tolist()] if len(at) else list(frames)
    return min(both), max(both)


def cells_inside(cells: Iterable[At], k: int, first: int, last: int) -> tuple[tuple[int, int], ...]:
    """View and frame of those of one keypoint between two frames."""
    return tuple(sorted((v, t) for v, t, of in cells if of == k and first <= t <= last))


def frame_groups(frames: Sequence[int]) -> list[list[int]]:
    """Frames whose windows overlap are updated together."""
    out = [[frames[0]]]
    for frame in frames[1:]:
        if frame - out[-1][-1] > MARGIN:
            out.append([])
        out[-1].append(frame)
    return out
