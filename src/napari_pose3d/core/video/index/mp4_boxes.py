"""The boxes of MP4 and MOV files (ISO/IEC 14496-12)."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

Box = tuple[int, int]
"""Start and end of the inside of a box: bytes in the file."""


def whole_file(stream: BinaryIO) -> Box:
    """What the outermost boxes lie in."""
    return 0, os.fstat(stream.fileno()).st_size


def boxes_inside(stream: BinaryIO, parent: Box | None) -> dict[bytes, Box]:
    """The boxes in a box by name, the first of each name; none where there is no parent."""
    boxes: dict[bytes, Box] = {}
    for name, box in _boxes(stream, parent):
        boxes.setdefault(name, box)
    return boxes


def all_inside(stream: BinaryIO, parent: Box | None, name: bytes) -> list[Box]:
    """All boxes of a name in a box."""
    return [box for other, box in _boxes(stream, parent) if other == name]


def descend(stream: BinaryIO, box: Box | None, *names: bytes) -> Box | None:
    """The box that is reached by way of these names."""
    for name in names:
        box = boxes_inside(stream, box).get(name)
    return box


def read_box(stream: BinaryIO, box: Box | None, at: int, length: int) -> bytes:
    """Bytes of a box from a place in it; ``struct.error`` where the box or the file ends before."""
    if box is None or box[0] + at + length > box[1]:
        raise struct.error("the box ends early")
    stream.seek(box[0] + at)
    data = stream.read(length)
    if len(data) != length:
        raise struct.error("the file ends early")
    return data


def read_number(stream: BinaryIO, box: Box | None, at: int) -> int:
    """A number of four bytes; errors as `read_box`."""
    number: int = struct.unpack(">I", read_box(stream, box, at, 4))[0]
    return number


def n_samples(stream: BinaryIO, table: Box | None) -> int | None:
    """How many samples a sample table (``stbl``) lists; None where it does not say."""
    boxes = boxes_inside(stream, table)
    sizes = boxes.get(b"stsz") or boxes.get(b"stz2")
    return None if sizes is None else read_number(stream, sizes, 8)


def _boxes(stream: BinaryIO, parent: Box | None) -> list[tuple[bytes, Box]]:
    found = []
    start, end = parent or (0, 0)
    while start + 8 <= end:
        stream.seek(start)
        head = stream.read(16)
        if len(head) < 8:
            break
        size, name = struct.unpack(">I4s", head[:8])
        inside = start + 8
        if size == 1 and len(head) == 16:
            size, inside = struct.unpack(">Q", head[8:])[0], start + 16
        elif size == 0:
            size = end - start
        if size < inside - start:
            break
        found.append((name, (inside, start + size)))
        start += size
    return found
