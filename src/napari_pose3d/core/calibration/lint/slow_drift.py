"""A camera that turns slowly during the recording: a mount that sinks, a lens that warms up.

Notes
-----
The recording is cut into stretches, and the turn of each camera that best explains each of them is
found with the points free to move. A drift is a line through those turns; the errors of networks,
which wander too, are what scatters about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig

from .bump import TurnSolver, turn_gain

Float64 = NDArray[np.float64]

STRETCHES = 12
"""Parts of a recording in which turns are looked for."""
FEWEST_FRAMES = 10
"""Frames of such a part below which nothing is looked for."""

_CELLS = 5  # of each stretch: what is thinned out is spread over it
_OUTSTANDING = 8.0  # standard errors
_LEAST_PX = 2.0
_LASTING = 0.5
_PARTS = 4  # keypoints are looked at in so many parts
_ALIKE = 0.9


@dataclass(frozen=True)
class SlowDrift:
    """A camera turned slowly.

    Attributes
    ----------
    cameras : tuple of str
        The one that turned; several where it cannot be told which of them.
    moved_px : float
        How far its image moved from the beginning to the end.
    degrees : float
        The angle that this is.
    standard_errors : float
        How far that stands out of the scatter.
    """

    cameras: tuple[str, ...]
    moved_px: float
    degrees: float
    standard_errors: float


def find_drift(rig: Rig, xy: NDArray[np.floating]) -> SlowDrift | None:
    """The clearest slow drift of a recording; None where there is none.

    Parameters
    ----------
    rig : Rig
        Cameras in the order of the views.
    xy : (view, frame, keypoint, 2)
        px; NaN where missing. Frames follow one another in time, and no camera was bumped.
    """
    n_frames = xy.shape[1]
    if len(rig.cameras) < 2 or n_frames < STRETCHES * FEWEST_FRAMES:
        return None
    solver = TurnSolver(rig, xy)
    information, gradient = stretches_of(solver, n_frames)
    time = np.arange(STRETCHES) / (STRETCHES - 1) - 0.5
    gains = _gains(information, gradient, time)
    view = int(np.argmax(gains))
    metric = solver.metric(view)
    turns = -np.einsum("kij,kj->ki", np.linalg.pinv(information[:, view]), gradient[:, view])
    slope = _slope(turns, time)
    moved = float(np.sqrt(slope @ metric @ slope))
    if moved < _LEAST_PX:
        return None
    away = (turns - turns.mean(axis=0) - np.outer(time, slope)) @ metric @ slope / moved
    error = float(np.sqrt(np.square(away).sum() / (STRETCHES - 2) / np.square(time).sum()))
    if moved < _OUTSTANDING * error or not _shared(solver, view, n_frames, time, metric @ slope):
        return None
    least = _ALIKE * gains[view] if len(rig.cameras) > 2 else 0.0
    return SlowDrift(
        tuple(rig.names[i] for i in np.flatnonzero(gains >= least)),
        moved,
        float(np.degrees(np.arctan(moved / abs(rig.cameras[view].matrix[0, 0])))),
        moved / max(error, 1e-12),
    )


def stretches_of(solver: TurnSolver, n_frames: int) -> tuple[Float64, Float64]:
    """Normal equations of each camera: ``(stretch, view, 3, 3)`` and ``(stretch, view, 3)``."""
    cells = np.linspace(0, n_frames, STRETCHES * _CELLS + 1).astype(int)
    sums = solver.sums([range(a, b) for a, b in pairwise(cells)])
    parts = [sums.turns(slice(k * _CELLS, (k + 1) * _CELLS)) for k in range(STRETCHES)]
    return np.array([each for each, _ in parts]), np.array([each for _, each in parts])


def _slope(turns: Float64, time: Float64) -> Float64:
    return np.asarray(time @ turns / np.square(time).sum())


def _gains(information: Float64, gradient: Float64, time: Float64) -> Float64:
    """By how much a drift of each camera lowers the cost, beyond a turn that stays; ``(view,)``."""
    constant, level = information.sum(axis=0), gradient.sum(axis=0)
    mixed = np.einsum("k,kvij->vij", time, information)
    square = np.einsum("k,kvij->vij", time**2, information)
    rising = np.einsum("k,kvi->vi", time, gradient)
    back = mixed @ np.linalg.pinv(constant, rcond=1e-9, hermitian=True)
    return turn_gain(square - back @ mixed, rising - np.einsum("vij,vj->vi", back, level))


def _shared(solver: TurnSolver, view: int, n_frames: int, time: Float64, along: Float64) -> bool:
    """Whether all parts of the animal drift: else it is a keypoint, not the camera."""
    n_parts = min(_PARTS, solver.xy.shape[2])
    shares = []
    for own in solver.parts(n_parts):
        information, gradient = stretches_of(own, n_frames)
        inverse = np.linalg.pinv(information[:, view])
        turns = -np.einsum("kij,kj->ki", inverse, gradient[:, view])
        shares.append(float(_slope(turns, time) @ along))
    return min(shares) > _LASTING * float(np.median(shares))
