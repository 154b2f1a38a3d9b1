"""Small grey images of some frames of a video, and how much moves in each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.video.decode.cursor import IsWanted
from napari_pose3d.core.video.video_array import VideoArray
from napari_pose3d.errors import Cancelled

SIDE = 64
"""The longer side of a small image, in px, at most."""
_SAMPLES = 4  # rows and columns of the video for each pixel; more would only cost time


@dataclass(frozen=True, eq=False)
class Thumbnails:
    """Small images of one view.

    Attributes
    ----------
    images : (frame, pixel) float16
        Brightness from 0 to 1.
    motion : (frame,) float64
        Mean change of brightness to a later image; NaN where there is none.
    damaged : (frame,) bool
        Whether the image cannot be read.
    """

    images: NDArray[np.float16]
    motion: NDArray[np.float64]
    damaged: NDArray[np.bool_]


def read_thumbnails(
    video: VideoArray,
    frames: NDArray[np.int64],
    later: NDArray[np.int64],
    is_wanted: IsWanted,
    step: Callable[[], None],
) -> Thumbnails:
    """Read small images, going through the video forward once.

    Parameters
    ----------
    video : VideoArray
        Opened in grey.
    frames : (frame,) int
        Video frames, rising.
    later : (frame,) int
        The video frame that each is compared with, above it; -1 for none.
    is_wanted : callable
        Once it returns False, `Cancelled` is raised, within the time of one image.
    step : callable
        Called after each image that was read.
    """
    n_pixels = small(np.empty(video.shape[1:], video.dtype), 8).size
    images = np.zeros((len(frames), n_pixels), np.float16)
    motion = np.full(len(frames), np.nan)
    place = {int(frame): i for i, frame in enumerate(frames)}
    compared = {int(frame): i for i, frame in enumerate(later) if frame >= 0}
    for number in sorted(place.keys() | compared.keys()):
        image = video.frame(number, is_wanted)
        if image is None:
            raise Cancelled
        now = small(image, video.bits).ravel()
        if number in place:
            images[place[number]] = now
        if number in compared:
            before = images[compared[number]].astype(np.float32)
            motion[compared[number]] = np.abs(now - before).mean()
        step()
    # Known only now that they were to be read.
    damaged = np.isin(frames, video.damaged)
    motion[damaged | np.isin(later, video.damaged)] = np.nan
    return Thumbnails(images, motion, damaged)


def small(image: NDArray[Any], bits: int) -> NDArray[np.float32]:
    """A grey image in blocks of equal size, at most `SIDE` of them on a side, from 0 to 1."""
    block = -(-max(image.shape) // SIDE)
    skip = max(1, block // _SAMPLES)
    within = -(-block // skip)
    sampled = image[::skip, ::skip]
    # What is left over at the lower right is cut off; a narrow image is one block wide.
    height, width = (max(1, length // within) for length in sampled.shape)
    blocks = sampled[: height * within, : width * within].reshape(height, -1, width, within)
    return np.asarray(blocks.mean(axis=(1, 3), dtype=np.float32) / np.float32((1 << bits) - 1))
