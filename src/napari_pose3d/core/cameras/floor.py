"""The floor under an animal, and from where to look at it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import FloatArray
from napari_pose3d.errors import PoseDataError

_GRID_LINES = 9  # of the floor, in each direction
_TRIALS = 300  # of planes through three points
# How steeply an animal on its floor is seen, and when cameras look along it in no direction.
_STEEP, _LEAST_ACROSS = np.radians(32), 0.3


@dataclass(frozen=True)
class Floor:
    """A grid below the lowest keypoints, in the two directions in which the animal moves most.

    Attributes
    ----------
    segments : (line, 2, 3)
        Start and end, (x, y, z) in rig units.
    up : (3,)
        Unit vector from the floor towards the cameras, (x, y, z).
    middle : (3,)
        Of where the keypoints are, (x, y, z).
    """

    segments: NDArray[np.float64]
    up: NDArray[np.float64]
    middle: NDArray[np.float64]


def floor_grid(points: FloatArray, cameras: NDArray[np.float64] | None = None) -> Floor | None:
    """The floor under an animal; None where too few points are known.

    Parameters
    ----------
    points : (..., 3)
        (x, y, z) in rig units; NaN where unknown.
    cameras : (camera, 3), optional
        Where they stand: there are more of them above the floor than below.
    """
    flat = points.reshape(-1, 3)
    known = flat[np.isfinite(flat).all(axis=1)]
    if len(known) < 3:
        return None
    low, high = np.percentile(known, [1, 99], axis=0)
    axis = int(np.argmin(high - low))
    above = cameras is None or np.median(cameras[:, axis]) > (low[axis] + high[axis]) / 2
    up = np.zeros(3)
    up[axis] = 1.0 if above else -1.0
    first, second = (other for other in range(3) if other != axis)
    segments = []
    for along, across in ((first, second), (second, first)):
        for at in np.linspace(low[along], high[along], _GRID_LINES):
            line = np.empty((2, 3))
            line[:, axis] = low[axis] if above else high[axis]
            line[:, along] = at
            line[:, across] = low[across], high[across]
            segments.append(line)
    return Floor(np.array(segments), up, (low + high) / 2)


def fitted_plane(
    points: NDArray[np.float64], tolerance: float, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The plane that most points lie on.

    Parameters
    ----------
    points : (n, 3)
        Without NaN.
    tolerance : float
        How far a point may lie from it.

    Returns
    -------
    middle, normal : (3,)
        Of the points on it; the normal to either side, of length 1.

    Raises
    ------
    PoseDataError
        When fewer than three points are there, or they lie on one line.
    """
    if len(points) < 3:
        raise PoseDataError(f"{len(points)} points lie on the floor", expected="three or more")
    rng = np.random.default_rng(seed)
    best = np.zeros(len(points), bool)
    for _ in range(_TRIALS):
        a, b, c = points[rng.choice(len(points), 3, replace=False)]
        normal = np.cross(b - a, c - a)
        length = np.linalg.norm(normal)
        if length < 1e-12:
            continue
        near = np.abs((points - a) @ normal) / length < tolerance
        if near.sum() > best.sum():
            best = near
    if best.sum() < 3:
        raise PoseDataError("the points lie on one line", expected="points all over the floor")
    middle = points[best].mean(axis=0)
    return middle, np.linalg.svd(points[best] - middle, full_matrices=False)[2][2]


def oblique_direction(
    up: NDArray[np.float64], along: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """From where to look at an animal on its floor: from one side and above, ``(3,)``.

    Parameters
    ----------
    up : (3,)
        Unit vector along an axis, from the floor towards the animal.
    along : (3,), optional
        To be looked along as far as the floor allows.
    """
    across = np.zeros(3) if along is None else along - up * (up @ along)
    length = float(np.linalg.norm(across))
    if length < _LEAST_ACROSS:
        # Cameras all around, or above: no side is better than another.
        across = np.roll(up, 1) + 0.5 * np.roll(up, 2)
        length = float(np.linalg.norm(across))
    return across / length - np.tan(_STEEP) * up
