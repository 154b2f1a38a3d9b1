"""The work of the panel Export, for a thread."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_pose3d.core.pipeline.batch.session_steps import OUTPUTS
from napari_pose3d.core.pipeline.exchange.export_run import Exported, export_poses, target_path
from napari_pose3d.core.pipeline.exchange.format_table import ExchangeFormat
from napari_pose3d.core.pipeline.exchange.import_run import Imported, import_file
from napari_pose3d.core.pipeline.exchange.label_exchange import export_labels
from napari_pose3d.core.pipeline.exchange.poses_of_session import poses_of_session
from napari_pose3d.core.pipeline.results.render_run import Rendered, render_session
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.core.projects.project_toml import OWN_FOLDER
from napari_pose3d.gui.session.current_session import OpenSession
from napari_pose3d.settings import ExportSettings, IsCancelled, Progress

from .export_sources import Source
from .video_panel import VideoChoice

_FOLDER = "exported"


@dataclass(frozen=True)
class ExportChoice:
    """What to export, in which way, and where to."""

    opened: OpenSession
    source: Source
    format: ExchangeFormat
    settings: ExportSettings
    out: Path
    fps: float | None = None
    units: str | None = None
    overwrite: bool = False


def proposed_folder(opened: OpenSession) -> Path:
    """Where exports of a session go, unless the user says otherwise."""
    return opened.project.folder / _FOLDER


def proposed_video(opened: OpenSession) -> Path:
    """Where the video of a session goes, unless the user says otherwise: as in a batch."""
    name = opened.session.name
    return opened.project.folder / OWN_FOLDER / OUTPUTS["render"] / name / f"{name}.mp4"


def place_of(opened: OpenSession, source: Source, chosen: ExchangeFormat, folder: Path) -> Path:
    """The file, or the folder of a data set, that an export makes."""
    name = source.session or "labels"
    if chosen.is_folder:
        return folder / f"{name}_{chosen.key}"
    if source.content == "labels":
        return folder / f"{name}_{chosen.key}{chosen.suffix}"
    return target_path(chosen, folder / chosen.key, source.session or "")


def run_export(choice: ExportChoice, progress: Progress, cancelled: IsCancelled) -> Exported:
    """Read and write."""
    source, chosen = choice.source, choice.format
    target = place_of(choice.opened, source, chosen, choice.out)
    if source.content == "labels":
        progress("reading labels", 0, 0)
        files, notes = export_labels(
            choice.opened.project,
            chosen,
            target,
            choice.settings,
            session=source.session,
            overwrite=choice.overwrite,
        )
        return Exported(source.session or "", files, notes)
    poses = poses_of_session(
        choice.opened.session,
        source.name,
        fps=choice.fps,
        units=choice.units,
        progress=progress,
        cancelled=cancelled,
    )
    progress("writing", 0, 0)
    return export_poses(
        poses,
        chosen.key,
        target,
        choice.settings,
        overwrite=choice.overwrite,
        progress=progress,
        cancelled=cancelled,
    )


def run_render(choice: VideoChoice, progress: Progress, cancelled: IsCancelled) -> Rendered:
    """Draw and encode."""
    progress("reading", 0, 0)
    return render_session(
        choice.folder,
        choice.out,
        choice.settings,
        session=choice.session,
        prediction_set=choice.prediction_set,
        fps=choice.fps,
        overwrite=choice.overwrite,
        progress=progress,
        cancelled=cancelled,
    )


def run_import(
    path: Path,
    out: Path | None,
    key: str | None,
    calibration: Path | None,
    zero_is_missing: bool,
    progress: Progress,
    cancelled: IsCancelled,
) -> Imported:
    """Read, look through, and write where a folder is given."""
    progress("reading", 0, 0)
    return import_file(
        path,
        out,
        key,
        calibration=calibration,
        zero_is_missing=zero_is_missing,
        progress=progress,
        cancelled=cancelled,
    )


def look_again(opened: OpenSession, progress: Progress, cancelled: IsCancelled) -> OpenSession:
    """The same session with the files that are there now."""
    progress("looking for results", 0, 0)
    project = open_project(opened.project.folder)
    return OpenSession(project, project.session(opened.session.name))
