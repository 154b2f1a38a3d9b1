"""The parameter section of C3D files: named values in groups."""

from __future__ import annotations

import struct
from collections.abc import Mapping

Value = int | float | list[str]

_BLOCK = 512
_INTEL = 84
_MOST = 255
_TEXT, _INTEGER, _FLOAT = -1, 2, 4


def parameter_section(groups: Mapping[str, Mapping[str, Value]]) -> bytes:
    """The section, in whole blocks; lists of more than 255 texts go on in ``<NAME>2`` and so on."""
    items: list[bytes] = []
    for number, (name, values) in enumerate(groups.items(), 1):
        items.append(_item(name, -number, b"\0"))
        for key, value in values.items():
            if not isinstance(value, list):
                items.append(_item(key, number, _number(value)))
                continue
            for i in range(0, max(len(value), 1), _MOST):
                part = key if i == 0 else f"{key}{i // _MOST + 1}"
                items.append(_item(part, number, _texts(value[i : i + _MOST])))
    body = b"".join(items) + b"\0\0"
    n_blocks = -(-(len(body) + 4) // _BLOCK)
    if n_blocks > _MOST:
        raise ValueError("the names take more room than a C3D file has for them")
    return (bytes([1, 0x50, n_blocks, _INTEL]) + body).ljust(n_blocks * _BLOCK, b"\0")


def _item(name: str, group: int, content: bytes) -> bytes:
    text = name.encode("ascii")
    head = struct.pack("<bb", len(text), group) + text
    return head + struct.pack("<h", len(content) + 2) + content


def _number(value: int | float) -> bytes:
    if isinstance(value, int):
        return struct.pack("<bBHB", _INTEGER, 0, value, 0)
    return struct.pack("<bBfB", _FLOAT, 0, value, 0)


def _texts(values: list[str]) -> bytes:
    coded = [value.encode("utf-8")[:127] for value in values]
    width = max((len(each) for each in coded), default=0)
    text = b"".join(each.ljust(width) for each in coded)
    return struct.pack("<bBBB", _TEXT, 2, width, len(coded)) + text + b"\0"


class Parameters:
    """The texts of a parameter section.

    Parameters
    ----------
    data : bytes
        The whole file.
    start : int
        Where the section begins.
    order : {"<", ">"}
        Of the bytes of numbers.
    """

    def __init__(self, data: bytes, start: int, order: str) -> None:
        end = min(start + data[start + 2] * _BLOCK, len(data))
        self._texts: dict[tuple[int, str], list[str]] = {}
        self._groups: dict[str, int] = {}
        at = start + 4
        while at + 4 <= end:
            length, group = struct.unpack_from("bb", data, at)
            length = abs(length)
            if length == 0:
                break
            name = data[at + 2 : at + 2 + length].decode("ascii", "replace").upper()
            behind = at + 2 + length
            (offset,) = struct.unpack_from(f"{order}h", data, behind)
            if group < 0:
                self._groups[name] = -group
            elif group > 0:
                self._read(data[:end], behind + 2, (group, name))
            if offset <= 0:
                break
            at = behind + offset

    def texts(self, group: str, name: str) -> list[str]:
        """A list of texts; empty where there is none of that name."""
        return self._texts.get((self._groups.get(group, 0), name), [])

    def _read(self, data: bytes, at: int, key: tuple[int, str]) -> None:
        kind, n_axes = struct.unpack_from("bB", data, at)
        axes = data[at + 2 : at + 2 + n_axes]
        if kind != _TEXT or not 1 <= n_axes <= 2 or len(axes) < n_axes:
            return
        width, count = axes[0], axes[1] if n_axes == 2 else 1
        start = at + 2 + n_axes
        if start + width * count > len(data):
            raise ValueError(f"the texts of {key[1]} end too early")
        self._texts[key] = [
            data[place : place + width].decode("utf-8", "replace").strip(" \0")
            for place in range(start, start + count * width, width or 1)
        ]
