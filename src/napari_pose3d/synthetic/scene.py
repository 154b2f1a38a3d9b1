"""The scene: an animal in an arena and the cameras around it, with every position known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.camera import Camera
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.errors import PoseDataError

from . import animal

Float64 = NDArray[np.float64]

UNITS = "mm"

# Focal length in px (for an image 640 px wide), k1, k2, p1, p2, k3, elevation in degrees, roll in
# degrees, azimuth in degrees beside an even ring. Lenses as labs mix them; Cam-B hardly distorts.
_LENSES = (
    (620.0, -0.18, 0.050, 8e-4, -5e-4, 0.0, 38.0, 1.5, 4.0),
    (900.0, -0.01, 0.000, 0.0, 0.0, 0.0, 30.0, -2.0, -9.0),
    (520.0, -0.30, 0.090, -1e-3, 6e-4, -0.005, 50.0, 3.0, 7.0),
    (740.0, -0.10, 0.020, 5e-4, 9e-4, 0.0, 33.0, -1.0, -5.0),
    (680.0, -0.14, 0.030, -6e-4, -8e-4, 0.0, 44.0, 2.5, 10.0),
    (560.0, -0.24, 0.070, 9e-4, 3e-4, 0.0, 28.0, -3.0, -4.0),
)
_MARGIN = 10.0  # px that stay free around everything the animal can reach, at a width of 640


@dataclass(frozen=True, eq=False)
class Scene:
    """What is true: the animal, frame by frame, and the cameras that video it.

    Attributes
    ----------
    xyz : (frame, keypoint, 3) float64
        True positions in mm; z is up and the floor is z = 0.
    keypoints : tuple of str
    skeleton : tuple of (str, str)
        Pairs of keypoints to draw a line between.
    left_right : tuple of (str, str)
        Keypoints that a network can mistake for each other.
    rigid_pairs : tuple of (str, str)
        Pairs whose distance never changes.
    fps : float
        Frames per second.
    rig : Rig
        The cameras, in mm.
    points : mapping of str to (frame, 3)
        The keypoints and the joints under the skin, for drawing.
    on_floor : (frame, paw) bool
        Whether each of ``animal.PAWS`` stands on the floor.
    arena_radius : float
        Of the round board that the animal walks on, mm.
    seed : int
        Where chance came from.
    """

    xyz: Float64
    keypoints: tuple[str, ...]
    skeleton: tuple[tuple[str, str], ...]
    left_right: tuple[tuple[str, str], ...]
    rigid_pairs: tuple[tuple[str, str], ...]
    fps: float
    rig: Rig
    points: Mapping[str, Float64]
    on_floor: NDArray[np.bool_]
    arena_radius: float
    seed: int

    @property
    def n_frames(self) -> int:
        return int(self.xyz.shape[0])

    @cached_property
    def xy(self) -> Float64:
        """True pixel positions in every view, ``(view, frame, keypoint, 2)``."""
        return self.rig.project(self.xyz)


def make_scene(
    n_frames: int = 600,
    n_cameras: int = 4,
    seed: int = 0,
    *,
    fps: float = 100.0,
    size: tuple[int, int] = (640, 480),
    focal_scale: float = 1.0,
    arena_radius: float = 200.0,
) -> Scene:
    """A walking, turning and rearing mouse between cameras; equal arguments give equal scenes.

    Parameters
    ----------
    n_frames : int
        Length of the video; at least 1.
    n_cameras : int
        2 to 6, on a ring, each with a lens of its own. All see the whole arena.
    seed : int
        Decides the animal's motion. The cameras do not depend on it.
    fps : float
        Frames per second: the animal is as fast in mm/s, whatever the camera's rate.
    size : (width, height) in px
        Of all images.
    focal_scale : float
        Factor on the focal lengths of 520 to 900 px (for an image 640 px wide). The cameras move
        away as much as it needs to see the arena.
    arena_radius : float
        Of the round arena in mm; the animal itself is 90 mm long.

    Returns
    -------
    Scene

    Raises
    ------
    PoseDataError
        A number is out of its range.
    """
    for name, value, good, expected in (
        ("n_frames", n_frames, n_frames >= 1, "1 or more"),
        ("n_cameras", n_cameras, 2 <= n_cameras <= len(_LENSES), f"2 to {len(_LENSES)}"),
        ("fps", fps, fps > 0, "more than 0"),
        ("size", size, min(size) >= 32, "at least 32 x 32 px"),
        ("focal_scale", focal_scale, focal_scale > 0, "more than 0"),
        ("arena_radius", arena_radius, arena_radius >= 150, "150 mm or more"),
    ):
        if not good:
            raise PoseDataError(f"{name} of the synthetic scene is {value}", expected=expected)

    reach = 0.75 * arena_radius
    motion = animal.move_animal(
        n_frames, fps, reach - animal.BODY_REACH, np.random.default_rng(seed)
    )
    return Scene(
        xyz=np.stack([motion.points[name] for name in animal.KEYPOINTS], axis=1),
        keypoints=animal.KEYPOINTS,
        skeleton=animal.SKELETON,
        left_right=animal.LEFT_RIGHT,
        rigid_pairs=animal.RIGID_PAIRS,
        fps=fps,
        rig=make_ring(n_cameras, size, focal_scale, reach),
        points=motion.points,
        on_floor=motion.on_floor,
        arena_radius=arena_radius,
        seed=seed,
    )


def make_ring(
    n_cameras: int, size: tuple[int, int], focal_scale: float = 1.0, reach: float = 150.0
) -> Rig:
    """Cameras ``Cam-A``, ``Cam-B``, ... in a ring that see all the animal can reach.

    Parameters
    ----------
    n_cameras : int
        2 to 6.
    size : (width, height) in px
    focal_scale : float
        Factor on the focal lengths.
    reach : float
        Radius in mm of the circle that must be in all images, up to the height of a rearing
        animal.
    """
    around = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    rim = np.stack([reach * np.cos(around), reach * np.sin(around)], axis=-1)
    volume = np.concatenate(
        [np.c_[rim, np.full(len(rim), z)] for z in (0.0, animal.TALLEST / 2, animal.TALLEST)]
    )
    cameras = []
    for i, lens in enumerate(_LENSES[:n_cameras]):
        name = f"Cam-{'ABCDEF'[i]}"
        azimuth = np.deg2rad(360.0 * i / n_cameras + 25.0 + lens[8])
        near, far = reach, 200.0 * reach * max(focal_scale, 1.0)
        while far / near > 1.001:
            middle = np.sqrt(near * far)
            camera = _camera(name, size, focal_scale, lens, azimuth, middle)
            if _sees(camera, volume):
                far = middle
            else:
                near = middle
        cameras.append(_camera(name, size, focal_scale, lens, azimuth, far))
    metadata: dict[str, Any] = {"metadata": {"units": UNITS, "adjusted": False, "error": 0.0}}
    return Rig(tuple(cameras), extra=metadata, units=UNITS)


def _camera(
    name: str,
    size: tuple[int, int],
    focal_scale: float,
    lens: tuple[float, ...],
    azimuth: float,
    distance: float,
) -> Camera:
    focal, k1, k2, p1, p2, k3, elevation, roll, _ = lens
    scale = size[0] / 640.0
    # A sensor is never quite in the middle behind its lens, nor its pixels quite square.
    matrix = np.array(
        [
            [focal * scale * focal_scale, 0.0, (size[0] - 1) / 2 + 9.0 * scale * np.sin(focal)],
            [0.0, 0.997 * focal * scale * focal_scale, (size[1] - 1) / 2 + 6.0 * scale * k1],
            [0.0, 0.0, 1.0],
        ]
    )
    rise = np.deg2rad(elevation)
    direction = np.array(
        [np.cos(rise) * np.cos(azimuth), np.cos(rise) * np.sin(azimuth), np.sin(rise)]
    )
    target = np.array([0.0, 0.0, 0.25 * animal.TALLEST])
    forward = -direction
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    turn = np.deg2rad(roll)
    rotation = np.stack(
        [
            np.cos(turn) * right + np.sin(turn) * down,
            -np.sin(turn) * right + np.cos(turn) * down,
            forward,
        ]
    )
    translation = -rotation @ (target + distance * direction)
    return Camera(name, size, matrix, np.array([k1, k2, p1, p2, k3]), rotation, translation)


def _sees(camera: Camera, points: Float64) -> bool:
    """Whether all points are in the image, with a margin."""
    assert camera.size is not None
    width, height = camera.size
    margin = _MARGIN * width / 640.0
    xy = Rig((camera,)).project(points)[0]
    # NaN (behind the camera, beyond the lens) compares as not inside.
    inside = (xy > margin) & (xy < np.array([width, height]) - 1 - margin)
    return bool(inside.all())
