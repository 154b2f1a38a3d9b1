"""A review from files to files: smooth every session, find what is wrong, propose frames."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_pose3d.core.poses.arrays import Poses2D, Result
from napari_pose3d.core.projects.matching.inputs import session_names
from napari_pose3d.core.review.decisions.decisions import Decision, read_decisions
from napari_pose3d.core.review.frame_choice import ChosenFrame, choose_frames
from napari_pose3d.core.review.measures.label_measures import LABEL_MEASURES
from napari_pose3d.core.review.measures.measure_table import IN_SD, MEASURES
from napari_pose3d.core.review.measures.measures import (
    check_measures,
    compute_measures,
    measure_groups,
)
from napari_pose3d.core.review.review_files import ReviewFiles, refuse_existing_review
from napari_pose3d.core.review.review_project import ReviewProject
from napari_pose3d.core.review.rig_findings import rig_findings
from napari_pose3d.core.review.session_review import (
    SessionReview,
    SessionSummary,
    review_result,
)
from napari_pose3d.core.review.set_comparison import (
    SetComparison,
    compare_poses,
    raw_poses,
)
from napari_pose3d.core.storage.path_lists import AnyPath
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import (
    IsCancelled,
    Progress,
    ReadingSettings,
    ReviewSettings,
    SmoothingSettings,
)

from ..file_run import FileRun
from ..results.run_summary import summary as summary_of


@dataclass(frozen=True, eq=False)
class Review:
    """What a run found.

    Attributes
    ----------
    sessions : tuple of SessionSummary
    chosen : tuple of ChosenFrame
        Frames to label.
    failed : dict of str to PoseDataError
        Sessions that could not be reviewed, and why.
    notes : tuple of str
        What the smoother and the readers warned of.
    files : tuple of Path
    """

    sessions: tuple[SessionSummary, ...]
    chosen: tuple[ChosenFrame, ...]
    failed: dict[str, PoseDataError]
    notes: tuple[str, ...]
    files: tuple[Path, ...]


class ReviewRun:
    """Predictions of one or more sessions, and their review.

    Parameters
    ----------
    paths : path or sequence of paths
        A project, folders, or prediction files.
    calibration : path, optional
        Not given: that of the project or folder.
    reading : ReadingSettings, optional
        With a session: only that one.
    sets : collection of str, optional
        Names of prediction sets; not given: all.
    around : path, optional
        The project or folder that holds videos and labels; not given: derived from ``paths``.

    Attributes
    ----------
    sessions : tuple of str
        Names of the sessions that are reviewed.

    Raises
    ------
    PoseDataError
        See `match_inputs`.
    """

    def __init__(
        self,
        paths: Sequence[AnyPath],
        calibration: AnyPath | None = None,
        reading: ReadingSettings | None = None,
        sets: Collection[str] = (),
        around: AnyPath | None = None,
    ) -> None:
        self._paths = list(paths)
        self._calibration = calibration
        self._reading = reading or ReadingSettings()
        self._sets = tuple(sets)
        self._around = around
        self.sessions = session_names(self._paths, calibration, self._reading)
        self._project = ReviewProject(self._paths if around is None else [around])

    def decisions_folder(self, name: str) -> Path:
        """The folder that keeps corrections and decisions about a session."""
        return self._work(name).decisions_folder

    def decisions(self, name: str) -> tuple[Decision, ...]:
        """What people decided about a session.

        Raises
        ------
        PoseDataError
            The record of decisions cannot be read.
        """
        return read_decisions(self.decisions_folder(name), name)

    def compare(
        self,
        session: str,
        result: Result,
        names: Sequence[str],
        progress: Progress | None = None,
        cancelled: IsCancelled | None = None,
    ) -> SetComparison:
        """How two prediction sets of a reviewed session differ.

        Parameters
        ----------
        session : str
        result : Result
            Of its review.
        names : two str
            Of prediction sets, or "raw" and "smoothed".

        Raises
        ------
        PoseDataError
            No set is called so, or they have nothing in common.
        Cancelled
            `cancelled` returned True.
        """

        def poses_of(name: str) -> Poses2D:
            if name == "smoothed":
                return result.poses2d
            if name == "raw":
                return raw_poses(result)
            reading = replace(self._reading, session=session)
            work = FileRun(self._paths, self._calibration, reading, (name,))
            return work.ensemble.in_memory(progress, cancelled).poses(0)

        first, second = names
        return compare_poses(poses_of(first), poses_of(second), (first, second))

    def default_folder(self) -> Path:
        """Where the review goes unless the user gives a folder."""
        folder = self._project.folder
        return Path.cwd() / "review" if folder is None else folder / "napari-pose3d" / "review"

    def run(
        self,
        folder: AnyPath,
        settings: ReviewSettings | None = None,
        *,
        force: bool = False,
        threads: int | None = None,
        progress: Progress | None = None,
        cancelled: IsCancelled | None = None,
    ) -> Review:
        """Review all sessions and write what was found.

        A session that cannot be reviewed does not keep the others from it.

        Parameters
        ----------
        folder : path
            For ``events.csv``, ``frames.csv``, ``report.html`` and ``measures/``.
        settings : ReviewSettings, optional
        force : bool
            Whether files of an earlier review may be replaced.
        threads, progress, cancelled
            As for `smooth`.

        Raises
        ------
        PoseDataError
            A setting is invalid, a file exists and ``force`` is False, no session could be
            reviewed, or the folder cannot be written to. Nothing has been changed then.
        Cancelled
            `cancelled` returned True; nothing has been changed then.
        """
        from napari_pose3d.core.review.report.page import page_text

        settings = settings or ReviewSettings()
        _check(settings)
        if not force:
            refuse_existing_review(folder)
        done: list[SessionSummary] = []
        failed: dict[str, PoseDataError] = {}
        notes: list[str] = []
        decisions: list[Decision] = []
        with ReviewFiles(folder, force=force) as files:
            for name in self.sessions:
                try:
                    result = self._smoothed(name, threads, progress, cancelled)
                    result = self._add_movement(
                        files, name, result, settings, threads, progress, cancelled
                    )
                    review = self._reviewed(name, result, settings, progress, cancelled)
                    summary = self._summary(review, progress, cancelled)
                    # What has been compared with the bars takes a fifth of the memory.
                    del review
                    self._add_measures(
                        files, summary, result, settings, threads, progress, cancelled
                    )
                except PoseDataError as error:
                    failed[name] = error
                    continue
                notes += [f"{name}: {warning}" for warning in result.report.warnings]
                if settings.compare:
                    compared = self.compare(name, result, settings.compare, progress, cancelled)
                    files.add_comparison(summary, compared, progress, cancelled)
                decisions += self.decisions(name)
                done.append(summary)
                del result
            if not done:
                raise next(iter(failed.values()))
            chosen = choose_frames(
                {each.session: each for each in done}, settings.budget, settings.seed
            )
            page = page_text(done, chosen, failed, notes, self._project.images)
            written = files.finish(done, chosen, page, decisions)
        return Review(tuple(done), chosen, failed, tuple(notes), tuple(written))

    def review(
        self,
        name: str,
        settings: ReviewSettings | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
        cancelled: IsCancelled | None = None,
    ) -> SessionReview:
        """Smooth a session and find what is wrong in it; nothing is written.

        Raises
        ------
        PoseDataError
            Its predictions cannot be read or smoothed.
        Cancelled
            `cancelled` returned True.
        """
        settings = settings or ReviewSettings()
        result = self._smoothed(name, threads, progress, cancelled)
        return self._reviewed(name, result, settings, progress, cancelled)

    def _smoothed(
        self,
        name: str,
        threads: int | None,
        progress: Progress | None,
        cancelled: IsCancelled | None,
    ) -> Result:
        # What is marked as bad is still looked at.
        smoothing = SmoothingSettings(threads=threads, leave_out_bad=False)
        return self._work(name).smooth(smoothing, progress, cancelled)

    def _reviewed(
        self,
        name: str,
        result: Result,
        settings: ReviewSettings,
        progress: Progress | None,
        cancelled: IsCancelled | None,
    ) -> SessionReview:
        work = self._work(name)
        review = review_result(
            result,
            work.rig,
            work.inputs.table.skeleton,
            fps=self._project.fps(name),
            labeled=self._project.labeled(name),
            sensitivity=settings.sensitivity,
            labeled_distance=self._project.labeled_distance(result),
            progress=progress,
            cancelled=cancelled,
        )
        return replace(review, session=name)

    def save(
        self,
        folder: AnyPath,
        review: SessionReview,
        budget: int,
        *,
        force: bool = False,
        progress: Progress | None = None,
        cancelled: IsCancelled | None = None,
    ) -> list[Path]:
        """Write the review of one session, without measures; errors as for `run`."""
        from napari_pose3d.core.review.report.page import page_text

        summary = self._summary(review, progress, cancelled)
        chosen = choose_frames({review.session: summary}, budget)
        notes = review.result.report.warnings
        page = page_text([summary], chosen, {}, notes, self._project.images)
        with ReviewFiles(folder, force=force) as files:
            return files.finish([summary], chosen, page, self.decisions(review.session))

    def _work(self, name: str) -> FileRun:
        reading = replace(self._reading, session=name)
        return FileRun(self._paths, self._calibration, reading, self._sets, self._around)

    def _summary(
        self,
        review: SessionReview,
        progress: Progress | None = None,
        cancelled: IsCancelled | None = None,
    ) -> SessionSummary:
        """With what it was made with, in words, and what it tells about the calibration."""
        work, result = self._work(review.session), review.result
        rig = "none" if work.rig is None else ", ".join(work.rig.names)
        bars = np.nanmedian(review.excesses.correction_px), np.nanmedian(review.excesses.spread_px)
        settings = (
            ("prediction sets", ", ".join(work.ensemble.models)),
            ("calibrated cameras", rig),
            ("smoothing", summary_of(result)),
            ("sensitivity", f"{review.sensitivity:g}"),
            ("usual bar of the correction", f"{bars[0]:.1f} px at sensitivity 1"),
            ("usual bar of the spread", f"{bars[1]:.1f} px at sensitivity 1"),
        )
        findings = None
        if work.rig is not None and result.poses3d is not None:
            if progress is not None:
                progress("Checking the calibration", 0, 0)
            findings = rig_findings(
                result,
                work.rig,
                review.moved,
                image_sizes=self._project.rig_image_sizes(review.session),
                frame_rate=review.fps,
                cancelled=cancelled,
            )
        return replace(review.summary(), settings=settings, rig_findings=findings)

    def _add_movement(
        self,
        files: ReviewFiles,
        name: str,
        result: Result,
        settings: ReviewSettings,
        threads: int | None,
        progress: Progress | None,
        cancelled: IsCancelled | None,
    ) -> Result:
        """Write what needs the uncertainty of movements; the result without that.

        It takes as much memory as the covariance of the positions. All measures are checked first.
        """
        own = [each for each in settings.measures if each in MEASURES]
        rig = self._work(name).rig if own else None
        if own:
            check_measures(result, rig, own)
        wanted = [each for each in own if each in IN_SD]
        if wanted:
            found = compute_measures(
                result, rig, wanted, progress=progress, cancelled=cancelled, threads=threads
            )
            poses = replace(result.poses2d, session=name)
            files.add_measures(poses, found, progress, cancelled)
        if result.poses3d is None:
            return result
        return replace(
            result,
            poses3d=replace(
                result.poses3d, displacement_covariance=None, acceleration_variance=None
            ),
        )

    def _add_measures(
        self,
        files: ReviewFiles,
        session: SessionSummary,
        result: Result,
        settings: ReviewSettings,
        threads: int | None,
        progress: Progress | None,
        cancelled: IsCancelled | None,
    ) -> None:
        """Compute and write the measures, few at a time, but for those of `_add_movement`."""
        own = [each for each in settings.measures if each in MEASURES and each not in IN_SD]
        work = self._work(session.session) if own else None
        rig = None if work is None else work.rig
        bones = () if work is None else work.inputs.table.skeleton
        for group in measure_groups(own):
            found = compute_measures(
                result, rig, group, bones, progress=progress, cancelled=cancelled, threads=threads
            )
            files.add_measures(session, found, progress, cancelled)
            del found
        wanted = [each for each in settings.measures if each in LABEL_MEASURES]
        if wanted:
            found = self._project.label_measures(session.session, result, wanted)
            files.add_measures(session, found, progress, cancelled)


def _check(settings: ReviewSettings) -> None:
    known = (*MEASURES, *LABEL_MEASURES)
    for name in settings.measures:
        if name not in known:
            raise PoseDataError(
                f"no measure is called '{name}'", expected=f"some of {', '.join(known)}"
            )
    if len(settings.compare) not in (0, 2):
        raise PoseDataError(
            f"{len(settings.compare)} prediction sets are to be compared", expected="two"
        )
    if settings.budget < 1:
        raise PoseDataError(f"the number of frames is {settings.budget}", expected="1 or more")
    if settings.seed < 0:
        raise PoseDataError(f"the seed is {settings.seed}", expected="0 or more")
