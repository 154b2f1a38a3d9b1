"""A video whose frames are counted as the session counts them, not as the camera did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .video_array import VideoArray, split_key

if TYPE_CHECKING:
    from .decode.cursor import IsWanted
    from .decode.image_conversion import Array
    from .index.frame_index import FrameIndex

# Grey, unlike black video.
_NOTHING = 0.25


class SessionVideo:
    """A video as a read-only array of session frames; otherwise like `VideoArray`.

    A camera that started late, or lost images, lacks some frames of its session: these are plain
    dark grey.

    Parameters
    ----------
    video : VideoArray
    images : (session frame,) int
        Which image of the video each frame shows; -1 for none.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
    video : VideoArray
    """

    def __init__(self, video: VideoArray, images: NDArray[np.integer[Any]]) -> None:
        self.video = video
        self._images = np.asarray(images, np.int64)
        self.shape = (len(images), *video.shape[1:])
        self.dtype = video.dtype
        self.ndim = video.ndim
        self.size = int(np.prod(self.shape, dtype=object))
        level = _NOTHING * (2**video.bits - 1)
        self._nothing = np.full(video.shape[1:], level, video.dtype)
        self._nothing.flags.writeable = False

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<video {self.path.name} in session frames: {self.shape} {self.dtype}>"

    def image_of(self, number: int) -> int:
        """Which image of the video a session frame shows; -1 for none."""
        return int(self._images[number])

    def frame(self, number: int, is_wanted: IsWanted | None = None) -> Array | None:
        """One session frame; see `VideoArray.frame`."""
        if not 0 <= number < len(self):
            raise IndexError(f"there is no frame {number}: the session has {len(self)} frames")
        image = int(self._images[number])
        return self._nothing.copy() if image < 0 else self.video.frame(image, is_wanted)

    def __getitem__(self, key: Any) -> Array:
        first, rest = split_key(key, self.ndim)
        if isinstance(first, int):
            number = range(len(self))[first] if -len(self) <= first < len(self) else len(self)
            image = self.frame(number)
            assert image is not None
            return image[rest] if rest else image
        return self._several(first, rest)

    def _several(self, first: slice | Sequence[int], rest: tuple[int | slice, ...]) -> NDArray[Any]:
        images = self._images[first]
        there = images >= 0
        out = np.empty((len(images), *self._nothing[rest].shape), self.dtype)
        out[~there] = self._nothing[rest]
        if there.any():
            out[there] = self.video[(images[there].tolist(), *rest)]
        return out

    # ---------------------------------------------------------------- of the video itself

    @property
    def path(self) -> Path:
        return self.video.path

    @property
    def index(self) -> FrameIndex:
        """That of the video, in its own images."""
        return self.video.index

    @property
    def frame_rate(self) -> Fraction | None:
        return self.video.frame_rate

    @property
    def is_grey(self) -> bool:
        return self.video.is_grey

    @property
    def bits(self) -> int:
        return self.video.bits

    @property
    def warnings(self) -> list[str]:
        return self.video.warnings

    @property
    def damaged(self) -> tuple[int, ...]:
        """The session frames found to be unreadable so far, ascending."""
        return tuple(np.flatnonzero(np.isin(self._images, self.video.damaged)).tolist())

    def on_damage(self, callback: Callable[[], None]) -> None:
        """See `VideoArray.on_damage`."""
        self.video.on_damage(callback)

    def close(self) -> None:
        """Close the file and forget its images."""
        self.video.close()
