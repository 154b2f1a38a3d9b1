"""Scale, origin and orientation: kept where a fit would let all cameras drift together.

Notes
-----
Points in several views say nothing about where the world begins, how it is turned and how large it
is. Of all similarities the one is taken after which most cameras show the points where they did
before: a camera that was moved does not drag the others along. Pixels are compared rather than
camera centres, since the distance of a long lens is hardly known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.camera import Camera
from napari_pose3d.core.cameras.rig import Rig

from ..solve.rotations import rotation_of

Float64 = NDArray[np.float64]

_MOST_POINTS = 150


def kept_world(
    before: Sequence[Camera], after: Sequence[Camera], xyz: Float64, noise: float, fixed: int | None
) -> tuple[tuple[Camera, ...], Float64]:
    """Refined cameras and points, moved together to where the cameras were before.

    Parameters
    ----------
    before, after : sequence of Camera
    xyz : (point, 3)
        In the world of `after`.
    noise : float
        px.
    fixed : int, optional
        The one camera that must stay where it is: only the scale changes then.
    """
    from scipy.optimize import least_squares

    chosen = xyz[np.linspace(0, len(xyz) - 1, min(len(xyz), _MOST_POINTS)).astype(int)]
    middle = np.median(chosen, axis=0) if fixed is None else before[fixed].centre
    size = max(float(np.median(np.linalg.norm(chosen - middle, axis=1))), 1e-12)
    old, new = pinholes(before), pinholes(after)
    wanted = new.project(chosen)
    fallback = 1e3 * noise

    def full(vector: Float64) -> Float64:
        return vector if fixed is None else np.concatenate([np.zeros(6), vector])

    def moved(vector: Float64) -> Float64:
        scale, turn, shift = _parts(full(vector), size)
        return np.asarray(scale * (chosen - middle) @ turn.T + middle + shift)

    def differences(vector: Float64) -> Float64:
        distance = (old.project(moved(vector)) - wanted) / noise
        return np.nan_to_num(distance, nan=fallback / noise).ravel()

    best = np.zeros(7 if fixed is None else 1)
    width = max(float(np.median(np.abs(differences(best)))), 1.0)
    while True:
        found = least_squares(
            differences, best, loss="cauchy", f_scale=width, x_scale="jac", max_nfev=40
        )
        best = found.x
        if width <= 0.1:
            break
        width = max(width / 4, 0.1)
    scale, turn, shift = _parts(full(best), size)
    # X' = s Q (X - m) + m + b
    offset = middle + shift - scale * turn @ middle
    cameras = []
    for camera in after:
        rotation = camera.rotation @ turn.T
        cameras.append(
            replace(
                camera,
                rotation=rotation,
                translation=scale * camera.translation - rotation @ offset,
            )
        )
    if fixed is not None:
        cameras[fixed] = before[fixed]
    return tuple(cameras), scale * xyz @ turn.T + offset


def pinholes(cameras: Sequence[Camera]) -> Rig:
    """The cameras without distortion, which beyond the image may show nothing at all."""
    return Rig(
        tuple(
            camera if camera.fisheye else replace(camera, distortion=np.zeros(5))
            for camera in cameras
        )
    )


def _parts(vector: Float64, size: float) -> tuple[float, Float64, Float64]:
    """Scale, rotation and translation of seven numbers of about equal weight."""
    return float(np.exp(vector[6])), rotation_of(vector[:3]), size * vector[3:6]
