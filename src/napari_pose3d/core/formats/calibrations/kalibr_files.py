"""Kalibr's ``camchain.yaml``.

Notes
-----
Each camera's pose is given against the camera before it (``T_cn_cnm1``), so that the first camera
is the world. A chain that was calibrated with an inertial sensor has ``T_cam_imu`` as well, from
the sensor's frame to the camera; that frame is the world then. Written are both, the rig's own
world in the sensor's place.

References
----------
Kalibr wiki, "YAML formats" and "Supported models".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.errors import PoseDataError

from .camera_sections import (
    Float64,
    Given,
    array_of,
    camera_section,
    pose_matrix,
    reduced_coefficients,
    rig_of,
)
from .plain_text_trees import quoted, read_yaml
from .toml_tables import lost_units

_LENSES = ("radtan", "equidistant", "none")
_CHAIN, _SENSOR = "T_cn_cnm1", "T_cam_imu"


def read_kalibr(path: Path, given: Given) -> Rig:
    """Lengths are metres."""
    tree = read_yaml(path)
    tables = {key: table for key, table in _by_number(tree) if isinstance(table, dict)}
    if not tables:
        raise PoseDataError("the file holds no camera", file=path, expected="cam0, cam1, ...")
    posed = all(_SENSOR in table for table in tables.values())
    found = [_name(table, key) for key, table in tables.items()]
    if len(set(found)) < len(found):
        found = list(tables)
    names = given.names_for(path, len(tables), found)
    pose = np.eye(4)
    sections = []
    for i, (name, (key, table)) in enumerate(zip(names, tables.items(), strict=True)):
        place = f"{key}, {_SENSOR if posed else _CHAIN}"
        if posed:
            pose = array_of(table[_SENSOR], (4, 4), path, place)
        elif _CHAIN in table:
            pose = array_of(table[_CHAIN], (4, 4), path, place) @ pose
        elif i:
            raise PoseDataError(
                "the pose against the camera before is missing", file=path, place=place
            )
        sections.append(_section(name, table, pose, path, key, given.size_of(path, len(tables), i)))
    return rig_of(path, sections, "m")


def _by_number(tree: Any) -> list[tuple[str, Any]]:
    if not isinstance(tree, dict):
        return []
    numbered = [
        (int(key[3:]), key)
        for key in tree
        if key.startswith("cam") and key[3:].isdecimal() and len(key) < 9
    ]
    return [(key, tree[key]) for _, key in sorted(numbered)]


def _name(table: dict[str, Any], key: str) -> str:
    """From the topic of the images, such as ``/left/image_raw``."""
    parts = [part for part in str(table.get("rostopic", "")).split("/") if part]
    if len(parts) > 1 and parts[-1].startswith("image"):
        parts.pop()
    return parts[-1] if parts else key


def _section(
    name: str,
    table: dict[str, Any],
    pose: Float64,
    path: Path,
    key: str,
    size: tuple[int, int] | None,
) -> dict[str, Any]:
    model, lens = table.get("camera_model"), table.get("distortion_model", "none")
    if model != "pinhole" or lens not in _LENSES:
        raise PoseDataError(
            f"the lens is '{model}-{lens}'"[:80],
            file=path,
            place=key,
            expected="pinhole-radtan or pinhole-equi, which OpenCV's models are",
            todo="Calibrate again with one of these",
        )
    fx, fy, cx, cy = array_of(table.get("intrinsics"), (4,), path, f"{key}, intrinsics")
    if lens == "none":
        values = np.zeros(4)
    else:
        values = array_of(table.get("distortion_coeffs"), (4,), path, f"{key}, distortion_coeffs")
    if "resolution" in table:
        width, height = array_of(table["resolution"], (2,), path, f"{key}, resolution")
        size = int(width), int(height)
    return camera_section(
        name,
        size=size,
        matrix=[[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]],
        distortion=values,
        rotation=pose[:3, :3],
        translation=pose[:3, 3],
        fisheye=lens == "equidistant",
    )


def write_kalibr(rig: Rig, path: Path, files: FileGroup) -> list[str]:
    """A chain in the order of the rig."""
    lines: list[str] = []
    lost: list[str] = []
    before: Float64 | None = None
    for i, camera in enumerate(rig.cameras):
        pose = pose_matrix(camera)
        k = camera.matrix
        distortion, left_out = reduced_coefficients(camera, 4)
        lost += left_out
        lines += [
            f"cam{i}:",
            "  camera_model: pinhole",
            f"  distortion_coeffs: {_numbers(distortion)}",
            f"  distortion_model: {'equidistant' if camera.fisheye else 'radtan'}",
            f"  intrinsics: {_numbers(np.array([k[0, 0], k[1, 1], k[0, 2], k[1, 2]]))}",
            f"  rostopic: {quoted(f'/{camera.name}/image_raw')}",
        ]
        if camera.size is not None:
            lines.append(f"  resolution: [{camera.size[0]}, {camera.size[1]}]")
        lines += _matrix(_SENSOR, pose)
        if before is not None:
            lines += _matrix(_CHAIN, pose @ np.linalg.inv(before))
        before = pose
    files.open(path).write("\n".join([*lines, ""]))
    lost.append(f"the rig's world is written as the frame of the inertial sensor ({_SENSOR})")
    return lost + lost_units(rig, "m", "Kalibr")


def _matrix(key: str, matrix: Float64) -> list[str]:
    return [f"  {key}:", *(f"  - {_numbers(row)}" for row in matrix)]


def _numbers(values: Float64) -> str:
    return "[" + ", ".join(repr(float(value)) for value in values) + "]"
