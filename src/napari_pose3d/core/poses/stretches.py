"""Stretches of frames in which something holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def stretches(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Where a mask ``(n,)`` is true: first index and one past the last, ``(stretch, 2)``."""
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    return np.asarray(edges.reshape(-1, 2), np.int64)
