"""The compiled search behind `explanations`. Importing this module imports numba."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")

# Steps are spread like a Student t of so many degrees of freedom: animals rest and leap.
_FREEDOM = 16.0
# Nats that it costs to believe no explanation of a stretch, and of each of its frames: more than a
# true step, or the way through the frames between would look the more probable the less is known.
_NONE, _EACH = 5.0, 4.0


@_jit
def _step_cost(a: Any, b: Any, frames: int, variance: float) -> float:
    """Nats that it costs to get from one point to another."""
    x, y, z = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    ratio = (x * x + y * y + z * z) / (variance * frames)
    return 0.5 * (_FREEDOM + 3.0) * math.log(1.0 + ratio / _FREEDOM)


@_jit
def likeliest_path(
    xyz: Any, clear: Any, slot: Any, points: Any, costs: Any, variance: float, choice: Any
) -> None:
    """The sequence of explanations with the least cost, into ``choice``.

    Parameters
    ----------
    xyz : (frame, 3)
        Of the clear frames.
    clear : (frame,) bool
        Frames with one explanation; others without a slot have none and are passed over.
    slot : (frame,) int
        Row of ``points`` and ``costs`` of an open frame; -1 for others.
    points, costs : (row, explanation, 3), (row, explanation)
        Infinite cost: no explanation.
    variance : float
        Of a step from frame to frame.
    choice : (frame,) int
        Filled for the open frames; the number of explanations where none of them is believed.
    """
    n_frames, n = xyz.shape[0], points.shape[1]
    # The last state, n, is that of believing none; it remembers where the point was last.
    before, total = np.full(n + 1, math.inf), np.empty(n + 1)
    there, here = np.empty((n + 1, 3)), np.empty((n + 1, 3))
    since, now = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    came_from = np.full((n_frames, n + 1), -1, np.int16)
    last = -1
    for t in range(n_frames):
        row = slot[t]
        if row < 0 and not clear[t]:
            continue
        total[:] = math.inf
        for i in range(n if row >= 0 else 1):
            own = 0.0
            here[i] = xyz[t]
            if row >= 0:
                own = costs[row, i]
                here[i] = points[row, i]
            now[i] = t
            if last < 0:
                total[i] = own
                continue
            for j in range(n + 1):
                if before[j] + own < total[i]:
                    cost = before[j] + own + _step_cost(there[j], here[i], t - since[j], variance)
                    if cost < total[i]:
                        total[i] = cost
                        came_from[t, i] = j
        if row >= 0 and last >= 0:
            for j in range(n + 1):
                cost = before[j] + _EACH + (_NONE if j < n else 0.0)
                if cost < total[n]:
                    total[n] = cost
                    here[n], now[n], came_from[t, n] = there[j], since[j], j
        least = total.min()
        if not math.isfinite(least):
            continue
        # Counted from the least, so that an hour loses no digits.
        before[:] = total - least
        there[:], since[:] = here, now
        last = t
        choice[t] = 0
    if last < 0:
        return
    best = int(before.argmin())
    for t in range(last, -1, -1):
        # Frames that were passed over keep -1.
        if choice[t] >= 0:
            choice[t] = best if slot[t] >= 0 else -1
            best = came_from[t, best]
