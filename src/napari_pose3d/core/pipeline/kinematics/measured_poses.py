"""What a project measures of the poses of a session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from napari_pose3d.core.formats.exchange.session_poses import SessionPoses
from napari_pose3d.core.poses.kinematics.kinds import KINDS
from napari_pose3d.core.poses.kinematics.measurements import Measured, Measurement, measure
from napari_pose3d.errors import PoseDataError
from napari_pose3d.wording import counted


def measured_of(
    poses: SessionPoses, measurements: Sequence[Measurement], file: Path | None = None
) -> list[Measured]:
    """Measure positions in space.

    Parameters
    ----------
    file : Path, optional
        Where the measurements are defined.

    Raises
    ------
    PoseDataError
        There are no positions in space, no such keypoint, or a measurement has a value nowhere;
        names the file and the measurement.
    """
    if poses.poses3d is None:
        raise PoseDataError(
            f"{poses.session} has no positions in space",
            expected="a smoothed or triangulated result with a calibration",
            todo="Run napari-pose3d smooth first",
        )
    space = replace(poses.poses3d, units=poses.units)
    found = []
    for each in measurements:
        try:
            found.append(measure(space, each, poses.fps))
        except PoseDataError as error:
            named = [m.name for m in measurements if m.name in each.keypoints]
            if named and not set(named) & set(space.keypoints):
                raise PoseDataError(
                    f"'{named[0]}' is a measurement, not a keypoint",
                    file=file,
                    place=_place(each, file),
                    expected=error.expected,
                    todo="Name the keypoints themselves",
                ) from None
            raise error.located(file, _place(each, file)) from None
    return found


def undefined_notes(measured: Sequence[Measured]) -> list[str]:
    """What to say of frames that have no value although their keypoints are known."""
    return [
        f"{each.measurement.name} has no value in {counted(each.n_undefined, 'frame')}: "
        f"{', '.join(each.measurement.keypoints)} {KINDS[each.measurement.kind].undefined} there"
        for each in measured
        if each.n_undefined
    ]


def _place(measurement: Measurement, file: Path | None) -> str:
    return measurement.name if file is None else f"[kinematics] {measurement.name}"


def measurable_of(poses: SessionPoses) -> tuple[list[Measured], list[str]]:
    """What can be measured of what the project measures, and notes on what cannot, and why."""
    found, notes = [], []
    for each in poses.measurements:
        try:
            found += measured_of(poses, [each])
        except PoseDataError as error:
            notes.append(f"[kinematics] {each.name} is left out: {error.problem}")
    return found, [*notes, *undefined_notes(found)]
