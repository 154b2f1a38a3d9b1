"""The kinds of measurements: how many keypoints each takes, and what is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from . import angular_motion, geometry

_LINE = "lie on one line"
_PLACE = "lie at one place"


@dataclass(frozen=True)
class Kind:
    """A kind of measurement.

    Attributes
    ----------
    n_points : int
    of : callable
        From `geometry`; of a change over time from `angular_motion`, which takes the points of the
        frame before and of the frame after.
    meaning : str
    values : tuple of str
        What is put behind the measurement's name for each of its values; "" for nothing.
    unit : str or None
        None for the unit of the positions; without the time.
    difference : callable
        Of two values that lie near each other.
    per_time : bool
        Whether it is a change over time.
    magnitude : bool
        Whether the value is the length of the vector that ``of`` gives.
    apart : tuple of tuples of int
        Groups of its keypoints that must be different ones; empty for all.
    undefined : str
        What keypoints do where there is no value.
    """

    n_points: int
    of: geometry.Geometry
    meaning: str
    values: tuple[str, ...] = ("",)
    unit: str | None = "deg"
    difference: geometry.Difference = np.subtract
    per_time: bool = False
    magnitude: bool = False
    apart: tuple[tuple[int, ...], ...] = ()
    undefined: str = _PLACE


_SEGMENTS = ((0, 1), (2, 3))
_PLANES = ((0, 1, 2), (3, 4, 5))
_AXES = ("x", "y", "z")

_STATIC: Mapping[str, Kind] = {
    "angle": Kind(3, geometry.angle, "joint angle at the second keypoint"),
    "length": Kind(2, geometry.length, "distance", unit=None),
    "segment_angle": Kind(4, geometry.segment_angle, "angle between two segments", apart=_SEGMENTS),
    "plane_angle": Kind(
        6,
        geometry.plane_angle,
        "angle between two planes of three keypoints",
        apart=_PLANES,
        undefined=_LINE,
    ),
    "torsion": Kind(
        4,
        geometry.torsion,
        "dihedral angle about the middle segment",
        difference=geometry.difference_of_angles,
        undefined=_LINE,
    ),
    "direction": Kind(
        2,
        geometry.direction,
        "where a segment points in the world",
        values=("azimuth", "elevation"),
        difference=geometry.difference_of_angles,
    ),
    "orientation": Kind(
        3,
        geometry.orientation,
        "quaternion of a body: x from the first keypoint to the second, z normal to all three",
        values=("w", "x", "y", "z"),
        unit="",
        difference=geometry.difference_of_quaternions,
        undefined=_LINE,
    ),
}

_CHANGES: Mapping[str, Kind] = {
    "speed": Kind(
        1,
        angular_motion.displacement,
        "path per second of one keypoint",
        unit=None,
        per_time=True,
        magnitude=True,
    ),
    "velocity": Kind(
        1,
        angular_motion.displacement,
        "way per second of one keypoint along the world's axes",
        values=_AXES,
        unit=None,
        per_time=True,
    ),
    "angular_speed": Kind(
        2,
        angular_motion.turn_of_segment,
        "how fast a segment turns, whichever way",
        per_time=True,
        magnitude=True,
    ),
    "angular_velocity": Kind(
        3,
        angular_motion.turn_of_body,
        "rotation per second of the body of 'orientation' about the world's axes",
        values=_AXES,
        per_time=True,
        undefined=_LINE,
    ),
}


def _rate_of(name: str) -> Kind:
    kind = _STATIC[name]
    return Kind(
        kind.n_points,
        angular_motion.change_of(kind.of, kind.difference),
        f"change per second of '{name}'",
        kind.values,
        kind.unit,
        kind.difference,
        per_time=True,
        apart=kind.apart,
        undefined=kind.undefined,
    )


KINDS: Mapping[str, Kind] = {
    **_STATIC,
    **_CHANGES,
    # Not of the quaternion: 'angular_velocity' says the same in a unit.
    **{f"{name}_rate": _rate_of(name) for name in _STATIC if name != "orientation"},
}
