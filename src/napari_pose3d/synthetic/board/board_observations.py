"""A board moved in front of cameras whose calibration is known: corners without images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.calibration.board.board import Board
from napari_pose3d.core.calibration.board.observations import BoardObservations
from napari_pose3d.core.cameras.camera import Camera
from napari_pose3d.core.cameras.rig import Rig

Float64 = NDArray[np.float64]

_SIZE = (1280, 960)
# Seen steeper than this (cosine between normal and line of sight), corners are not found.
_STEEPEST = 0.25


class BoardScene(NamedTuple):
    """Corners and the truth behind them.

    Attributes
    ----------
    observations : BoardObservations
    rig : Rig
        mm.
    clocks : (view,) float64
        Frames that each camera lags behind the first.
    """

    observations: BoardObservations
    rig: Rig
    clocks: Float64


def ring_of_cameras(
    n_cameras: int,
    *,
    focal: float = 1100.0,
    distance: float = 1200.0,
    arc: float = 2 * np.pi,
    fisheye: bool = False,
    seed: int = 0,
) -> Rig:
    """Cameras on a ring around the origin that look at it from above.

    Parameters
    ----------
    focal : float
        px.
    distance : float
        From the origin, mm.
    arc : float
        The part of the circle that they stand on, rad.
    """
    rng = np.random.default_rng(seed)
    cameras = []
    for i in range(n_cameras):
        angle = arc * i / max(n_cameras if arc > 6 else n_cameras - 1, 1)
        height = 0.45 + 0.1 * rng.standard_normal()
        centre = distance * np.array(
            [np.cos(angle) * np.cos(height), np.sin(angle) * np.cos(height), np.sin(height)]
        )
        forward = -centre / np.linalg.norm(centre)
        right = np.cross(forward, [0, 0, 1.0])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        fx = focal * (1 + 0.02 * rng.standard_normal())
        reach = max(focal / (0.5 * np.hypot(*_SIZE)), 1.0)
        if fisheye:
            distortion = np.array([0.05, -0.01, 0.002, 0.0]) * (1 + 0.1 * rng.standard_normal(4))
        else:
            distortion = np.array([-0.15, 0.08, 0.0008, -0.0006, 0.0])
            distortion = distortion * (1 + 0.2 * rng.standard_normal(5))
            distortion *= np.array([reach, reach**2, 1, 1, 1]) if reach > 2 else 1
        cx, cy = (_SIZE[0] - 1) / 2, (_SIZE[1] - 1) / 2
        cx, cy = cx + 8 * rng.standard_normal(), cy + 8 * rng.standard_normal()
        cameras.append(
            Camera(
                name=f"cam{i}",
                size=_SIZE,
                matrix=np.array([[fx, 0, cx], [0, fx * 1.001, cy], [0, 0, 1]]),
                distortion=distortion,
                rotation=rotation,
                translation=-rotation @ centre,
                fisheye=fisheye,
            )
        )
    return Rig(tuple(cameras), units="mm")


def simulate_board(
    rig: Rig,
    board: Board,
    n_frames: int,
    *,
    clocks: Sequence[float] | None = None,
    noise: float = 0.1,
    spread: float = 200.0,
    period: float = 40.0,
    jitter: float = 0.0,
    rates: Sequence[float] | None = None,
    seed: int = 0,
) -> BoardScene:
    """A board that is moved and turned in front of the cameras of a rig.

    Parameters
    ----------
    rig : Rig
        mm.
    n_frames : int
    clocks : sequence of float, optional
        Frames that each camera lags.
    noise : float
        Standard deviation of a coordinate of a corner, px.
    spread : float
        How far the board goes from the origin, mm.
    period : float
        Frames in which it swings to and fro; small is fast.
    jitter : float
        Standard deviation of the instants of single images around their camera's clock, frames.
    rates : sequence of float, optional
        Frames by which each camera's lag grows from one frame to the next.
    """
    from scipy.spatial.transform import Rotation

    rng = np.random.default_rng(seed)
    late = np.random.default_rng((seed, 1))
    lag = np.zeros(len(rig.cameras)) if clocks is None else np.asarray(clocks, dtype=float)
    waves = rng.uniform(0.6, 1.4, (6, 3)) / period
    phases = rng.uniform(0, 2 * np.pi, (6, 3))
    share = np.array([0.6, 0.3, 0.1])
    drift = rng.uniform(0, 2 * np.pi)
    frames = np.arange(n_frames)
    xy = np.full((len(rig.cameras), n_frames, board.n_corners, 2), np.nan)
    middle = board.points.mean(axis=0)
    tilt = Rotation.from_rotvec([0, 0.9, 0])
    flip = Rotation.from_rotvec([np.pi, 0, 0])

    for i, camera in enumerate(rig.cameras):
        time = frames - lag[i] + jitter * late.standard_normal(n_frames)
        if rates is not None:
            time = time - rates[i] * frames
        wave = np.sin(2 * np.pi * time[:, None, None] * waves + phases) @ share
        place = spread * wave[:, :3]
        turn = np.array([1.1, 1.1, 0.6]) * wave[:, 3:]
        # The board faces upwards and around, so that every camera sees it some of the time.
        around = drift + 2 * np.pi * time / (7.3 * period)
        facing = Rotation.from_rotvec(np.outer(around, [0, 0, 1])) * tilt
        pose = facing * Rotation.from_rotvec(turn) * flip
        matrix = pose.as_matrix()
        world = np.einsum("nij,kj->nki", matrix, board.points - middle) + place[:, None]
        in_camera = world @ camera.rotation.T + camera.translation
        normal = matrix[:, :, 2] @ camera.rotation.T
        centre = in_camera.mean(axis=1)
        sight = centre / np.linalg.norm(centre, axis=1)[:, None]
        facing_away = np.einsum("ni,ni->n", normal, sight)
        sides = np.repeat((facing_away > _STEEPEST)[:, None], board.n_face_corners, axis=1)
        if board.thickness:
            back = np.repeat((facing_away < -_STEEPEST)[:, None], board.n_face_corners, axis=1)
            sides = np.concatenate([sides, back], axis=1)
        pixels = rig.subset([camera.name]).project(world)[0]
        width, height = camera.size or _SIZE
        inside = (pixels >= 0).all(axis=-1) & (pixels[..., 0] < width) & (pixels[..., 1] < height)
        seen = inside & sides
        noisy = pixels + noise * rng.standard_normal(pixels.shape)
        xy[i] = np.where(seen[..., None], noisy, np.nan)
    sizes = tuple(camera.size or _SIZE for camera in rig.cameras)
    observations = BoardObservations(board, rig.names, sizes, frames, xy)
    return BoardScene(observations, rig, lag)
