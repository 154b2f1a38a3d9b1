"""The calibrated cameras of a session: choosing by name, projecting, undistorting.

Reading and writing them is in `rig_file`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from napari_pose3d.errors import PoseDataError, Remedy
from napari_pose3d.wording import verb

from .camera import Camera, Float64, rotation_vector

if TYPE_CHECKING:
    from aniposelib.cameras import CameraGroup


@dataclass(frozen=True, eq=False)
class Rig:
    """The calibrated cameras of a session, in the order of their file.

    Attributes
    ----------
    cameras : tuple of Camera
    path : Path or None
        The file it came from.
    extra : mapping
        What the file held besides cameras (``metadata``), written back by `save_rig`.
    warnings : tuple of str
        What was assumed while loading.
    units : str
        Name of the unit of length, from ``metadata.units``; mostly unknown, hence empty.
    """

    cameras: tuple[Camera, ...]
    path: Path | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    units: str = ""

    def __post_init__(self) -> None:
        names = self.names
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise PoseDataError(
                f"two cameras are called {', '.join(twice)}",
                file=self.path,
                expected="a name of its own for each camera",
                todo="Rename one of them to the name of its view",
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the cameras, which are the names of their views."""
        return tuple(camera.name for camera in self.cameras)

    @property
    def centres(self) -> Float64:
        """Positions of the cameras in the world, ``(view, 3)`` rig units."""
        return np.stack([camera.centre for camera in self.cameras])

    @cached_property
    def packed(self) -> Float64:
        """All cameras as one array for the compiled functions (`cameras.projection`)."""
        from .projection import pack_cameras

        return pack_cameras(self.cameras)

    def subset(self, names: Sequence[str]) -> Rig:
        """The rig with only the named cameras, in the order given.

        Raises
        ------
        PoseDataError
            A name has no camera.
        """
        absent = [name for name in names if name not in self.names]
        if absent:
            raise PoseDataError(
                f"no camera for the view {', '.join(absent)}",
                file=self.path,
                expected=f"views among the calibrated cameras {', '.join(self.names)}",
                todo="Leave the view out, or say which of the cameras it is",
                remedy=(Remedy("views"), Remedy("cameras")),
            )
        return replace(self, cameras=tuple(self.cameras[self.names.index(name)] for name in names))

    def renamed(self, cameras: Mapping[str, str]) -> Rig:
        """The rig with the names of the views, where its file has others.

        Parameters
        ----------
        cameras : mapping of view to camera
            Cameras that the rig does not have are passed over. A camera that has the name of a
            view which is another camera's is left out.
        """
        new = view_names(self.names, cameras)
        if new == self.names:
            return self
        pairs = zip(self.cameras, new, strict=True)
        return replace(
            self,
            cameras=tuple(replace(camera, name=name) for camera, name in pairs if name is not None),
        )

    def project(self, xyz: ArrayLike) -> Float64:
        """Where world points appear in each view.

        Parameters
        ----------
        xyz : (..., 3)
            World points in rig units.

        Returns
        -------
        (view, ..., 2) float64
            Pixels; NaN where a camera cannot see the point: behind it, or so far off its axis
            that the distortion folds back. A pixel outside the image is returned as it is.
        """
        from .projection import project_points

        points = np.asarray(xyz, dtype=np.float64)
        if points.shape[-1:] != (3,):
            raise PoseDataError(f"the points have shape {points.shape}", expected="(..., 3)")
        flat = np.ascontiguousarray(points.reshape(-1, 3))
        out = np.empty((len(self.cameras), len(flat), 2))
        project_points(self.packed, flat, out)
        return out.reshape(len(self.cameras), *points.shape[:-1], 2)

    def undistort(self, xy: ArrayLike) -> Float64:
        """Normalised image coordinates of pixels, iterated until they are exact.

        Parameters
        ----------
        xy : (view, ..., 2)
            Pixels in the order of the rig's cameras.

        Returns
        -------
        (view, ..., 2) float64
            ``x / z`` and ``y / z`` in each camera's frame; NaN where the pixel is NaN or where
            no direction is imaged onto it.
        """
        from .projection import undistort_points

        pixels = np.asarray(xy, dtype=np.float64)
        if pixels.ndim < 2 or pixels.shape[0] != len(self.cameras) or pixels.shape[-1] != 2:
            raise PoseDataError(
                f"the pixels have shape {pixels.shape}",
                expected=f"({len(self.cameras)}, ..., 2), one entry per camera",
            )
        flat = np.ascontiguousarray(pixels.reshape(len(self.cameras), -1, 2))
        out = np.empty_like(flat)
        undistort_points(self.packed, flat, out)
        return out.reshape(pixels.shape)

    def to_aniposelib(self) -> CameraGroup:
        """The same cameras as an ``aniposelib.cameras.CameraGroup``, in the same order."""
        with qt_settings_kept():
            from aniposelib.cameras import Camera as AniposeCamera
            from aniposelib.cameras import CameraGroup, FisheyeCamera

        group = []
        for camera in self.cameras:
            kind = FisheyeCamera if camera.fisheye else AniposeCamera
            group.append(
                kind(
                    matrix=camera.matrix,
                    dist=camera.distortion,
                    size=camera.size,
                    rvec=rotation_vector(camera.rotation),
                    tvec=camera.translation,
                    name=camera.name,
                )
            )
        return CameraGroup(group)


def view_names(names: Sequence[str], cameras: Mapping[str, str]) -> tuple[str | None, ...]:
    """The view of each camera of a calibration; None where its name is that of another's view.

    Parameters
    ----------
    names : sequence of str
        Those of the file.
    cameras : mapping of view to camera
        As `Rig.renamed` takes it.
    """
    views = {camera: view for view, camera in cameras.items() if camera in names}
    taken = set(views.values())
    return tuple(views.get(name, None if name in taken else name) for name in names)


def absent_cameras(views: Sequence[str], names: Sequence[str], file: str) -> str:
    """Which views a calibration has no camera for, in words; "" for none.

    Parameters
    ----------
    names : sequence of str
        Those of the rig's cameras.
    file : str
        Name of the calibration.
    """
    absent = [view for view in views if view not in names]
    if not absent:
        return ""
    return f"{', '.join(absent)} {verb(len(absent))} not in {file}; it has {', '.join(names)}"


@contextmanager
def qt_settings_kept() -> Iterator[None]:
    """Undo what importing cv2 does to the process: it points every Qt to plugins of its own."""
    before = {key: value for key, value in os.environ.items() if key.startswith("QT_")}
    try:
        yield
    finally:
        for key in [key for key in os.environ if key.startswith("QT_")]:
            if key not in before:
                del os.environ[key]
        os.environ.update(before)
