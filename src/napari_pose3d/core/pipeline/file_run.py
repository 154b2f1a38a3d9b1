"""A run from files to files: what the command line and the widget both do, step by step."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Literal

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.poses.arrays import Poses2D, Result
from napari_pose3d.core.poses.certain import Positions
from napari_pose3d.core.poses.report import Kind
from napari_pose3d.core.poses.time_axis import CameraTimes
from napari_pose3d.core.projects.alignment.own_times import times_of_session, with_timestamps
from napari_pose3d.core.projects.alignment.project_alignment import alignment_of, skeleton_of
from napari_pose3d.core.projects.alignment.view_alignment import on_images
from napari_pose3d.core.projects.matching.inputs import Inputs, match_inputs, read_inputs
from napari_pose3d.core.projects.project_toml import OWN_FOLDER
from napari_pose3d.core.projects.scan.folder_scan import FolderScan
from napari_pose3d.core.storage.atomic_files import refuse_existing
from napari_pose3d.core.storage.input_files import refuse_inputs
from napari_pose3d.core.storage.path_lists import AnyPath, Paths
from napari_pose3d.errors import PoseDataError, Remedy
from napari_pose3d.settings import (
    IsCancelled,
    Progress,
    ReadingSettings,
    SmoothingSettings,
    TriangulationSettings,
)

from .results.result_files import Columns, default_folder, result_paths, save_result
from .smoothing_run import chosen_mode, run
from .triangulation_run import triangulate_ensemble
from .warm_up import STAGE, warm_up


class FileRun:
    """Predictions of one session, matched and opened, and what can be done with them.

    Parameters
    ----------
    paths : path or sequence of paths
        Folders, or prediction files.
    calibration : path, optional
        Anipose TOML; not given: the one found in the project or folder, if any.
    reading : ReadingSettings, optional
    sets : collection of str, optional
        Names of prediction sets; not given: all.
    around : path, optional
        The project or folder that keeps what was corrected and decided in review; not given:
        derived from where the predictions lie.
    own_times : bool
        Whether every frame counts at its own time.
    scan : FolderScan, optional
        Of the folder, where it is known already (`predictions_scan`).

    Attributes
    ----------
    inputs : Inputs
        Which file is which.
    ensemble : StoredEnsemble
        Read view by view, when it is needed.
    rig : Rig or None

    Raises
    ------
    PoseDataError
        See `match_inputs` and `read_inputs`.
    """

    def __init__(
        self,
        paths: Paths,
        calibration: AnyPath | None = None,
        reading: ReadingSettings | None = None,
        sets: Collection[str] = (),
        around: AnyPath | None = None,
        own_times: bool = False,
        scan: FolderScan | None = None,
    ) -> None:
        self._around = around
        self.own_times = own_times
        found = match_inputs(paths, calibration, reading, scan)
        table = found.table.for_sets(sets)
        self.inputs: Inputs = replace(found, table=with_timestamps(table) if own_times else table)
        self.ensemble = read_inputs(self.inputs, reading, own_times=own_times)
        self.rig: Rig | None = self.inputs.rig
        self._read_as = {path: _state_of(path) for path in self._input_paths()}

    def with_project_bones(self, settings: SmoothingSettings) -> SmoothingSettings:
        """The settings with the skeleton that is drawn in the project.

        Raises
        ------
        PoseDataError
            There is none of these keypoints.
        """
        bones = skeleton_of(self.inputs.table, self.ensemble.keypoints)
        if not bones:
            raise PoseDataError(
                "the predictions lie in no project with a skeleton of their keypoints",
                expected="bones, such as nose,neck neck,tail, or a project whose skeleton is drawn",
                todo="Name the bones, or draw the skeleton in the project",
                remedy=Remedy("skeleton"),
            )
        return replace(settings, skeleton=bones)

    def smooth(
        self,
        settings: SmoothingSettings | None = None,
        progress: Progress | None = None,
        cancelled: IsCancelled | None = None,
    ) -> Result:
        """Smooth, with what people corrected and excluded in review.

        Parameters, result and errors as for `smoothing_run.run`. What is kept in the project about
        this session is used unless the settings leave it out; the report says so. Corrections and
        what is marked as bad count frames of the session, and are not used for other
        ``output_times``.
        """
        settings = replace(settings or SmoothingSettings(), own_times=self.own_times)
        times = self._times(settings) if self.own_times else None
        mode = self.mode(settings)
        if progress is not None:
            progress(STAGE, 0, 0)
        warm_up("published" if mode == "calibrated" and settings.as_published else mode)
        by_session = times is None or not settings.output_times
        positions = self.corrections() if settings.corrections and by_session else {}
        result = run(self.ensemble, self.rig, settings, progress, cancelled, positions, times)
        if not by_session:
            return result
        result = replace(result, times=None)
        return self._without_bad(result) if settings.leave_out_bad else result

    def _times(self, settings: SmoothingSettings) -> CameraTimes:
        table = self.inputs.table
        alignments = table.alignments[table.sessions[0]]
        times = times_of_session(alignments, self.ensemble.views, settings.output_times)
        rates = ", ".join(
            f"{view} {1 / interval:.4g}"
            for view, interval in zip(self.ensemble.views, times.intervals, strict=True)
        )
        where = f"at {settings.output_times}" if settings.output_times else "frames of the session"
        self.ensemble.add_note(
            "Every frame of each camera counts at its own time (frames per unit of the timestamps: "
            f"{rates}); results: {where}, {len(times.wanted):,}."
        )
        return times

    @property
    def decisions_folder(self) -> Path:
        """The folder that keeps corrections and decisions about these predictions."""
        from napari_pose3d.core.review.decisions.corrections import decisions_folder

        around = self._around
        return decisions_folder(self.ensemble.sources[0].path if around is None else around)

    def corrections(self) -> Positions:
        """Positions that were corrected in review; empty where there are none.

        Raises
        ------
        PoseDataError
            Their record cannot be read.
        """
        from napari_pose3d.core.review.decisions.corrections import read_corrections

        return read_corrections(self.decisions_folder, self.ensemble.session)

    def _without_bad(self, result: Result) -> Result:
        from napari_pose3d.core.review.decisions.decisions import read_decisions
        from napari_pose3d.core.review.decisions.exclusion import exclude, excluded_cells

        poses = result.poses2d
        decisions = read_decisions(self.decisions_folder, self.ensemble.session)
        n = exclude(result, excluded_cells(decisions, poses.keypoints, poses.n_frames))
        if not n:
            return result
        note = f"marked as bad in review, and left out: {n:,} points (frame and keypoint)"
        report = replace(result.report, warnings=(*result.report.warnings, note))
        return replace(result, report=report)

    def triangulate(
        self,
        settings: TriangulationSettings | None = None,
        progress: Progress | None = None,
        cancelled: IsCancelled | None = None,
    ) -> Result:
        """Triangulate frame by frame, with what people corrected and excluded in review.

        Parameters, result and errors as for `triangulation_run.triangulate_ensemble`, otherwise as
        for `smooth`.
        """
        settings = settings or TriangulationSettings()
        rig = self.needed_rig()
        self.mode(SmoothingSettings(mode="calibrated"))
        if progress is not None:
            progress(STAGE, 0, 0)
        warm_up("triangulated")
        positions = self.corrections() if settings.corrections else {}
        result = triangulate_ensemble(self.ensemble, rig, settings, progress, cancelled, positions)
        return self._without_bad(result) if settings.leave_out_bad else result

    def needed_rig(self) -> Rig:
        """The rig, for what cannot be done without one.

        Raises
        ------
        PoseDataError
            None was given or found; says why one that was found is not used.
        """
        if self.rig is not None:
            return self.rig
        why = f" ({'; '.join(self.inputs.notes)})" if self.inputs.notes else ""
        problem = f"points in space need a calibration, and none was given or found{why}"
        remedy = Remedy("calibration")
        if not self.inputs.issues:
            raise PoseDataError(problem, todo="Give a calibration file", remedy=remedy)
        # Files that seem to hold several views: no calibration has a camera of these.
        hint = self.inputs.issues[0]
        raise PoseDataError(
            f"{problem}; {hint.what}",
            todo=f"{hint.todo}, or give a calibration file",
            remedy=(*hint.remedies, remedy),
        )

    def mode(self, settings: SmoothingSettings) -> Kind:
        """How these settings smooth these predictions.

        Raises
        ------
        PoseDataError
            They cannot, as with a single view; says whether the files seem to hold several.
        """
        try:
            return chosen_mode(self.ensemble, self.rig, settings)
        except PoseDataError as error:
            if not self.inputs.issues:
                raise
            issue = self.inputs.issues[0]
            raise PoseDataError(
                f"{error.problem}; {issue.what}", todo=issue.todo, remedy=issue.remedies
            ) from error

    def default_folder(self, kind: Literal["smoothed", "triangulated"] = "smoothed") -> Path:
        """Where results go when the user does not say."""
        return default_folder(self.ensemble, (), kind)

    def refuse_existing(
        self,
        mode: Kind,
        folder: AnyPath,
        *,
        name: str | None = None,
        replace_files: bool = False,
    ) -> None:
        """Refuse a folder before anything is computed, where saving there would fail.

        Raises
        ------
        PoseDataError
            A file of that name exists and may not be replaced, or is an input of this run.
        """
        paths = result_paths(self.ensemble, mode, folder, name)
        refuse_inputs(paths, [source.path for source in self.ensemble.sources])
        if not replace_files:
            refuse_existing(paths)

    def save(
        self,
        result: Result,
        folder: AnyPath,
        *,
        name: str | None = None,
        force: bool = False,
        compact: bool = False,
        columns: Columns = "all",
        progress: Progress | None = None,
        cancelled: IsCancelled | None = None,
    ) -> list[Path]:
        """Write all files of a result, or none; as `result_files.save_result`.

        Inputs that changed since they were read are named in the record, without a hash.
        """
        self.refuse_existing(result.report.mode, folder, name=name, replace_files=force)
        if result.times is not None and OWN_FOLDER in Path(folder).absolute().parts:
            raise PoseDataError(
                "these results are at other times than the frames of the session, which all "
                "results in a project count",
                file=folder,
                todo="Choose a folder outside of the project's napari-pose3d",
                remedy=Remedy("folder"),
            )
        return save_result(
            result,
            self.ensemble,
            self.rig,
            folder,
            changed=self.changed_inputs(),
            name=name,
            force=force,
            compact=compact,
            columns=columns,
            progress=progress,
            cancelled=cancelled,
        )

    def changed_inputs(self) -> tuple[Path, ...]:
        """Files that are not what they were when this was made: changed, or not there any more."""
        return tuple(path for path, state in self._read_as.items() if _state_of(path) != state)

    def _input_paths(self) -> list[Path]:
        paths = [source.path for source in self.ensemble.sources]
        if self.rig is not None and self.rig.path is not None:
            paths.append(self.rig.path)
        return list(dict.fromkeys(paths))

    def on_videos(self, poses: Poses2D) -> Poses2D:
        """Results in pixels of the videos, which may show a part of the rig's images."""
        alignment = alignment_of(self.inputs.table)
        return poses if alignment is None else on_images(poses, alignment.views)


def _state_of(path: Path) -> tuple[int, int] | None:
    """Size and time of the last change; None where there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
