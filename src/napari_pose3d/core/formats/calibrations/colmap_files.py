"""COLMAP's text model: ``cameras.txt`` and ``images.txt``.

Notes
-----
COLMAP counts pixels from the corner of the image, so that the centre of the first one is at
0.5, 0.5. Each image is a camera here, called after the image's file.

References
----------
COLMAP documentation, "Output Format"; ``src/colmap/sensor/models.h``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np

from napari_pose3d.core.cameras.camera import Camera
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.rig_file import MOST_CAMERAS
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.input_files import read_text
from napari_pose3d.errors import PoseDataError

from .camera_sections import (
    LARGEST,
    Float64,
    Given,
    array_of,
    camera_section,
    coefficients,
    rig_of,
    sizes_of,
)

CAMERAS, IMAGES, POINTS = "cameras.txt", "images.txt", "points3D.txt"
# The parameters of each model; f stands for fx and fy.
MODELS: Mapping[str, tuple[str, ...]] = {
    "SIMPLE_PINHOLE": ("f", "cx", "cy"),
    "PINHOLE": ("fx", "fy", "cx", "cy"),
    "SIMPLE_RADIAL": ("f", "cx", "cy", "k1"),
    "RADIAL": ("f", "cx", "cy", "k1", "k2"),
    "OPENCV": ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2"),
    "OPENCV_FISHEYE": ("fx", "fy", "cx", "cy", "k1", "k2", "k3", "k4"),
    "FULL_OPENCV": ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"),
}
_ORDER = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
_CORNER = 0.5


def read_colmap(path: Path, given: Given) -> Rig:
    """The images of a model, given its folder or one of its files."""
    folder = path if path.is_dir() else path.parent
    lenses = {}
    lines_of_cameras = _lines(folder / CAMERAS)
    if len(lines_of_cameras) > MOST_CAMERAS:
        raise PoseDataError(
            f"the model has {len(lines_of_cameras)} cameras",
            file=folder / CAMERAS,
            expected=f"at most {MOST_CAMERAS}",
        )
    for number, line in lines_of_cameras:
        place = f"line {number}"
        words = line.split()
        if len(words) < 4 or words[1] not in MODELS:
            model = words[1][:40] if len(words) > 1 else line[:40]
            raise PoseDataError(
                f"the camera model is '{model}'",
                file=folder / CAMERAS,
                place=place,
                expected=f"one of {', '.join(MODELS)}",
                todo="Estimate the cameras again with one of these models",
            )
        parameters = MODELS[words[1]]
        numbers = array_of(words[2:], (2 + len(parameters),), folder / CAMERAS, place)
        lenses[words[0]] = (words[1], numbers[:2], dict(zip(parameters, numbers[2:], strict=True)))
    poses = []
    # Every second line holds the points of an image, and may be empty.
    text = read_text(folder / IMAGES, largest=16 * LARGEST)
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if not line.lstrip().startswith("#")
    ]
    for number, line in lines[::2]:
        if not line.strip():
            continue
        words = line.split(maxsplit=9)
        place = f"line {number}"
        if len(words) < 10 or words[8] not in lenses:
            raise PoseDataError(
                "this is not the pose of an image",
                file=folder / IMAGES,
                place=place,
                expected="IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME, then a line of points",
            )
        poses.append((words[9], words[8], array_of(words[1:8], (7,), folder / IMAGES, place)))
        if len(poses) > MOST_CAMERAS:
            raise PoseDataError(
                f"the model has more than {MOST_CAMERAS} images",
                file=folder / IMAGES,
                expected="one image of each camera",
                todo="Keep one image of each camera in images.txt",
            )
    found = [str(PurePosixPath(name).with_suffix("")).replace("/", "_") for name, _, _ in poses]
    names = given.names_for(path, len(poses), found)
    sections = []
    for name, (_, lens, pose) in zip(names, poses, strict=True):
        model, size, values = lenses[lens]
        fisheye = model == "OPENCV_FISHEYE"
        keys: tuple[str, ...] = ("k1", "k2", "k3", "k4") if fisheye else _ORDER
        matrix = np.eye(3)
        matrix[0, 0] = values.get("fx", values.get("f"))
        matrix[1, 1] = values.get("fy", values.get("f"))
        matrix[:2, 2] = values["cx"] - _CORNER, values["cy"] - _CORNER
        kept = keys if model == "FULL_OPENCV" else keys[: 4 if fisheye else 5]
        sections.append(
            camera_section(
                name,
                size=[int(size[0]), int(size[1])],
                matrix=matrix,
                distortion=[values.get(key, 0.0) for key in kept],
                rotation=_rotation(pose[:4], folder / IMAGES, name),
                translation=pose[4:],
                fisheye=fisheye,
            )
        )
    return rig_of(folder / IMAGES, sections)


def _lines(path: Path) -> list[tuple[int, str]]:
    text = read_text(path, largest=LARGEST)
    return [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]


def _rotation(quaternion: Float64, path: Path, name: str) -> Float64:
    from scipy.spatial.transform import Rotation

    length = float(np.linalg.norm(quaternion))
    if not abs(length - 1) < 1e-3:
        raise PoseDataError(
            f"the quaternion has the length {length:g}",
            file=path,
            place=f"image {name}",
            expected="1",
        )
    return np.asarray(Rotation.from_quat(quaternion[[1, 2, 3, 0]]).as_matrix())


def write_colmap(rig: Rig, path: Path, files: FileGroup) -> list[str]:
    """A model without points, in the folder `path`; one lens and one image for each camera."""
    from scipy.spatial.transform import Rotation

    lenses, images, lost = [], [], []
    for i, (camera, size) in enumerate(
        zip(rig.cameras, sizes_of(rig, "COLMAP"), strict=True), start=1
    ):
        model, values = _lens(camera)
        lenses.append(" ".join([str(i), model, str(size[0]), str(size[1]), *map(repr, values)]))
        x, y, z, w = Rotation.from_matrix(camera.rotation).as_quat()
        pose = [repr(float(value)) for value in (w, x, y, z, *camera.translation)]
        images += [" ".join([str(i), *pose, str(i), f"{camera.name}.png"]), ""]
        if np.any(camera.distortion[8:]):
            lost.append(f"camera {camera.name}: thin prism and tilt coefficients are left out")
    files.open(path / CAMERAS).write(
        "\n".join(["# CAMERA_ID MODEL WIDTH HEIGHT PARAMS[]", *lenses, ""])
    )
    header = "# IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME, then a line of points"
    files.open(path / IMAGES).write("\n".join([header, *images, ""]))
    files.open(path / POINTS).write("# no points\n")
    if rig.units:
        lost.append("units: COLMAP has none")
    return lost


def _lens(camera: Camera) -> tuple[str, list[float]]:
    fx, fy = camera.matrix[0, 0], camera.matrix[1, 1]
    cx, cy = camera.matrix[0, 2] + _CORNER, camera.matrix[1, 2] + _CORNER
    if camera.fisheye:
        model, n = "OPENCV_FISHEYE", 4
    elif not np.any(camera.distortion):
        model, n = "PINHOLE", 0
    elif not np.any(camera.distortion[4:]):
        model, n = "OPENCV", 4
    else:
        model, n = "FULL_OPENCV", 8
    return model, [float(value) for value in (fx, fy, cx, cy, *coefficients(camera, n))]
