"""Tables of numbers in their ordinary form, read as fast as the machine can.

An hour of six cameras is five gigabytes of text, and reading it is most of the work. Almost all
such files hold nothing but frame numbers and decimal numbers. What holds anything else is left to
a general parser, which also finds the fault where there is one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.errors import Cancelled
from napari_pose3d.core.settings import IsCancelled, Progress

from ..predictions.table_header import TableHeader

# Some milliseconds of parsing: what a Cancel waits for.
_BLOCK = 1 << 22
_ROOM = 1.05


class Room:
    """Memory for the numbers of one file after another; new memory costs as much as parsing.

    Attributes
    ----------
    numbers : (frame, column) float32 or None
        What is there for the next file.
    """

    def __init__(self) -> None:
        self.numbers: NDArray[np.float32] | None = None


def read_plain(
    path: Path,
    header: TableHeader,
    *,
    room: Room | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> NDArray[np.float32] | None:
    """Read the body of a pose table that is in the ordinary form.

    Parameters
    ----------
    path : Path
    header : TableHeader
        Of this file.
    room : Room, optional
        Where to put the numbers; the next file that is read into it overwrites them.

    Returns
    -------
    (frame, column) float32, or None
        The columns of `header`, NaN for empty cells; None when the file holds anything but frame
        numbers 0, 1, 2, ... and decimal numbers, or no line at all.

    Raises
    ------
    OSError
        The file cannot be read.
    Cancelled
        When `cancelled` says so between two blocks.
    """
    from .plain_csv_kernel import parse_lines

    if header.has_set_column:
        return None
    size = path.stat().st_size
    text = bytearray(min(size, _BLOCK) + 1)
    as_bytes = np.frombuffer(text, np.uint8)
    numbers = np.empty((0, len(header.columns)), np.float32)
    room = room or Room()
    if room.numbers is not None and room.numbers.shape[1] == numbers.shape[1]:
        numbers = room.numbers
    n_frames = read = kept = 0
    with path.open("rb") as stream:
        for _ in range(header.n_rows):
            read += len(stream.readline())
        while True:
            got = stream.readinto(memoryview(text)[kept:-1])
            read, stop = read + got, kept + got
            if got == 0 and read < size:
                return None  # a line longer than the buffer, or a file that shrinks
            if got == 0 and kept:
                # The last line may lack its end.
                text[stop] = ord("\n")
                stop += 1
            end = text.rfind(b"\n", 0, stop) + 1
            at = 0
            while at < end:
                if n_frames == len(numbers):
                    line = text.find(b"\n") + 1 if n_frames == 0 else read // n_frames
                    numbers = _with_room(numbers, max(int(_ROOM * size / line), n_frames) + 16)
                    room.numbers = numbers
                n, used = parse_lines(as_bytes[at:], end - at, n_frames, numbers[n_frames:])
                if n < 0:
                    return None
                n_frames, at = n_frames + n, at + used
            if cancelled is not None and cancelled():
                raise Cancelled
            if progress is not None:
                progress(f"reading {path.name}", read, size)
            if got == 0:
                return numbers[:n_frames] if n_frames else None
            kept = stop - end
            text[:kept] = text[end:stop]


def _with_room(numbers: NDArray[np.float32], n_frames: int) -> NDArray[np.float32]:
    """The same with more frames; those not written to cost no memory."""
    larger = np.empty((n_frames, numbers.shape[1]), np.float32)
    larger[: len(numbers)] = numbers
    return larger
