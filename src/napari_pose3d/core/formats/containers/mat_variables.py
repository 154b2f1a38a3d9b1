"""The variables of MATLAB's ``.mat`` files of version 5 to 7, as plain Python.

Notes
-----
SciPy's reader is not used: damaged files end the process there. Variables that take more memory
than a calibration can need are left out unless asked for, since a few kB of a compressed one make
gigabytes, and so are objects of classes and functions.

References
----------
MathWorks, "MAT-File Format" (2019), chapter 1.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from napari_pose3d.core.storage.input_files import input_errors, read_bytes
from napari_pose3d.errors import PoseDataError

# Label3D's files hold labels as well.
_LARGEST = 512 << 20
_LARGEST_VARIABLE = 4 << 20
_DEEPEST = 20
_HEADER, _TAG = 128, 8

_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _CHAR = 1, 2, 4
_NUMERIC = range(6, 16)
_STORAGE = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
_TEXT = {1: "utf-8", 2: "utf-8", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}


def read_mat(path: Path, *, largest_variable: int = _LARGEST_VARIABLE) -> dict[str, Any]:
    """The small variables of a ``.mat`` file by name.

    Parameters
    ----------
    largest_variable : int
        Bytes of the largest that is read; the usual is more than a calibration has.

    Returns
    -------
    dict
        A struct is a dictionary, a cell array (or an array of structs) a list by columns, text a
        str, numbers an array of float64 with MATLAB's shape.

    Raises
    ------
    PoseDataError
        It is of version 7.3, no ``.mat``, or damaged.
    """
    data = read_bytes(path, largest=_LARGEST)
    if data.startswith((b"\x89HDF", b"MATLAB 7.3")):
        raise PoseDataError(
            "this is a .mat of version 7.3",
            file=path,
            expected="version 7 or older",
            todo="Save it again in MATLAB with the option -v7",
        )
    order = {b"IM": "<", b"MI": ">"}.get(data[126:_HEADER])
    if not data.startswith(b"MATLAB 5.0") or order is None:
        raise PoseDataError(
            "this is no .mat of MATLAB", file=path, expected="a .mat of version 5 to 7"
        )
    found = {}
    with input_errors(path, struct.error, zlib.error):
        for kind, content in _elements(data[_HEADER:], order):
            variable = _variable(kind, content, order, largest_variable)
            if variable is not None and variable[0]:
                found[variable[0]] = variable[1]
    return found


def _variable(kind: int, content: bytes, order: str, largest: int) -> tuple[str, Any] | None:
    """Name and value of a variable; None where it is too large to be a part of a calibration."""
    if kind == _COMPRESSED:
        content = zlib.decompressobj().decompress(content, largest + 1)
        if len(content) > largest:
            return None
        kind, content = next(_elements(content, order), (0, b""))
    if kind != _MATRIX or len(content) > largest:
        return None
    return _matrix(content, order, 0)


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Type and content of the elements that follow one another."""
    at = 0
    while at + _TAG <= len(data):
        kind, length = struct.unpack_from(f"{order}II", data, at)
        if kind >> 16:
            # A short element lies within its own tag.
            yield kind & 0xFFFF, data[at + 4 : at + 4 + min(kind >> 16, 4)]
            at += _TAG
            continue
        content = data[at + _TAG : at + _TAG + length]
        if len(content) < length:
            raise ValueError("the file ends too early")
        yield kind, content
        at += _TAG + length + (-length % 8 if kind != _COMPRESSED else 0)


def _matrix(content: bytes, order: str, depth: int) -> tuple[str, Any]:
    """Name and value of an array of any class."""
    if not content:
        return "", np.zeros((0, 0))
    if depth > _DEEPEST:
        raise ValueError("arrays lie too deep in each other")
    parts = _elements(content, order)
    flags = _next(parts)[1]
    (head,) = struct.unpack_from(f"{order}I", flags)
    kind = head & 0xFF
    shape = tuple(int(length) for length in _numbers(*_next(parts), order))
    if len(shape) < 2 or min(shape) < 0:
        raise ValueError("an array has no shape")
    name = _next(parts)[1].decode("utf-8", "replace").rstrip("\0")
    count = math.prod(shape)
    if kind in _NUMERIC:
        stored, values = _next(parts) if count else (9, b"")
        numbers = _numbers(stored, values, order)
        return name, numbers.astype(np.float64).reshape(shape, order="F")
    if kind == _CHAR:
        stored, values = _next(parts) if count else (16, b"")
        return name, _text(stored, values, order, shape)
    if kind == _CELL:
        return name, [_child(parts, order, depth) for _ in range(count)]
    if kind == _STRUCT:
        lengths = _numbers(*_next(parts), order)
        names = _next(parts)[1]
        length = int(lengths[0]) if len(lengths) == 1 else 0
        if length < 1 or len(names) % length:
            raise ValueError("the fields of a struct have no names")
        fields = [
            names[i : i + length].split(b"\0")[0].decode("utf-8", "replace")
            for i in range(0, len(names), length)
        ]
        # Without fields there is nothing behind the count that could bound it.
        made = [
            {field: _child(parts, order, depth) for field in fields}
            for _ in range(count if fields else 0)
        ]
        return name, made[0] if count == 1 and made else made
    # An object of a class, a function, a sparse array.
    return name, None


def _child(parts: Iterator[tuple[int, bytes]], order: str, depth: int) -> Any:
    kind, content = _next(parts)
    if kind != _MATRIX:
        raise ValueError("a part of a cell or struct is no array")
    return _matrix(content, order, depth + 1)[1]


def _next(parts: Iterator[tuple[int, bytes]]) -> tuple[int, bytes]:
    found = next(parts, None)
    if found is None:
        raise ValueError("an array ends too early")
    return found


def _numbers(stored: int, values: bytes, order: str) -> np.ndarray[Any, Any]:
    if stored not in _STORAGE:
        raise ValueError(f"numbers of unknown type {stored}")
    return np.frombuffer(values, np.dtype(order + _STORAGE[stored]))


def _text(stored: int, values: bytes, order: str, shape: tuple[int, ...]) -> Any:
    encoding = _TEXT.get(stored)
    if encoding is None:
        raise ValueError(f"text of unknown type {stored}")
    if encoding != "utf-8":
        encoding += "-le" if order == "<" else "-be"
    text = values.decode(encoding, "replace")
    rows = shape[0]
    # A matrix of characters is stored by columns, as everything is.
    return text if rows == 1 else [text[row::rows].rstrip() for row in range(min(rows, len(text)))]
