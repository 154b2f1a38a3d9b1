"""OpenCV's YAML and XML, in the ways that OpenCV's samples, EasyMocap, red and JARVIS use them.

Notes
-----
OpenCV fixes the container and not the names in it. Known are one file for all cameras or for each,
a stereo pair, EasyMocap's pair of files, red's names (``rc_ext``, ``tc_ext``), and JARVIS's set, in
which K and R are transposed since it multiplies rows. Written is one file with the names of
OpenCV's own sample for each camera, or JARVIS's set.

References
----------
OpenCV ``samples/cpp/calibration.cpp`` and ``stereo_calib.cpp``; EasyMocap ``camera_utils.py``;
JARVIS-MoCap ``jarvis/utils/reprojection.py``.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.rig_file import MOST_CAMERAS
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.errors import PoseDataError

from .camera_sections import (
    Given,
    array_of,
    camera_section,
    reduced_coefficients,
    refuse_fisheye,
    rig_of,
)
from .plain_text_trees import quoted, read_opencv, xml_matrix, yaml_matrix, yaml_text

SUFFIXES = (".yaml", ".yml", ".xml")
INTRINSICS, EXTRINSICS = "intri.yml", "extri.yml"

_MATRIX = ("camera_matrix", "cameraMatrix", "Camera_Matrix", "K", "mtx", "M", "intrinsic_matrix")
_DISTORTION = (
    "distortion_coefficients",
    "distCoeffs",
    "dist_coeffs",
    "Distortion_Coefficients",
    "D",
    "dist",
    "distortion",
)
_ROTATION = ("R", "rotation_matrix", "rotation", "rc_ext", "Rot", "rvec")
_TRANSLATION = ("T", "t", "tvec", "translation", "translation_vector", "tc_ext")
_EXPECTED = (
    "camera_matrix, distortion_coefficients, R and T of each camera, in one file or in one for each"
)


def read_opencv_rig(path: Path, given: Given) -> Rig:
    """A rig from a file, or from a folder with a file for each camera."""
    if path.is_dir():
        if (path / INTRINSICS).is_file() and (path / EXTRINSICS).is_file():
            return _easymocap(path / INTRINSICS, path / EXTRINSICS, given)
        return _one_file_each(path, given)
    pair = [path.with_name(INTRINSICS), path.with_name(EXTRINSICS)]
    if path in pair and all(each.is_file() for each in pair):
        return _easymocap(pair[0], pair[1], given)
    tree = read_tree(path)
    stereo = _stereo(tree, path, given)
    if stereo is not None:
        return stereo
    if "names" in tree:
        return _by_suffix(tree, path, given)
    nested = {
        key: value
        for key, value in tree.items()
        if isinstance(value, dict) and _first(value, _MATRIX) is not None
    }
    if not nested:
        if _first(tree, _MATRIX) is None:
            raise PoseDataError("there is no camera in it", file=path, expected=_EXPECTED)
        nested = {path.stem: tree}
    names = given.names_for(
        path, len(nested), [str(value.get("name", key)) for key, value in nested.items()]
    )
    cameras = enumerate(zip(names, nested.values(), strict=True))
    n_cameras = len(nested)
    sections = [
        _section(name, table, path, given.size_of(path, n_cameras, i))
        for i, (name, table) in cameras
    ]
    return rig_of(path, sections, str(tree.get("units", "")))


def files_of_folder(path: Path) -> list[Path]:
    """The files of OpenCV's kinds in a folder, sorted by name; not what a Mac adds to them."""
    found = sorted(
        each
        for each in path.iterdir()
        if each.suffix.lower() in SUFFIXES and not each.name.startswith(".")
    )
    if not found or len(found) > MOST_CAMERAS:
        raise PoseDataError(
            f"the folder holds {len(found)} YAML or XML files",
            file=path,
            expected=f"one for each camera, at most {MOST_CAMERAS}",
        )
    return found


def _one_file_each(path: Path, given: Given) -> Rig:
    files = files_of_folder(path)
    names = given.names_for(path, len(files), [each.stem for each in files])
    sections = [
        _section(name, read_tree(each), each, given.size_of(path, len(files), i))
        for i, (name, each) in enumerate(zip(names, files, strict=True))
    ]
    return rig_of(path, sections)


def _section(
    name: str, table: Mapping[str, Any], path: Path, size: tuple[int, int] | None
) -> dict[str, Any]:
    rotation, translation = _first(table, _ROTATION), _first(table, _TRANSLATION)
    if rotation is None or translation is None:
        raise PoseDataError(
            "this holds the lens of a camera, but not where it stands",
            file=path,
            place=f"camera {name}",
            expected="R and T (or rvec and tvec), from the world to the camera",
            todo="Add them, or calibrate the cameras together",
        )
    matrix = _first(table, _MATRIX)
    if matrix is None:
        raise PoseDataError(
            "there is no camera matrix", file=path, place=f"camera {name}", expected=_EXPECTED
        )
    turned = _values(rotation)
    n_numbers = np.size(np.asarray(turned, dtype=object))
    shape = (3, 3) if n_numbers == 9 else (3,)
    place = f"camera {name}, rotation"
    fisheye = str(table.get("fisheye", "0")).lower() in ("1", "true")
    return camera_section(
        name,
        size=image_size(table, path, name) or size,
        matrix=array_of(_values(matrix), (3, 3), path, f"camera {name}, camera matrix"),
        distortion=_values(_first(table, _DISTORTION)),
        rotation=array_of(turned, shape, path, place),
        translation=array_of(_values(translation), (3,), path, f"camera {name}, translation"),
        fisheye=fisheye,
    )


def image_size(table: Mapping[str, Any], path: Path, name: str) -> tuple[int, int] | None:
    """The size that a file gives for a camera, px; None where it gives none."""
    pair = _values(_first(table, ("image_size", "imageSize", "size")))
    if pair is None and {"image_width", "image_height"} <= table.keys():
        pair = [table["image_width"], table["image_height"]]
    if pair is None:
        return None
    width, height = array_of(pair, (2,), path, f"camera {name}, image size")
    return int(width), int(height)


def _stereo(tree: Mapping[str, Any], path: Path, given: Given) -> Rig | None:
    """Two cameras of which the first is the world; None where the file is none."""
    for k, d in (
        ("M", "D"),
        ("K", "D"),
        ("cameraMatrix", "distCoeffs"),
        ("camera_matrix", "dist_coeffs"),
    ):
        keys = [f"{k}1", f"{k}2"]
        if not all(key in tree for key in keys):
            continue
        first = {"K": tree[keys[0]], "D": tree.get(f"{d}1"), "rvec": [0, 0, 0], "tvec": [0, 0, 0]}
        second = {
            "K": tree[keys[1]],
            "D": tree.get(f"{d}2"),
            "R": _first(tree, _ROTATION),
            "T": _first(tree, _TRANSLATION),
        }
        names = given.names_for(path, 2, ("cam1", "cam2"))
        sizes = [image_size(tree, path, name) or given.size_of(path, 2, i)
                 for i, name in enumerate(names)]  # fmt: skip
        tables = (first, second)
        return rig_of(
            path,
            [_section(names[i], tables[i], path, sizes[i]) for i in range(2)],
        )
    return None


def _easymocap(intrinsics: Path, extrinsics: Path, given: Given) -> Rig:
    tree = {**read_tree(extrinsics), **read_tree(intrinsics)}
    return _by_suffix(tree, intrinsics, given)


def _by_suffix(tree: Mapping[str, Any], path: Path, given: Given) -> Rig:
    """Cameras whose names stand behind the keys: ``K_01``, ``R_01``."""
    names = _values(tree["names"]) if "names" in tree else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise PoseDataError(
            "the names of the cameras are no list", file=path, expected="'names' with a list"
        )
    chosen = given.names_for(path, len(names), names)
    sections = []
    for i, name in enumerate(names):
        height, width = tree.get(f"H_{name}"), tree.get(f"W_{name}")
        table = {
            "K": tree.get(f"K_{name}"),
            "D": tree.get(f"dist_{name}", tree.get(f"D_{name}")),
            "R": tree.get(f"Rot_{name}", tree.get(f"R_{name}")),
            "T": tree.get(f"T_{name}"),
        }
        if height is not None and width is not None:
            table["size"] = [width, height]
        present = {key: value for key, value in table.items() if value is not None}
        size = given.size_of(path, len(names), i)
        sections.append(_section(chosen[i], present, path, size))
    return rig_of(path, sections)


def read_tree(path: Path) -> dict[str, Any]:
    """The names of a file with what stands under them."""
    tree = read_opencv(path)
    if not isinstance(tree, dict):
        raise PoseDataError("there are no names in it", file=path, expected=_EXPECTED)
    return tree


def _first(table: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((table[key] for key in keys if table.get(key) not in (None, "")), None)


def _values(value: Any) -> Any:
    """A list; in XML it is a text with spaces, with names in quotes."""
    if not isinstance(value, str):
        return value
    try:
        return shlex.split(value)
    except ValueError:
        return [value]


def write_opencv_rig(rig: Rig, path: Path, files: FileGroup) -> list[str]:
    """One file with a map for each camera; XML where the name says so."""
    lines: list[str] = []
    xml = path.suffix.lower() == ".xml"
    if rig.units:
        lines.append(f"<units>{_xml_text(rig.units)}</units>" if xml
                     else f"units: {quoted(rig.units)}")  # fmt: skip
    for i, camera in enumerate(rig.cameras):
        values: list[tuple[str, Any]] = [("name", camera.name)]
        if camera.size is not None:
            values += [("image_width", camera.size[0]), ("image_height", camera.size[1])]
        values += [("fisheye", int(camera.fisheye))]
        matrices = {
            "camera_matrix": camera.matrix,
            "distortion_coefficients": camera.distortion[:, None],
            "R": camera.rotation,
            "T": camera.translation[:, None],
        }
        key = f"camera_{i}"
        if xml:
            lines.append(f"<{key}>")
            for name, value in values:
                text = _xml_text(value) if isinstance(value, str) else value
                lines.append(f"<{name}>{text}</{name}>")
            for name, matrix in matrices.items():
                lines += xml_matrix(name, matrix)
            lines.append(f"</{key}>")
            continue
        lines.append(f"{key}:")
        for name, value in values:
            lines.append(f"   {name}: {quoted(value) if isinstance(value, str) else value}")
        for name, matrix in matrices.items():
            lines += yaml_matrix(name, matrix, "   ")
    if xml:
        lines = ['<?xml version="1.0"?>', "<opencv_storage>", *lines, "</opencv_storage>", ""]
        files.open(path).write("\n".join(lines))
    else:
        files.open(path).write(yaml_text(lines))
    return []


def _xml_text(text: str) -> str:
    return f'"{escape(text, {chr(34): "&quot;"})}"'


_JARVIS = ("intrinsicMatrix", "distortionCoefficients", "R", "T")


def read_jarvis(path: Path, given: Given) -> Rig:
    """JARVIS's set: a file for each camera, with K and R transposed."""
    if not path.is_dir():
        raise PoseDataError(
            "this is one camera of JARVIS's set",
            file=path,
            expected="the folder with a file for each camera",
            todo=f"Give the folder {path.absolute().parent}",
        )
    files = files_of_folder(path)
    names = given.names_for(path, len(files), [each.stem for each in files])
    sections = []
    for i, (name, each) in enumerate(zip(names, files, strict=True)):
        tree = read_tree(each)
        absent = [key for key in _JARVIS if key not in tree]
        if absent:
            raise PoseDataError(
                f"{', '.join(absent)} missing",
                file=each,
                expected=f"{', '.join(_JARVIS)} as JARVIS writes them",
            )
        place = f"camera {name}"
        sections.append(
            camera_section(
                name,
                size=image_size(tree, each, name) or given.size_of(path, len(files), i),
                matrix=array_of(tree[_JARVIS[0]], (3, 3), each, place).T,
                distortion=tree[_JARVIS[1]],
                rotation=array_of(tree["R"], (3, 3), each, place).T,
                translation=array_of(tree["T"], (3,), each, place),
            )
        )
    return rig_of(path, sections)


def write_jarvis(rig: Rig, path: Path, files: FileGroup) -> list[str]:
    """A file for each camera, called after it, in the folder `path`."""
    refuse_fisheye(rig, "JARVIS")
    lost: list[str] = []
    for camera in rig.cameras:
        distortion, left_out = reduced_coefficients(camera, 5)
        lost += left_out
        lines = [
            *yaml_matrix("intrinsicMatrix", camera.matrix.T),
            *yaml_matrix("distortionCoefficients", distortion[None]),
            *yaml_matrix("R", camera.rotation.T),
            *yaml_matrix("T", camera.translation[:, None]),
        ]
        files.open(path / f"{camera.name}.yaml").write(yaml_text(lines))
        if np.any(camera.distortion[2:5]):
            lost.append(
                f"camera {camera.name}: p1, p2 and k3 are in the file, but JARVIS does not use them"
            )
    if any(camera.size is not None for camera in rig.cameras):
        lost.append("the size of the images")
    return lost
