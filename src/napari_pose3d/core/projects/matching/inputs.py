"""Finding and reading the files of a run: predictions and the calibration that belongs to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_pose3d.core.storage.path_lists import AnyPath, Paths
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import ReadingSettings

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig

    from ..issues import Issue
    from ..scan.folder_scan import FolderScan
    from .match_table import MatchTable
    from .stored_ensemble import StoredEnsemble


@dataclass(frozen=True)
class Inputs:
    """Files that belong together, before any of them is read.

    Attributes
    ----------
    table : MatchTable
        Prediction files of one session: which view of which prediction set each of them is.
    rig : Rig or None
    notes : tuple of str
        What was chosen without being asked for.
    issues : tuple of Issue
        What is probably not meant like that, with settings that help.
    """

    table: MatchTable
    rig: Rig | None
    notes: tuple[str, ...] = ()
    issues: tuple[Issue, ...] = ()


def match_inputs(
    paths: Paths,
    calibration: AnyPath | None = None,
    reading: ReadingSettings | None = None,
    scan: FolderScan | None = None,
) -> Inputs:
    """Find prediction files and their calibration; reads headers only.

    Parameters
    ----------
    paths : path or sequence of paths
        Folders, or prediction files.
    calibration : path, optional
        Anipose TOML. Without it the calibration of the project or folder that the predictions
        lie in is used, if there is one (``notes`` says so), else none.
    reading : ReadingSettings, optional
    scan : FolderScan, optional
        As for `match_predictions`; without a calibration only.

    Raises
    ------
    PoseDataError
        See `napari_pose3d.load_predictions` and `napari_pose3d.load_rig`.
    """
    from napari_pose3d.core.cameras.rig_file import load_rig

    from .mirrored_hint import mirrored_issues
    from .prediction_matching import match_predictions

    reading = reading or ReadingSettings()
    rig = None if calibration is None else load_rig(calibration)
    table = match_predictions(paths, reading, None if rig is None else rig.names, scan)
    table = table.for_session(reading.session)
    issues = () if reading.mirrored else mirrored_issues(table)
    if rig is not None:
        return Inputs(table, rig.renamed(table.cameras), issues=issues)
    return Inputs(table, *_rig_found(table), issues)


def session_names(
    paths: Paths,
    calibration: AnyPath | None = None,
    reading: ReadingSettings | None = None,
) -> tuple[str, ...]:
    """Names of the sessions that have predictions; with one in ``reading``, only that.

    Parameters and errors are those of `match_inputs`.
    """
    from napari_pose3d.core.cameras.rig_file import load_rig

    from .prediction_matching import match_predictions

    reading = reading or ReadingSettings()
    rig = None if calibration is None else load_rig(calibration)
    table = match_predictions(paths, reading, None if rig is None else rig.names)
    return (
        table.sessions if reading.session is None else table.for_session(reading.session).sessions
    )


def _rig_found(table: MatchTable) -> tuple[Rig | None, tuple[str, ...]]:
    """The calibration that lies in the project or folder, and notes on it."""
    from napari_pose3d.core.cameras.rig import absent_cameras
    from napari_pose3d.core.cameras.rig_file import load_rig

    from .foreign_rigs import CONVERT, foreign_rig_beside

    path = table.rigs.get(table.sessions[0])
    if path is None:
        found = foreign_rig_beside(row.path for row in table.rows)
        return None, (f"{found}, and not used: {CONVERT}",) if found else ()
    if table.project is not None:
        name = path.relative_to(table.project.folder).as_posix()
        rig = load_rig(path).renamed(table.cameras)
        return rig, (f"the project's own calibration is used: {name}",)
    # The user did not choose this file: it may be damaged, or of other cameras. Where it has some
    # of the views it is theirs, and the others are an error as in a project.
    try:
        rig = load_rig(path).renamed(table.cameras)
    except PoseDataError as error:
        return None, (f"the calibration {path.name} in the folder is not used: {error.problem}",)
    why = absent_cameras(table.views, rig.names, path.name)
    if why and not set(table.views) & set(rig.names):
        return None, (f"the calibration {path.name} in the folder is not used: {why}",)
    return rig, (f"the calibration found in the folder is used: {path.name}",)


def read_inputs(
    inputs: Inputs, reading: ReadingSettings | None = None, *, own_times: bool = False
) -> StoredEnsemble:
    """The ensemble of the matched files, which are read view by view when they are needed.

    In a project whose ``napari-pose3d/project.toml`` shifts or crops a view, frames are session
    frames and positions are those in the rig's image.

    Parameters
    ----------
    inputs : Inputs
    reading : ReadingSettings, optional
        What the files were matched with.
    own_times : bool
        Frames stay those of each view, and are not shifted or paired; the table has to come from
        `own_times.with_timestamps`.

    Raises
    ------
    PoseDataError
        See `napari_pose3d.load_predictions`; what is wrong within a file is found on reading.
    """
    from ..alignment.own_times import own_frames
    from ..alignment.project_alignment import alignment_notes, alignment_of
    from .stored_ensemble import StoredEnsemble

    alignment = own_frames(inputs.table) if own_times else alignment_of(inputs.table)
    ensemble = StoredEnsemble(inputs.table, reading or ReadingSettings(), alignment)
    notes = alignment_notes(alignment.views, ensemble.views) if alignment else []
    if own_times:
        notes = []
    for note in (*inputs.notes, *notes):
        ensemble.add_note(note)
    return ensemble


def open_inputs(
    paths: Paths,
    calibration: AnyPath | None = None,
    reading: ReadingSettings | None = None,
) -> tuple[StoredEnsemble, Rig | None]:
    """Prediction files and the calibration that belongs to them.

    Parameters and errors are those of `match_inputs` and `read_inputs`.

    Returns
    -------
    ensemble : StoredEnsemble
        For `pipeline.run`; it is read there.
    rig : Rig or None
    """
    inputs = match_inputs(paths, calibration, reading)
    return read_inputs(inputs, reading), inputs.rig
