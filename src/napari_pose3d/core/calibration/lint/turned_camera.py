"""A camera that stands otherwise than its calibration says, by a few px, all the time.

Notes
-----
So small a fault hides in the errors of networks: it moves the median residual by little. But all
keypoints share it, and it stays, while those errors wander and differ between keypoints.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig

from .bump import TurnSolver, turn_gain
from .slow_drift import FEWEST_FRAMES, STRETCHES, stretches_of

Float64 = NDArray[np.float64]

_OUTSTANDING = 8.0  # standard errors
_LEAST_PX = 2.0
_SHARED = 0.5  # of the turn, by which most parts of the keypoints show it
_MOST = 0.75
_FEWEST_PARTS, _MOST_PARTS = 3, 12
_OF_KEYPOINTS = 6.0  # standard errors of the scatter between keypoints
_ALIKE = 0.8


@dataclass(frozen=True)
class TurnedCamera:
    """A camera is turned against its calibration.

    Attributes
    ----------
    cameras : tuple of str
        The one that is; several where it cannot be told which of them.
    moved_px : float
        How far its image lies from where the calibration has it.
    standard_errors : float
        How far that stands out of the scatter.
    """

    cameras: tuple[str, ...]
    moved_px: float
    standard_errors: float


def find_turned_camera(rig: Rig, xy: NDArray[np.floating]) -> TurnedCamera | None:
    """The camera that a turn brings into agreement with the others; None where there is none.

    Parameters
    ----------
    rig : Rig
        Cameras in the order of the views.
    xy : (view, frame, keypoint, 2)
        px; NaN where missing.
    """
    n_frames = xy.shape[1]
    if len(rig.cameras) < 2 or n_frames < STRETCHES * FEWEST_FRAMES:
        return None
    solver = TurnSolver(rig, xy)
    information, gradient = stretches_of(solver, n_frames)
    gains = turn_gain(information.sum(axis=0), gradient.sum(axis=0))
    view = int(np.argmax(gains))
    metric = solver.metric(view)
    turn = _turn(information[:, view].sum(axis=0), gradient[:, view].sum(axis=0))
    moved = float(np.sqrt(turn @ metric @ turn))
    if not moved >= _LEAST_PX:
        return None
    along = metric @ turn / moved
    each = [
        _turn(a, g) @ along for a, g in zip(information[:, view], gradient[:, view], strict=True)
    ]
    error = float(np.std(each, ddof=1) / np.sqrt(len(each)))
    if moved < _OUTSTANDING * error or not _shared(solver, view, n_frames, along, moved):
        return None
    least = _ALIKE * gains[view] if len(rig.cameras) > 2 else 0.0
    alike = tuple(rig.names[i] for i in np.flatnonzero(gains >= least))
    return TurnedCamera(alike, moved, moved / max(error, 1e-12))


def _turn(information: Float64, gradient: Float64) -> Float64:
    return np.asarray(-np.linalg.pinv(information, rcond=1e-9, hermitian=True) @ gradient)


def _shared(solver: TurnSolver, view: int, n_frames: int, along: Float64, moved: float) -> bool:
    """Whether all parts of the animal show the turn: else it is an error of some keypoints.

    Keypoints have errors that stay as well, each its own; so their scatter counts.
    """
    n_parts = min(_MOST_PARTS, solver.xy.shape[2])
    if n_parts < _FEWEST_PARTS:
        return False
    shares = []
    for own in solver.parts(n_parts):
        information, gradient = stretches_of(own, n_frames)
        turn = _turn(information[:, view].sum(axis=0), gradient[:, view].sum(axis=0))
        shares.append(float(turn @ along))
    error = float(np.std(shares, ddof=1) / np.sqrt(n_parts))
    clear = np.mean(np.array(shares) > _SHARED * moved) >= _MOST
    return bool(clear and np.median(shares) > _OF_KEYPOINTS * error)
