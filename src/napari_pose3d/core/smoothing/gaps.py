"""Stretches of frames in which nobody saw a keypoint."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def in_long_gap(seen: NDArray[np.bool_], max_gap: int) -> NDArray[np.bool_]:
    """Frames of gaps that are longer than ``max_gap`` frames.

    Parameters
    ----------
    seen : (frame,) bool
    max_gap : int
        The longest gap, in frames, that may be filled in; the first and the last frames of a
        recording count as a gap like any other.

    Returns
    -------
    (frame,) bool
    """
    edges: NDArray[Any] = np.diff(np.concatenate([[1], seen.astype(np.int8), [1]]))
    starts, ends = np.flatnonzero(edges == -1), np.flatnonzero(edges == 1)
    long = np.zeros(len(seen), dtype=bool)
    for start, end in zip(starts, ends, strict=True):
        long[start:end] = end - start > max_gap
    return long
