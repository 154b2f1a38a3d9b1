"""What all converters share: cameras as tables with the keys of Anipose's sections, and back.

Notes
-----
A reader of a format only brings its numbers into our conventions (`camera_section`);
`core.cameras.rig_file` checks them, so that every format is refused in the same words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.camera import Camera
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.rig_file import rig_from_sections
from napari_pose3d.errors import PoseDataError

Float64 = NDArray[np.float64]

LARGEST = 4 << 20
"""Bytes that a calibration in a text may have."""

_GRID = 25

COEFFICIENTS = (
    *("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6", "s1", "s2", "s3", "s4"),
    *("tau_x", "tau_y"),
)
"""OpenCV's distortion coefficients in their order."""


@dataclass(frozen=True)
class Given:
    """What a file does not hold and its reader was given.

    Attributes
    ----------
    names : tuple of str
        Of the cameras, in the order of the file; may be empty.
    sizes : tuple of (width, height)
        px; one for all cameras, or one for each; may be empty.
    """

    names: tuple[str, ...] = ()
    sizes: tuple[tuple[int, int], ...] = ()

    def names_for(self, path: Path, n_cameras: int, found: Sequence[str]) -> Sequence[str]:
        """The names given, else those found."""
        if self.names and len(self.names) != n_cameras:
            raise PoseDataError(
                f"{len(self.names)} names were given for {n_cameras} cameras",
                file=path,
                expected="a name for each camera, in the order of the file",
            )
        return self.names or found

    def size_of(self, path: Path, n_cameras: int, camera: int) -> tuple[int, int] | None:
        """The size given for a camera; None where none was."""
        if len(self.sizes) not in (0, 1, n_cameras):
            raise PoseDataError(
                f"{len(self.sizes)} sizes were given for {n_cameras} cameras",
                file=path,
                expected="one for all, or one for each",
            )
        if not self.sizes:
            return None
        return self.sizes[camera if len(self.sizes) > 1 else 0]


def camera_section(
    name: str,
    *,
    matrix: Any,
    distortion: Any,
    rotation: Any,
    translation: Any,
    size: Sequence[int] | None = None,
    fisheye: bool = False,
) -> dict[str, Any]:
    """A camera as a table of Anipose's; values that are None are left out, and so reported.

    Parameters
    ----------
    matrix : (3, 3)
        OpenCV's; the pixel whose centre is 0 is the first.
    distortion : (n,)
        In OpenCV's order; fewer than four are filled up with zeros.
    rotation : (3,) or (3, 3)
        World to camera.
    translation : (3,)
        Rig units.
    """
    coefficients = plain(distortion)
    if isinstance(coefficients, list):
        coefficients = _flat(coefficients)
        coefficients += [0.0] * (4 - len(coefficients))
    turned = plain(rotation)
    if isinstance(turned, list) and len(turned) == 9:
        turned = [turned[:3], turned[3:6], turned[6:]]
    values = {
        "name": name,
        "size": None if size is None else [int(length) for length in size],
        "matrix": plain(matrix),
        "distortions": coefficients,
        "rotation": turned,
        "translation": plain(translation),
        "fisheye": fisheye,
    }
    return {key: value for key, value in values.items() if value is not None}


def rig_of(path: Path, sections: Sequence[dict[str, Any]], units: str = "") -> Rig:
    """The rig of cameras from `camera_section`.

    Parameters
    ----------
    units : str
        What the format's lengths are in; "" where it does not say.
    """
    extra: Mapping[str, Any] = {"metadata": {"units": units}} if units else {}
    tables = {str(section.get("name", i)): section for i, section in enumerate(sections)}
    if len(tables) < len(sections):
        names = [str(section.get("name")) for section in sections]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise PoseDataError(
            f"two cameras are called {', '.join(twice)}",
            file=path,
            expected="a name of its own for each camera",
        )
    return rig_from_sections(path, tables, extra, rotation_matrices=True)


def plain(value: Any) -> Any:
    """Arrays as lists, and text that is a number as the number."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def array_of(value: Any, shape: tuple[int, ...], path: Path, place: str) -> Float64:
    """Numbers of one shape.

    Raises
    ------
    PoseDataError
        They are no numbers, not as many, or not finite.
    """
    expected = f"{' x '.join(map(str, shape))} numbers"
    try:
        array = np.array(plain(value), dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise PoseDataError(
            "this is not an array of numbers", file=path, place=place, expected=expected
        ) from None
    if array.size != np.prod(shape) or not np.isfinite(array).all():
        what = f"found {array.size} numbers" if np.isfinite(array).all() else "a number is missing"
        raise PoseDataError(what, file=path, place=place, expected=expected)
    return array.reshape(shape)


def coefficients(camera: Camera, n: int) -> Float64:
    """The first `n` distortion coefficients, ``(n,)``; those that the camera lacks are 0."""
    made = np.zeros(max(n, camera.distortion.size))
    made[: camera.distortion.size] = camera.distortion
    return made[:n]


def reduced_coefficients(camera: Camera, n: int) -> tuple[Float64, list[str]]:
    """Distortion for a format with room for `n` coefficients, four or five.

    Returns
    -------
    coefficients : (n,) float64
        The camera's own where no other is in use; else those that come nearest to it over its
        image, in the sense of least squares.
    lost : list of str
        Says which were left out.
    """
    left = [
        f"{COEFFICIENTS[i]} = {value:g}"
        for i, value in enumerate(camera.distortion)
        if i >= n and value != 0
    ]
    if not left:
        return coefficients(camera, n), []
    lost = f"camera {camera.name}: {', '.join(left)} left out"
    if camera.fisheye or camera.size is None:
        return coefficients(camera, n), [lost]
    return _fitted(camera, n), [f"{lost}, the others fitted anew"]


def _fitted(camera: Camera, n: int) -> Float64:
    assert camera.size is not None
    width, height = camera.size
    u, v = np.meshgrid(np.linspace(0, width - 1, _GRID), np.linspace(0, height - 1, _GRID))
    pixels = np.column_stack([u.ravel(), v.ravel()])
    x, y = Rig((camera,)).undistort(pixels[None])[0].T
    k = camera.matrix
    moved_x, moved_y = (pixels - k[:2, 2]).T / k[[0, 1], [0, 1]][:, None] - [x, y]
    r2 = x * x + y * y
    # The model is linear in k1 k2 p1 p2 k3.
    for_x = np.column_stack([x * r2, x * r2**2, 2 * x * y, r2 + 2 * x * x, x * r2**3])
    for_y = np.column_stack([y * r2, y * r2**2, r2 + 2 * y * y, 2 * x * y, y * r2**3])
    design = np.concatenate([k[0, 0] * for_x, k[1, 1] * for_y])[:, :n]
    target = np.concatenate([k[0, 0] * moved_x, k[1, 1] * moved_y])
    known = np.isfinite(target) & np.isfinite(design).all(axis=1)
    return np.asarray(np.linalg.lstsq(design[known], target[known], rcond=None)[0])


def refuse_fisheye(rig: Rig, program: str) -> None:
    """Raise `PoseDataError` when a camera has the fisheye model."""
    bent = [camera.name for camera in rig.cameras if camera.fisheye]
    if bent:
        raise PoseDataError(
            f"{program} knows no fisheye lenses, and {', '.join(bent)} has one",
            file=rig.path,
            todo="Choose a format that keeps them, such as Anipose's, Caliscope's or COLMAP's",
        )


def sizes_of(rig: Rig, program: str) -> list[tuple[int, int]]:
    """The image sizes of all cameras, px; `PoseDataError` when one is not known."""
    sizes = [camera.size for camera in rig.cameras if camera.size is not None]
    if len(sizes) < len(rig.cameras):
        raise PoseDataError(
            f"{program} needs the size of the images, and this rig does not say it",
            file=rig.path,
            todo="Add 'size' to each camera",
        )
    return sizes


def pose_matrix(camera: Camera) -> Float64:
    """World to camera as one matrix, ``(4, 4)``."""
    made = np.eye(4)
    made[:3, :3], made[:3, 3] = camera.rotation, camera.translation
    return made


def _flat(values: list[Any]) -> list[Any]:
    made: list[Any] = []
    for value in values:
        made += _flat(value) if isinstance(value, list) else [value]
    return made
