"""Angles, lengths and speeds of a session, written as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from napari_pose3d.core.formats.predictions.table_header import looks_like_pose_table
from napari_pose3d.core.pipeline.exchange.poses_of_session import poses_of_input
from napari_pose3d.core.poses.kinematics.measurements import (
    Measured,
    Measurement,
    refuse_same_names,
)
from napari_pose3d.core.projects.project_toml import find_own_project, own_project_path
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.path_lists import AnyPath, Paths, path_list
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import IsCancelled, Progress

from .measured_poses import measured_of


def measure_session(
    paths: Paths,
    measurements: Sequence[Measurement] = (),
    *,
    session: str | None = None,
    prediction_set: str | None = None,
    fps: float | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> tuple[list[Measured], float | None]:
    """Measure the positions of a session in space.

    Parameters
    ----------
    paths : path or several
        A project, a folder, or files of one session.
    measurements : sequence of Measurement
        Not given: those of ``[kinematics]`` in the project's ``project.toml``.
    session, prediction_set : str, optional
        As for `export_session`.
    fps : float, optional
        Frames a second; not given: what a video of the session states.

    Returns
    -------
    measured : list of Measured
    fps : float or None
        The frame rate that speeds are given by; None where it is unknown.

    Raises
    ------
    PoseDataError
        Nothing is to be measured, there are no positions in space, or no such keypoint.
    """
    several = path_list(paths)
    wanted, file = wanted_measurements(several[0], measurements)
    poses = poses_of_input(
        several, session, prediction_set, fps=fps, progress=progress, cancelled=cancelled
    )
    return measured_of(poses, wanted, file), poses.fps


def wanted_measurements(
    path: AnyPath, measurements: Sequence[Measurement] = ()
) -> tuple[tuple[Measurement, ...], Path | None]:
    """What is to be measured, and the project's file where that says so.

    Parameters
    ----------
    path : path
        A project, or something in it.
    measurements : sequence of Measurement
        Not given: those of the project.

    Raises
    ------
    PoseDataError
        Nothing is, or two have one name.
    """
    own = find_own_project(path)
    if measurements:
        refuse_same_names(measurements)
        return tuple(measurements), None
    if own is None or not own.kinematics:
        raise PoseDataError(
            "nothing is to be measured",
            file=own_project_path(path if own is None else own.folder),
            expected="a table [kinematics] with lines such as "
            'knee = { angle = ["hip", "knee", "ankle"] }',
        )
    return own.kinematics, own_project_path(own.folder)


def kinematics_table(measured: Sequence[Measured], fps: float | None) -> pd.DataFrame:
    """A row for each frame; a column for each value and one for its standard deviation."""
    n_frames = len(measured[0].values)
    columns: dict[str, object] = {"frame": np.arange(n_frames)}
    if fps is not None:
        columns["time (s)"] = np.arange(n_frames) / fps
    for each in measured:
        columns.update(each.columns())
    return pd.DataFrame(columns)


def write_kinematics(
    measured: Sequence[Measured], fps: float | None, out: AnyPath, *, overwrite: bool = False
) -> Path:
    """Write `kinematics_table` as CSV; missing is an empty cell.

    Raises
    ------
    PoseDataError
        The file exists, and may not be replaced or holds poses.
    """
    path = Path(out)
    if overwrite and path.is_file() and looks_like_pose_table(path):
        raise PoseDataError(
            "this file holds poses, which a table of measurements would replace",
            file=path,
            todo="Choose another name",
        )
    with FileGroup(overwrite=overwrite) as files:
        kinematics_table(measured, fps).to_csv(files.open(path), index=False, float_format="%.6g")
    return path
