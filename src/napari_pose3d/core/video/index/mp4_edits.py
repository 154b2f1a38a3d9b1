"""Whether an edit list of an MP4 or MOV file leaves out images, as after cutting it as it is.

Notes
-----
Nearly every file of B-images has an edit list that only begins at the first image. Which images one
leaves that cuts, the library that opens videos knows.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

import numpy as np

from .frame_index import Int64
from .mp4_boxes import (
    Box,
    all_inside,
    boxes_inside,
    descend,
    read_box,
    read_number,
    whole_file,
)

# Edits that are looked at, and images that may be shown before the first one that is stored.
_MOST_EDITS, _LEADING = 64, 64
_MOST_RUNS = 1 << 20


def leaves_images_out(stream: BinaryIO) -> bool:
    """Whether the edit list of the first video track may leave out images, or repeats them.

    Raises
    ------
    struct.error
        The file ends early.
    """
    moov = boxes_inside(stream, whole_file(stream)).get(b"moov")
    for trak in all_inside(stream, moov, b"trak"):
        media = boxes_inside(stream, descend(stream, trak, b"mdia"))
        if read_box(stream, media.get(b"hdlr"), 8, 4) != b"vide":
            continue
        edits = _edits(stream, descend(stream, trak, b"edts", b"elst"))
        if len(edits) != 1:
            return bool(edits)
        length, start = edits[0]
        movie_scale = _scale(stream, boxes_inside(stream, moov).get(b"mvhd"))
        scale = _scale(stream, media.get(b"mdhd"))
        table = descend(stream, trak, b"mdia", b"minf", b"stbl")
        counts, steps = _runs(stream, boxes_inside(stream, table).get(b"stts"), _MOST_RUNS)
        # Lengths are in coarser units than times: half an image is no cut.
        whole = float((counts * steps).sum() - (0.5 * steps[-1] if len(steps) else 0))
        ends_early = 0 < length * scale < whole * movie_scale
        return start > _first_time(stream, table) or ends_early
    return False


def _edits(stream: BinaryIO, box: Box | None) -> list[tuple[int, int]]:
    """Length (in units of the movie) and start (of the media) of each edit that shows something."""
    if box is None:
        return []
    entry = ">qqi" if read_box(stream, box, 0, 1)[0] else ">iii"
    width = struct.calcsize(entry)
    n = min(read_number(stream, box, 4), _MOST_EDITS)
    found = [struct.unpack(entry, read_box(stream, box, 8 + width * i, width)) for i in range(n)]
    return [(length, start) for length, start, _ in found if start >= 0]


def _scale(stream: BinaryIO, header: Box | None) -> int:
    """Units a second, of the header of a movie or of media."""
    return read_number(stream, header, 20 if read_box(stream, header, 0, 1)[0] else 12)


def _runs(stream: BinaryIO, box: Box | None, most: int) -> tuple[Int64, Int64]:
    """Counts and values of a table that lists how often each value comes."""
    n = 0 if box is None else min(read_number(stream, box, 4), most)
    data = read_box(stream, box, 8, 8 * n) if n else b""
    counts, values = np.frombuffer(data, ">i4").reshape(-1, 2).astype(np.int64).T
    return counts, values


def _first_time(stream: BinaryIO, table: Box | None) -> int:
    """When the first image is shown before any edit, in units of the media."""
    boxes = boxes_inside(stream, table)
    counts, late = _runs(stream, boxes.get(b"ctts"), _LEADING)
    delays = np.repeat(late, np.clip(counts, 0, _LEADING))[:_LEADING]
    counts, steps = _runs(stream, boxes.get(b"stts"), _LEADING)
    steps = np.repeat(steps, np.clip(counts, 0, _LEADING))[: max(len(delays) - 1, 0)]
    if len(steps) < len(delays) - 1:
        delays = delays[: len(steps) + 1]
    times = delays + np.concatenate([[0], np.cumsum(steps)]) if len(delays) else np.zeros(1)
    return int(times.min())
