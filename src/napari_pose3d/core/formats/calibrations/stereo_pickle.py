"""DeepLabCut 3-D's ``stereo_params.pickle``.

Notes
-----
The first camera is the world, and lengths are squares of the board. ``R1``, ``P1`` and the like
belong to rectified images and are not used. The pickle is read as plain data: nothing in it runs.

References
----------
DeepLabCut ``pose_estimation_3d/camera_calibration.py``.
"""

from __future__ import annotations

import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.formats.containers.plain_pickle import ForeignCode, dumps, loads
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.input_files import read_bytes
from napari_pose3d.errors import PoseDataError

from .camera_sections import (
    LARGEST,
    Given,
    array_of,
    camera_section,
    reduced_coefficients,
    refuse_fisheye,
    rig_of,
)

SQUARES = "squares"
"""The unit of length of DeepLabCut's calibrations: the side of a square of the board."""

_KEYS = ("cameraMatrix1", "cameraMatrix2", "distCoeffs1", "distCoeffs2", "R", "T")
_EXPECTED = "DeepLabCut's stereo_params.pickle: a pair 'camera-1-camera-2' with cameraMatrix1, ..."
# What Python's unpickler raises for damaged data, beside what `input_errors` knows.
_DAMAGED = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    struct.error,
)


def read_stereo_pickle(path: Path, given: Given) -> Rig:
    """The pair of cameras; of several pairs, the first."""
    content = _content(path)
    pairs = {
        key: value
        for key, value in content.items()
        if isinstance(key, str) and isinstance(value, dict) and set(_KEYS) <= value.keys()
    }
    if not pairs:
        raise PoseDataError("there is no pair of cameras in it", file=path, expected=_EXPECTED)
    pair, values = next(iter(pairs.items()))
    names = given.names_for(path, 2, _names(pair, path, given))
    sizes = _sizes(values.get("image_shape"), path, given)
    rotations = (np.eye(3), array_of(values["R"], (3, 3), path, "R"))
    translations = (np.zeros(3), array_of(values["T"], (3,), path, "T"))
    sections = [
        camera_section(
            names[i],
            size=sizes[i],
            matrix=array_of(values[f"cameraMatrix{i + 1}"], (3, 3), path, f"cameraMatrix{i + 1}"),
            distortion=values[f"distCoeffs{i + 1}"],
            rotation=rotations[i],
            translation=translations[i],
        )
        for i in range(2)
    ]
    rig = rig_of(path, sections, SQUARES)
    notes = (f"{path.name}: of {len(pairs)} pairs, {pair} is used",) if len(pairs) > 1 else ()
    return Rig(rig.cameras, path, rig.extra, rig.warnings + notes, rig.units)


def _content(path: Path) -> dict[Any, Any]:
    data = read_bytes(path, largest=LARGEST, expected=_EXPECTED)
    try:
        content = loads(data)
    except ForeignCode as error:
        raise PoseDataError(
            f"the pickle asks for something that is no plain data ({error}); nothing of it was run",
            file=path,
            expected=_EXPECTED,
            todo="Use files from people you trust, or calibrate again",
        ) from error
    except _DAMAGED as error:
        raise PoseDataError("the pickle is damaged", file=path, expected=_EXPECTED) from error
    if not isinstance(content, dict):
        raise PoseDataError("there is no pair of cameras in it", file=path, expected=_EXPECTED)
    return content


def _names(pair: str, path: Path, given: Given) -> tuple[str, ...]:
    """The two names in ``camera-1-camera-2``, which may hold the hyphen themselves."""
    if given.names:
        return given.names
    parts = pair.split("-")
    if len(parts) % 2 or len(parts) < 2:
        raise PoseDataError(
            f"it is not clear where the two names in '{pair[:80]}' part",
            file=path,
            todo="Give the names of the two cameras",
        )
    half = len(parts) // 2
    return "-".join(parts[:half]), "-".join(parts[half:])


def _sizes(shapes: Any, path: Path, given: Given) -> list[tuple[int, int] | None]:
    if shapes is None:
        return [given.size_of(path, 2, i) for i in range(2)]
    numbers = array_of(shapes, (2, 2), path, "image_shape")
    return [(int(width), int(height)) for width, height in numbers]


def write_stereo_pickle(rig: Rig, path: Path, files: FileGroup) -> list[str]:
    """Two cameras; the first becomes the world."""
    refuse_fisheye(rig, "DeepLabCut")
    if len(rig.cameras) != 2:
        raise PoseDataError(
            f"DeepLabCut's stereo calibration is of two cameras, and this rig has "
            f"{len(rig.cameras)}",
            file=rig.path,
            todo="Choose another format",
        )
    first, second = rig.cameras
    rotation = second.rotation @ first.rotation.T
    values: dict[str, Any] = {"R": rotation}
    values["T"] = (second.translation - rotation @ first.translation)[:, None]
    lost = []
    for i, camera in enumerate(rig.cameras, start=1):
        values[f"cameraMatrix{i}"] = camera.matrix
        distortion, left_out = reduced_coefficients(camera, 5)
        values[f"distCoeffs{i}"] = distortion[None]
        lost += left_out
    if first.size is not None and second.size is not None:
        values["image_shape"] = [first.size, second.size]
    names = [first.name, second.name]
    if names[0].count("-") != names[1].count("-"):
        # A reader could not tell where they part.
        names = [name.replace("-", "_") for name in names]
        lost.append(f"names: the cameras are called {' and '.join(names)}")
    with files.path(path).open("wb") as stream:
        stream.write(dumps({"-".join(names): values}))
    lost.append(f"the world: it is the frame of the first camera, {first.name}")
    lost.append("the rectification (R1, P1, Q, ...), which DeepLabCut's triangulation wants")
    if rig.units:
        lost.append(f"units: lengths stay in {rig.units}; DeepLabCut's are squares of the board")
    return lost
