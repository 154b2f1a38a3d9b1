"""What a user wants to know of the positions: angles, lengths and speeds by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import Poses3D
from napari_pose3d.errors import PoseDataError

from . import geometry
from .kinds import KINDS, Kind

Float64 = NDArray[np.float64]
_EXAMPLE = '{ angle = ["hip", "knee", "ankle"] }'
# Columns that tables of measurements have anyway.
_TAKEN = ("frame", "time", "time (s)")


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

    Raises
    ------
    PoseDataError
        There is no such kind, it needs another number of keypoints, or different ones.
    """

    name: str
    kind: str
    keypoints: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.name.strip() or self.name in _TAKEN:
            raise PoseDataError(
                f"a measurement cannot be called '{self.name}'",
                place=self.name or "a measurement",
                expected=f"a name other than {', '.join(_TAKEN)}",
            )
        if self.kind not in KINDS:
            raise PoseDataError(
                f"there is no kind of measurement called '{self.kind}'",
                place=self.name,
                expected=f"one of {', '.join(KINDS)}",
            )
        kind = KINDS[self.kind]
        needed = kind.n_points
        if len(self.keypoints) != needed:
            raise PoseDataError(
                f"'{self.kind}' of {len(self.keypoints)} keypoints",
                place=self.name,
                expected=f"{needed} keypoint{'' if needed == 1 else 's'}: {kind.meaning}",
            )
        for group in kind.apart or (tuple(range(needed)),):
            names = [self.keypoints[i] for i in group]
            if twice := [name for i, name in enumerate(names) if name in names[:i]]:
                raise PoseDataError(
                    f"the keypoint {twice[0]} is in '{self.kind}' twice",
                    place=self.name,
                    expected=f"{len(group)} different keypoints: {kind.meaning}",
                    todo="Put another keypoint in one of its places",
                )

    @property
    def value_names(self) -> tuple[str, ...]:
        """Of its values, such as ``("heading azimuth", "heading elevation")``."""
        return tuple(f"{self.name} {part}".strip() for part in KINDS[self.kind].values)


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
        And their standard deviations; NaN where a keypoint is missing, or there is no value.
    n_undefined : int
        Frames without a value although their keypoints are known: where they lie on one line, or
        a segment has no length.
    """

    measurement: Measurement
    names: tuple[str, ...]
    unit: str
    values: Float64
    deviations: Float64
    n_undefined: int = 0

    def columns(self) -> dict[str, Float64]:
        """Values and deviations, ``(frame,)`` each, by names with their unit for a table."""
        unit = f" ({self.unit})" if self.unit else ""
        found = {}
        for i, name in enumerate(self.names):
            found[f"{name}{unit}"] = self.values[:, i]
            found[f"{name} sd{unit}"] = self.deviations[:, i]
        return found


def measurements_of(table: Mapping[str, Any]) -> tuple[Measurement, ...]:
    """The measurements of a table of ``name = { kind = [keypoints] }``.

    Raises
    ------
    PoseDataError
        An entry is none, or two have one name; names it and says what was expected.
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
                expected=f"a kind and its keypoints, such as {_EXAMPLE}",
            )
        found.append(Measurement(name, next(iter(one)), tuple(keypoints)))
    refuse_same_names(found)
    return tuple(found)


def refuse_same_names(measurements: Iterable[Measurement]) -> None:
    """Refuse measurements whose values or deviations would have one name in a table.

    Raises
    ------
    PoseDataError
        Names the second of the two.
    """
    owners: dict[str, Measurement] = {}
    for each in measurements:
        columns = [column for name in each.value_names for column in (name, f"{name} sd")]
        for column in columns:
            if column in owners:
                raise PoseDataError(
                    f"the measurements '{owners[column].name}' and '{each.name}' both have a value "
                    f"called '{column}'",
                    place=each.name,
                    expected="a name of its own for each value",
                    todo="Rename one of the two",
                )
        owners |= dict.fromkeys(columns, each)


def measure(poses: Poses3D, measurement: Measurement, fps: float | None = None) -> Measured:
    """One measurement in every frame.

    Parameters
    ----------
    poses : Poses3D
    measurement : Measurement
    fps : float, optional
        Frames a second, for what changes over time; not given: that is per frame.

    Returns
    -------
    Measured
        Where the poses have no ``displacement_covariance``, the deviation of a speed is an upper
        bound: the errors of neighbouring frames, which go the same way in a smoothed track, are
        taken as independent.

    Raises
    ------
    PoseDataError
        The poses do not have one of the keypoints, or there is a value in no frame although the
        keypoints are known: where they always lie on one line, or at one place.
    """
    kind = KINDS[measurement.kind]
    missing = [name for name in measurement.keypoints if name not in poses.keypoints]
    if missing:
        raise PoseDataError(
            f"there is no keypoint {', '.join(missing)}",
            place=measurement.name,
            expected=f"some of {', '.join(poses.keypoints)}",
        )
    places = [poses.keypoints.index(name) for name in measurement.keypoints]
    points = np.asarray(poses.xyz[:, places], np.float64)
    covariance = _known(np.asarray(poses.covariance[:, places], np.float64))
    unit = poses.units if kind.unit is None else kind.unit
    scale: Float64 | float = 1.0
    between = None
    if kind.per_time:
        points, covariance, between, span = _steps(points, covariance, _displacement(poses, places))
        scale = ((fps or 1.0) / span)[:, None]
        unit = f"{unit} per {'s' if fps else 'frame'}".strip()
    of = kind.of
    values = of(points)
    if kind.magnitude:
        vectors, values = values, np.linalg.norm(values, axis=-1, keepdims=True)
        of = _along(of, vectors / np.where(values > 0, values, np.nan))
    deviations = geometry.spread(of, points, covariance, kind.difference, between) * scale
    values = values * scale
    return Measured(
        measurement,
        measurement.value_names,
        unit,
        values,
        deviations,
        _count_undefined(measurement, kind, points, values),
    )


def _count_undefined(measurement: Measurement, kind: Kind, points: Float64, values: Float64) -> int:
    known = np.isfinite(points).all(axis=(1, 2))
    if kind.per_time:
        # A single frame has no speed.
        known &= len(points) > 1
    undefined = known & np.isnan(values).all(axis=1)
    if known.any() and undefined.sum() == known.sum():
        raise PoseDataError(
            f"the keypoints {', '.join(measurement.keypoints)} {kind.undefined} in every frame",
            place=measurement.name,
            expected=f"keypoints that do not, for '{measurement.kind}': {kind.meaning}",
            todo="Choose other keypoints",
        )
    return int(undefined.sum())


def _along(vector_of: geometry.Geometry, way: Float64) -> geometry.Geometry:
    """The part of a vector along a way, ``(frame, 1)``: smooth also where its length is small."""
    return lambda points: np.sum(vector_of(points) * way, axis=-1, keepdims=True)


def _known(covariance: Float64) -> Float64:
    """With 0 between the axes where only the variances are known, as in files of older versions."""
    between = ~np.eye(3, dtype=bool)
    return np.where(between & np.isnan(covariance), 0.0, covariance)


def _displacement(poses: Poses3D, places: list[int]) -> Float64:
    """Covariance of the way between the neighbours of a frame; NaN where unknown."""
    if poses.displacement_covariance is None:
        return np.full((poses.n_frames, len(places), 3, 3), np.nan)
    return np.asarray(poses.displacement_covariance[:, places], np.float64)


def _steps(
    points: Float64, covariance: Float64, displacement: Float64
) -> tuple[Float64, Float64, Float64, Float64]:
    """From the frame before to the frame after.

    Returns
    -------
    points, covariance : (frame, 2 * point, 3), (frame, 2 * point, 3, 3)
        Of the frame before, then of the frame after.
    between : (frame, point, 3, 3)
        Covariance of the two, its symmetric part: what they change by in a fixed direction has
        exactly the displacement's variance. 0 where that is unknown.
    span : (frame,)
        How many frames lie between; NaN where there is only one.
    """
    last = len(points) - 1
    frames = np.arange(len(points))
    before, after = np.maximum(frames - 1, 0), np.minimum(frames + 1, last)
    span = np.where(after > before, after - before, np.nan)
    shared = (covariance[before] + covariance[after] - displacement) / 2
    known = np.isfinite(displacement).all(axis=(2, 3), keepdims=True)
    return (
        np.concatenate([points[before], points[after]], axis=1),
        np.concatenate([covariance[before], covariance[after]], axis=1),
        np.where(known, shared, 0.0),
        span,
    )
