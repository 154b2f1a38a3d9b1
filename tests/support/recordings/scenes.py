"""Rigs and moving points with known truth, small enough for tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_pose3d import Camera, Ensemble, Rig

ARC_VIEWS = ("Cam-A", "Cam-B", "Cam-C")


def ring_rig(
    n_views: int,
    *,
    focal: float = 1400.0,
    radius: float = 600.0,
    distortion: tuple[float, ...] = (-0.12, 0.03, 0.001, -0.001, 0.0),
) -> Rig:
    """Cameras on a ring, all looking at the origin."""
    cameras = []
    for i in range(n_views):
        angle = 2 * np.pi * i / n_views + 0.3
        height = 250.0 + 60.0 * (i % 3)
        centre = np.array([radius * np.cos(angle), radius * np.sin(angle), height])
        z = -centre / np.linalg.norm(centre)
        x = np.cross(z, [0, 0, 1.0])
        x /= np.linalg.norm(x)
        rotation = np.stack([x, np.cross(z, x), z])
        matrix = np.array([[focal, 0, 640], [0, focal * 1.01, 512], [0, 0, 1.0]])
        cameras.append(
            Camera(
                f"Cam-{i}", (1280, 1024), matrix, np.array(distortion), rotation, -rotation @ centre
            )
        )
    return Rig(tuple(cameras))


def arc_rig(
    views: Sequence[str] = ARC_VIEWS,
    *,
    distance: float = 10.0,
    size: tuple[int, int] = (640, 480),
    focal: float = 500.0,
    distortion: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0),
) -> Rig:
    """Cameras on an arc around the origin, all looking at it, upright."""
    width, height = size
    matrix = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
    cameras = []
    for name, angle in zip(views, np.linspace(-0.6, 0.6, len(views)), strict=True):
        c, s = np.cos(angle), np.sin(angle)
        rotation = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
        translation = np.array([0.0, 0, distance])
        cameras.append(Camera(name, size, matrix, np.array(distortion), rotation, translation))
    return Rig(tuple(cameras))


def walk(n_frames: int, n_keypoints: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Smoothly moving points around the origin, ``(frame, keypoint, 3)`` in mm."""
    t = np.arange(n_frames)[:, None, None] / 100.0
    speed = rng.uniform(1.0, 5.0, (1, n_keypoints, 3))
    phase = rng.uniform(0, 2 * np.pi, (1, n_keypoints, 3))
    size = rng.uniform(10, 40, (1, n_keypoints, 3))
    return rng.uniform(-60, 60, (1, n_keypoints, 3)) + size * np.sin(speed * t + phase)


def noisy_ensemble(
    rig: Rig,
    xyz: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    n_models: int = 3,
    sigma: float = 1.5,
) -> Ensemble:
    """Predictions with Gaussian noise, half of whose variance all models share."""
    truth = rig.project(xyz)
    shared = rng.normal(0, sigma * np.sqrt(0.5), truth.shape)
    own = rng.normal(0, sigma * np.sqrt(0.5), (n_models, *truth.shape))
    xy = (truth + shared + own).astype(np.float32)
    keypoints = tuple(f"point{k}" for k in range(xyz.shape[1]))
    models = tuple(f"seed={m}" for m in range(n_models))
    likelihood = rng.uniform(0.9, 1.0, xy.shape[:-1]).astype(np.float32)
    return Ensemble(xy, likelihood, models, rig.names, keypoints, session="walk")
