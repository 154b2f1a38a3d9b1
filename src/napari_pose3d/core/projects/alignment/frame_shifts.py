"""Values by video frame as values by session frame, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.int64]


def in_session_frames(
    array: NDArray[np.floating[Any]], session: Frames, axis: int = 2
) -> NDArray[np.floating[Any]]:
    """The same values at their session frames; NaN at frames that nothing belongs to.

    Parameters
    ----------
    array : (..., frame, ...) float
        By video frame.
    session : (frame,) int
        Session frame of each video frame, rising; -1 is left out.
    axis : int
        That of the frames.
    """
    kept = session >= 0
    length = int(session[kept][-1]) + 1 if kept.any() else 0
    moved = np.full((length, *np.moveaxis(array, axis, 0).shape[1:]), np.nan, array.dtype)
    moved[session[kept]] = np.moveaxis(array, axis, 0)[kept]
    return np.ascontiguousarray(np.moveaxis(moved, 0, axis))


def in_video_frames(array: NDArray[np.floating[Any]], session: Frames) -> NDArray[np.floating[Any]]:
    """The values at the session frame of each video frame; NaN where there is none.

    Parameters
    ----------
    array : (session frame, ...) float
    session : (video frame,) int
        Session frame of each video frame, -1 for none.

    Returns
    -------
    (video frame, ...)
    """
    known = (session >= 0) & (session < len(array))
    moved = np.full((len(session), *array.shape[1:]), np.nan, array.dtype)
    moved[known] = array[session[known]]
    return moved
