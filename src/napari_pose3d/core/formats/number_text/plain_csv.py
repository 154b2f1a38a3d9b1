"""Tables of numbers in their ordinary form, read as fast as the machine can.

An hour of six cameras is five gigabytes of text, and reading it is most of the work. Almost all
such files hold nothing but frame numbers and decimal numbers. What holds anything else is left to
a general parser, which also finds the fault where there is one.
"""

from __future__ import annotations

from collections.abc import Sized
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.storage.input_files import check_regular, open_input
from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import IsCancelled, Progress

# Some milliseconds of parsing: what a Cancel waits for.
_BLOCK = 1 << 22
_ROOM = 1.05


class TableShape(Protocol):
    """What must be known of a table to read its numbers; a `TableHeader` knows it."""

    @property
    def columns(self) -> Sized:
        """The columns of numbers, without that of the frame number."""

    @property
    def n_rows(self) -> int:
        """Header lines."""

    @property
    def n_cells(self) -> int:
        """Cells of each line: the frame number, the columns, and perhaps ``set``."""

    @property
    def has_set_column(self) -> bool:
        """Whether a last column holds text."""

    def describe_cell(self, cell: int) -> str:
        """Name a cell of a line (0 is the frame number) for a message."""


class NumberBuffer:
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
    header: TableShape,
    *,
    buffer: NumberBuffer | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> NDArray[np.float32] | None:
    """Read the body of a pose table that is in the ordinary form.

    Parameters
    ----------
    path : Path
    header : TableShape
        Of this file.
    buffer : NumberBuffer, optional
        Where to put the numbers; the next file that is read into it overwrites them.

    Returns
    -------
    (frame, column) float32, or None
        The columns of `header`, NaN for empty cells; None when the file holds anything but frame
        numbers 0, 1, 2, ... and decimal numbers, or no line at all.

    Raises
    ------
    PoseDataError
        There is no such file, or it may not be read.
    OSError
        Reading it fails.
    Cancelled
        When `cancelled` returns true between two blocks.
    """
    from .plain_csv_kernel import parse_lines

    if header.has_set_column:
        return None
    size = check_regular(path)
    text = bytearray(min(size, _BLOCK) + 1)
    as_bytes = np.frombuffer(text, np.uint8)
    numbers = np.empty((0, len(header.columns)), np.float32)
    buffer = buffer or NumberBuffer()
    if buffer.numbers is not None and buffer.numbers.shape[1] == numbers.shape[1]:
        numbers = buffer.numbers
    n_frames = read = kept = 0
    with open_input(path) as stream:
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
                    buffer.numbers = numbers
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
