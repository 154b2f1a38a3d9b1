"""A plain CSV with a row for each camera."""

from __future__ import annotations

import csv
import io
import itertools
from pathlib import Path

import numpy as np

from napari_pose3d.core.cameras.camera import rotation_vector
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.rig_file import MOST_CAMERAS
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.input_files import input_errors, read_text
from napari_pose3d.errors import PoseDataError

from .camera_sections import (
    COEFFICIENTS,
    LARGEST,
    Given,
    camera_section,
    coefficients,
    rig_of,
)

_NEEDED = ("name", "fx", "fy", "cx", "cy", "r1", "r2", "r3", "t1", "t2", "t3")
COLUMNS = (
    *("name", "width", "height", "fx", "fy", "cx", "cy"),
    *COEFFICIENTS,
    *("r1", "r2", "r3", "t1", "t2", "t3", "fisheye", "units"),
)
"""What is written; r is the Rodrigues vector, world to camera. The k and p of a fisheye lens are
its four coefficients in order."""


def is_camera_table(first_line: str) -> bool:
    """Whether a line is the header of such a table."""
    names = {cell.strip().lower() for cell in first_line.split(",")}
    return {"name", "fx", "fy", "cx", "cy"} <= names


def read_camera_table(path: Path, given: Given) -> Rig:
    """Columns may be in any order; missing coefficients are 0, missing sizes unknown."""
    text = read_text(path, largest=LARGEST)
    with input_errors(path):
        lines = csv.reader(io.StringIO(text))
        filled = (row for row in lines if any(map(str.strip, row)))
        rows = list(itertools.islice(filled, MOST_CAMERAS + 2))
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    absent = [name for name in _NEEDED if name not in header]
    if absent:
        raise PoseDataError(
            f"the column {', '.join(absent)} is missing",
            file=path,
            place="line 1",
            expected=", ".join(COLUMNS),
        )
    if len(rows) - 1 > MOST_CAMERAS:
        raise PoseDataError(
            "the table has too many rows", file=path, expected=f"at most {MOST_CAMERAS} cameras"
        )
    names = given.names_for(path, len(rows) - 1, ())
    sections, units = [], ""
    for i, row in enumerate(rows[1:]):
        if len(row) != len(header):
            raise PoseDataError(
                f"the row has {len(row)} cells, the header {len(header)}",
                file=path,
                place=f"camera {i + 1}",
                expected="as many cells in each row",
            )
        cells = {key: cell.strip() for key, cell in zip(header, row, strict=True) if cell.strip()}
        place = f"camera {cells.get('name', i + 1)}"
        missing = [name for name in _NEEDED if name not in cells]
        if missing:
            raise PoseDataError(f"{', '.join(missing)} missing", file=path, place=place)
        numbers = {
            key: _number(cell, key, path, place)
            for key, cell in cells.items()
            if key in COLUMNS and key not in ("name", "fisheye", "units")
        }
        fisheye = cells.get("fisheye", "false").lower() in ("true", "1", "yes")
        values = [numbers.get(key, 0.0) for key in COEFFICIENTS]
        last = max((j for j, value in enumerate(values) if value), default=0) + 1
        keep = 4 if fisheye else next(n for n in (5, 8, 12, 14) if n >= last)
        units = units or cells.get("units", "")
        size = None
        if "width" in numbers and "height" in numbers:
            size = (int(numbers["width"]), int(numbers["height"]))
        sections.append(
            camera_section(
                names[i] if names else cells["name"],
                size=size or given.size_of(path, len(rows) - 1, i),
                matrix=[
                    [numbers["fx"], 0.0, numbers["cx"]],
                    [0.0, numbers["fy"], numbers["cy"]],
                    [0.0, 0.0, 1.0],
                ],
                distortion=values[:keep],
                rotation=[numbers[f"r{j}"] for j in (1, 2, 3)],
                translation=[numbers[f"t{j}"] for j in (1, 2, 3)],
                fisheye=fisheye,
            )
        )
    return rig_of(path, sections, units)


def _number(cell: str, key: str, path: Path, place: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise PoseDataError(
            f"'{cell[:40]}' is no number",
            file=path,
            place=f"{place}, column {key}",
            expected="a number",
        )
    return value


def write_camera_table(rig: Rig, path: Path, files: FileGroup) -> list[str]:
    """All digits of all numbers; nothing of a camera is left out."""
    writer = csv.writer(files.open(path), lineterminator="\n")
    writer.writerow(COLUMNS)
    for camera in rig.cameras:
        k = camera.matrix
        numbers = [
            *(k[0, 0], k[1, 1], k[0, 2], k[1, 2]),
            *coefficients(camera, len(COEFFICIENTS)),
            *rotation_vector(camera.rotation),
            *camera.translation,
        ]
        writer.writerow(
            [
                camera.name,
                *(camera.size or ("", "")),
                *(repr(float(value)) for value in numbers),
                str(camera.fisheye).lower(),
                rig.units,
            ]
        )
    return []
