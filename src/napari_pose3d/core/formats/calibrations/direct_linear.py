"""The eleven coefficients of the direct linear transformation, as EasyWand and DLTdv keep them.

Notes
-----
A column for each camera: ``u = (L1 x + L2 y + L3 z + L4) / (L9 x + L10 y + L11 z + 1)`` and ``v``
with L5 to L8. Pixels are counted from 1, and upwards from the bottom: ``u = x + 1``,
``v = height - y``. Eleven free numbers need not be a camera with square axes; what is left over is
reported.

References
----------
Hedrick 2008, Bioinspiration & Biomimetics 3, 034001.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.rig_file import MOST_CAMERAS
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.input_files import input_errors, read_text
from napari_pose3d.errors import PoseDataError, Remedy

from .camera_sections import (
    LARGEST,
    Float64,
    Given,
    camera_section,
    refuse_fisheye,
    rig_of,
    sizes_of,
)

N_COEFFICIENTS = 11
_LARGEST_NUMBER = 1e30
_EXPECTED = "eleven rows of numbers, one column for each camera"


def read_direct_linear(path: Path, given: Given) -> Rig:
    """Cameras without distortion; the size of the images must be given."""
    table = coefficient_table(read_text(path, largest=LARGEST, expected=_EXPECTED), path)
    if table is None:
        raise PoseDataError("this is another table", file=path, expected=_EXPECTED)
    n_cameras = table.shape[1]
    if not given.sizes:
        raise PoseDataError(
            "coefficients of the direct linear transformation count pixels from the bottom of the "
            "image, and the file does not say how high it is",
            file=path,
            todo="Give the size of the images",
            remedy=Remedy("size"),
        )
    names = given.names_for(path, n_cameras, [f"cam{i + 1}" for i in range(n_cameras)])
    sections, notes = [], []
    for i, name in enumerate(names):
        size = given.size_of(path, n_cameras, i)
        assert size is not None
        flipped = np.append(table[:, i], 1.0).reshape(3, 4)
        matrix, rotation, translation = _decomposed(
            np.linalg.solve(_to_file(size[1]), flipped), path, name
        )
        skew = matrix[0, 1]
        if abs(skew) > 1e-6 * matrix[0, 0]:
            notes.append(
                f"{path.name}: camera {name} is not exactly a camera: its axes are skewed by "
                f"{skew:.3g} px, which is left out"
            )
        matrix[0, 1] = 0.0
        sections.append(
            camera_section(
                name,
                size=size,
                matrix=matrix,
                distortion=np.zeros(5),
                rotation=rotation,
                translation=translation,
            )
        )
    rig = rig_of(path, sections)
    return Rig(rig.cameras, path, rig.extra, rig.warnings + tuple(notes), rig.units)


def coefficient_table(text: str, path: Path) -> Float64 | None:
    """Coefficients, ``(11, camera)``; None where the text is something else."""
    rows = []
    with input_errors(path):
        for row in csv.reader(text.splitlines()):
            if len(row) == 1:
                row = row[0].split()
            if row and any(cell.strip() for cell in row):
                rows.append(row)
            if len(rows) > N_COEFFICIENTS or len(row) > MOST_CAMERAS:
                return None
    if len(rows) != N_COEFFICIENTS or len({len(row) for row in rows}) != 1:
        return None
    try:
        table = np.array(rows, dtype=np.float64)
    except ValueError:
        return None
    return table if np.isfinite(table).all() else None


def _to_file(height: int) -> Float64:
    """From our pixels to those of the file."""
    return np.array([[1.0, 0, 1.0], [0, -1.0, height], [0, 0, 1.0]])


def _decomposed(projection: Float64, path: Path, name: str) -> tuple[Float64, Float64, Float64]:
    """Camera matrix, rotation and translation of a projection, ``(3, 4)``."""
    from scipy.linalg import rq

    left = projection[:, :3]
    usable = np.abs(projection).max() < _LARGEST_NUMBER
    if not usable or not abs(np.linalg.det(left)) > 1e-14 * np.linalg.norm(left) ** 3:
        raise PoseDataError(
            "the coefficients are those of no camera with a focal length",
            file=path,
            place=f"camera {name}",
            todo="Check that the columns are complete, and calibrate again",
        )
    # A point in front has a positive depth, and the axes are right-handed.
    projection = projection * np.sign(np.linalg.det(left))
    upper, rotation = rq(projection[:, :3])
    signs = np.sign(np.diag(upper))
    upper, rotation = upper * signs, signs[:, None] * rotation
    translation = np.linalg.solve(upper, projection[:, 3])
    scale = upper[2, 2]
    matrix = upper / scale
    matrix[[1, 2, 2], [0, 0, 1]] = 0.0
    return matrix, rotation, translation


def write_direct_linear(rig: Rig, path: Path, files: FileGroup) -> list[str]:
    """Eleven rows; distortion has no place."""
    refuse_fisheye(rig, "the direct linear transformation")
    columns, lost = [], []
    for camera, size in zip(rig.cameras, sizes_of(rig, "this format"), strict=True):
        pose = np.column_stack([camera.rotation, camera.translation])
        coefficients = (_to_file(size[1]) @ camera.matrix @ pose).ravel()
        if abs(coefficients[-1]) < 1e-9 * np.linalg.norm(camera.translation):
            raise PoseDataError(
                f"the world's origin lies beside camera {camera.name}, where the coefficients "
                "are infinite",
                file=rig.path,
                todo="Move the origin into the volume that the cameras see",
            )
        columns.append(coefficients[:-1] / coefficients[-1])
        if np.any(camera.distortion):
            lost.append(f"camera {camera.name}: all distortion is left out")
    rows = np.column_stack(columns)
    text = "\n".join(",".join(repr(float(value)) for value in row) for row in rows)
    files.open(path).write(text + "\n")
    lost.append(f"names: the columns are {', '.join(rig.names)}")
    lost.append("the size of the images")
    if rig.units:
        lost.append(f"units: the file does not say that lengths are in {rig.units}")
    return lost
