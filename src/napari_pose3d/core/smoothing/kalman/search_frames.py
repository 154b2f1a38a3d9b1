"""The frames that the search for the smoothing parameter uses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import PoseDataError

FrameRange = tuple[int | None, int | None]

_STRETCHES, _STRETCH = 20, 1_000


def frame_mask(ranges: Sequence[FrameRange], n_frames: int) -> NDArray[np.bool_]:
    """True for the frames of the half-open ranges, ``(frame,)``; no range: all frames.

    Raises
    ------
    PoseDataError
        A range is empty or lies outside the recording.
    """
    if not ranges:
        return np.ones(n_frames, dtype=bool)
    mask = np.zeros(n_frames, dtype=bool)
    for first, end in ranges:
        start, stop = 0 if first is None else first, n_frames if end is None else end
        if not 0 <= start < stop <= n_frames:
            raise PoseDataError(
                f"the frame range {'' if first is None else first}:{'' if end is None else end} "
                "holds no frame of the recording or goes beyond it",
                expected=f"first and one past the last frame between 0 and {n_frames}",
            )
        mask[start:stop] = True
    return mask


def stretches(searched: NDArray[np.bool_]) -> list[slice]:
    """A sample of a recording that determines its smoothing parameter.

    All frames searched, or, of more than 20,000, twenty stretches of a thousand spread evenly over
    them: these determine the parameter to within a percent. A stretch may also hold frames that are
    not searched.

    Parameters
    ----------
    searched : (frame,) bool
    """
    frames = np.flatnonzero(searched)
    if len(frames) <= _STRETCHES * _STRETCH:
        return [slice(int(frames[0]), int(frames[-1]) + 1)]
    firsts = np.linspace(0, len(frames) - _STRETCH, _STRETCHES).astype(int)
    return [slice(int(frames[i]), int(frames[i + _STRETCH - 1]) + 1) for i in firsts]
