"""A video as a dask array whose chunks begin at keyframes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .decode.image_conversion import Array

if TYPE_CHECKING:
    import dask.array

    from .index.frame_index import FrameIndex


class ChunkedVideo(Protocol):
    """What is needed of a video to read it in chunks."""

    index: FrameIndex
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int: ...

    @property
    def nbytes(self) -> int: ...

    def __len__(self) -> int: ...

    def read_range(self, start: int, stop: int) -> Array:
        """Frames from `start` to before `stop`."""


def as_dask(video: ChunkedVideo, chunk_bytes: int) -> dask.array.Array:
    """See `VideoArray.to_dask`."""
    # map_blocks rather than from_array: a graph of 100,000 single frames takes dask longer to
    # look at than the frames take to decode.
    import dask.array

    image_bytes = video.nbytes // len(video)
    lengths = chunk_lengths(
        video.index.entry_frames(), len(video), max(1, chunk_bytes // image_bytes)
    )
    array: dask.array.Array = dask.array.map_blocks(
        _chunk,
        dtype=video.dtype,
        chunks=(lengths, *((n,) for n in video.shape[1:])),
        meta=np.empty((0,) * video.ndim, video.dtype),
        video=video,
    )
    return array


def chunk_lengths(entries: Array, n_frames: int, most: int) -> tuple[int, ...]:
    """Lengths of chunks that begin at entries, joined up to `most` frames.

    A group of images that is longer is cut: its parts are decoded one after the other anyway.
    """
    bounds = [0, *(int(entry) for entry in entries if entry > 0), n_frames]
    lengths: list[int] = []
    start = 0
    for bound, following in zip(bounds[1:], [*bounds[2:], None], strict=True):
        if following is not None and following - start <= most:
            continue
        while bound - start > most:
            lengths.append(most)
            start += most
        if bound > start:
            lengths.append(bound - start)
        start = bound
    return tuple(lengths)


def _chunk(video: ChunkedVideo, block_info: dict[Any, Any] | None = None) -> Array:
    if block_info is None:
        # dask trying out what type comes back.
        return np.empty((0,) * video.ndim, video.dtype)
    start, stop = block_info[None]["array-location"][0]
    return video.read_range(start, stop)
