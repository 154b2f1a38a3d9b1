"""A figure of a session, from its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from napari_pose3d.core.pipeline.exchange.poses_of_session import poses_of_input
from napari_pose3d.core.poses.kinematics.measurements import Measured, Measurement
from napari_pose3d.core.storage.path_lists import Paths, path_list
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import IsCancelled, Progress

from .body_alignment import floor_normal
from .figures import plot_polar, plot_traces, plot_trajectory
from .kinematics_run import wanted_measurements
from .measured_poses import measured_of, undefined_notes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Plot = Literal["trajectory", "traces", "polar"]


def plot_session(
    paths: Paths,
    plot: Plot,
    *,
    keypoints: Sequence[str] = (),
    floor: Sequence[str] = (),
    measurements: Sequence[Measurement] = (),
    shown: Sequence[str] = (),
    session: str | None = None,
    prediction_set: str | None = None,
    frames: tuple[int | None, int | None] = (None, None),
    fps: float | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> tuple[Figure, list[str]]:
    """A figure of the positions of a session in space.

    Parameters
    ----------
    paths : path or several
        A project, a folder, or files of one session.
    plot : {"trajectory", "traces", "polar"}
        See `plot_trajectory`, `plot_traces` and `plot_polar`.
    keypoints, floor : sequence of str
        Of a trajectory: whose, and which keypoints touch the floor it is seen from above of.
    measurements : sequence of Measurement
        Of the others; not given: those of the project.
    shown : sequence of str
        Names of some of them, or of their values.
    session, prediction_set, fps
        As for `measure_session`.
    frames : (int or None, int or None)
        First session frame and one past the last.

    Returns
    -------
    figure : matplotlib.figure.Figure
    notes : list of str

    Raises
    ------
    PoseDataError
        There is nothing to draw, a name is unknown, or matplotlib is not installed.
    """
    several = path_list(paths)
    of_ways = plot == "trajectory"
    wanted, file = ((), None) if of_ways else wanted_measurements(several[0], measurements)
    poses = poses_of_input(
        several, session, prediction_set, fps=fps, progress=progress, cancelled=cancelled
    )
    space = replace(poses.in_space("a figure"), units=poses.units)
    part = slice(*frames)
    first, _, _ = part.indices(space.n_frames)
    if not len(range(space.n_frames)[part]):
        raise PoseDataError(
            f"the recording has no frames from {first}",
            place="frames",
            expected=f"frames below {space.n_frames:,}",
        )
    if of_ways:
        up = floor_normal(space, floor) if floor else (0.0, 0.0, 1.0)
        some = replace(
            space,
            xyz=space.xyz[part],
            covariance=space.covariance[part],
            n_views=space.n_views[part],
            residuals=space.residuals[:, part],
            inferred=space.inferred[part],
            displacement_covariance=None,
        )
        return plot_trajectory(some, keypoints, up=up, colours=poses.colours), []
    measured = measured_of(poses, _chosen(wanted, shown), file)
    notes = undefined_notes(measured)
    measured = [
        replace(each, values=each.values[part], deviations=each.deviations[part])
        for each in measured
    ]
    if plot == "traces":
        return plot_traces(measured, poses.fps, first_frame=first), notes
    return plot_polar(measured[0], _value(measured, shown)), notes


def _chosen(wanted: Sequence[Measurement], shown: Sequence[str]) -> list[Measurement]:
    """Those that are named, or have a value that is, in the order of the names."""
    if not shown:
        return list(wanted)
    found = []
    for name in shown:
        named = [each for each in wanted if name in (each.name, *each.value_names)]
        if not named:
            raise PoseDataError(
                f"nothing that is measured is called '{name}'",
                expected=f"some of {', '.join(each.name for each in wanted)}",
            )
        found += [each for each in named if each not in found]
    return found


def _value(measured: Sequence[Measured], shown: Sequence[str]) -> str:
    """Which value a polar histogram is of; "" for the first."""
    if len(measured) != 1:
        raise PoseDataError(
            f"{len(measured)} measurements are to be in one polar histogram",
            expected=f"one of {', '.join(each.measurement.name for each in measured)}",
        )
    return next((name for name in shown if name in measured[0].names), "")
