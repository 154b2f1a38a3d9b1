"""The compiled search behind `view_hypotheses`. Importing this module imports numba."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")

# Degrees of freedom of the Student t distribution of steps.
_FREEDOM = 16.0
# Cost in nats of the hypothesis that one view is right, in each frame, and of the hypothesis that
# none is: for entering it, and in each frame. A true step costs less than a nat.
_SINGLE = 0.75
_NONE, _EACH = 5.0, 4.0


@_jit
def _step_cost(x: float, y: float, z: float, frames: int, variance: float) -> float:
    """Cost in nats of a step of this size in so many frames."""
    ratio = (x * x + y * y + z * z) / (variance * frames)
    return 0.5 * (_FREEDOM + 3.0) * math.log(1.0 + ratio / _FREEDOM)


@_jit
def _from_to(a: Any, b: Any) -> tuple[float, float, float]:
    return b[0] - a[0], b[1] - a[1], b[2] - a[2]


@_jit
def _lowest(values: Any) -> int:
    """Index of the first smallest value; 0 where all are infinite."""
    lowest = 0
    for i in range(1, values.shape[0]):
        if values[i] < values[lowest]:
            lowest = i
    return lowest


@_jit
def viterbi_path(
    xyz: Any,
    clear: Any,
    slot: Any,
    points: Any,
    costs: Any,
    origins: Any,
    directions: Any,
    single: Any,
    variance: float,
    choice: Any,
) -> None:
    """The sequence of hypotheses with the least total cost, into ``choice``.

    Parameters
    ----------
    xyz : (frame, 3)
        Of the clear frames, rig units.
    clear : (frame,) bool
        Frames with one hypothesis; others without a slot have none and are passed over.
    slot : (frame,) int
        Row of ``points`` and the others of an open frame; -1 for the rest.
    points, costs : (row, pair, 3), (row, pair)
        Point (rig units) and cost (nats) of each pair of views; infinite: it has no point.
    origins, directions : (view, 3), (row, view, 3)
        Of the views' rays, directions of length 1.
    single : (row, view)
        Cost of the hypothesis that one view is right: the point is the nearest on its ray.
    variance : float
        Of a step from frame to frame, squared rig units.
    choice : (frame,) int
        Filled for the open frames with a pair, with the number of pairs plus a view, or, where
        no view is right, with the number of both; -1 elsewhere.
    """
    n_frames, n_pairs, n_views = xyz.shape[0], points.shape[1], origins.shape[0]
    n = n_pairs + n_views
    # The last state, n, is that no view is right; it keeps the last position.
    before, total = np.full(n + 1, math.inf), np.empty(n + 1)
    there, here = np.empty((n + 1, 3)), np.empty((n + 1, 3))
    since, now = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    came_from = np.full((n_frames, n + 1), -1, np.int16)
    passed = np.ones(n_frames, np.bool_)
    last = -1
    for t in range(n_frames):
        row = slot[t]
        if row < 0 and not clear[t]:
            continue
        total[:] = math.inf
        for i in range(n_pairs if row >= 0 else 1):
            own = costs[row, i] if row >= 0 else 0.0
            for a in range(3):
                here[i, a] = points[row, i, a] if row >= 0 else xyz[t, a]
            now[i] = t
            if last < 0:
                total[i] = own
                continue
            for j in range(n + 1):
                if before[j] + own < total[i]:
                    x, y, z = _from_to(there[j], here[i])
                    cost = before[j] + own + _step_cost(x, y, z, t - since[j], variance)
                    if cost < total[i]:
                        total[i], came_from[t, i] = cost, j
        if row >= 0 and last >= 0:
            for view in range(n_views):
                i, own = n_pairs + view, single[row, view] + _SINGLE
                d = directions[row, view]
                for j in range(n + 1):
                    if before[j] + own < total[i]:
                        x, y, z = _from_to(origins[view], there[j])
                        depth = x * d[0] + y * d[1] + z * d[2]
                        x, y, z = depth * d[0] - x, depth * d[1] - y, depth * d[2] - z
                        cost = before[j] + own + _step_cost(x, y, z, t - since[j], variance)
                        if cost < total[i]:
                            total[i], came_from[t, i] = cost, j
                            here[i, 0] = there[j, 0] + x
                            here[i, 1] = there[j, 1] + y
                            here[i, 2] = there[j, 2] + z
                            now[i] = t
            for j in range(n + 1):
                cost = before[j] + _EACH + (_NONE if j < n else 0.0)
                if cost < total[n]:
                    total[n], came_from[t, n] = cost, j
                    now[n] = since[j]
                    for a in range(3):
                        here[n, a] = there[j, a]
        least = total[_lowest(total)]
        if not math.isfinite(least):
            continue
        # Counted from the least, so that an hour loses no digits. Element by element: numba
        # compiles whole arrays for seconds.
        for i in range(n + 1):
            before[i], since[i] = total[i] - least, now[i]
            for a in range(3):
                there[i, a] = here[i, a]
        last = t
        passed[t] = False
    if last < 0:
        return
    best = _lowest(before)
    for t in range(last, -1, -1):
        if not passed[t]:
            if slot[t] >= 0:
                choice[t] = best
            best = came_from[t, best]
