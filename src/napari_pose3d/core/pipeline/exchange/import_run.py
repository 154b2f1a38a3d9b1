"""Reading a file of another program into files that every part of ours reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_pose3d.core.cameras.rig_file import load_rig, rig_text
from napari_pose3d.core.formats.exchange.session_poses import SessionPoses
from napari_pose3d.core.formats.predictions.poses3d_csv import write_poses3d_csv
from napari_pose3d.core.formats.predictions.prediction_csv import write_prediction_csv
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.input_files import refuse_inputs
from napari_pose3d.core.storage.path_lists import AnyPath
from napari_pose3d.core.storage.safe_names import refuse_unsafe_names
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import IsCancelled, Progress

from .format_table import ExchangeFormat, format_of, found_format
from .import_lint import Lint, lint_space, lint_views, zeros_as_nan


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes
    ----------
    format : str
    session : str
        "" for the labels of a whole data set.
    files : tuple of Path
        What was written; empty where nothing was to be written.
    notes : tuple of str
        What was assumed, renamed or left out.
    lint : tuple of Lint
    """

    format: str
    session: str
    files: tuple[Path, ...]
    notes: tuple[str, ...]
    lint: tuple[Lint, ...]


def read_poses(
    path: AnyPath,
    format: str | None = None,  # noqa: A002 - the word for it
) -> SessionPoses:
    """The poses in a file of another program.

    Parameters
    ----------
    format : str, optional
        Such as "trc"; not given, it is found in the file.

    Returns
    -------
    SessionPoses
        What the file does not tell is NaN or empty.

    Raises
    ------
    PoseDataError
        The file is damaged, of another format, holds labels, or a library is not installed.
    """
    chosen = _chosen(Path(path), format)
    if chosen.content != "poses":
        raise PoseDataError(
            f"{chosen.title} holds labels, not poses of a session",
            file=path,
            expected="a file of poses",
        )
    found: SessionPoses = chosen.read()(Path(path))
    return found


def import_file(
    path: AnyPath,
    out: AnyPath | None = None,
    format: str | None = None,  # noqa: A002 - the word for it
    *,
    calibration: AnyPath | None = None,
    individual: str | None = None,
    zero_is_missing: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> Imported:
    """Read a file of another program, look for what is wrong, and write it as ours.

    Poses become ``<session>_<view>.csv``, ``<session>_3d.csv`` and ``calibration.toml``; labels a
    Lightning Pose project.

    Parameters
    ----------
    path : path
        A file, or the folder of a data set.
    out : path, optional
        Folder to write to; not given: nothing is written, and only looked.
    format : str, optional
        Not given: found in the file.
    calibration : path, optional
        For the residuals; not given: the cameras in the file, if any.
    individual : str, optional
        Which one, where the file holds several.
    zero_is_missing : bool
        Whether positions at exactly (0, 0) are missing, as some programs write them.
    overwrite : bool
        Whether files may be replaced.

    Returns
    -------
    Imported

    Raises
    ------
    PoseDataError
        As `read_poses`, or a file exists. Nothing has been written then.
    Cancelled
        `cancelled` returned True; nothing has been written then.
    """
    path = Path(path)
    chosen = _chosen(path, format)
    rig = None if calibration is None else load_rig(calibration)
    target = None if out is None else Path(out)
    if chosen.content == "labels":
        from .label_exchange import import_labels

        labels = chosen.read(individual)(path)
        files, lint = import_labels(
            labels,
            target,
            rig,
            zero_is_missing=zero_is_missing,
            overwrite=overwrite,
            cancelled=cancelled,
        )
        return Imported(chosen.key, "", files, labels.notes, lint)
    poses: SessionPoses = chosen.read(individual)(path)
    if rig is not None:
        poses = replace(poses, rig=rig)
    if zero_is_missing:
        poses = without_zeros(poses)
    files = (
        ()
        if target is None
        else _write(poses, path, target, overwrite, progress=progress, cancelled=cancelled)
    )
    return Imported(chosen.key, poses.session, files, poses.notes, lint_of(poses))


def _chosen(path: Path, key: str | None) -> ExchangeFormat:
    if not path.exists():
        raise PoseDataError("there is no such file or folder", file=path, todo="Check the path")
    return found_format(path) if key is None else format_of(key)


def lint_of(poses: SessionPoses) -> tuple[Lint, ...]:
    """What was found in poses: of space, then view by view."""
    found = []
    if poses.poses3d is not None:
        found.append(lint_space(poses.poses3d.xyz))
    if poses.poses2d is not None:
        cameras = () if poses.rig is None else poses.rig.cameras
        sizes = {camera.name: camera.size for camera in cameras if camera.size is not None}
        rigs = [] if poses.rig is None else [(poses.rig, np.arange(poses.n_frames))]
        found += lint_views(poses.poses2d.xy, poses.views, sizes, rigs)
    return tuple(found)


def without_zeros(poses: SessionPoses) -> SessionPoses:
    """With exact zeros as missing positions."""
    space, of_views = poses.poses3d, poses.poses2d
    if space is not None:
        space = replace(space, xyz=zeros_as_nan(space.xyz))
    if of_views is not None:
        of_views = replace(of_views, xy=zeros_as_nan(of_views.xy))
    return replace(poses, poses3d=space, poses2d=of_views)


def _write(
    poses: SessionPoses,
    source: Path,
    out: Path,
    overwrite: bool,
    *,
    progress: Progress | None,
    cancelled: IsCancelled | None,
) -> tuple[Path, ...]:
    name = poses.session or "recording"
    refuse_unsafe_names([name], "session")
    refuse_unsafe_names(poses.views, "view")
    with FileGroup(overwrite=overwrite) as files:
        for view in poses.views:
            assert poses.poses2d is not None
            write_prediction_csv(
                files.open(out / f"{name}_{view}.csv"),
                poses.poses2d,
                view=view,
                scorer="imported",
                progress=progress,
                cancelled=cancelled,
            )
        if poses.poses3d is not None:
            write_poses3d_csv(
                files.open(out / f"{name}_3d.csv"),
                poses.poses3d,
                scorer="imported",
                progress=progress,
                cancelled=cancelled,
            )
        if poses.rig is not None and poses.rig.path is None:
            files.open(out / "calibration.toml").write(rig_text(poses.rig))
        refuse_inputs(files.targets, [source])
        return files.targets
