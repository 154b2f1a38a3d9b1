"""Reading and writing a rig as Anipose's calibration TOML.

One section per camera with ``name``, ``size``, ``matrix``, ``distortions``, ``rotation`` (Rodrigues
vector, world to camera), ``translation`` and perhaps ``fisheye``; everything else at the top level,
such as ``[metadata]``, is kept.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_pose3d.core.storage.input_files import input_errors, read_bytes, read_text
from napari_pose3d.core.storage.safe_names import refuse_unsafe_names
from napari_pose3d.core.storage.toml_text import toml_values
from napari_pose3d.errors import PoseDataError, Remedy

from .camera import Camera, Float64, rotation_vector
from .rig import Rig

_EXPECTED = (
    "Anipose's calibration in TOML: a section such as [cam_0] for each camera, with name, size, "
    "matrix, distortions, rotation and translation"
)
MOST_CAMERAS = 500
"""More are no rig but a file that is built to keep us busy."""

# A hundred cameras with long comments have less.
_LARGEST = 4 << 20
# Larger than any length that somebody calibrates, in whatever unit; its square is still finite.
_LARGEST_NUMBER = 1e12
# Further from a rotation than rounding in a text file can take it.
_ROTATION_TOLERANCE = 1e-3
# How files of calibrations begin that are no TOML.
_MARKS = (
    ("%YAML", "a file of OpenCV's (YAML)"),
    ("<?xml", "a file in XML"),
    ("{", "a file in JSON"),
    ("---", "a file in YAML"),
)
# A pickle, MATLAB's files before and after 7.3, an archive.
_BINARY_MARKS = (b"\x80", b"MATLAB 5.0", b"\x89HDF", b"PK\x03\x04")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_NUMPY_SCALAR = re.compile(r"^\s*(?:np|numpy)\.\w+\((.*)\)\s*$")


def load_rig(path: str | os.PathLike[str]) -> Rig:
    """Read an Anipose calibration TOML.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    Rig
        Cameras in the order of the file; ``warnings`` says what was assumed.

    Raises
    ------
    PoseDataError
        Not a TOML file, no camera in it, a key that is missing or cannot be understood, a rotation
        that is none, two cameras of one name. The message names the camera and the key.
    """
    path = Path(path)
    if path.is_dir():
        raise PoseDataError(
            "this is a folder, not a file",
            file=path,
            expected=_EXPECTED,
            todo="If it holds a calibration of another program, convert it to Anipose's TOML",
            remedy=Remedy("convert"),
        )
    document = toml_document(path)
    # Every table that is not metadata is taken for a camera, whatever it is called.
    sections = {
        key: value
        for key, value in document.items()
        if isinstance(value, dict) and ("matrix" in value or key.startswith("cam"))
    }
    if other := _other_layout(document, sections):
        what, todo, remedy = other
        raise PoseDataError(what, file=path, expected=_EXPECTED, todo=todo, remedy=remedy)
    extra = {key: value for key, value in document.items() if key not in sections}
    return rig_from_sections(path, sections, extra)


def rig_from_sections(
    path: Path,
    sections: Mapping[str, dict[str, Any]],
    extra: Mapping[str, Any],
    *,
    rotation_matrices: bool = False,
) -> Rig:
    """A rig from tables with the keys of Anipose's sections.

    Parameters
    ----------
    path : Path
        The file they are from.
    sections : mapping of str to dict
        One for each camera; its key is the name where there is none.
    extra : mapping
        What the file holds besides; ``metadata.units`` names the unit of length.
    rotation_matrices : bool
        Whether a matrix is what is expected under ``rotation``.

    Raises
    ------
    PoseDataError
        As `load_rig`.
    """
    if not sections:
        raise PoseDataError("the file holds no camera", file=path, expected=_EXPECTED)
    if len(sections) > MOST_CAMERAS:
        raise PoseDataError(
            f"the file holds {len(sections)} cameras",
            file=path,
            expected=f"at most {MOST_CAMERAS}",
        )
    warnings: list[str] = []
    cameras = tuple(
        _read_camera(_Section(path, key, table, warnings), rotation_matrices)
        for key, table in sections.items()
    )
    refuse_unsafe_names((camera.name for camera in cameras), "camera", path)
    metadata = extra.get("metadata")
    units = str(metadata.get("units", "")) if isinstance(metadata, dict) else ""
    return Rig(cameras, path=path, extra=extra, warnings=tuple(warnings), units=units)


def toml_document(path: Path) -> dict[str, Any]:
    """The content of a calibration in TOML; `PoseDataError` where it is none."""
    content = read_bytes(path, largest=_LARGEST, expected=_EXPECTED)
    if content.startswith(_BINARY_MARKS) or (b"\0" in content and content[:2] not in _UTF16):
        raise PoseDataError(
            "this is a binary file, not a calibration of Anipose in TOML",
            file=path,
            expected=_EXPECTED,
            todo="If it is a calibration of another program (.mat, .pickle), convert it",
            remedy=Remedy("convert"),
        )
    text = read_text(path, largest=_LARGEST, expected=_EXPECTED)
    with input_errors(path, expected=_EXPECTED):
        try:
            return toml_values(text)
        except tomllib.TOMLDecodeError as error:
            start = text.lstrip()
            kind = next((name for mark, name in _MARKS if start.startswith(mark)), "")
            if kind:
                readable = not start.startswith("{")
                # Only OpenCV's XML is read.
                foreign = start.startswith("<") and "<opencv_storage" not in start[:4096]
                readable &= not foreign
                export = "Export it as TOML" + (
                    "; of Qualisys and Vicon, Pose2Sim makes a Calib.toml" if foreign else ""
                )
                raise PoseDataError(
                    f"this is {kind}, not a calibration of Anipose in TOML",
                    file=path,
                    expected=_EXPECTED,
                    todo="Convert it to Anipose's TOML" if readable else export,
                    remedy=Remedy("convert") if readable else (),
                ) from None
            raise PoseDataError(
                f"the file is not valid TOML: {error}",
                file=path,
                todo="If it is a calibration of another program, convert it to Anipose's TOML",
                remedy=Remedy("convert"),
            ) from None


def _other_layout(
    document: dict[str, Any], sections: dict[str, Any]
) -> tuple[str, str, tuple[Remedy, ...]] | None:
    """What another program's file is, and what to do; None for a calibration of Anipose."""
    if any("matrix" in table for table in sections.values()):
        return None
    calibration = document.get("calibration")
    if isinstance(calibration, dict) and "calibration_type" in calibration:
        return (
            "this is the configuration of Pose2Sim (Config.toml), not its calibration",
            "Give the Calib*.toml in its folder calibration, converted first",
            (Remedy("convert"),),
        )
    if {"triangulation", "calibration", "labeling", "pipeline", "filter"} & document.keys():
        return (
            "this is the configuration of Anipose (config.toml), not its calibration",
            "Give calibration/calibration.toml, which Anipose's calibrate writes",
            (),
        )
    nested = {key: table for key, table in sections.items() if _tables_in(table)}
    for key, table in nested.items():
        if any("matrix" in each for each in _tables_in(table)):
            return (
                f"the cameras are sections within [{key}], as Caliscope keeps its array of cameras",
                "Convert it to Anipose's TOML",
                (Remedy("convert"),),
            )
    return None


def _tables_in(table: dict[str, Any]) -> list[dict[str, Any]]:
    return [value for value in table.values() if isinstance(value, dict)]


def save_rig(rig: Rig, path: str | os.PathLike[str]) -> None:
    """Write an Anipose calibration TOML that every reader of that format accepts."""
    from napari_pose3d.core.storage.atomic_files import FileGroup

    with FileGroup(overwrite=True) as files:
        files.open(path).write(rig_text(rig))


def rig_text(rig: Rig) -> str:
    """A rig as the text of an Anipose calibration TOML.

    Notes
    -----
    Numbers are written as floats with all their digits: the ``toml`` package, which aniposelib
    reads with, refuses arrays that mix integers and floats. From eleven cameras on, the sections'
    numbers are padded, since some readers sort them as text.
    """
    digits = len(str(len(rig.cameras) - 1))
    lines: list[str] = []
    for i, camera in enumerate(rig.cameras):
        rows = ", ".join(_numbers(row) for row in camera.matrix)
        lines += [f"[cam_{i:0{digits}}]", f"name = {_quoted(camera.name)}"]
        if camera.size is not None:
            lines.append(f"size = [ {camera.size[0]}, {camera.size[1]},]")
        lines += [
            f"matrix = [ {rows},]",
            f"distortions = {_numbers(camera.distortion)}",
            f"rotation = {_numbers(rotation_vector(camera.rotation))}",
            f"translation = {_numbers(camera.translation)}",
        ]
        if camera.fisheye:
            lines.append("fisheye = true")
        lines.append("")
    metadata = rig.extra.get("metadata")
    lines.append("[metadata]")
    for key, value in (metadata if isinstance(metadata, dict) else {}).items():
        if isinstance(value, bool):
            lines.append(f"{_quoted(key)} = {str(value).lower()}")
        elif isinstance(value, int | float):
            lines.append(f"{_quoted(key)} = {value!r}")
        elif isinstance(value, str):
            lines.append(f"{_quoted(key)} = {_quoted(value)}")
    return "\n".join(lines) + "\n"


class _Section:
    """One camera's table with errors that name the file, the camera and the key."""

    def __init__(self, path: Path, key: str, table: dict[str, Any], warnings: list[str]) -> None:
        self.path, self.key, self.table, self.warnings = path, key, table, warnings
        name = table.get("name")
        if name is None:
            self.warn(f"has no name; its section's name '{key}' is used")
            name = key
        self.name = unicodedata.normalize("NFC", str(name))

    def warn(self, text: str) -> None:
        label = self.table.get("name", self.key)
        self.warnings.append(f"{self.path.name}: camera {label} {text}")

    def error(self, problem: str, key: str, expected: str) -> PoseDataError:
        return PoseDataError(
            problem,
            file=self.path,
            place=f"camera {self.name}, key '{key}'",
            expected=expected,
        )

    def numbers(self, key: str, expected: str) -> Float64:
        """The numbers under ``key``: a text such as ``"np.float64(1.5)"`` counts as its number."""
        if key not in self.table:
            raise self.error("the key is missing", key, expected)
        texts: list[str] = []

        def number(value: Any) -> Any:
            if isinstance(value, list):
                return [number(entry) for entry in value]
            if isinstance(value, bool):
                raise TypeError
            if isinstance(value, str):
                texts.append(value)
                match = _NUMPY_SCALAR.match(value)
                return float(match[1] if match else value)
            return float(value)

        try:
            array = np.array(number(self.table[key]), dtype=np.float64)
        except (TypeError, ValueError, OverflowError, RecursionError):
            raise self.error("this is not an array of numbers", key, expected) from None
        if texts:
            self.warn(f"stores '{key}' as text ('{texts[0]}'); read as numbers")
        if not np.all(np.isfinite(array)):
            raise self.error("a number is infinite or NaN", key, expected)
        if array.size and np.abs(array).max() > _LARGEST_NUMBER:
            raise self.error(f"a number is larger than {_LARGEST_NUMBER:g}", key, expected)
        return array


def _read_camera(section: _Section, rotation_matrices: bool) -> Camera:
    matrix = section.numbers("matrix", "3 rows of 3 numbers")
    if matrix.shape != (3, 3):
        raise section.error(f"the array has shape {matrix.shape}", "matrix", "3 rows of 3 numbers")
    if np.allclose(matrix[:2, 2], 0) and np.any(np.abs(matrix[2, :2]) > 1):
        # Written by columns, as MATLAB does; OpenCV's readers would take cx = cy = 0 silently.
        section.warn(
            "has its optical centre in the last row of 'matrix' instead of the last column; "
            "the transposed matrix is used"
        )
        matrix = matrix.T.copy()
    elif not np.allclose(matrix[2], [0, 0, 1]):
        row = ", ".join(f"{value:g}" for value in matrix[2])
        section.warn(f"has the last row {row} in 'matrix' instead of 0, 0, 1; the row is ignored")
        matrix[2] = 0, 0, 1
    if matrix[0, 1] != 0 or matrix[1, 0] != 0:
        section.warn("has skew in 'matrix', which OpenCV's model does not know; it is ignored")
        matrix[0, 1] = matrix[1, 0] = 0
    if not (matrix[0, 0] > 0 and matrix[1, 1] > 0):
        raise section.error(
            f"the focal lengths are {matrix[0, 0]:g} and {matrix[1, 1]:g}", "matrix", "above zero"
        )
    fisheye = section.table.get("fisheye", False)
    if not isinstance(fisheye, bool):
        raise section.error(f"found {fisheye!r}", "fisheye", "true or false")
    size = None
    if "size" in section.table:
        numbers = section.numbers("size", "width and height in px")
        if numbers.shape != (2,) or np.any(numbers < 1) or np.any(numbers != np.round(numbers)):
            raise section.error(
                f"found {section.table['size']!r}", "size", "two whole numbers, width and height"
            )
        size = (int(numbers[0]), int(numbers[1]))
    else:
        section.warn("has no 'size'; its images cannot be checked against it")
    return Camera(
        section.name,
        size,
        matrix,
        _read_distortion(section, fisheye),
        _read_rotation(section, rotation_matrices),
        _read_translation(section),
        fisheye,
    )


def _read_distortion(section: _Section, fisheye: bool) -> Float64:
    expected = "4 numbers (fisheye)" if fisheye else "4 to 14 numbers k1, k2, p1, p2, k3, ..."
    distortion = section.numbers("distortions", expected).reshape(-1)
    if fisheye and distortion.size > 4 and not np.any(distortion[4:]):
        distortion = distortion[:4]
    if not 4 <= distortion.size <= (4 if fisheye else 14):
        raise section.error(f"found {distortion.size} numbers", "distortions", expected)
    return distortion


def _read_rotation(section: _Section, rotation_matrices: bool) -> Float64:
    from scipy.spatial.transform import Rotation

    expected = "a Rodrigues vector of 3 numbers"
    rotation = section.numbers("rotation", expected)
    if rotation.size == 3:
        return np.asarray(Rotation.from_rotvec(rotation.reshape(3)).as_matrix())
    if rotation.shape != (3, 3):
        raise section.error(f"the array has shape {rotation.shape}", "rotation", expected)
    gap = np.abs(rotation @ rotation.T - np.eye(3)).max()
    if gap > _ROTATION_TOLERANCE or np.linalg.det(rotation) < 0:
        raise section.error(
            "the matrix is not a rotation (orthogonal with determinant 1)", "rotation", expected
        )
    if not rotation_matrices:
        section.warn(
            "gives 'rotation' as a matrix instead of a Rodrigues vector; it is used as it is"
        )
    return np.asarray(Rotation.from_matrix(rotation).as_matrix())


def _read_translation(section: _Section) -> Float64:
    translation = section.numbers("translation", "3 numbers")
    if translation.size != 3:
        raise section.error(f"found {translation.size} numbers", "translation", "3 numbers")
    return translation.reshape(3)


def _numbers(values: Float64) -> str:
    return "[ " + ", ".join(repr(float(value)) for value in values) + ",]"


def _quoted(text: str) -> str:
    # TOML's escapes are those of JSON, and it allows no DEL.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
