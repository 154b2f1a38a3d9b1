"""How the board of the calibration sample is moved: shown to all cameras, then laid down."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.calibration.board.board import Board
from napari_pose3d.core.calibration.solve.rotations import rotation_of

Float64 = NDArray[np.float64]

# Face up: its rows along x, its columns against y, its back down.
_FACE_UP = np.diag([1.0, -1.0, -1.0])
_LAYING, _LYING = 26, 24  # frames, at the end
# mm, and periods in frames: found by trial, so that every camera sees the board near and far, in
# all parts of its image, and tilted to all sides.
_MIDDLE = np.array([0.0, 0.0, 105.0])
_REACH = np.array([193.0, 193.0, 100.0])
_MOST_TILT, _MOST_SPIN = np.radians(56.0), np.radians(50.0)


def poses_of_board(board: Board, times: Float64, n_frames: int) -> tuple[Float64, Float64]:
    """Where the board is at some instants; equal arguments give equal poses.

    Parameters
    ----------
    times : (n,)
        In frames; the recording ends at `n_frames`.

    Returns
    -------
    rotations : (n, 3, 3)
        Board to world.
    translations : (n, 3)
        mm. At the end the board lies on the floor: its first inner corner is the origin, and its
        rows run along x.
    """
    t = np.asarray(times, dtype=np.float64)
    left = np.clip((n_frames - _LYING - t) / _LAYING, 0.0, 1.0)
    held = (left * left * (3.0 - 2.0 * left))[:, None]
    turn = 2 * np.pi * t
    around, out = turn / 81.0 + 1.9, 0.58 + 0.42 * np.sin(turn / 58.0 + 3.9)
    height = 0.75 * np.sin(turn / 52.0 + 1.4) + 0.25 * np.sin(turn / 37.0)
    place = np.stack([out * np.cos(around), out * np.sin(around), height], axis=1)
    centre = _MIDDLE + _REACH * place
    towards = turn / 68.0 + 0.9 * np.sin(turn / 101.0)
    tilt = _MOST_TILT * (0.55 + 0.45 * np.sin(turn / 62.0))
    tilts = tilt[:, None] * np.stack([-np.sin(towards), np.cos(towards), np.zeros_like(t)], axis=1)
    spin = _MOST_SPIN * np.sin(turn / 127.0)
    spins = spin[:, None] * np.array([0.0, 0.0, 1.0])
    rotations = rotation_of(held * tilts) @ rotation_of(held * spins) @ _FACE_UP
    middle = board.points.mean(axis=0)
    centre = held * centre + (1.0 - held) * (_FACE_UP @ middle)
    return rotations, centre - rotations @ middle
