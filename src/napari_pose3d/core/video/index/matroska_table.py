"""Where the images of a Matroska or WebM file lie and when they are shown, without reading them.

Its own index lists keyframes only, but each image lies in a block whose first bytes tell its
size and time: jumping from block to block takes a part of the time that reading all of them does.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .frame_index import Int64, Report

_SEGMENT, _TRACKS, _CUES, _CLUSTER = 0x18538067, 0x1654AE6B, 0x1C53BB6B, 0x1F43B675
_ENTRY, _TYPE, _NUMBER, _CODEC = 0xAE, 0x83, 0xD7, 0x86
_TIME, _SIMPLE_BLOCK = 0xE7, 0xA3
_GROUP, _BLOCK, _REFERENCE = 0xA0, 0xA1, 0xFB
# What changes the images' sizes or times on the way to the decoder.
_ENCODINGS, _TIME_SCALE = 0x6D80, 0x23314F
_VIDEO = 1
_KEY, _LACED = 0x80, 0x06
_REPORT_EVERY = 2000

_Element = tuple[int, int, int, bytes]


class _Unusual(ValueError):  # noqa: N818 - no error: another way is taken
    """The file is built in a way that is better left to libavformat."""


def block_table(path: str | os.PathLike[str], report: Report | None = None) -> Int64 | None:
    """Time, position, size and whether it is a keyframe, of every packet of the only video track.

    Parameters
    ----------
    path : path
    report : callable, optional
        Told how far the work is; it may raise `Cancelled`.

    Returns
    -------
    (packet, 4) int64 or None
        Times in the file's own units. None when the file is cut off, was written without knowing
        its length, has no index to jump by, or is unusual: it has to be read through then.
    """
    # Unbuffered: a few bytes here and there are wanted, far from each other.
    with Path(path).open("rb", buffering=0) as stream:
        size = os.fstat(stream.fileno()).st_size
        try:
            rows = list(_rows(stream, size, report))
        except (_Unusual, IndexError, struct.error):
            return None
    return np.array(rows, np.int64).reshape(-1, 4)


def _rows(
    stream: BinaryIO, file_size: int, report: Report | None
) -> Iterator[tuple[int, int, int, int]]:
    track = None
    has_cues = False
    count = 0
    segment = _element(stream, _element(stream, 0)[2])
    if segment[0] != _SEGMENT or segment[2] != file_size:
        raise _Unusual
    for name, start, end, _ in _inside(stream, segment):
        if name == _TRACKS:
            track = _video_track(stream, (name, start, end, b""))
        elif name == _CUES:
            has_cues = True
        elif name == _CLUSTER:
            time = None
            for child in _inside(stream, (name, start, end, b"")):
                if child[0] == _TIME:
                    time = _number(stream, child)
                elif child[0] in (_SIMPLE_BLOCK, _GROUP):
                    if track is None or time is None:
                        raise _Unusual
                    row = _row(stream, child, track, time)
                    if row is not None:
                        yield row
                    count += 1
                    if report and count % _REPORT_EVERY == 0:
                        report(child[1], file_size)
    if not has_cues:
        raise _Unusual


def _row(
    stream: BinaryIO, child: _Element, track: int, time: int
) -> tuple[int, int, int, int] | None:
    """The table's row of a block; None when it is of another track."""
    if child[0] == _SIMPLE_BLOCK:
        block, key = child, None
    else:
        parts = {each[0]: each for each in _inside(stream, child)}
        if _BLOCK not in parts:
            raise _Unusual
        block, key = parts[_BLOCK], _REFERENCE not in parts
    _, start, end, head = block
    number, delay, flags = struct.unpack_from(">BhB", head)
    # Numbers above 126 take more than a byte: nobody has so many tracks.
    if not number & 0x80:
        raise _Unusual
    if number & 0x7F != track:
        return None
    if flags & _LACED:
        raise _Unusual
    is_key = bool(flags & _KEY) if key is None else key
    return time + delay, start, end - start - 4, is_key


def _video_track(stream: BinaryIO, tracks: _Element) -> int:
    found = []
    for entry in _inside(stream, tracks):
        if entry[0] != _ENTRY:
            continue
        parts = {each[0]: each for each in _inside(stream, entry)}
        if _number(stream, parts[_TYPE]) != _VIDEO:
            continue
        codec = _content(stream, parts[_CODEC])
        # Images of Windows' own kind are stored with their decoding times.
        if _ENCODINGS in parts or _TIME_SCALE in parts or codec.startswith(b"V_MS"):
            raise _Unusual
        found.append(_number(stream, parts[_NUMBER]))
    if len(found) != 1:
        raise _Unusual
    return found[0]


def _inside(stream: BinaryIO, parent: _Element) -> Iterator[_Element]:
    at, stop = parent[1], parent[2]
    while at < stop:
        child = _element(stream, at)
        at = child[2]
        if at > stop:
            raise _Unusual
        yield child


def _element(stream: BinaryIO, at: int) -> _Element:
    """Name, start and end of an element's content, and the content's first bytes."""
    stream.seek(at)
    head = stream.read(20)
    # Both numbers begin with as many zero bits as further bytes follow.
    middle = 9 - head[0].bit_length()
    length = 9 - head[middle].bit_length()
    if middle > 4 or length > 8:
        raise _Unusual
    content = middle + length
    largest = (1 << 7 * length) - 1
    size = int.from_bytes(head[middle:content]) & largest
    if size == largest:
        # Not known when it was written.
        raise _Unusual
    start = at + content
    return int.from_bytes(head[:middle]), start, start + size, head[content:]


def _content(stream: BinaryIO, element: _Element) -> bytes:
    stream.seek(element[1])
    return stream.read(element[2] - element[1])


def _number(stream: BinaryIO, element: _Element) -> int:
    if element[2] - element[1] > 8:
        raise _Unusual
    return int.from_bytes(_content(stream, element))
