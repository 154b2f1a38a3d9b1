"""All sessions of projects, as many at once as there are workers."""

from __future__ import annotations

import fnmatch
import os
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_pose3d.core.projects.project import open_project
from napari_pose3d.core.projects.project_toml import OWN_FOLDER
from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.storage.path_lists import AnyPath, Paths, path_list
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import (
    BatchSettings,
    ExportSettings,
    IsCancelled,
    Progress,
    ReadingSettings,
    RenderSettings,
    ReviewSettings,
    SmoothingSettings,
    check_settings,
    never_cancelled,
)
from napari_pose3d.wording import counted

from ..exchange.export_run import refuse_without_body_frame
from ..exchange.format_table import format_of
from .batch_plan import BatchPlan, SessionOutcome, SessionTask
from .batch_summary import LOG, BatchLog, BatchSummary, write_summary
from .local_workers import LocalWorkers, OnStage
from .step_record import FOLDER

if TYPE_CHECKING:
    from distributed import Client

    from .dask_workers import DaskWorkers


# Of the memory of this machine, for all workers together.
_SHARE_OF_MEMORY = 0.8
_LEAST_MEMORY = 1 << 29


def batch(
    projects: Paths,
    settings: BatchSettings | None = None,
    *,
    sessions: Sequence[str] = (),
    smoothing: SmoothingSettings | None = None,
    review: ReviewSettings | None = None,
    render: RenderSettings | None = None,
    reading: ReadingSettings | None = None,
    export: ExportSettings | None = None,
    cluster: str | Client | None = None,
    out: AnyPath | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
    message: Callable[[str], None] | None = None,
    on_stage: OnStage | None = None,
    on_outcome: Callable[[SessionOutcome], None] | None = None,
) -> BatchSummary:
    """Smooth, review, export and render every session of projects, several at once.

    A session that fails does not keep the others from it, and what was done before, with the same
    inputs, settings and version, is not done again. Results go where those of single sessions
    go, in each project's ``napari-pose3d/``: ``smoothed/``, ``review/``, ``exported/`` and
    ``rendered/``, with a folder for each session.

    Parameters
    ----------
    projects : path or several
        Lightning Pose projects, or folders.
    settings : BatchSettings, optional
    sessions : sequence of str, optional
        Names, or patterns such as ``day1*``; not given: all that have predictions.
    smoothing, review, render : optional
        How it is done; ``threads`` not given: the processors are shared among the workers.
    reading : ReadingSettings, optional
        How predictions are read, such as from which likelihood on.
    export : ExportSettings, optional
        How exports are written.
    cluster : str or distributed.Client, optional
        Address of a Dask scheduler, or "local" for a Dask cluster on this machine; not given:
        processes on this machine.
    out : path, optional
        Folder for ``batch.csv``, ``batch.html`` and ``batch.log``; not given:
        ``napari-pose3d/batch/`` of the project, with several ``./batch/``.
    progress : callable, optional
        Called with ``(stage, done, total)``, counted in sessions.
    cancelled : callable, optional
        Asked often.
    message : callable, optional
        Called with the address of the dashboard, and a line for each session that failed.
    on_stage : callable, optional
        Called with ``(task, stage, done, total)`` as the work on a session goes on, where workers
        are processes on this machine.
    on_outcome : callable, optional
        Called with what became of a session as soon as that is known.

    Returns
    -------
    BatchSummary

    Raises
    ------
    PoseDataError
        A setting is invalid, a folder is no project, there are no such sessions, or the cluster
        cannot be used. Nothing has been done then.
    Cancelled
        `cancelled` returned True; sessions that were done stay, and others are as before.
    """
    begun = time.perf_counter()
    settings = settings or BatchSettings()
    cancelled = cancelled or never_cancelled
    message = message or (lambda text: None)
    smoothing = smoothing or SmoothingSettings()
    check_settings(smoothing)
    for each in settings.formats:
        chosen = format_of(each)
        if chosen.content == "labels":
            raise PoseDataError(
                f"the format '{each}' is for labels, not for poses", expected="a format of poses"
            )
        if "export" in settings.steps and export is not None:
            refuse_without_body_frame(chosen, export)
    tasks, notes = session_tasks(path_list(projects), sessions)
    folder = _summary_folder(tasks) if out is None else Path(out)
    n_workers = min(settings.workers or os.cpu_count() or 1, len(tasks))
    if smoothing.threads is None:
        # A cluster's worker has other work beside it.
        threads = 1 if cluster is not None else max((os.cpu_count() or 1) // n_workers, 1)
        smoothing = replace(smoothing, threads=threads)
    plan = BatchPlan(
        settings,
        smoothing,
        review or ReviewSettings(),
        secrets.token_hex(4),
        render or RenderSettings(),
        reading or ReadingSettings(),
        export or ExportSettings(),
    )
    found: dict[SessionTask, SessionOutcome] = {}

    def tell() -> None:
        if progress is not None:
            progress("sessions", len(found), len(tasks))

    memory = worker_memory(settings, n_workers)
    with BatchLog(folder / LOG) as log:
        log.add(f"{counted(len(tasks), 'session')}; steps: {', '.join(settings.steps)}")
        for note in notes:
            log.add(note)
        workers: LocalWorkers | DaskWorkers
        if cluster is None:
            workers = LocalWorkers(plan, n_workers, memory, on_stage)
        else:
            from .dask_workers import DaskWorkers

            workers = DaskWorkers(plan, cluster, n_workers, memory)
            if workers.dashboard:
                log.add(f"dashboard: {workers.dashboard}")
                message(f"dashboard: {workers.dashboard}")
        tell()
        try:
            with workers:
                for outcome in workers.outcomes(tasks, cancelled):
                    found[outcome.task] = outcome
                    log.add_outcome(outcome)
                    if on_outcome is not None:
                        on_outcome(outcome)
                    tell()
                    if outcome.status == "failed":
                        message(f"{outcome.task.label}: {outcome.why.splitlines()[0]}")
        except (Cancelled, KeyboardInterrupt):
            log.add(f"cancelled; {counted(len(found), 'session')} had been done")
            raise
        ordered = tuple(found[task] for task in tasks)
        summary = BatchSummary(ordered, notes, time.perf_counter() - begun, ())
        written = write_summary(folder, summary)
        log.add(summary.counts())
    return replace(summary, files=(*written, folder / LOG))


def session_tasks(
    projects: Sequence[AnyPath], patterns: Sequence[str] = ()
) -> tuple[list[SessionTask], tuple[str, ...]]:
    """The sessions of projects that have predictions, and a note for each that has none.

    Parameters
    ----------
    projects : sequence of path
    patterns : sequence of str
        Names or patterns of sessions; empty: all.

    Raises
    ------
    PoseDataError
        A folder cannot be opened, a pattern fits no session, or no session has predictions.
    """
    tasks: dict[SessionTask, None] = {}
    notes: list[str] = []
    names: list[str] = []
    for path in projects:
        project = open_project(path)
        for session in project.sessions:
            names.append(session.name)
            if patterns and not any(_is_meant(session.name, p) for p in patterns):
                continue
            task = SessionTask(str(project.folder.resolve()), session.name)
            if has_predictions(session):
                tasks[task] = None
            else:
                notes.append(f"{task.label} has no predictions, and is left out")
    for pattern in patterns:
        if not any(_is_meant(name, pattern) for name in names):
            raise PoseDataError(
                f"no session is called '{pattern}'", expected=f"some of {', '.join(names)}"
            )
    if not tasks:
        raise PoseDataError(
            "no session has predictions" if names else "there are no sessions",
            file=projects[0] if len(projects) == 1 else None,
            expected="projects, or folders, with predictions",
        )
    return list(tasks), tuple(notes)


def has_predictions(session: Session) -> bool:
    """Whether there is anything for a batch to do."""
    return any(each.kind == "predictions" and not each.own for each in session.sets)


def _is_meant(name: str, pattern: str) -> bool:
    # A name may hold what patterns are made of.
    return name == pattern or fnmatch.fnmatchcase(name, pattern)


def worker_memory(settings: BatchSettings, n_workers: int) -> int:
    """Bytes that each worker on this machine may take."""
    import psutil

    if settings.memory is not None:
        return int(settings.memory * 1e9)
    return max(int(psutil.virtual_memory().total * _SHARE_OF_MEMORY / n_workers), _LEAST_MEMORY)


def _summary_folder(tasks: Sequence[SessionTask]) -> Path:
    projects = {task.project for task in tasks}
    if len(projects) > 1:
        return Path.cwd() / FOLDER
    return Path(next(iter(projects))) / OWN_FOLDER / FOLDER
