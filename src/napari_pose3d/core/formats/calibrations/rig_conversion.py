"""Reading and writing rigs in the formats of other programs."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_pose3d.core.cameras.camera import Camera
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.rig_file import load_rig, rig_text
from napari_pose3d.core.formats.containers.mat_variables import read_mat
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.input_files import input_errors, open_input, read_text
from napari_pose3d.core.storage.safe_names import refuse_unsafe_names
from napari_pose3d.core.storage.toml_text import toml_values
from napari_pose3d.errors import PoseDataError, Remedy

from .camera_sections import LARGEST, Float64, Given
from .camera_table import is_camera_table, read_camera_table, write_camera_table
from .colmap_files import CAMERAS, IMAGES, MODELS, read_colmap, write_colmap
from .direct_linear import coefficient_table, read_direct_linear, write_direct_linear
from .kalibr_files import read_kalibr, write_kalibr
from .mat_files import (
    dannce_files,
    read_camera_parameters,
    read_label3d,
    write_camera_parameters,
    write_label3d,
)
from .opencv_files import (
    EXTRINSICS,
    INTRINSICS,
    SUFFIXES,
    files_of_folder,
    read_jarvis,
    read_opencv_rig,
    write_jarvis,
    write_opencv_rig,
)
from .stereo_pickle import SQUARES, read_stereo_pickle, write_stereo_pickle
from .toml_tables import (
    read_caliscope,
    read_freemocap,
    read_pose2sim,
    write_caliscope,
    write_freemocap,
    write_pose2sim,
)

EXACT = 1e-9
"""px by which a projection may differ after a round trip that keeps everything."""

_GRID = 15
_DEPTHS = (0.5, 1.0, 2.0)  # of the distance from the camera to the origin
_HEAD = 4096
_JARVIS_KEY = "intrinsicMatrix"


@dataclass(frozen=True)
class RigFormat:
    """A format of calibrations.

    Attributes
    ----------
    key : str
        What it is called by, such as "caliscope".
    title : str
        What it is, for messages.
    read, write : callable
    is_folder : bool
        Whether it is written as several files in a folder.
    first_is_world : bool
        Whether the first camera's frame is the world.
    pattern : str
        Regular expression of names of files that are of this format when written; may be "".
    """

    key: str
    title: str
    read: Callable[[Path, Given], Rig]
    write: Callable[[Rig, Path, FileGroup], list[str]]
    is_folder: bool = False
    first_is_world: bool = False
    pattern: str = ""


def _read_anipose(path: Path, given: Given) -> Rig:
    rig = load_rig(path)
    if not given.names:
        return rig
    return _renamed(rig, given.names_for(path, len(rig.cameras), rig.names))


def _renamed(rig: Rig, names: Sequence[str]) -> Rig:
    cameras = tuple(
        replace(camera, name=name) for camera, name in zip(rig.cameras, names, strict=True)
    )
    return replace(rig, cameras=cameras)


def _write_anipose(rig: Rig, path: Path, files: FileGroup) -> list[str]:
    files.open(path).write(rig_text(rig))
    return []


# In the order in which a name of a file is looked up.
_ALL = (
    RigFormat("caliscope", "Caliscope's camera_array.toml", read_caliscope, write_caliscope,
              pattern=r"camera_array.*\.toml"),
    RigFormat("pose2sim", "Pose2Sim's Calib.toml", read_pose2sim, write_pose2sim,
              pattern=r"calib(_.*)?\.toml"),
    RigFormat("freemocap", "FreeMoCap's TOML", read_freemocap, write_freemocap,
              pattern=r".*camera_calibration.*\.toml"),
    RigFormat("anipose", "Anipose's TOML", _read_anipose, _write_anipose, pattern=r".*\.toml"),
    RigFormat("kalibr", "Kalibr's camchain.yaml", read_kalibr, write_kalibr,
              pattern=r".*camchain.*\.ya?ml"),
    RigFormat("opencv", "OpenCV's YAML or XML", read_opencv_rig, write_opencv_rig,
              pattern=r".*\.(ya?ml|xml)"),
    RigFormat("jarvis", "JARVIS's folder of YAML files", read_jarvis, write_jarvis,
              is_folder=True),
    RigFormat("label3d", "Label3D's and DANNCE's .mat", read_label3d, write_label3d,
              pattern=r".*\.mat"),
    RigFormat("matlab", "MATLAB's cameraParameters as structs in a .mat", read_camera_parameters,
              write_camera_parameters),
    RigFormat("deeplabcut", "DeepLabCut 3-D's stereo_params.pickle", read_stereo_pickle,
              write_stereo_pickle, first_is_world=True, pattern=r".*\.(pickle|pkl)"),
    RigFormat("colmap", "COLMAP's cameras.txt and images.txt", read_colmap, write_colmap,
              is_folder=True),
    RigFormat("dlt", "DLT coefficients of EasyWand or DLTdv", read_direct_linear,
              write_direct_linear, pattern=r".*dlt.*\.csv"),
    RigFormat("csv", "a CSV with a row for each camera", read_camera_table, write_camera_table,
              pattern=r".*\.csv"),
)  # fmt: skip
FORMATS = {each.key: each for each in _ALL}
"""All formats by their keys."""


def read_rig(
    path: str | os.PathLike[str],
    format: str | None = None,  # noqa: A002 - the word for it
    *,
    names: Sequence[str] = (),
    sizes: Sequence[tuple[int, int]] = (),
    scale: float = 1.0,
) -> Rig:
    """Read a calibration of any known program.

    Parameters
    ----------
    path : path
        A file, or the folder of a format that has several.
    format : str, optional
        A key of `FORMATS`; not given, it is found from the content.
    names : sequence of str
        Names of the cameras in the order of the file, in place of its own.
    sizes : sequence of (width, height)
        px, for formats that do not hold them; one for all cameras, or one for each.
    scale : float
        What lengths are multiplied by.

    Returns
    -------
    Rig
        In our conventions; ``warnings`` says what was assumed.

    Raises
    ------
    PoseDataError
        The file is damaged or of no known format, or does not hold a whole calibration.
    """
    path = Path(path)
    if not (np.isfinite(scale) and scale > 0):
        raise PoseDataError(f"lengths would be multiplied by {scale:g}", expected="above zero")
    with input_errors(path):
        chosen = _format(format) if format is not None else FORMATS[detect_format(path)]
        rig = chosen.read(path, Given(tuple(names), tuple(sizes)))
    rig = replace(rig, cameras=_with_sizes(rig, path, Given((), tuple(sizes))))
    if scale != 1:
        return _scaled(rig, scale)
    if rig.units != SQUARES:
        return rig
    note = f"{path.name}: lengths are in squares of the board; multiply them by a square's side"
    return replace(rig, warnings=(*rig.warnings, note))


def _with_sizes(rig: Rig, path: Path, given: Given) -> tuple[Camera, ...]:
    """The cameras, with the sizes that were given where the file has none."""
    return tuple(
        replace(camera, size=camera.size or given.size_of(path, len(rig.cameras), i))
        for i, camera in enumerate(rig.cameras)
    )


def _scaled(rig: Rig, scale: float) -> Rig:
    cameras = tuple(replace(each, translation=scale * each.translation) for each in rig.cameras)
    metadata = rig.extra.get("metadata")
    known = {key: value for key, value in (metadata or {}).items() if key != "units"}
    return replace(rig, cameras=cameras, units="", extra={**rig.extra, "metadata": known})


def detect_format(path: str | os.PathLike[str]) -> str:
    """The key of the format that a file or folder has, by its content.

    Raises
    ------
    PoseDataError
        It is none that is known; the message says what it is, where that is known.
    """
    path = Path(path)
    with input_errors(path):
        return _format_of_folder(path) if path.is_dir() else _format_of_file(path)


def _format_of_file(path: Path) -> str:
    with open_input(path) as stream:
        head = stream.read(_HEAD)
    if head.startswith((b"MATLAB", b"\x89HDF")):
        return "label3d" if "params" in read_mat(path) else "matlab"
    if _is_pickle(head):
        return "deeplabcut"
    text = read_text(path, largest=16 * LARGEST, expected="a calibration")
    start = text.lstrip()
    if start.startswith(("%YAML", "<?xml", "<opencv_storage")):
        if not start.startswith("%YAML") and "<opencv_storage" not in start:
            raise _unknown("this is XML, and not as OpenCV writes it", path)
        return "jarvis" if _JARVIS_KEY in text else "opencv"
    if start.startswith("{"):
        raise _unknown("this is JSON, which is not read", path)
    return _format_of_text(path, text)


def _format_of_folder(path: Path) -> str:
    names = {each.name for each in path.iterdir() if not each.name.startswith(".")}
    if {CAMERAS, IMAGES} <= names:
        return "colmap"
    if {"cameras.bin", "images.bin"} <= names:
        raise PoseDataError(
            "this is a model of COLMAP in binary files",
            file=path,
            todo="Export it as text (colmap model_converter --output_type TXT)",
        )
    if {INTRINSICS, EXTRINSICS} <= names:
        return "opencv"
    if dannce_files(path):
        return "label3d"
    if any(Path(name).suffix.lower() in SUFFIXES for name in names):
        return _format_of_set(files_of_folder(path)[0])
    raise _unknown("the folder holds no files of a calibration", path)


def _format_of_set(path: Path) -> str:
    return "jarvis" if _JARVIS_KEY in read_text(path, largest=LARGEST) else "opencv"


def _format_of_text(path: Path, text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    first = lines[0] if lines else ""
    if is_camera_table(first):
        return "csv"
    if path.name in (CAMERAS, IMAGES) or any(model in first.split()[1:2] for model in MODELS):
        return "colmap"
    if len(text) <= LARGEST and coefficient_table(text, path) is not None:
        return "dlt"
    if re.match(r"cam\d+\s*:", first):
        return "kalibr"
    with contextlib.suppress(ValueError, RecursionError):
        tables = toml_values(text) if len(text) <= LARGEST else {}
        cameras = tables.get("cameras")
        nested = list(cameras.values()) if isinstance(cameras, dict) else []
        of_anipose = {"triangulation", "calibration"} & tables.keys()
        if any(isinstance(each, dict) for each in nested) and not of_anipose:
            return "caliscope"
        sections = [each for each in tables.values() if isinstance(each, dict)]
        if any("world_position" in each or "image_size" in each for each in sections):
            return "freemocap"
        if any("matrix" in each for each in sections):
            four = all(len(each["distortions"]) == 4 for each in sections
                       if isinstance(each.get("distortions"), list))  # fmt: skip
            return "pose2sim" if four and all(
                "fisheye" in each for each in sections if "matrix" in each
            ) else "anipose"  # fmt: skip
        if tables:
            # Refused there, in words.
            return "anipose"
    raise _unknown("no known calibration begins like this", path)


def _is_pickle(head: bytes) -> bool:
    return (head[:1] == b"\x80" and len(head) > 1 and head[1] <= 5) or head.startswith(
        (b"(d", b"}q")
    )


def _unknown(problem: str, path: Path) -> PoseDataError:
    titles = ", ".join(each.title for each in _ALL)
    return PoseDataError(
        problem,
        file=path,
        expected=f"one of {titles}",
        todo="Export the calibration in one of these",
    )


def _format(key: str) -> RigFormat:
    if key not in FORMATS:
        raise PoseDataError(
            f"no format is called '{key}'", expected=f"one of {', '.join(sorted(FORMATS))}"
        )
    return FORMATS[key]


def format_for(path: str | os.PathLike[str]) -> str:
    """The key of the format that a file of this name is written in.

    Raises
    ------
    PoseDataError
        The name tells none.
    """
    path = Path(path)
    for each in _ALL:
        if each.pattern and re.fullmatch(each.pattern, path.name, re.IGNORECASE):
            return each.key
    raise PoseDataError(
        "the name does not say which format to write",
        file=path,
        expected=f"one of {', '.join(FORMATS)}",
        todo="Choose the format",
        remedy=Remedy("rig_format"),
    )


def write_rig(
    rig: Rig,
    path: str | os.PathLike[str],
    format: str | None = None,  # noqa: A002 - the word for it
    *,
    overwrite: bool = False,
) -> tuple[str, ...]:
    """Write a rig for another program.

    Parameters
    ----------
    path : path
        A file, or the folder of a format that has several.
    format : str, optional
        A key of `FORMATS`; not given, the name of the file tells.
    overwrite : bool
        Whether existing files may be replaced.

    Returns
    -------
    tuple of str
        What the format could not keep, and by how many pixels projections differ therefore; empty
        when a round trip gives the same rig.

    Raises
    ------
    PoseDataError
        The format cannot hold the rig at all, or a file exists.
    """
    path = Path(path)
    chosen = _format(format if format is not None else format_for(path))
    if not rig.cameras:
        raise PoseDataError("the rig has no camera", file=rig.path, expected="one camera or more")
    refuse_unsafe_names(rig.names, "camera", rig.path)
    with FileGroup(overwrite=overwrite) as files:
        lost = chosen.write(rig, path, files)
    sizes = [camera.size for camera in rig.cameras if camera.size is not None]
    again = read_rig(
        path,
        chosen.key,
        sizes=sizes if len(sizes) == len(rig.cameras) else (),
    )
    if set(again.names) != set(rig.names):
        if not any(each.startswith("names") for each in lost):
            lost.append(f"names: the cameras are read as {', '.join(again.names)}")
        again = _renamed(again, rig.names)
    meant = _seen_from_first(rig) if chosen.first_is_world else rig
    for name, moved in projection_differences(meant, again).items():
        if np.isnan(moved):
            lost.append(f"camera {name}: points near the edge of the image are lost")
        elif moved > EXACT:
            lost.append(f"camera {name}: points move by up to {moved:.3g} px")
    return tuple(lost)


def projection_differences(before: Rig, after: Rig) -> dict[str, float]:
    """Largest distance in px, for each camera, between projections by two rigs.

    Parameters
    ----------
    before, after : Rig
        Cameras of the same names. The points lie on a grid over the whole image of `before`, at
        three depths; NaN where one of them is not seen by `after`.
    """
    differences = {}
    lengths = [float(np.linalg.norm(camera.translation)) for camera in before.cameras]
    for camera, length in zip(before.cameras, lengths, strict=True):
        # A camera that is the world itself sees as far as the others.
        distance = length if length > 1e-6 * max(lengths) else max(lengths) or 1.0
        points = _points_in_view(camera, distance)
        if not len(points):
            # No pixel has a direction, before or after.
            differences[camera.name] = 0.0
            continue
        one, other = (rig.subset([camera.name]).project(points)[0] for rig in (before, after))
        differences[camera.name] = float(np.max(np.linalg.norm(one - other, axis=-1)))
    return differences


def _points_in_view(camera: Camera, distance: float) -> Float64:
    """World points on a grid over the image at three shares of a distance, ``(point, 3)``."""
    width, height = camera.size or (2 * camera.matrix[0, 2] + 1, 2 * camera.matrix[1, 2] + 1)
    x, y = np.meshgrid(np.linspace(0, width - 1, _GRID), np.linspace(0, height - 1, _GRID))
    pixels = np.column_stack([x.ravel(), y.ravel()])
    rays = Rig((camera,)).undistort(pixels[None])[0]
    rays = rays[np.isfinite(rays).all(axis=1)]
    directions = np.column_stack([rays, np.ones(len(rays))])
    local = np.concatenate([depth * distance * directions for depth in _DEPTHS])
    return np.asarray((local - camera.translation) @ camera.rotation)


def _seen_from_first(rig: Rig) -> Rig:
    """The same cameras with the first one's frame as the world."""
    first = rig.cameras[0]
    cameras = []
    for camera in rig.cameras:
        rotation = camera.rotation @ first.rotation.T
        translation = camera.translation - rotation @ first.translation
        cameras.append(replace(camera, rotation=rotation, translation=translation))
    return replace(rig, cameras=tuple(cameras))
