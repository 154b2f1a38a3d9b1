"""Writing a session for another program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_pose3d.core.formats.exchange.destination import Destination
from napari_pose3d.core.formats.exchange.session_poses import SessionPoses
from napari_pose3d.core.pipeline.kinematics.body_alignment import align_to_body
from napari_pose3d.core.pipeline.kinematics.measured_poses import measurable_of
from napari_pose3d.core.poses.kinematics.body_frame import BodyFrame
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.input_files import refuse_inputs
from napari_pose3d.core.storage.path_lists import AnyPath, Paths, path_list
from napari_pose3d.core.storage.safe_names import refuse_unsafe_names
from napari_pose3d.errors import PoseDataError, Remedy
from napari_pose3d.settings import (
    OF_PROJECT,
    ExportSettings,
    IsCancelled,
    Progress,
    ReadingSettings,
    never_cancelled,
    no_progress,
)

from .format_table import ExchangeFormat, format_of
from .poses_of_session import poses_of_input


@dataclass(frozen=True)
class Exported:
    """What an export did.

    Attributes
    ----------
    session : str
    files : tuple of Path
    notes : tuple of str
        What was renamed, assumed, or not kept.
    """

    session: str
    files: tuple[Path, ...]
    notes: tuple[str, ...]


def export_session(
    paths: Paths,
    format: str,  # noqa: A002 - the word for it
    out: AnyPath,
    settings: ExportSettings | None = None,
    *,
    session: str | None = None,
    prediction_set: str | None = None,
    reading: ReadingSettings | None = None,
    calibration: AnyPath | None = None,
    fps: float | None = None,
    units: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> Exported:
    """Write the poses of a session, or the labels of a project, for another program.

    Parameters
    ----------
    paths : path or several
        A project, a folder, or files of poses.
    format : str
        Such as "trc"; see ``docs/interchange.md``.
    out : path
        The file, or a folder for it, which is made where it does not exist.
    settings : ExportSettings, optional
    session : str, optional
        Which one, where there are several.
    prediction_set : str, optional
        Not given: the smoothed result, else the only 3-D positions, else the only predictions.
    reading : ReadingSettings, optional
        ``views``, ``keypoints`` and ``individual`` choose some.
    calibration : path, optional
        Not given: the session's own.
    fps : float, optional
        Frames a second; not given: what a video of the session states.
    units : str, optional
        What lengths are in, such as "mm"; not given: what the calibration states.
    overwrite : bool
        Whether files may be replaced.

    Returns
    -------
    Exported

    Raises
    ------
    PoseDataError
        There is nothing to write, the format cannot hold it, a library is not installed, or a
        file exists. Nothing has been written then.
    Cancelled
        `cancelled` returned True; nothing has been written then.
    """
    chosen = format_of(format)
    if chosen.content == "labels":
        from .label_exchange import export_labels

        given = path_list(paths)
        if len(given) != 1:
            raise PoseDataError(
                f"{len(given)} inputs were given", expected="one project, whose labels are meant"
            )
        path = target_path(chosen, Path(out), session or "labels")
        files, notes = export_labels(
            open_project(given[0]),
            chosen,
            path,
            settings or ExportSettings(),
            session=session,
            overwrite=overwrite,
            cancelled=cancelled,
        )
        return Exported(session or "", files, notes)
    poses = poses_of_input(
        paths,
        session,
        prediction_set,
        reading=reading,
        calibration=calibration,
        fps=fps,
        units=units,
        progress=progress,
        cancelled=cancelled,
    )
    return export_poses(
        poses,
        format,
        out,
        settings,
        overwrite=overwrite,
        progress=progress,
        cancelled=cancelled,
    )


def export_poses(
    poses: SessionPoses,
    format: str,  # noqa: A002 - the word for it
    out: AnyPath,
    settings: ExportSettings | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> Exported:
    """Write poses that are in memory; parameters and errors as for `export_session`."""
    settings = settings or ExportSettings()
    chosen = format_of(format)
    if chosen.content != "poses":
        raise PoseDataError(
            f"{chosen.title} is for labels of a project, not for poses",
            expected="a format of poses",
        )
    if poses.n_frames == 0 or not poses.keypoints:
        raise PoseDataError(
            f"there is nothing to write: {poses.n_frames} frames, {len(poses.keypoints)} keypoints",
            expected="one or more of each",
        )
    if settings.measured_only:
        poses = poses.measured_only()
    # In the frame of the animal, keypoints share what is uncertain about the frame.
    found: list[str] = []
    if chosen.measurements and poses.poses3d is not None and poses.measurements:
        measured, found = measurable_of(poses)
        poses = replace(poses, measured=tuple(measured))
    aligned: list[str] = []
    if settings.body_frame:
        refuse_without_body_frame(chosen, settings)
        poses, aligned = align_to_body(poses, *_body_frame(settings, poses))
    path = target_path(chosen, Path(out), poses.session)
    cancelled = cancelled or never_cancelled
    with FileGroup(overwrite=overwrite, cancelled=cancelled) as files:
        to = Destination(path, files, settings, progress or no_progress, cancelled)
        notes = chosen.write()(poses, to)
        written = files.targets
        refuse_inputs(written, poses.sources)
    return Exported(poses.session, written, (*found, *aligned, *notes))


def refuse_without_body_frame(chosen: ExchangeFormat, settings: ExportSettings) -> None:
    """Refuse the frame of an animal for a format that cannot be in it."""
    if settings.body_frame and "body_frame" not in chosen.options:
        raise PoseDataError(
            f"{chosen.title} cannot be in the frame of an animal",
            place="body frame",
            expected="a format of 3-D positions without views and cameras",
        )


def _body_frame(
    settings: ExportSettings, poses: SessionPoses
) -> tuple[str | BodyFrame, tuple[str, ...]]:
    """The frame of the animal, as text or as the project gives it, and the keypoints on the floor.

    Raises
    ------
    PoseDataError
        That of the project is wanted, and it gives none.
    """
    floor = tuple(name.strip() for name in settings.floor.split(",") if name.strip())
    if settings.body_frame != OF_PROJECT:
        return settings.body_frame, floor
    if poses.body_frame is None:
        raise PoseDataError(
            "the project does not give the frame of its animal",
            place="body frame",
            expected="a table [body_frame] in napari-pose3d/project.toml, such as "
            'origin = "neck", front = "nose"',
            todo="Write it, or name the keypoints",
        )
    return poses.body_frame.frame, floor or poses.body_frame.floor


def target_path(chosen: ExchangeFormat, out: Path, session: str) -> Path:
    """The file for a format: ``out`` where it has the suffix, else ``<out>/<session><suffix>``."""
    if chosen.is_folder or (out.suffix.lower() == chosen.suffix and not out.is_dir()):
        return out
    name = session or "recording"
    refuse_unsafe_names([name], "session")
    return out / f"{name}{chosen.suffix}"


def subject_of(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The subject of `ExportSettings` from texts such as ``sex=F``.

    Raises
    ------
    PoseDataError
        One is no key with a value.
    """
    pairs = []
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key.strip() or not value.strip():
            raise PoseDataError(
                f"'{text}' is not understood",
                place="subject",
                expected="a key, an equals sign and a value, such as sex=F",
                remedy=Remedy("subject"),
            )
        pairs.append((key.strip(), value.strip()))
    return tuple(pairs)
