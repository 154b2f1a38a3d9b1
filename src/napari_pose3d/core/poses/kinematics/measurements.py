"""What a user wants to know of the positions: angles, lengths and speeds by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import Poses3D
from napari_pose3d.errors import PoseDataError

from . import geometry

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Kind:
    """A kind of measurement.

    Attributes
    ----------
    n_points : int
    of : callable
        From `geometry`.
    values : tuple of str
        What is put behind the measurement's name for each of its values; "" for nothing.
    unit : str or None
        None for the unit of the positions.
    difference : callable
        Of two values that lie near each other.
    meaning : str
    """

    n_points: int
    of: geometry.Geometry
    values: tuple[str, ...]
    unit: str | None
    difference: geometry.Difference
    meaning: str


_PER_TIME = "speed"

KINDS: Mapping[str, Kind] = {
    "angle": Kind(
        3, geometry.angle, ("",), "deg", np.subtract, "joint angle at the second keypoint"
    ),
    "length": Kind(2, geometry.length, ("",), None, np.subtract, "distance"),
    "speed": Kind(1, geometry.length, ("",), None, np.subtract, "path per second of one keypoint"),
    "segment_angle": Kind(
        4, geometry.segment_angle, ("",), "deg", np.subtract, "angle between two segments"
    ),
    "plane_angle": Kind(
        6,
        geometry.plane_angle,
        ("",),
        "deg",
        np.subtract,
        "angle between two planes of three keypoints",
    ),
    "torsion": Kind(
        4,
        geometry.torsion,
        ("",),
        "deg",
        geometry.difference_of_angles,
        "dihedral angle about the middle segment",
    ),
    "direction": Kind(
        2,
        geometry.direction,
        ("azimuth", "elevation"),
        "deg",
        geometry.difference_of_angles,
        "where a segment points in the world",
    ),
    "orientation": Kind(
        3,
        geometry.orientation,
        ("w", "x", "y", "z"),
        "",
        geometry.difference_of_quaternions,
        "quaternion of a body: x from the first keypoint to the second, z normal to all three",
    ),
}


@dataclass(frozen=True)
class Measurement:
    """One row of a project's table ``[kinematics]``.

    Attributes
    ----------
    name : str
    kind : str
        One of `KINDS`.
    keypoints : tuple of str
        As many as the kind needs.
    """

    name: str
    kind: str
    keypoints: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise PoseDataError(
                f"there is no kind of measurement called '{self.kind}'",
                place=self.name,
                expected=f"one of {', '.join(KINDS)}",
            )
        needed = KINDS[self.kind].n_points
        if len(self.keypoints) != needed:
            raise PoseDataError(
                f"'{self.kind}' of {len(self.keypoints)} keypoints",
                place=self.name,
                expected=f"{needed} keypoint{'' if needed == 1 else 's'}: "
                f"{KINDS[self.kind].meaning}",
            )


@dataclass(frozen=True, eq=False)
class Measured:
    """The values of one measurement over time.

    Attributes
    ----------
    measurement : Measurement
    names : tuple of str
        Of the values, such as ``("heading azimuth", "heading elevation")``.
    unit : str
    values, deviations : (frame, value) float64
        And their standard deviations; NaN where a keypoint is missing.
    """

    measurement: Measurement
    names: tuple[str, ...]
    unit: str
    values: Float64
    deviations: Float64


def measurements_of(table: Mapping[str, Any]) -> tuple[Measurement, ...]:
    """The measurements of a table of ``name = { kind = [keypoints] }``.

    Raises
    ------
    PoseDataError
        An entry is none; names it and says what was expected.
    """
    found = []
    for name, entry in table.items():
        one = dict(entry) if isinstance(entry, Mapping) else {}
        keypoints = next(iter(one.values()), None)
        if isinstance(keypoints, str):
            keypoints = [keypoints]
        if len(one) != 1 or not (
            isinstance(keypoints, Sequence) and all(isinstance(each, str) for each in keypoints)
        ):
            raise PoseDataError(
                f"{entry!r} is no measurement",
                place=name,
                expected='a kind and its keypoints, such as { angle = ["hip", "knee", "ankle"] }',
            )
        found.append(Measurement(name, next(iter(one)), tuple(keypoints)))
    return tuple(found)


def measure(poses: Poses3D, measurement: Measurement, fps: float | None = None) -> Measured:
    """One measurement in every frame.

    Parameters
    ----------
    poses : Poses3D
    measurement : Measurement
    fps : float, optional
        Frames a second, for speeds; not given: speeds are per frame.

    Returns
    -------
    Measured
        Where the poses have no ``path_variance``, the deviation of a speed is an upper bound: the
        errors of neighbouring frames, which go the same way in a smoothed track, are taken as
        independent.

    Raises
    ------
    PoseDataError
        The poses do not have one of the keypoints.
    """
    kind = KINDS[measurement.kind]
    missing = [name for name in measurement.keypoints if name not in poses.keypoints]
    if missing:
        raise PoseDataError(
            f"there is no keypoint {', '.join(missing)}",
            place=measurement.name,
            expected=f"of {', '.join(poses.keypoints)}",
        )
    places = [poses.keypoints.index(name) for name in measurement.keypoints]
    points = np.asarray(poses.xyz[:, places], np.float64)
    covariance = _known(np.asarray(poses.covariance[:, places], np.float64))
    unit = poses.units if kind.unit is None else kind.unit
    factor: Float64 | float = 1.0
    if measurement.kind == _PER_TIME:
        points, covariance, span = _steps(points[:, 0], covariance[:, 0])
        factor = (fps or 1.0) / span
        unit = f"{unit} per {'s' if fps else 'frame'}".strip()
    values = kind.of(points)
    deviations = geometry.spread(kind.of, points, covariance, kind.difference)
    if measurement.kind == _PER_TIME and poses.path_variance is not None:
        known = np.sqrt(np.asarray(poses.path_variance[:, places], np.float64))
        deviations = np.where(np.isfinite(known), known, deviations)
    names = tuple(f"{measurement.name} {part}".strip() for part in kind.values)
    scale = np.reshape(factor, (-1, 1))
    return Measured(measurement, names, unit, values * scale, deviations * scale)


def _known(covariance: Float64) -> Float64:
    """With 0 between the axes where only the variances are known, as in our files."""
    between = ~np.eye(3, dtype=bool)
    return np.where(between & np.isnan(covariance), 0.0, covariance)


def _steps(points: Float64, covariance: Float64) -> tuple[Float64, Float64, Float64]:
    """From the frame before to the frame after, as pairs of points, and how many frames that is."""
    last = len(points) - 1
    frames = np.arange(len(points))
    before, after = np.maximum(frames - 1, 0), np.minimum(frames + 1, last)
    pairs = np.stack([before, after], axis=1)
    # A single frame has no speed.
    span = np.where(after > before, after - before, np.nan)
    return points[pairs], covariance[pairs], span
