"""MATLAB's ``.mat``: Label3D and DANNCE, and ``cameraParameters`` exported as structs.

Notes
-----
MATLAB multiplies rows, ``[x y z 1] [r; t] K``, so that K and r are transposed, and counts pixels
from 1.

References
----------
Label3D ``Label3D.m`` (exportDannce); DANNCE ``dannce/engine/data/ops.py``; MathWorks,
``cameraIntrinsicsToOpenCV``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_pose3d.core.cameras.camera import Camera
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.formats.containers.mat_variables import read_mat
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.errors import PoseDataError

from .camera_sections import (
    Float64,
    Given,
    array_of,
    camera_section,
    reduced_coefficients,
    refuse_fisheye,
    rig_of,
)

_FIRST_PIXEL = 1.0
_LABEL3D = "params (a cell of structs with K, RDistort, TDistort, r, t) and camnames"
_OF_CAMERA = re.compile(r"(?:hires_)?([^.].*)_params\.mat", re.IGNORECASE)
_OF_DANNCE = "hires_<camera>_params.mat with K, RDistort, TDistort, r and t"
_MATLAB = (
    "structs of cameraParameters or stereoParameters with IntrinsicMatrix (or K), "
    "RadialDistortion, TangentialDistortion, RotationMatrices, TranslationVectors"
)


def read_label3d(path: Path, given: Given) -> Rig:
    """Label3D's and DANNCE's parameters; lengths are in the calibration's units, mostly mm.

    DANNCE keeps them in a folder, too, ``hires_<camera>_params.mat`` for each camera.
    """
    content = _of_folder(path) if path.is_dir() else read_mat(path)
    # Label3D's own state has another name for them.
    params = _as_list(content.get("params", content.get("camParams")))
    if not params or not all(isinstance(each, dict) for each in params):
        raise PoseDataError("the cameras' parameters are missing", file=path, expected=_LABEL3D)
    found = [str(name) for name in _as_list(content.get("camnames"))]
    if len(found) != len(params):
        found = [f"Camera{i + 1}" for i in range(len(params))]
    names = given.names_for(path, len(params), found)
    sections = []
    for i, (name, values) in enumerate(zip(names, params, strict=True)):
        place = f"camera {name}"
        rotation = values.get("r", values.get("R"))
        sections.append(
            camera_section(
                name,
                size=given.size_of(path, len(params), i),
                matrix=_from_first_pixel(array_of(values.get("K"), (3, 3), path, place).T),
                distortion=_distortion(values.get("RDistort"), values.get("TDistort"), path, place),
                rotation=array_of(rotation, (3, 3), path, f"{place}, r").T,
                translation=array_of(values.get("t"), (3,), path, f"{place}, t"),
            )
        )
    return rig_of(path, sections)


def dannce_files(folder: Path) -> list[Path]:
    """The files of a folder in which DANNCE keeps a camera each, in the order of their numbers."""
    found = [each for each in folder.iterdir() if _OF_CAMERA.fullmatch(each.name)]
    # A longer number comes after a shorter one.
    return sorted(found, key=lambda each: (len(each.name), each.name))


def _of_folder(folder: Path) -> dict[str, Any]:
    params, names = [], []
    for path in dannce_files(folder):
        content = read_mat(path)
        if absent := [key for key in ("K", "r", "t") if key not in content]:
            raise PoseDataError(
                f"{', '.join(absent)} of the camera is missing", file=path, expected=_OF_DANNCE
            )
        params.append(content)
        match = _OF_CAMERA.fullmatch(path.name)
        names.append(match[1] if match else path.stem)
    return {"params": params, "camnames": names}


def write_label3d(rig: Rig, path: Path, files: FileGroup) -> list[str]:
    """``params`` and ``camnames``, which Label3D and DANNCE read."""
    cells, lost = label3d_cells(rig)
    _save(path, cells, files)
    return lost + _lost_of_all(rig)


def label3d_cells(rig: Rig) -> tuple[dict[str, Any], list[str]]:
    """``params`` and ``camnames`` as SciPy writes them, and what was left out of the lenses."""
    refuse_fisheye(rig, "Label3D")
    params, lost = np.empty((len(rig.cameras), 1), object), []
    for i, camera in enumerate(rig.cameras):
        radial, tangential, left_out = _of_lens(camera)
        lost += left_out
        params[i, 0] = {
            "K": _to_first_pixel(camera.matrix).T,
            "RDistort": radial,
            "TDistort": tangential,
            "r": camera.rotation.T,
            "t": camera.translation[None],
        }
    return {"params": params, "camnames": _names(rig)}, lost


def read_camera_parameters(path: Path, given: Given) -> Rig:
    """Structs of ``cameraParameters`` with a pose each, or of ``stereoParameters``."""
    content = read_mat(path)
    structs = {
        key: value
        for key, value in content.items()
        if isinstance(value, dict) and _is_stereo(value)
    }
    if structs:
        return _stereo(next(iter(structs.values())), path, given)
    cameras: list[tuple[str, Mapping[str, Any]]] = []
    for key, value in content.items():
        entries = [each for each in _as_list(value) if isinstance(each, dict)]
        lenses = [each for each in entries if _intrinsics(each) is not None]
        names = [key] if len(lenses) == 1 and isinstance(value, dict) else []
        cameras += zip(names or [f"{key}{i + 1}" for i in range(len(lenses))], lenses, strict=True)
    if not cameras:
        raise PoseDataError(
            "there are no parameters of cameras in it",
            file=path,
            expected=_MATLAB,
            todo="An object of MATLAB cannot be read: save toStruct(cameraParams), and the like "
            "for each camera",
        )
    found = [str(name) for name in _as_list(content.get("camnames"))]
    if len(found) != len(cameras):
        found = [name for name, _ in cameras]
    names_used = given.names_for(path, len(cameras), found)
    sections, notes = [], []
    for i, (name, (_, values)) in enumerate(zip(names_used, cameras, strict=True)):
        rotation, translation, n_poses = _pose(values, path, name)
        if n_poses > 1:
            notes.append(
                f"{path.name}: camera {name} has {n_poses} poses of a board; the first is used, "
                "which is right only if all cameras observed that board"
            )
        size = _size(values, path, name) or given.size_of(path, len(cameras), i)
        sections.append(_lens(name, values, size, rotation, translation, path))
    rig = rig_of(path, sections)
    return Rig(rig.cameras, path, rig.extra, rig.warnings + tuple(notes), rig.units)


def _is_stereo(value: Mapping[str, Any]) -> bool:
    return {"CameraParameters1", "CameraParameters2", "TranslationOfCamera2"} <= value.keys()


def _stereo(values: Mapping[str, Any], path: Path, given: Given) -> Rig:
    names = given.names_for(path, 2, ("cam1", "cam2"))
    rotation = array_of(values.get("RotationOfCamera2"), (3, 3), path, "RotationOfCamera2").T
    translation = array_of(values["TranslationOfCamera2"], (3,), path, "TranslationOfCamera2")
    sections = []
    for i, name in enumerate(names):
        lens = values[f"CameraParameters{i + 1}"]
        if not isinstance(lens, dict):
            raise PoseDataError("the lens is no struct", file=path, place=name, expected=_MATLAB)
        size = _size(lens, path, name) or given.size_of(path, 2, i)
        pose = (rotation, translation) if i else (np.eye(3), np.zeros(3))
        sections.append(_lens(name, lens, size, *pose, path))
    return rig_of(path, sections)


def _lens(
    name: str,
    values: Mapping[str, Any],
    size: tuple[int, int] | None,
    rotation: Float64,
    translation: Float64,
    path: Path,
) -> dict[str, Any]:
    place = f"camera {name}"
    matrix = array_of(_intrinsics(values), (3, 3), path, place)
    if abs(matrix[0, 1]) > 1e-9 * abs(matrix[0, 0]):
        raise PoseDataError(
            f"the axes of the camera are skewed by {matrix[0, 1]:g} px, which OpenCV's model does "
            "not have",
            file=path,
            place=place,
            todo="Calibrate again with EstimateSkew switched off",
        )
    matrix[0, 1] = 0.0
    return camera_section(
        name,
        size=size,
        matrix=_from_first_pixel(matrix),
        distortion=_distortion(
            values.get("RadialDistortion"), values.get("TangentialDistortion"), path, place
        ),
        rotation=rotation,
        translation=translation,
    )


def _intrinsics(values: Mapping[str, Any]) -> Any:
    """The matrix in OpenCV's order; None where there is none."""
    inner = values.get("Intrinsics")
    for table in (values, inner if isinstance(inner, dict) else {}):
        if "IntrinsicMatrix" in table:
            return np.asarray(table["IntrinsicMatrix"]).T
        if "K" in table and "RadialDistortion" in table:
            return table["K"]
    return None


def _pose(values: Mapping[str, Any], path: Path, name: str) -> tuple[Float64, Float64, int]:
    rotations, vectors = values.get("RotationMatrices"), values.get("RotationVectors")
    translations = values.get("TranslationVectors")
    n_poses = np.size(translations) // 3 if translations is not None else 0
    if (rotations is None and vectors is None) or n_poses < 1:
        raise PoseDataError(
            "this holds the lens of a camera, but not where it stands",
            file=path,
            place=f"camera {name}",
            expected="RotationMatrices or RotationVectors, and TranslationVectors; or "
            "stereoParameters",
        )
    place = f"camera {name}, pose"
    if rotations is not None:
        rotation = array_of(rotations, (3, 3, n_poses), path, place)[..., 0].T
    else:
        # These are Rodrigues vectors as in OpenCV: only the matrices are transposed.
        rotation = array_of(vectors, (n_poses, 3), path, place)[0]
    translation = array_of(translations, (n_poses, 3), path, place)[0]
    return rotation, translation, n_poses


def _size(values: Mapping[str, Any], path: Path, name: str) -> tuple[int, int] | None:
    if np.size(values.get("ImageSize", ())) != 2:
        return None
    rows, columns = array_of(values["ImageSize"], (2,), path, f"camera {name}, ImageSize")
    return int(columns), int(rows)


def write_camera_parameters(rig: Rig, path: Path, files: FileGroup) -> list[str]:
    """A cell ``cameraParams`` of structs with one pose each, and ``camnames``."""
    refuse_fisheye(rig, "MATLAB's cameraParameters")
    params, lost = np.empty((len(rig.cameras), 1), object), []
    for i, camera in enumerate(rig.cameras):
        radial, tangential, left_out = _of_lens(camera)
        lost += left_out
        params[i, 0] = {
            "IntrinsicMatrix": _to_first_pixel(camera.matrix).T,
            "RadialDistortion": radial,
            "TangentialDistortion": tangential,
            "RotationMatrices": camera.rotation.T,
            "TranslationVectors": camera.translation[None],
            "ImageSize": _image_size(camera),
        }
    _save(path, {"cameraParams": params, "camnames": _names(rig)}, files)
    lost += _lost_of_all(rig)
    return [each for each in lost if not each.startswith("the size")]


def _of_lens(camera: Camera) -> tuple[Float64, Float64, list[str]]:
    """Radial and tangential distortion as MATLAB keeps them, and what was left out."""
    (k1, k2, p1, p2, k3), left_out = reduced_coefficients(camera, 5)
    return np.array([[k1, k2, k3] if k3 else [k1, k2]]), np.array([[p1, p2]]), left_out


def _image_size(camera: Camera) -> Float64:
    width, height = camera.size or (0, 0)
    return np.array([[height, width]], dtype=np.float64) if camera.size else np.zeros((0, 0))


def _distortion(radial: Any, tangential: Any, path: Path, place: str) -> Float64:
    """In OpenCV's order: MATLAB keeps k1, k2, k3 and p1, p2 apart."""
    n_radial = int(np.size(radial)) if radial is not None else 0
    if n_radial not in (2, 3):
        raise PoseDataError(
            f"the radial distortion has {n_radial} numbers",
            file=path,
            place=place,
            expected="two or three",
        )
    k = np.append(array_of(radial, (n_radial,), path, place), 0.0)
    p = array_of(tangential, (2,), path, place) if np.size(tangential) else np.zeros(2)
    return np.array([k[0], k[1], p[0], p[1], k[2]])


def _from_first_pixel(matrix: Float64) -> Float64:
    made = matrix.copy()
    made[:2, 2] -= _FIRST_PIXEL
    return made


def _to_first_pixel(matrix: Float64) -> Float64:
    made = matrix.copy()
    made[:2, 2] += _FIRST_PIXEL
    return made


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, np.ndarray):
        return value.ravel().tolist() if value.dtype == object or value.dtype.kind in "US" else []
    return list(value) if isinstance(value, list | tuple) else [value]


def _names(rig: Rig) -> Any:
    # A row: of a column DANNCE takes the first name only.
    names = np.empty((1, len(rig.cameras)), object)
    names[0] = rig.names
    return names


def _save(path: Path, content: dict[str, Any], files: FileGroup) -> None:
    from scipy.io import savemat

    with files.path(path).open("wb") as stream:
        savemat(stream, content)


def _lost_of_all(rig: Rig) -> list[str]:
    lost = []
    if any(camera.size is not None for camera in rig.cameras):
        lost.append("the size of the images")
    if rig.units:
        lost.append(f"units: the file does not say that lengths are in {rig.units}")
    return lost
