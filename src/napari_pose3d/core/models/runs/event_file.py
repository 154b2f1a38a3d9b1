"""The event files of TensorBoard: scalars with step and time, read as they grow.

Notes
-----
A file is a sequence of records: length (8 bytes, little endian), masked CRC-32C of the length,
content, masked CRC-32C of the content. The content is a message of Protocol Buffers: field 1 the
time, 2 the step, 5 a summary of values (field 1), each with its tag (1) and its number (2). Texts
and parameters are other fields of a value and are passed over.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

from napari_pose3d.core.storage.input_files import input_errors, open_input
from napari_pose3d.errors import PoseDataError

_HEAD, _TAIL = 12, 4
_MASK = 0xA282EAD8
_LARGEST = 64 << 20
# Bytes of the wire types of fixed length; all others would be damage.
_FIXED = {1: 8, 5: 4}


class Scalar(NamedTuple):
    """One value: ``seconds`` since 1970."""

    tag: str
    step: int
    seconds: float
    value: float


@dataclass
class EventReader:
    """Reads the scalars of an event file, from where it stopped the last time.

    Attributes
    ----------
    path : Path
    offset : int
        Bytes that were read.
    damage : str
        Why nothing behind ``offset`` can be read; "" for no damage.
    """

    path: Path
    offset: int = 0
    damage: str = ""
    _ended: bool = field(default=False, repr=False)

    def read(self) -> list[Scalar]:
        """The scalars that were added since; a record that is still being written comes later.

        Raises
        ------
        PoseDataError
            The file cannot be read.
        """
        if self.damage:
            return []
        with open_input(self.path) as stream, input_errors(self.path):
            size = os.fstat(stream.fileno()).st_size
            if size < self.offset:
                self.damage = f"the file became shorter than {self.offset} bytes"
                return []
            stream.seek(self.offset)
            data = stream.read(size - self.offset)
        found: list[Scalar] = []
        at = 0
        while len(data) - at >= _HEAD:
            head = data[at : at + 8]
            (length,) = struct.unpack("<Q", head)
            if _masked(head) != _number(data, at + 8) or length > _LARGEST:
                self.damage = f"the length at byte {self.offset + at} is damaged"
                break
            if len(data) - at < _HEAD + length + _TAIL:
                break
            content = data[at + _HEAD : at + _HEAD + length]
            if _masked(content) != _number(data, at + _HEAD + length):
                self.damage = f"the record at byte {self.offset + at} is damaged"
                break
            try:
                found += _scalars(content)
            except (struct.error, IndexError, UnicodeDecodeError):
                self.damage = f"the record at byte {self.offset + at} is no event"
                break
            at += _HEAD + length + _TAIL
        self.offset += at
        return found


def read_scalars(path: str | os.PathLike[str]) -> dict[str, list[Scalar]]:
    """All scalars of an event file by tag.

    Raises
    ------
    PoseDataError
        It cannot be read, or is damaged from the beginning.
    """
    reader = EventReader(Path(path))
    found: dict[str, list[Scalar]] = {}
    for each in reader.read():
        found.setdefault(each.tag, []).append(each)
    if reader.damage and not found:
        raise PoseDataError(reader.damage, file=path, expected="an event file of TensorBoard")
    return found


def crc32c(data: bytes) -> int:
    """The checksum CRC-32C (Castagnoli)."""
    table = _table()
    crc = 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


@cache
def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


def _masked(data: bytes) -> int:
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + _MASK) & 0xFFFFFFFF


def _number(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", data, at)[0])


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
        shift += 7


def _fields(data: bytes) -> Iterator[tuple[int, int, bytes | int]]:
    """Number, wire type and value of each field: an int, or the bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield number, kind, value
            continue
        if kind == 2:
            length, at = _varint(data, at)
        else:
            length = _FIXED.get(kind, len(data) + 1)
        if at + length > len(data):
            raise IndexError
        yield number, kind, data[at : at + length]
        at += length


def _scalars(content: bytes) -> list[Scalar]:
    seconds, step = 0.0, 0
    values: list[tuple[str, float]] = []
    for number, kind, value in _fields(content):
        if (number, kind) == (1, 1) and isinstance(value, bytes):
            (seconds,) = struct.unpack("<d", value)
        elif (number, kind) == (2, 0) and isinstance(value, int):
            step = value
        elif (number, kind) == (5, 2) and isinstance(value, bytes):
            for n, k, each in _fields(value):
                if (n, k) == (1, 2) and isinstance(each, bytes):
                    values += _value(each)
    return [Scalar(tag, step, seconds, value) for tag, value in values]


def _value(message: bytes) -> list[tuple[str, float]]:
    tag, number = "", None
    for n, kind, value in _fields(message):
        if (n, kind) == (1, 2) and isinstance(value, bytes):
            tag = value.decode("utf-8")
        elif (n, kind) == (2, 5) and isinstance(value, bytes):
            (number,) = struct.unpack("<f", value)
    return [] if number is None else [(tag, number)]
