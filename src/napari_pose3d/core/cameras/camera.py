"""One calibrated camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Camera:
    """One calibrated camera in OpenCV's conventions.

    Attributes
    ----------
    name : str
        The name of its view.
    size : (width, height) in px, or None where unknown
    matrix : (3, 3) float64
        Only fx, fy, cx, cy are used.
    distortion : (4..14,) float64
        k1 k2 p1 p2 k3 ..., or the four coefficients of the fisheye model.
    rotation : (3, 3) float64
    translation : (3,) float64
        ``X_cam = rotation @ X + translation``.
    """

    name: str
    size: tuple[int, int] | None
    matrix: Float64
    distortion: Float64
    rotation: Float64
    translation: Float64
    fisheye: bool = False

    @property
    def centre(self) -> Float64:
        """Position of the camera in the world, ``(3,)`` rig units."""
        return np.asarray(-self.rotation.T @ self.translation)


def rotation_vector(rotation: Float64) -> Float64:
    """Rodrigues vector of a rotation matrix, ``(3,)`` rad."""
    from scipy.spatial.transform import Rotation

    return np.asarray(Rotation.from_matrix(rotation).as_rotvec())
