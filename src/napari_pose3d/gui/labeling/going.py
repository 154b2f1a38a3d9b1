"""From one frame to the next of some kind."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence


def neighbour(frames: Sequence[int], frame: int, direction: int) -> int | None:
    """The nearest of some frames after (``direction`` 1) or before (-1) a frame.

    Parameters
    ----------
    frames : sequence of int
        In order.
    """
    if direction > 0:
        at = bisect_right(frames, frame)
        return frames[at] if at < len(frames) else None
    at = bisect_left(frames, frame)
    return frames[at - 1] if at > 0 else None
