"""Keypoints of an animal in all views of a rig, with a network's errors and a truth behind them."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_pose3d.core.calibration.solve.rotations import rotation_of
from napari_pose3d.core.cameras.camera import Camera
from napari_pose3d.core.cameras.rig import Rig

Float64 = NDArray[np.float64]

_FARTHEST_OUTLIER = 100.0  # px


class PointScene(NamedTuple):
    """Pixels, and where the points really are.

    Attributes
    ----------
    xy : (view, frame, keypoint, 2) float64
        px; NaN where missing.
    xyz : (frame, keypoint, 3) float64
        mm.
    """

    xy: Float64
    xyz: Float64


def simulate_points(
    rig: Rig,
    n_frames: int,
    n_keypoints: int = 12,
    *,
    noise: float = 1.5,
    bias: float = 0.0,
    bias_memory: float = 80.0,
    missing: float = 0.1,
    outliers: float = 0.02,
    seed: int = 0,
) -> PointScene:
    """An animal that walks about the origin, as a network would see it.

    Parameters
    ----------
    rig : Rig
        mm.
    noise : float
        Standard deviation of a coordinate, new in each frame, px.
    bias : float
        Standard deviation of an error that changes slowly, px.
    bias_memory : float
        Frames over which it changes.
    missing, outliers : float
        Shares of the observations; outliers are up to 100 px off.
    """
    from scipy.ndimage import gaussian_filter1d

    rng = np.random.default_rng(seed)
    time = np.arange(n_frames)[:, None, None]
    waves, phases = rng.uniform(0.01, 0.05, (4, 1, 3)), rng.uniform(0, 6, (4, 1, 3))
    path = sum(60 * np.sin(2 * np.pi * time * w + p) for w, p in zip(waves, phases, strict=True))
    xyz = path + rng.uniform(-40, 40, (1, n_keypoints, 3))
    xy = rig.project(xyz)
    xy += noise * rng.standard_normal(xy.shape)
    if bias:
        slow = gaussian_filter1d(rng.standard_normal(xy.shape), bias_memory, axis=1, mode="wrap")
        xy += bias * slow / max(float(slow.std()), 1e-12)
    share = rng.random(xy.shape[:3])
    wrong = share > 1 - outliers
    xy[wrong] += rng.uniform(-_FARTHEST_OUTLIER, _FARTHEST_OUTLIER, (int(wrong.sum()), 2))
    xy[share < missing] = np.nan
    return PointScene(xy, xyz)


def turned(rig: Rig, view: int, degrees: float, axis: ArrayLike = (0.0, 1.0, 0.0)) -> Rig:
    """A rig in which one camera was turned in its place, about an axis in its own frame."""
    direction = np.asarray(axis, dtype=np.float64)
    turn = rotation_of(np.radians(degrees) * direction / np.linalg.norm(direction))
    cameras = list(rig.cameras)
    old: Camera = cameras[view]
    cameras[view] = replace(old, rotation=turn @ old.rotation, translation=turn @ old.translation)
    return replace(rig, cameras=tuple(cameras))
