"""Images of a calibration board that is moved in the arena, through one camera's lens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.calibration.board.board import Board
from napari_pose3d.core.calibration.board.board_print import print_of
from napari_pose3d.core.cameras.camera import Camera
from napari_pose3d.core.cameras.rig import Rig

from ..render import LIGHT, Image, draw_still, sensor_noise
from .board_motion import poses_of_board

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]

CELL = 1.0
"""mm of the board that are one pixel of its print."""

_MARGIN = 6  # cells of white around the squares
_NOISE_SHIFT = 64


class BoardVideo:
    """The images of one camera, drawn on demand.

    Parameters
    ----------
    camera : Camera
        In mm, with the size of its images.
    board : Board
        Its squares and markers are whole millimetres wide.
    n_frames : int
    lag : float
        Frames that the camera is behind: its image n shows the instant ``n - lag``.
    fps : float
    seed : sequence of int
        Of the sensor's noise.
    arena_radius : float
        mm.
    """

    def __init__(
        self,
        camera: Camera,
        board: Board,
        n_frames: int,
        *,
        lag: float = 0.0,
        fps: float = 30.0,
        seed: tuple[int, ...] = (0,),
        arena_radius: float = 200.0,
    ) -> None:
        assert camera.size is not None
        self._camera, self._rig, self._seed = camera, Rig((camera,)), seed
        self._size, self._fps = camera.size, fps
        still = draw_still(camera, arena_radius)
        self._background = still.background
        self._rays = still.rays.astype(np.float64)
        self._print = _cells_of(board)
        self._square = board.square
        times = np.asarray(np.arange(n_frames) - lag, np.float64)
        self._rotations, self._translations = poses_of_board(board, times, n_frames)
        self._noise = sensor_noise(camera.size, [*seed, 1])

    def __len__(self) -> int:
        return len(self._rotations)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px."""
        return self._size

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self._fps

    def image(self, frame: int) -> Image:
        """One image, ``(height, width)`` uint8; equal arguments give equal images."""
        from .board_drawing import draw_board

        image = self._background.copy()
        axes = np.ascontiguousarray(self._rotations[frame].T)
        edge = self._square + _MARGIN * CELL
        corner = self._translations[frame] - edge * (axes[0] + axes[1])
        rows, columns = self._print.shape
        ends = [
            corner + CELL * (a * axes[0] + b * axes[1]) for a in (0, columns) for b in (0, rows)
        ]
        # More light falls on a board that faces the lamp.
        brightness = 150.0 + 70.0 * max(float(-axes[2] @ LIGHT), 0.0)
        draw_board(
            image,
            self._rays,
            self._camera.centre,
            axes,
            corner,
            self._print,
            CELL,
            self._box(np.array(ends)),
            brightness,
        )
        width, height = self.size
        down, right = np.random.default_rng([*self._seed, 2, frame]).integers(0, _NOISE_SHIFT, 2)
        image += self._noise[down : down + height, right : right + width]
        np.clip(image, 0.0, 255.0, out=image)
        return (image + np.float32(0.5)).astype(np.uint8)

    def _box(self, ends: Float64) -> NDArray[np.int64]:
        """Pixels around the board; all of them where a part of it cannot be projected."""
        limit = np.array(self.size)
        xy = self._rig.project(ends)[0]
        in_front = (ends - self._camera.centre) @ self._camera.rotation[2] > 0
        if not (in_front.all() and np.isfinite(xy).all()):
            return np.concatenate([[0, 0], limit])
        # Straight edges are a little curved through a lens.
        low, high = np.floor(xy.min(axis=0)) - 30, np.ceil(xy.max(axis=0)) + 31
        box = np.concatenate([np.clip(low, 0, limit), np.clip(high, 0, limit)])
        return np.asarray(box, np.int64)


def _cells_of(board: Board) -> Float32:
    """What is printed on a board, with a white margin, in cells of `CELL`; 1 is white."""
    face = print_of(board)
    out = np.ones((round(face.height / CELL), round(face.width / CELL)), np.float32)
    for box in face.boxes:
        left, top = round(box.x / CELL), round(box.y / CELL)
        right, bottom = round((box.x + box.width) / CELL), round((box.y + box.height) / CELL)
        out[top:bottom, left:right] = 0.0
    return np.pad(out, _MARGIN, constant_values=1.0)
