"""The display times in an MP4 or MOV file's own index, without reading a single packet.

PyAV gives each sample's place, size and decoding time from the container's index; what it leaves
out is by how much later the sample is shown (the ``ctts`` box). An hour of video is indexed in a
fraction of a second this way.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .container import top_boxes
from .frame_index import Int64

_Box = tuple[int, int]


def display_delays(path: str | os.PathLike[str], track: int, n_samples: int) -> Int64 | None:
    """Display time minus decoding time of every sample of a track, up to a constant.

    Parameters
    ----------
    path : path
    track : int
        The track's number in the file (PyAV: the stream's ``id``).
    n_samples : int
        How many samples the caller knows of.

    Returns
    -------
    (sample,) int64 or None
        None when the file's tables do not describe exactly these samples, for instance in a video
        that is stored in fragments: it has to be read through instead.
    """
    with Path(path).open("rb") as stream:
        end = os.fstat(stream.fileno()).st_size
        moov = top_boxes(stream, end).get(b"moov")
        if moov is None:
            return None
        for trak in _all_inside(stream, moov, b"trak"):
            if _track_number(stream, trak) == track:
                table = _descend(stream, trak, b"mdia", b"minf", b"stbl")
                return None if table is None else _delays(stream, table, n_samples)
    return None


def _delays(stream: BinaryIO, table: _Box, n_samples: int) -> Int64 | None:
    boxes = _inside(stream, table)
    sizes = boxes.get(b"stsz") or boxes.get(b"stz2")
    if sizes is None or struct.unpack(">I", _read(stream, sizes, 8, 4))[0] != n_samples:
        return None
    delays = boxes.get(b"ctts")
    if delays is None:
        return np.zeros(n_samples, np.int64)
    n_runs = struct.unpack(">I", _read(stream, delays, 4, 4))[0]
    if delays[0] + 8 + 8 * n_runs > delays[1]:
        return None
    # Version 0 says unsigned, but files with negative values in it exist and players accept them.
    runs = np.frombuffer(_read(stream, delays, 8, 8 * n_runs), ">i4").reshape(-1, 2)
    counts = runs[:, 0].astype(np.int64)
    if (counts < 0).any() or counts.sum() != n_samples:
        return None
    return np.repeat(runs[:, 1].astype(np.int64), counts)


def _track_number(stream: BinaryIO, trak: _Box) -> int | None:
    header = _inside(stream, trak).get(b"tkhd")
    if header is None:
        return None
    version = _read(stream, header, 0, 1)[0]
    number: int = struct.unpack(">I", _read(stream, header, 20 if version else 12, 4))[0]
    return number


def _descend(stream: BinaryIO, box: _Box, *names: bytes) -> _Box | None:
    for name in names:
        inner = _inside(stream, box).get(name)
        if inner is None:
            return None
        box = inner
    return box


def _inside(stream: BinaryIO, box: _Box) -> dict[bytes, _Box]:
    stream.seek(box[0])
    return top_boxes(stream, box[1])


def _all_inside(stream: BinaryIO, box: _Box, name: bytes) -> list[_Box]:
    found = []
    start = box[0]
    while start < box[1]:
        stream.seek(start)
        boxes = top_boxes(stream, box[1])
        if name not in boxes:
            break
        found.append(boxes[name])
        start = boxes[name][1]
    return found


def _read(stream: BinaryIO, box: _Box, at: int, length: int) -> bytes:
    stream.seek(box[0] + at)
    data = stream.read(length)
    if len(data) != length:
        raise struct.error("the box ends early")
    return data
