"""The work of the section, for a thread."""

from __future__ import annotations

import glob
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from napari_pose3d.core.pipeline.batch.batch_plan import SessionOutcome, SessionTask
from napari_pose3d.core.pipeline.batch.batch_run import batch, has_predictions
from napari_pose3d.core.pipeline.batch.batch_summary import PAGE, BatchSummary
from napari_pose3d.core.pipeline.batch.step_record import FOLDER, StepRecord
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.core.projects.project_toml import OWN_FOLDER
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import (
    BatchSettings,
    ExportSettings,
    IsCancelled,
    Progress,
    ReadingSettings,
    RenderSettings,
    SmoothingSettings,
)

Stage = tuple[SessionTask, str, int, int]
Event = Stage | SessionOutcome | str
"""Where the work on a session is, what became of one, or a line to be read."""


@dataclass(frozen=True)
class BatchRequest:
    """What to do with which sessions of a project, and by whom.

    Attributes
    ----------
    folder : Path
        Of the project.
    sessions : tuple of str
    settings : BatchSettings
    smoothing : SmoothingSettings
    reading : ReadingSettings
    export : ExportSettings
    render : RenderSettings
    cluster : str or None
        As for `batch`.
    """

    folder: Path
    sessions: tuple[str, ...]
    settings: BatchSettings
    smoothing: SmoothingSettings = field(default_factory=SmoothingSettings)
    reading: ReadingSettings = field(default_factory=ReadingSettings)
    export: ExportSettings = field(default_factory=ExportSettings)
    render: RenderSettings = field(default_factory=RenderSettings)
    cluster: str | None = None


@dataclass(frozen=True)
class ListedSession:
    """A session with predictions, and the steps that a batch has done of it."""

    name: str
    finished: tuple[str, ...] = ()


def summary_page(folder: Path) -> Path:
    """The page about the last batch of a project; it need not exist."""
    return folder / OWN_FOLDER / FOLDER / PAGE


def list_sessions(
    folder: Path, progress: Progress, cancelled: IsCancelled
) -> tuple[ListedSession, ...]:
    """The sessions of a project that a batch can do, as they are on disk now."""
    progress("looking for sessions", 0, 0)
    found = open_project(folder).sessions
    return tuple(
        ListedSession(each.name, _finished(folder, each.name))
        for each in found
        if has_predictions(each)
    )


def run_batch(
    request: BatchRequest,
    tell: Callable[[Event], None],
    progress: Progress,
    cancelled: IsCancelled,
) -> BatchSummary:
    """Do the sessions; `tell` is called in this thread."""
    return batch(
        request.folder,
        request.settings,
        sessions=[glob.escape(name) for name in request.sessions],
        smoothing=request.smoothing,
        reading=request.reading,
        export=request.export,
        render=request.render,
        cluster=request.cluster,
        progress=progress,
        cancelled=cancelled,
        message=tell,
        on_stage=lambda task, stage, done, total: tell((task, stage, done, total)),
        on_outcome=tell,
    )


def _finished(folder: Path, session: str) -> tuple[str, ...]:
    try:
        return StepRecord(folder, session).finished
    except PoseDataError:
        # Its name cannot be that of a file; the batch says so.
        return ()
