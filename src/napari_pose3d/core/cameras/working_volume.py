"""Working volume: the part of space in which the animal can be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .camera import Camera
from .rig import Rig

Float64 = NDArray[np.float64]

# So many points determine where the animal moves.
_MANY_POINTS = 200
# The volume is larger than the extent of the points by this factor.
_MARGIN = 1.25
# However little the animal moved, the volume stays this part of what the cameras record.
_LEAST_PART = 0.25


@dataclass(frozen=True, eq=False)
class WorkingVolume:
    """The sphere that everything of interest lies in.

    Attributes
    ----------
    centre : (3,) float64
        Rig units.
    radius : float
    """

    centre: Float64
    radius: float


def working_volume(rig: Rig, xyz: ArrayLike | None = None) -> WorkingVolume:
    """Where in space the animal can be.

    Parameters
    ----------
    rig : Rig
    xyz : (..., 3), optional
        Points known so far, from labels or a smoothed result; NaN where unknown. A tenth of them
        may be wrong. Few points only enlarge what the cameras record; many may reduce it.

    Returns
    -------
    WorkingVolume
        Without points: around the point that the cameras are directed at, as large as the image of
        the camera with the second widest field (a point counts when two cameras see it).
    """
    recorded = _recorded(rig)
    points = np.empty((0, 3)) if xyz is None else np.asarray(xyz, np.float64).reshape(-1, 3)
    points = points[np.isfinite(points).all(axis=-1)]
    if not len(points):
        return recorded
    centre = np.median(points, axis=0)
    # Twice what holds nine tenths: a tenth may be wrong by any distance.
    reach = 2.0 * _MARGIN * float(np.percentile(np.linalg.norm(points - centre, axis=-1), 90))
    if len(points) < _MANY_POINTS:
        away = float(np.linalg.norm(centre - recorded.centre))
        return WorkingVolume(recorded.centre, max(recorded.radius, away + reach))
    return WorkingVolume(centre, max(reach, _LEAST_PART * recorded.radius))


def _recorded(rig: Rig) -> WorkingVolume:
    """Around the point that the cameras are directed at, as large as their images there."""
    centre = _looked_at(rig)
    half_widths = []
    for view, camera in enumerate(rig.cameras):
        depth = float(camera.rotation[2] @ centre + camera.translation[2])
        half_widths.append(max(depth, 0.0) * field_of_view(rig, view))
    half_widths.sort()
    radius = half_widths[-2] if len(half_widths) > 1 else half_widths[-1]
    return WorkingVolume(centre, float(radius))


def _looked_at(rig: Rig) -> Float64:
    """The point nearest to the axes of all cameras, in front of them."""
    normal, right = np.zeros((3, 3)), np.zeros(3)
    for camera in rig.cameras:
        axis = camera.rotation[2]
        across = np.eye(3) - np.outer(axis, axis)
        normal += across
        right += across @ camera.centre
    values, vectors = np.linalg.eigh(normal)
    axes = np.stack([camera.rotation[2] for camera in rig.cameras])
    if values[0] > 1e-6 * len(rig.cameras):
        centre = vectors @ ((vectors.T @ right) / values)
        if np.all(np.einsum("vi,vi->v", axes, centre - rig.centres) > 0):
            return np.asarray(centre)
    # Side by side, looking the same way: where half of what one sees the other sees as well.
    middle, forward = rig.centres.mean(axis=0), axes.mean(axis=0)
    base = max(float(np.linalg.norm(rig.centres - middle, axis=-1).max()), 1e-9)
    narrowest = min(field_of_view(rig, view) for view in range(len(rig.cameras)))
    return np.asarray(middle + 2 * base / narrowest * forward / np.linalg.norm(forward))


def field_of_view(rig: Rig, view: int) -> float:
    """Tangent of the angle from the axis up to which a camera sees, and somewhat beyond."""
    from .projection import _MAX_R2

    fold = np.sqrt(rig.packed[view, _MAX_R2])
    width, height = image_size(rig.cameras[view])
    edge = np.linspace(0.0, 1.0, 9)
    frame = np.concatenate(
        [
            np.stack([edge * width, np.zeros(9)], 1),
            np.stack([edge * width, np.full(9, height)], 1),
            np.stack([np.zeros(9), edge * height], 1),
            np.stack([np.full(9, width), edge * height], 1),
        ]
    )
    observed = np.hypot(*undistort_in(rig, view, frame).T)
    # At the fold itself the projection is not defined any more.
    limit = (1 - 1e-9) * fold
    widest = 1.2 * float(observed.max()) if np.isfinite(observed).all() else np.inf
    # Without a limit only a fisheye that sees the whole half space remains.
    return float(min(limit, widest, 1e4))


def image_size(camera: Camera) -> tuple[float, float]:
    """Of the image in px; twice the principal point where the calibration has none."""
    if camera.size is not None:
        return float(camera.size[0]), float(camera.size[1])
    return 2 * float(camera.matrix[0, 2]), 2 * float(camera.matrix[1, 2])


def undistort_in(rig: Rig, view: int, xy: Float64) -> Float64:
    """Normalised coordinates in one view only, ``(point, 2)`` -> ``(point, 2)``."""
    from .projection import undistort_points

    out = np.empty((1, len(xy), 2))
    undistort_points(rig.packed[view : view + 1], xy[None], out)
    return out[0]
