"""Caliscope's ``camera_array.toml``, Pose2Sim's ``Calib.toml`` and FreeMoCap's TOML.

References
----------
caliscope ``persistence.py`` and ``docs/scripting.md``; Pose2Sim ``calibration.py``; freemocap's
fork of aniposelib.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from napari_pose3d.core.cameras.camera import rotation_vector
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.rig_file import rig_from_sections, toml_document
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.errors import PoseDataError

from .camera_sections import (
    Float64,
    Given,
    camera_section,
    reduced_coefficients,
    refuse_fisheye,
    rig_of,
    sizes_of,
)

_NUMBER_AT_END = re.compile(r"(\d+)$")


def read_caliscope(path: Path, given: Given) -> Rig:
    """Cameras that have a pose and are not ignored; lengths are metres."""
    cameras = toml_document(path).get("cameras")
    if not isinstance(cameras, dict):
        raise PoseDataError(
            "there is no [cameras] in it", file=path, expected="Caliscope's array of cameras"
        )
    tables = {key: table for key, table in cameras.items() if isinstance(table, dict)}
    posed = {
        key: table
        for key, table in tables.items()
        if table.get("ignore") is not True
        and all(table.get(part) not in (None, "null") for part in ("rotation", "translation"))
    }
    if not posed:
        raise PoseDataError(
            "none of its cameras has a pose",
            file=path,
            expected="'rotation' and 'translation' of each camera",
            todo="Run Caliscope's extrinsic calibration first",
        )
    found = [
        str(table.get("name", f"cam_{table.get('cam_id', table.get('port', key))}"))
        for key, table in posed.items()
    ]
    sections = [
        camera_section(
            name,
            size=_size_of(table, path, name),
            matrix=table.get("matrix"),
            distortion=table.get("distortions"),
            rotation=table["rotation"],
            translation=table["translation"],
            fisheye=table.get("fisheye") is True,
        )
        for name, table in zip(
            given.names_for(path, len(posed), found), posed.values(), strict=True
        )
    ]
    rig = rig_of(path, sections, "m")
    absent = [key for key in tables if key not in posed]
    turned = [
        name
        for name, table in zip(rig.names, posed.values(), strict=True)
        if table.get("rotation_count") not in (None, 0, "null")
    ]
    notes = []
    if absent:
        notes.append(f"{path.name}: {', '.join(absent)} has no pose, or is ignored; left out")
    if turned:
        text = f"the images of {', '.join(turned)} are shown turned in Caliscope"
        notes.append(f"{path.name}: {text}; the calibration is of the images as recorded")
    return Rig(rig.cameras, path, rig.extra, rig.warnings + tuple(notes), rig.units)


def _size_of(table: dict[str, Any], path: Path, name: str) -> list[int] | None:
    size = table.get("size")
    if size is None or size == "null":
        return None
    try:
        width, height = size
        return [int(width), int(height)]
    except (TypeError, ValueError, OverflowError):
        raise PoseDataError(
            f"the size is {size!r}"[:100],
            file=path,
            place=f"camera {name}",
            expected="two whole numbers, width and height",
        ) from None


def write_caliscope(rig: Rig, path: Path, files: FileGroup) -> list[str]:
    """Cameras are numbered there; numbers at the end of the names are kept."""
    numbers = [_NUMBER_AT_END.search(name) for name in rig.names]
    ids = [int(match[1]) if match and len(match[1]) < 9 else -1 for match in numbers]
    if -1 in ids or len(set(ids)) < len(ids):
        ids = list(range(len(ids)))
    lines = _units_comment(rig)
    for number, camera, size in zip(ids, rig.cameras, sizes_of(rig, "Caliscope"), strict=True):
        lines += [
            f"[cameras.{number}]",
            f"cam_id = {number}",
            f"size = [{size[0]}, {size[1]}]",
            "rotation_count = 0",
            f"matrix = [{', '.join(_numbers(row) for row in camera.matrix)}]",
            f"distortions = {_numbers(camera.distortion)}",
            f"translation = {_numbers(camera.translation)}",
            f"rotation = {_numbers(rotation_vector(camera.rotation))}",
            f"fisheye = {str(camera.fisheye).lower()}",
            "ignore = false",
            "",
        ]
    files.open(path).write("\n".join(lines))
    renamed = [
        f"{name} is cam_{number}"
        for name, number in zip(rig.names, ids, strict=True)
        if name != f"cam_{number}"
    ]
    lost = [f"names: Caliscope numbers its cameras ({', '.join(renamed)})"] if renamed else []
    return lost + lost_units(rig, "m", "Caliscope")


def read_pose2sim(path: Path, given: Given) -> Rig:
    """Lengths are metres unless ``metadata.units`` says otherwise."""
    return _read_flat(path, given, "m")


def write_pose2sim(rig: Rig, path: Path, files: FileGroup) -> list[str]:
    """Four coefficients for each camera."""
    lines: list[str] = []
    lost: list[str] = []
    for camera, size in zip(rig.cameras, sizes_of(rig, "Pose2Sim"), strict=True):
        distortion, left_out = reduced_coefficients(camera, 4)
        lost += left_out
        lines += [
            f"[{json.dumps(camera.name, ensure_ascii=False)}]",
            f"name = {json.dumps(camera.name, ensure_ascii=False)}",
            f"size = [{float(size[0])!r}, {float(size[1])!r}]",
            f"matrix = [{', '.join(_numbers(row) for row in camera.matrix)}]",
            f"distortions = {_numbers(distortion)}",
            f"rotation = {_numbers(rotation_vector(camera.rotation))}",
            f"translation = {_numbers(camera.translation)}",
            f"fisheye = {str(camera.fisheye).lower()}",
            "",
        ]
    lines += ["[metadata]", "adjusted = false", "error = 0.0", *_units_line(rig), ""]
    files.open(path).write("\n".join(lines))
    return lost + lost_units(rig, "m", "Pose2Sim")


def read_freemocap(path: Path, given: Given) -> Rig:
    """Lengths are millimetres unless ``metadata.units`` says otherwise."""
    return _read_flat(path, given, "mm")


def write_freemocap(rig: Rig, path: Path, files: FileGroup) -> list[str]:
    """All coefficients are written, though FreeMoCap's programs use four."""
    refuse_fisheye(rig, "FreeMoCap")
    lines: list[str] = []
    lost: list[str] = []
    for i, (camera, size) in enumerate(zip(rig.cameras, sizes_of(rig, "FreeMoCap"), strict=True)):
        name = json.dumps(camera.name, ensure_ascii=False)
        lines += [
            f"[{name}]",
            f"name = {name}",
            f"id = {name}",
            f"index = {i}",
            f"size = [{size[0]}, {size[1]}]",
            f"matrix = [{', '.join(_numbers(row) for row in camera.matrix)}]",
            f"distortions = {_numbers(camera.distortion)}",
            f"rotation = {_numbers(rotation_vector(camera.rotation))}",
            f"translation = {_numbers(camera.translation)}",
            f"world_position = {_numbers(camera.centre)}",
            f"world_orientation = [{', '.join(_numbers(row) for row in camera.rotation.T)}]",
            "",
        ]
        if np.any(camera.distortion[4:]):
            lost.append(
                f"camera {camera.name}: coefficients after the fourth are in the file, but "
                "FreeMoCap does not use them"
            )
    lines += ["[metadata]", *_units_line(rig), ""]
    files.open(path).write("\n".join(lines))
    return lost + lost_units(rig, "mm", "FreeMoCap")


def _read_flat(path: Path, given: Given, units: str) -> Rig:
    document = toml_document(path)
    tables = {
        key: dict(table)
        for key, table in document.items()
        if isinstance(table, dict) and "matrix" in table
    }
    names = given.names_for(path, len(tables), ())
    for i, table in enumerate(tables.values()):
        if "size" not in table and "image_size" in table:
            table["size"] = table["image_size"]
        if names:
            table["name"] = names[i]
    metadata = document.get("metadata")
    known = dict(metadata) if isinstance(metadata, dict) else {}
    known.setdefault("units", units)
    return rig_from_sections(path, tables, {"metadata": known})


def lost_units(rig: Rig, expected: str, program: str) -> list[str]:
    """Says when a program will take the lengths for others."""
    if rig.units == expected:
        return []
    are = f"these are in {rig.units}" if rig.units else "the rig names no unit"
    return [f"units: {program} takes lengths for {expected}, and {are}; numbers stay as they are"]


def _units_line(rig: Rig) -> list[str]:
    return [f"units = {json.dumps(rig.units)}"] if rig.units else []


def _units_comment(rig: Rig) -> list[str]:
    return [f"# lengths in {json.dumps(rig.units)}"] if rig.units else []


def _numbers(values: Float64) -> str:
    return "[" + ", ".join(repr(float(value)) for value in values) + "]"
