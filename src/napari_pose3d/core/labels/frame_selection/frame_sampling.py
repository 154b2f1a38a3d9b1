"""Which frames of a long session to look at: spread over all of it, and cheap to decode.

To show a frame, a video is decoded from the keyframe before it. So the frames to look at are taken
near the keyframes of all videos, as far as the videos allow.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.video.video_array import VideoArray
from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import IsCancelled

Frames = NDArray[np.int64]

# The most that is decoded, in px of all images, and what an image costs whatever its size: about
# half a minute on two cores.
_MOST_PX = 10e9
_PX_PER_IMAGE = 60_000
# After a jump, decoders take in some images before they give one.
_PER_JUMP = 3
_LENGTHS = (1, 2, 4, 8)
_STEP = 16  # frames between those of a run


def frames_in_all_views(session: Session, videos: Mapping[str, VideoArray]) -> NDArray[np.bool_]:
    """Which session frames every video has an image of, as far as is known, ``(frame,)``."""
    n_frames = session.n_frames({view: len(video) for view, video in videos.items()})
    present = np.ones(n_frames, bool)
    for view, video in videos.items():
        video_frames = session.to_video(view, np.arange(n_frames), len(video))
        present &= video_frames >= 0
        if video.damaged:
            present &= ~np.isin(video_frames, video.damaged)
    return present


def sample_frames(
    session: Session,
    videos: Mapping[str, VideoArray],
    usable: NDArray[np.bool_],
    n: int,
    fewest: int,
    later: int,
    rng: np.random.Generator,
    cancelled: IsCancelled,
) -> Frames:
    """Choose up to `n` frames to look at, ascending; all usable ones where there are no more.

    The session is divided into equal parts, and each gives the frame that costs least in all videos
    together, by chance among equals. Where that would mean to decode too much, because keyframes
    are rare or lie elsewhere in each video, there are fewer parts, and each may give a run of
    frames: those behind its first cost less.

    Parameters
    ----------
    usable : (session frame,) bool
    n, fewest : int
        At most and at least so many frames; the latter even where it takes long.
    later : int
        The frame so much later is decoded as well.
    """
    numbers = np.flatnonzero(usable)
    if len(numbers) <= n:
        return numbers
    # A fraction on top decides between equals.
    distance = rng.random(len(numbers))
    for view, video in videos.items():
        video_frames = session.to_video(view, numbers)
        distance += video_frames - _keyframes(video, video_frames)
    plans = []
    n_starts = n
    while n_starts * max(_LENGTHS) >= fewest:
        if cancelled():
            raise Cancelled
        starts = _nearest(numbers, distance, n_starts)
        for length in _LENGTHS:
            frames = _runs(starts, usable, length)
            if fewest <= len(frames) <= n:
                looked_at = np.union1d(frames, frames + later)
                cost = _cost(session, videos, looked_at[looked_at < len(usable)])
                # Many starts tell more than many frames.
                plans.append((cost, n_starts * np.sqrt(length), frames))
        n_starts = n_starts * 2 // 3
    # A video with hardly any keyframes is read through in any case.
    limit = max(_MOST_PX, 1.2 * min(cost for cost, _, _ in plans))
    return max((plan for plan in plans if plan[0] <= limit), key=lambda plan: plan[1])[2]


def _keyframes(video: VideoArray, video_frames: Frames) -> Frames:
    """The frame at which decoding begins for each frame."""
    keys = video.index.entry_frames()
    place = np.searchsorted(keys, video_frames, side="right") - 1
    return np.where(place < 0, 0, keys[place])


def _nearest(numbers: Frames, distance: NDArray[np.float64], n_starts: int) -> Frames:
    """Of each of so many equal parts the frame with the smallest distance."""
    bounds = np.linspace(0, len(numbers), n_starts + 1).astype(int)
    found = [start + distance[start:stop].argmin() for start, stop in pairwise(bounds)]
    return numbers[found]


def _runs(starts: Frames, usable: NDArray[np.bool_], length: int) -> Frames:
    """The starts, each followed by usable frames up to so many in all."""
    frames = np.unique(starts[:, None] + _STEP * np.arange(length))
    frames = frames[frames < len(usable)]
    return frames[usable[frames]]


def _cost(session: Session, videos: Mapping[str, VideoArray], frames: Frames) -> float:
    """The px to be decoded for these frames in all videos."""
    total = 0.0
    for view, video in videos.items():
        video_frames = session.to_video(view, frames, len(video))
        video_frames = video_frames[video_frames >= 0]
        # On from the one before, or from the keyframe where that is nearer.
        on, anew = (
            np.diff(video_frames, prepend=-1),
            video_frames - _keyframes(video, video_frames) + _PER_JUMP,
        )
        height, width = video.shape[1:3]
        total += float(np.minimum(on, anew).sum()) * (height * width + _PX_PER_IMAGE)
    return total
