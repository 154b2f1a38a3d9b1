"""A video as an array: what napari, NumPy users and dask get."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_pose3d.errors import PoseDataError

from .dask_array import as_dask
from .decode.cursor import IsWanted
from .decode.image_cache import ImageCache, shared_cache, total_memory, usual_capacity
from .decode.image_conversion import Array, Colour
from .index.frame_index import FrameIndex, Report
from .reader_factory import open_reader

if TYPE_CHECKING:
    import dask.array

# Fewer frames than this go through the cache like single ones: whoever looks at a few frames
# will look at them again.
_FEW = 16


def open_video(
    path: str | os.PathLike[str],
    *,
    color: Colour = "auto",
    cache_bytes: int | None = None,
    max_request_bytes: int | None = None,
    report: Report | None = None,
) -> VideoArray:
    """Open a video so that any frame can be read exactly.

    Frame n is the n-th image that a player shows, counting from 0, whatever codec, container,
    frame rate or time stamps the video has. A video whose container has no complete index is read
    through once, without decoding; the result is kept in the user's cache folder.

    Parameters
    ----------
    path : path
    color : {"auto", "grey", "rgb"}
        "auto" gives a grey video as brightness only: the chroma of a few images from all over
        the video is opened.
    cache_bytes : int, optional
        A cache of its own for this video instead of a share of the one that all videos of the
        process use (1 GiB or a quarter of the memory, whichever is smaller; see
        `set_video_cache`).
    max_request_bytes : int, optional
        The largest array that a single read may make; a quarter of the memory if not given.
    report : callable, optional
        Called now and then with (bytes read, bytes in all) while the video is read through; it
        may raise `Cancelled`.

    Returns
    -------
    VideoArray

    Raises
    ------
    PoseDataError
        When the file is not there, is not a video, holds no image, or was cut off before its
        index was written.
    """
    cache = shared_cache() if cache_bytes is None else ImageCache(cache_bytes)
    return VideoArray(path, color, cache, max_request_bytes, report)


def set_video_cache(n_bytes: int | None) -> None:
    """Set how many bytes of decoded images all open videos may keep together.

    None: one GiB or a quarter of the computer's memory, whichever is smaller, as at first.
    """
    shared_cache().set_capacity(usual_capacity() if n_bytes is None else n_bytes)


def _reopened(path: str, color: Colour, max_request_bytes: int | None) -> VideoArray:
    return VideoArray(path, color, shared_cache(), max_request_bytes, None)


class VideoArray:
    """A video as a read-only array ``(frame, y, x)`` or ``(frame, y, x, 3)``; see `open_video`.

    Images are given as a player shows them: turned upright where the file says that the camera
    was held otherwise, and with the full range of brightness. RGB is 8 bit; grey videos of more
    than 8 bit are uint16 in the camera's own steps (0 to 1023 for 10 bit).

    Indexing is NumPy's with integers, slices of any step, an Ellipsis, and a list of integers for
    the frames; masks and new axes are refused. What comes back is a new array. Reading from
    several threads at once is safe.

    A frame that the file no longer holds in readable form comes as a hatched image and is
    listed in `damaged` from then on. Codecs without check sums (VP9, HEVC, Huffyuv, raw video)
    cannot always tell, and in any codec noise can happen to be an image.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
    path : Path
    index : FrameIndex
    warnings : list of str
        What is odd about the video, in plain words.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        color: Colour,
        cache: ImageCache,
        max_request_bytes: int | None,
        report: Report | None,
    ) -> None:
        self.path = Path(path)
        self._reader, self.warnings = open_reader(self.path, color, cache, report)
        self._as_opened = (color, max_request_bytes)
        self._budget = total_memory() // 4 if max_request_bytes is None else max_request_bytes
        self.index: FrameIndex = self._reader.index
        self.shape: tuple[int, ...] = (len(self.index), *self._reader.converter.shape)
        self.dtype: np.dtype[Any] = self._reader.converter.dtype

    # ---------------------------------------------------------------- what an array has

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=object))

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<video {self.path.name}: {self.shape} {self.dtype}>"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError("a video is decoded, so it cannot be had without a copy")
        everything = self[...]
        return everything if dtype is None else everything.astype(dtype, copy=False)

    def __iter__(self) -> Iterator[Array]:
        # In pieces, because whoever iterates may stop or read other frames in between.
        for start in range(0, len(self), _FEW):
            yield from self.read_range(start, min(start + _FEW, len(self)))

    def __getitem__(self, key: Any) -> Array:
        first, rest = split_key(key, self.ndim)
        if isinstance(first, int):
            # NumPy's own words for an index that is out of range.
            number = range(len(self))[first] if -len(self) <= first < len(self) else None
            if number is None:
                raise IndexError(f"there is no frame {first}: the video has {len(self)} frames")
            image = self._reader.frame(number)
            assert image is not None
            return image[rest] if rest else image
        numbers = self._numbers(first)
        inner = np.broadcast_to(np.empty((), self.dtype), self.shape[1:])[rest].shape
        self._refuse_too_much(len(numbers) * int(np.prod(inner)) * self.dtype.itemsize)
        out = np.empty((len(numbers), *inner), self.dtype)
        if len(numbers) < _FEW:
            for place, number in enumerate(numbers):
                image = self._reader.frame(int(number))
                assert image is not None
                out[place] = image[rest]
            return out
        unique, places = np.unique(numbers, return_inverse=True)
        where = np.argsort(places, kind="stable")
        bounds = np.searchsorted(places[where], np.arange(len(unique) + 1))
        for i, (_, image) in enumerate(self._reader.frames(unique.tolist())):
            out[where[bounds[i] : bounds[i + 1]]] = image[rest]
        return out

    def _numbers(self, first: slice | Sequence[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
        if isinstance(first, slice):
            return np.arange(*first.indices(len(self)))
        numbers = np.asarray(first, np.int64)
        if ((numbers < -len(self)) | (numbers >= len(self))).any():
            raise IndexError(f"some frames are out of range: the video has {len(self)} frames")
        return np.where(numbers < 0, numbers + len(self), numbers)

    def _refuse_too_much(self, n_bytes: int) -> None:
        if n_bytes > self._budget:
            raise PoseDataError(
                f"{n_bytes / 1e9:.1f} GB of images were asked for at once",
                file=self.path,
                expected=f"at most {self._budget / 1e9:.1f} GB",
                todo="Ask for fewer frames, use to_dask(), or raise max_request_bytes in "
                "open_video; in napari, stay in the 2-D display",
            )

    # ---------------------------------------------------------------- what a video has

    def frame(self, number: int, is_wanted: IsWanted | None = None) -> Array | None:
        """One frame, for a caller that may change its mind while it is being decoded.

        Parameters
        ----------
        number : int
            From 0 to ``len(video) - 1``.
        is_wanted : callable, optional
            Asked before each image that has to be decoded. Once it returns False, the request is
            given up, within the time of one image.

        Returns
        -------
        array or None
            None when the request was given up.
        """
        if not 0 <= number < len(self):
            raise IndexError(f"there is no frame {number}: the video has {len(self)} frames")
        return self._reader.frame(int(number), is_wanted)

    def frame_times(self) -> list[Fraction]:
        """When each frame is shown, in seconds on the video's own clock, exactly."""
        base = self.index.time_base
        return [int(time) * base for time in self.index.times]

    @property
    def frame_rate(self) -> Fraction | None:
        """Frames per second on average, exactly; None for a single frame."""
        times = self.index.times
        span = (int(times[-1]) - int(times[0])) * self.index.time_base
        return (len(self) - 1) / span if span else None

    @property
    def is_grey(self) -> bool:
        return self._reader.converter.grey

    @property
    def bits(self) -> int:
        """Bits of brightness: 8, or 10, 12 or 16 in a deeper grey video."""
        return self._reader.converter.bits

    @property
    def damaged(self) -> tuple[int, ...]:
        """The frames found to be unreadable so far, ascending."""
        return tuple(sorted(self._reader.unreadable))

    def on_damage(self, callback: Callable[[], None]) -> None:
        """Have a function called when `damaged` has grown, in the thread that read the frame."""
        self._reader.on_damage = callback

    def to_dask(self, chunk_bytes: int = 128 << 20) -> dask.array.Array:
        """The video as a dask array whose chunks begin at keyframes.

        Parameters
        ----------
        chunk_bytes : int
            Groups of images are joined up to this size; a single group that is larger is cut.

        Returns
        -------
        dask.array.Array
            Of the same shape and type.
        """
        return as_dask(self, chunk_bytes)

    def read_range(self, start: int, stop: int) -> Array:
        """Frames from `start` to before `stop`, decoded in one go and not kept in the cache.

        Unlike indexing, it has no bound on the memory that it takes.
        """
        out = np.empty((stop - start, *self.shape[1:]), self.dtype)
        for number, image in self._reader.frames(range(start, stop)):
            out[number - start] = image
        return out

    def __dask_tokenize__(self) -> tuple[object, ...]:
        stamp = self.index.stamp
        return (str(self.path), stamp.size, stamp.modified, self.shape, str(self.dtype))

    def __reduce__(self) -> tuple[object, ...]:
        # By its path: another process opens the file itself, and has a cache of its own.
        return _reopened, (str(self.path), *self._as_opened)

    def close(self) -> None:
        """Close the file and forget its images."""
        self._reader.close()

    def __enter__(self) -> VideoArray:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def split_key(key: Any, ndim: int) -> tuple[int | slice | Sequence[int], tuple[int | slice, ...]]:
    """The key for the frames, and the key for the axes of an image."""
    parts = list(key) if isinstance(key, tuple) else [key]
    dots = [i for i, part in enumerate(parts) if part is Ellipsis]
    if len(dots) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    if dots:
        parts[dots[0] : dots[0] + 1] = [slice(None)] * (ndim - len(parts) + 1)
    if len(parts) > ndim:
        raise IndexError(f"too many indices: a video has {ndim} axes")
    parts += [slice(None)] * (ndim - len(parts))
    first = parts[0] if isinstance(parts[0], slice) else _integers(parts[0])
    rest = tuple(part if isinstance(part, slice) else _integer(part) for part in parts[1:])
    return first, rest


def _integers(part: Any) -> int | Sequence[int]:
    if isinstance(part, list | np.ndarray) and np.ndim(part) == 1:
        numbers = np.asarray(part)
        if not numbers.size:
            return []
        if numbers.dtype.kind in "iu":
            return [int(number) for number in numbers]
    return _integer(part)


def _integer(part: Any) -> int:
    if isinstance(part, bool | np.bool_) or part is None:
        raise IndexError(f"a video cannot be indexed with {part!r}; use integers and slices")
    try:
        return operator.index(part)
    except TypeError:
        raise IndexError(
            f"a video cannot be indexed with {type(part).__name__}; use integers and slices"
        ) from None
