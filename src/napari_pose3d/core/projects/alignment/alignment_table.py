"""How a view is adjusted, as a table of ``project.toml``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_pose3d.errors import PoseDataError

from .view_alignment import ViewAlignment

KEYS = ("offset", "dropped", "timestamps", "crop", "boxes", "scale")


def alignment_from(table: Mapping[str, Any], folder: Path) -> ViewAlignment:
    """The alignment that a table holds; paths are relative to the project's folder.

    Raises
    ------
    PoseDataError
        For an invalid value; without the name of the file.
    """
    crop = _numbers(table, "crop", (0, 4), "x, y, width, height in px")
    scale = table.get("scale", 1.0)
    if not isinstance(scale, list):
        scale = [scale, scale]
    scale = _numbers({"scale": scale}, "scale", (2,), "a number, or two for x and y")
    dropped = _numbers(table, "dropped", None, "frame numbers")
    offset = _numbers({"offset": [table.get("offset", 0)]}, "offset", (1,), "a number of frames")
    for key, values in (("dropped", dropped), ("offset", offset)):
        if not all(value.is_integer() for value in values):
            raise PoseDataError(f"'{key}' is not whole", expected="whole numbers")
    return ViewAlignment(
        int(offset[0]),
        tuple(sorted({int(value) for value in dropped})),
        _path(table, "timestamps", folder),
        (crop[0], crop[1], crop[2], crop[3]) if crop else None,
        (scale[0], scale[1]),
        _path(table, "boxes", folder),
    )


def table_of(alignment: ViewAlignment, folder: Path) -> dict[str, Any]:
    """The table of an alignment, with all keys."""
    times, boxes = alignment.timestamps, alignment.boxes
    x, y = alignment.scale
    return {
        "offset": alignment.offset,
        "dropped": list(alignment.dropped),
        "timestamps": "" if times is None else relative_to(times, folder),
        "crop": [] if alignment.crop is None else list(alignment.crop),
        "boxes": "" if boxes is None else relative_to(boxes, folder),
        "scale": x if x == y else [x, y],
    }


def relative_to(path: Path, folder: Path) -> str:
    """A path as it is written: relative where it lies in the project."""
    inside = path.relative_to(folder) if path.is_relative_to(folder) else path
    return inside.as_posix()


def _numbers(
    table: Mapping[str, Any], key: str, lengths: tuple[int, ...] | None, expected: str
) -> list[float]:
    values = table.get(key, [])
    if (
        not isinstance(values, list)
        or not all(map(_is_number, values))
        or (lengths is not None and len(values) not in lengths)
    ):
        raise PoseDataError(f"'{key}' is {values!r}", expected=expected)
    return [float(value) for value in values]


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value)


def _path(table: Mapping[str, Any], key: str, folder: Path) -> Path | None:
    name = table.get(key, "")
    if not isinstance(name, str):
        raise PoseDataError(f"'{key}' is no text", expected="the path of a file")
    return folder / name if name else None
