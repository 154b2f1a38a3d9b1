"""Where a result goes on disk, and writing it: all files or none."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_pose3d.core.poses.arrays import AnyEnsemble, Poses2D, Result
from napari_pose3d.core.poses.report import Kind
from napari_pose3d.core.storage.path_lists import AnyPath
from napari_pose3d.settings import IsCancelled, Progress, never_cancelled, no_progress

from .run_record import run_record

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig
    from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable

Columns = Literal["all", "movement"]

# The scorer that ensemble-kalman-smoother writes, which its readers look for.
SCORER = "ensemble-kalman_tracker"


def default_folder(
    ensemble: AnyEnsemble,
    inputs: Iterable[AnyPath] = (),
    kind: Literal["smoothed", "triangulated"] = "smoothed",
) -> Path:
    """Where results go unless the user gives a folder.

    Inside a Lightning Pose project ``<project>/napari-pose3d/<kind>/<session>/``, which its own
    app does not look into; else ``./<session>_<kind>/``.
    """
    from napari_pose3d.core.formats.projects.project_yaml import find_project

    session = ensemble.session or "recording"
    starts = [source.path for source in ensemble.sources] or [Path(p) for p in inputs]
    for start in starts[:1]:
        project = find_project(start)
        if project is not None:
            return project.folder / "napari-pose3d" / kind / session
    return Path.cwd() / f"{session}_{kind}"


def result_paths(
    poses: AnyEnsemble | Poses2D, mode: Kind, folder: AnyPath, name: str | None = None
) -> list[Path]:
    """The files that `save_result` writes: one per view, the 3-D one if there is 3-D, the record.

    Per view the smoothed positions, or, of a triangulation, how far the observations lie from it.
    The names begin with ``name``, else with the session.
    """
    stem = Path(folder) / (name or poses.session or "recording")
    ending = "_reprojection_error.csv" if mode == "triangulated" else ".csv"
    parts = [f"{view}{ending}" for view in poses.views]
    parts += ["3d.csv"] if mode in ("calibrated", "triangulated") else []
    return [stem.with_name(f"{stem.name}_{part}") for part in (*parts, "run.json")]


def times_path(poses: AnyEnsemble | Poses2D, folder: AnyPath, name: str | None = None) -> Path:
    """The file of the times of frames that are none of the session."""
    return Path(folder) / f"{name or poses.session or 'recording'}_times.csv"


def save_result(
    result: Result,
    ensemble: AnyEnsemble,
    rig: Rig | None,
    folder: AnyPath,
    *,
    name: str | None = None,
    force: bool = False,
    compact: bool = False,
    columns: Columns = "all",
    changed: Collection[Path] = (),
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> list[Path]:
    """Write a result: a CSV per view, the 3-D CSV and the record of the run.

    Where its frames are none of the session, ``<session>_times.csv`` holds the time of each.

    Parameters
    ----------
    result, ensemble, rig
        What `smooth` or `triangulate_ensemble` returned and was given.
    folder : path
        Made where it does not exist.
    name : str, optional
        What the names of the files begin with; not given: the session.
    force : bool
        Whether files of an earlier run may be replaced.
    compact : bool
        Whether to write positions and likelihood only, a third of the columns: no variances, and
        nothing of the ensemble. Pixels have two decimals then, 3-D positions single precision.
    columns : {"all", "movement"}
        "movement" writes the columns that movement reads, x, y and likelihood (x, y and z), with
        all digits of single precision.
    changed : collection of Path
        Inputs that are no longer what the result was made from.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    PoseDataError
        A file exists and ``force`` is False, or the folder cannot be written to. Nothing has been
        changed then, nor after `Cancelled`.
    """
    from napari_pose3d.core.formats.predictions.error_csv import write_error_csv
    from napari_pose3d.core.formats.predictions.poses3d_csv import write_poses3d_csv
    from napari_pose3d.core.formats.predictions.prediction_csv import write_prediction_csv
    from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable
    from napari_pose3d.core.storage.atomic_files import FileGroup

    report = progress or no_progress
    cancelled = cancelled or never_cancelled
    poses = result.poses2d
    paths = result_paths(poses, result.report.mode, folder, name)
    few = compact or columns == "movement"

    def writing(path: Path) -> Progress:
        return lambda _, done, total: report(f"Writing {path.name}", done, total)

    with FileGroup(overwrite=force) as files:
        # All names are claimed before the first is written: an existing file shows at once.
        streams = [files.open(path) for path in paths]
        for v, (view, path, stream) in enumerate(zip(poses.views, paths, streams, strict=False)):
            if result.report.mode == "triangulated":
                assert result.poses3d is not None
                write_error_csv(
                    stream,
                    result.poses3d.residuals[v],
                    poses.keypoints,
                    progress=writing(path),
                    cancelled=cancelled,
                )
                continue
            write_prediction_csv(
                stream,
                _positions(poses, v, rounded=compact)
                if few
                else PredictionTable.from_poses(poses, view),
                scorer=SCORER,
                progress=writing(path),
                cancelled=cancelled,
            )
        if result.poses3d is not None:
            write_poses3d_csv(
                streams[-2],
                result.poses3d,
                scorer=SCORER,
                compact=few,
                progress=writing(paths[-2]),
                cancelled=cancelled,
            )
        if result.times is not None:
            path = times_path(poses, folder, name)
            lines = (f"{frame},{time!r}\n" for frame, time in enumerate(result.times.tolist()))
            files.open(path).writelines(["frame,time\n", *lines])
            paths.insert(-1, path)
        record = run_record(
            result, ensemble, rig, changed=changed, progress=progress, cancelled=cancelled
        )
        streams[-1].write(json.dumps(record, indent=2) + "\n")
    return paths


def _positions(poses: Poses2D, view: int, *, rounded: bool) -> PredictionTable:
    """Positions and likelihood of one view; rounded to as many digits as anybody can see."""
    from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable

    xy, likelihood = poses.xy[view], poses.likelihood[view]
    if rounded:
        xy, likelihood = np.round(xy, 2), np.round(likelihood, 4)
    return PredictionTable(poses.keypoints, xy, likelihood, individual=poses.individual)
