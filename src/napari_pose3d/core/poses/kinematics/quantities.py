"""What can be plotted over time of a keypoint: pure functions of arrays, no window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import FloatArray

Float64 = NDArray[np.float64]
Name = Literal["x", "y", "z", "speed", "length", "likelihood", "residual"]


@dataclass(frozen=True)
class Quantity:
    """Something that has a value in every frame.

    Attributes
    ----------
    name : str
    label : str
        For an axis, without the unit.
    per_frame : bool
        Whether its unit is one of length per frame.
    unit : str or None
        None: that of the positions, px or rig units.
    """

    name: Name
    label: str
    unit: str | None = None
    per_frame: bool = False

    def axis_label(self, length: str) -> str:
        """Label with unit; ``length`` is the unit of the positions."""
        unit = length if self.unit is None else self.unit
        if self.per_frame:
            unit = f"{unit} per frame" if unit else "per frame"
        return f"{self.label} ({unit})" if unit else self.label


QUANTITIES: dict[str, Quantity] = {
    each.name: each
    for each in (
        Quantity("x", "x"),
        Quantity("y", "y"),
        Quantity("z", "z"),
        Quantity("speed", "speed", per_frame=True),
        Quantity("length", "distance"),
        Quantity("likelihood", "likelihood", unit=""),
        Quantity("residual", "residual", unit="px"),
    )
}


def speed(positions: FloatArray) -> Float64:
    """How far a point moves per frame, ``(frame,)``, in the unit of the positions.

    Half the distance between the frames before and after; at the ends the distance to the only
    neighbour. NaN where a position it needs is missing.

    Parameters
    ----------
    positions : (frame, 2 or 3)
    """
    points = np.asarray(positions, np.float64)
    found = np.full(len(points), np.nan)
    if len(points) < 2:
        return found
    steps = np.linalg.norm(points[2:] - points[:-2], axis=1)
    found[1:-1] = steps / 2
    found[0] = np.linalg.norm(points[1] - points[0])
    found[-1] = np.linalg.norm(points[-1] - points[-2])
    return found


def distance(one: FloatArray, other: FloatArray) -> Float64:
    """Distance between two points over time, ``(frame,)``; NaN where one is missing.

    Parameters
    ----------
    one, other : (frame, 2 or 3)
    """
    return np.asarray(
        np.linalg.norm(np.asarray(one, np.float64) - np.asarray(other, np.float64), axis=1)
    )


def trace(
    name: Name,
    positions: FloatArray,
    keypoint: int,
    *,
    other: int | None = None,
    likelihood: FloatArray | None = None,
    residual: FloatArray | None = None,
) -> Float64 | None:
    """One quantity of one keypoint over time.

    Parameters
    ----------
    name : str
        One of `QUANTITIES`.
    positions : (frame, keypoint, 2 or 3)
        x, y(, z).
    keypoint : int
    other : int, optional
        The second keypoint, for a distance.
    likelihood, residual : (frame, keypoint), optional

    Returns
    -------
    (frame,) float64, or None
        None when these poses do not have the quantity.
    """
    axes = {"x": 0, "y": 1, "z": 2}
    of: dict[str, Callable[[], Any]] = {
        "speed": lambda: speed(positions[:, keypoint]),
        "length": lambda: (
            None if other is None else distance(positions[:, keypoint], positions[:, other])
        ),
        "likelihood": lambda: None if likelihood is None else likelihood[:, keypoint],
        "residual": lambda: None if residual is None else residual[:, keypoint],
    }
    if name in axes:
        axis = axes[name]
        found = positions[:, keypoint, axis] if axis < positions.shape[2] else None
    else:
        found = of[name]()
    return None if found is None else np.asarray(found, np.float64)
