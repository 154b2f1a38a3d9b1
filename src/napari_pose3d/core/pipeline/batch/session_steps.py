"""The steps of one session, one after the other, as a worker does them."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from napari_pose3d.core.poses.arrays import Result
from napari_pose3d.core.projects.matching.prediction_matching import predictions_scan
from napari_pose3d.core.projects.project import Project, open_project
from napari_pose3d.core.projects.project_toml import FILE_NAME, OWN_FOLDER
from napari_pose3d.core.projects.scan.folder_scan import FolderScan
from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.review.decisions.decisions import read_decisions
from napari_pose3d.errors import PoseDataError, error_text
from napari_pose3d.settings import (
    ExportSettings,
    IsCancelled,
    Progress,
    ReadingSettings,
    never_cancelled,
    no_progress,
)

from ..exchange.export_run import export_session
from ..file_run import FileRun
from ..quality.review_run import ReviewRun
from ..results.render_run import render_session
from .batch_plan import BatchPlan, Numbers, SessionOutcome, SessionTask, StepOutcome
from .step_record import FOLDER, StepRecord

Done = tuple[list[Path], Numbers, tuple[str, ...]]
"""Files, figures and notes of a step."""

OUTPUTS = {"smooth": "smoothed", "review": "review", "export": "exported", "render": "rendered"}
"""Where in the project's own folder the results of a step go, in a folder for each session."""


def output_folders(task: SessionTask) -> list[Path]:
    """The folders that the steps of a session write to."""
    own = Path(task.project) / OWN_FOLDER
    return [own / FOLDER, *(own / kind / task.session for kind in OUTPUTS.values())]


def run_session(
    plan: BatchPlan,
    task: SessionTask,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> SessionOutcome:
    """Do all steps of a session that are not done yet; input that cannot be used is an outcome.

    Raises
    ------
    Cancelled
        `cancelled` returned True; the files of the step at hand are not there then.
    """
    steps: list[StepOutcome] = []
    try:
        work = _SessionWork(plan, task, progress or no_progress, cancelled or never_cancelled)
    except (PoseDataError, OSError) as error:
        return SessionOutcome(task, message=error_text(error))
    for step in plan.settings.steps:
        if any(each.status == "failed" for each in steps):
            steps.append(StepOutcome(step, "left out"))
            continue
        begun = time.perf_counter()
        try:
            steps.append(work.step(step))
        except (PoseDataError, OSError, MemoryError) as error:
            seconds = time.perf_counter() - begun
            steps.append(StepOutcome(step, "failed", seconds, error_text(error)))
    return SessionOutcome(task, tuple(steps))


class _SessionWork:
    """One session of a project, and what a batch does with it."""

    def __init__(
        self, plan: BatchPlan, task: SessionTask, progress: Progress, cancelled: IsCancelled
    ) -> None:
        self._plan, self._name = plan, task.session
        self._progress, self._cancelled = progress, cancelled
        self._folder = Path(task.project)
        self._common = (self._folder / "project.yaml", self._folder / OWN_FOLDER / FILE_NAME)
        self._record = StepRecord(self._folder, task.session)
        self._reading = dataclasses.replace(
            plan.reading,
            session=task.session,
            allow_missing=plan.settings.allow_missing or plan.reading.allow_missing,
        )
        # Where nothing was said about it, what an earlier version did counts as done.
        usual = plan.reading == ReadingSettings()
        self._read_as = {} if usual else {"reading": dataclasses.asdict(plan.reading)}

    def step(self, name: str) -> StepOutcome:
        """Do a step unless it is done."""
        begun = time.perf_counter()
        do, key = {
            "smooth": self._smooth,
            "review": self._review,
            "export": self._export,
            "render": self._render,
        }[name]()
        if not self._plan.settings.again and self._record.is_done(name, key):
            return StepOutcome(name, "not needed", numbers=self._record.numbers(name))
        files, numbers, notes = do()
        self._record.add(name, key, files, numbers)
        seconds = time.perf_counter() - begun
        return StepOutcome(name, "done", seconds, notes=notes, numbers=numbers)

    def _target(self, step: str) -> Path:
        return self._folder / OWN_FOLDER / OUTPUTS[step] / self._name

    def _key(
        self, step: str, settings: Any, inputs: Iterable[Path], facts: object = None
    ) -> dict[str, Any]:
        return self._record.key(step, settings, [*self._common, *inputs], facts, self._cancelled)

    def _open(self) -> tuple[FileRun, list[Path], object]:
        """The predictions, their files and those of the cameras, and what people decided."""
        reading = dataclasses.replace(self._reading, session=None)
        scan = _scan(self._folder, self._plan.token, reading, self._given_state())
        work = FileRun(
            self._folder,
            None,
            self._reading,
            around=self._folder,
            own_times=self._plan.smoothing.own_times,
            scan=scan,
        )
        inputs = [source.path for source in work.ensemble.sources]
        alignments = work.inputs.table.alignments.get(self._name, {}).values()
        inputs += [path for alignment in alignments for path in alignment.files]
        if work.rig is not None and work.rig.path is not None:
            inputs.append(Path(work.rig.path))
        decided = read_decisions(work.decisions_folder, self._name)
        return work, inputs, (sorted(work.corrections().items()), decided)

    def _given_state(self) -> tuple[tuple[int, int] | None, ...]:
        """Of the files that say what the project is like: they may change while a batch runs."""
        found: list[tuple[int, int] | None] = []
        for path in self._common:
            try:
                stat = path.stat()
            except OSError:
                found.append(None)
            else:
                found.append((stat.st_size, stat.st_mtime_ns))
        return tuple(found)

    def _smooth(self) -> tuple[Callable[[], Done], dict[str, Any]]:
        settings = self._plan.smoothing
        work, inputs, facts = self._open()
        if self._plan.settings.project_skeleton:
            settings = work.with_project_bones(settings)
        # The number of threads does not change a result.
        chosen = {**dataclasses.asdict(settings), "threads": None, **self._read_as}

        def do() -> Done:
            result = work.smooth(settings, self._progress, self._cancelled)
            files = work.save(
                result,
                self._target("smooth"),
                force=True,
                progress=self._progress,
                cancelled=self._cancelled,
            )
            return files, _figures(result), result.report.warnings

        return do, self._key("smooth", chosen, inputs, facts)

    def _review(self) -> tuple[Callable[[], Done], dict[str, Any]]:
        settings = self._plan.review
        _, inputs, facts = self._open()
        session = _project(str(self._folder), self._plan.token).session(self._name)
        inputs += session.labels.values()

        def do() -> Done:
            run = ReviewRun([self._folder], None, self._reading, around=self._folder)
            review = run.run(
                self._target("review"),
                settings,
                force=True,
                threads=self._plan.smoothing.threads,
                progress=self._progress,
                cancelled=self._cancelled,
            )
            summary = review.sessions[0]
            numbers = {
                "events": len(summary.events),
                "frames_flagged": int(summary.flagged.sum()),
                "frames_to_label": len(review.chosen),
            }
            return list(review.files), numbers, review.notes

        chosen = {**dataclasses.asdict(settings), **self._read_as}
        return do, self._key("review", chosen, inputs, facts)

    def _written(self) -> tuple[Session, list[Path]]:
        """The session, afresh (a step before has written results), and its poses' files."""
        session = open_project(self._folder).session(self._name)
        inputs = [path for each in session.sets for path in each.files.values()]
        inputs += [each.space for each in session.sets if each.space is not None]
        inputs += [] if session.rig_path is None else [session.rig_path]
        return session, inputs

    def _export(self) -> tuple[Callable[[], Done], dict[str, Any]]:
        _, inputs = self._written()
        formats, settings = self._plan.settings.formats, self._plan.export

        def do() -> Done:
            files: list[Path] = []
            notes: list[str] = []
            for each in formats:
                exported = export_session(
                    self._folder,
                    each,
                    # Two formats may have one suffix.
                    self._target("export") / each,
                    settings,
                    session=self._name,
                    fps=self._plan.settings.fps,
                    overwrite=True,
                    progress=self._progress,
                    cancelled=self._cancelled,
                )
                files += exported.files
                notes += exported.notes
            return files, {"files_exported": len(files)}, tuple(notes)

        # Where nothing was said about it, what an earlier version did counts as done.
        usual = settings == ExportSettings()
        chosen = list(formats) if usual else [*formats, dataclasses.asdict(settings)]
        return do, self._key("export", chosen, inputs, self._plan.settings.fps)

    def _render(self) -> tuple[Callable[[], Done], dict[str, Any]]:
        session, inputs = self._written()
        inputs += session.videos.values()
        inputs += [path for view in session.views for path in session.alignment(view).files]
        settings = self._plan.render
        inputs += session.labels.values() if settings.labels else ()

        def do() -> Done:
            rendered = render_session(
                self._folder,
                self._target("render") / f"{self._name}.mp4",
                settings,
                session=self._name,
                fps=self._plan.settings.fps,
                overwrite=True,
                progress=self._progress,
                cancelled=self._cancelled,
            )
            return [rendered.file], {"frames_rendered": rendered.n_frames}, rendered.notes

        return do, self._key(
            "render", dataclasses.asdict(settings), inputs, self._plan.settings.fps
        )


@lru_cache(maxsize=4)
def _scan(folder: Path, token: str, reading: ReadingSettings, given: object) -> FolderScan | None:
    """The names of all predictions of a project, read once for all sessions of a batch.

    With hundreds of sessions, looking through them for each would take longer than smoothing.
    """
    # Without a token, sessions are done one by one.
    return predictions_scan(folder, reading) if token else None


@lru_cache(maxsize=4)
def _project(folder: str, token: str) -> Project:
    """What a folder holds: listed once for all of its sessions that a worker does in a batch."""
    return open_project(folder)


def _figures(result: Result) -> Numbers:
    """What the summary tells about a smoothed session."""
    report, poses = result.report, result.poses2d
    found: dict[str, int | float | str] = {
        "mode": report.mode,
        "views": len(poses.views),
        "keypoints": len(poses.keypoints),
        "frames": poses.n_frames,
        "observations": report.observations,
        "missing": report.missing,
        "rejected": report.rejected,
        "warnings": len(report.warnings),
    }
    residuals = [v.residual for v in report.views.values() if math.isfinite(v.residual)]
    if residuals:
        found["residual_px"] = round(max(residuals), 3)
    return found
