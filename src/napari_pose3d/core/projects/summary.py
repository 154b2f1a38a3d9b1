"""What a file or folder is, in a few lines for people: ``napari-pose3d info``."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_pose3d.core.formats.predictions.table_header import TableHeader, looks_like_pose_table
from napari_pose3d.core.storage.input_files import check_regular
from napari_pose3d.errors import PoseDataError, Remedy, todo_in_words
from napari_pose3d.wording import counted

from .issues import Issue
from .matching.mirrored_hint import mirrored_issue, names_in
from .matching.prediction_matching import match_predictions
from .naming.file_names import VIDEO_SUFFIXES
from .project import Project, check_session, open_project
from .project_toml import FILE_NAME as OWN_FILE
from .project_toml import OWN_FOLDER
from .scan.table_headers import header_or_reason
from .session import PredictionSet, Session, SetKind

Words = Callable[[Remedy], str]

# Looking into the headers of thousands of videos on a network takes its time.
_MOST_LOOKED_INTO = 50

_KINDS = {
    "lightning-pose": "a Lightning Pose project",
    "anipose": "sessions of Anipose",
    "folder": "a folder",
    "files": "files",
}
_HEADS = ("session", "views", "videos", "predictions", "smoothed", "3-D", "labels", "calibration")
_MOST_SESSIONS = 200
_CONVERT = "To use it, convert it to Anipose's TOML"
# Label files up to this size are read to their end.
_SMALL = 4_000_000
_MOST_UNUSED = 20


def no_words(remedy: Remedy) -> str:
    """For who knows the settings by their names."""
    return ""


def describe(
    path: str | os.PathLike[str], words: Words = no_words, individual: str | None = None
) -> str:
    """A few lines that say what ``path`` is.

    Parameters
    ----------
    words : callable, optional
        Says where a setting is that helps (see `PoseDataError.worded`).
    individual : str, optional
        Of a file with several individuals, which one to describe; else all.

    Raises
    ------
    PoseDataError
        It does not exist, or it is one of ours and damaged.
    """
    path = Path(path)
    if path.is_dir():
        return _folder(path, words)
    if not path.exists():
        raise PoseDataError("there is no such file or folder", file=path, todo="Check the path")
    suffix = path.suffix.lower()
    if path.name == OWN_FILE and path.absolute().parent.name == OWN_FOLDER:
        return _folder(path.absolute().parent.parent, words)
    if suffix == ".toml":
        return _calibration(path, words)
    if suffix in (".csv", ".h5"):
        from napari_pose3d.core.formats.predictions.table_summary import describe_table

        if foreign := _foreign_calibration(path, words, pose_tables=True):
            return foreign
        lines = [describe_table(path, individual)]
        header = header_or_reason(path)
        if isinstance(header, TableHeader) and (names := names_in(header)) is not None:
            lines.append(f"  {mirrored_issue(names).worded(words)}")
        return "\n".join(lines)
    if suffix in VIDEO_SUFFIXES:
        return _video(path)
    if path.name == "project.yaml":
        return _folder(path.parent, words)
    if foreign := _foreign_calibration(path, words):
        return foreign
    return (
        f"{path}: not a file of ours (calibration .toml, predictions .csv or .h5, project.yaml, "
        f"video {', '.join(VIDEO_SUFFIXES)})"
    )


def _calibration(path: Path, words: Words) -> str:
    from napari_pose3d.core.calibration.lint.rig_lint import faults
    from napari_pose3d.core.cameras.rig_file import load_rig

    rig = load_rig(path)
    lines = [f"{path}: calibration of {counted(len(rig.cameras), 'camera')}"]
    for camera, centre in zip(rig.cameras, rig.centres, strict=True):
        size = "size unknown" if camera.size is None else f"{camera.size[0]} x {camera.size[1]} px"
        where = ", ".join(f"{value:.4g}" for value in centre)
        lens = "fisheye" if camera.fisheye else f"{np.count_nonzero(camera.distortion)} distortion"
        lines.append(
            f"  {camera.name}: {size}, focal length {camera.matrix[0, 0]:.5g} px, {lens}, "
            f"stands at {where} {rig.units}".rstrip()
        )
    lines += [f"  note: {warning}" for warning in rig.warnings]
    for each in faults(rig):
        todo = todo_in_words(each.todo, () if each.remedy is None else (each.remedy,), words)
        lines.append(f"  {each.severity}: {each.problem}." + (f" {todo}." if todo else ""))
    return "\n".join(lines)


def _foreign_calibration(path: Path, words: Words, *, pose_tables: bool = False) -> str:
    """What a calibration of another program is, and how to use it; "" for anything else.

    Parameters
    ----------
    pose_tables : bool
        Whether it may as well be a table of poses, which is described elsewhere.
    """
    from napari_pose3d.core.formats.calibrations.rig_conversion import (
        FORMATS,
        detect_format,
        read_rig,
    )

    if pose_tables and (path.suffix.lower() == ".h5" or looks_like_pose_table(path)):
        return ""
    try:
        found = FORMATS[detect_format(path)]
    except PoseDataError:
        return ""
    if found.key == "anipose":
        return ""
    lines = [f"{path}: {found.title}"]
    try:
        rig = read_rig(path)
        lines[0] += f", {counted(len(rig.cameras), 'camera')} ({', '.join(rig.names)})"
    except PoseDataError as error:
        # Of these two, anything may be in it.
        if found.key in ("matlab", "deeplabcut") and not error.place:
            return ""
        lines.append(f"  note: {error.located('').worded(words)}")
    lines.append(f"  {todo_in_words(_CONVERT, (Remedy('convert'),), words)}.")
    return "\n".join(lines)


def _video(path: Path) -> str:
    from napari_pose3d.core.video.video_array import open_video

    with open_video(path) as video:
        frames, height, width = video.shape[:3]
        rate = video.frame_rate
        times = "at varying intervals" if rate is None else f"{float(rate):.5g} frames a second"
        lines = [f"{path}: a video, {frames:,} frames of {width} x {height} px, {times}"]
        return "\n".join([*lines, *(f"  note: {warning}" for warning in video.warnings)])


def _folder(path: Path, words: Words) -> str:
    found = open_project(path)
    if found.folder.resolve() != path.resolve() and found.folder in path.absolute().parents:
        kind = _KINDS[found.kind].removeprefix("a ")
        lines = [f"{path}: part of the {kind} {found.folder}", *_videos_in(path, found)]
        if len(lines) == 1:
            lines.append(match_predictions(path).as_text())
        return "\n".join(lines)
    if not found.sessions and (foreign := _foreign_calibration(path, words)):
        return foreign
    looked_into = found.sessions[:_MOST_LOOKED_INTO]
    issues = [*found.all_issues, *(p for s in looked_into for p in check_session(s))]
    issues += _damaged_labels(found)
    mirrored = _mirrored(looked_into)
    # What looks like one view without a camera is several.
    several = {each.where for each in mirrored}
    issues = [each for each in issues if each.where not in several or not _of_cameras(each)]
    return project_text(found, [*issues, *mirrored], words)


def _damaged_labels(project: Project) -> list[Issue]:
    """Label files that cannot be read, or hold a cell that is no position."""
    from napari_pose3d.core.formats.labels.label_csv import read_label_csv

    issues = []
    for path in (path for files in project.label_files.values() for path in files.values()):
        try:
            if check_regular(path) <= _SMALL:
                read_label_csv(path).positions()
        except PoseDataError as error:
            where = ", ".join(part for part in (error.file, error.place) if part)
            issues.append(Issue("error", error.problem, where, error.todo or ""))
    return issues


def _of_cameras(issue: Issue) -> bool:
    return any(remedy.kind == "cameras" for remedy in issue.remedies)


def _videos_in(path: Path, project: Project) -> list[str]:
    """The videos of a project that lie in one of its folders, one line for each session."""
    lines = []
    for session in project.sessions:
        views = [
            view
            for view in session.views
            if view in session.videos
            and {path.absolute(), path.resolve()} & set(session.videos[view].absolute().parents)
        ]
        if views:
            lines.append(f"  {session.name}: {counted(len(views), 'video')} ({', '.join(views)})")
    return lines


def _mirrored(sessions: Sequence[Session]) -> list[Issue]:
    """Which sessions of one view have files that seem to hold several."""
    found = []
    for session in sessions:
        paths = [path for each in session.ensemble_sets[:1] for path in each.files.values()]
        if len(session.views) > 1 or not paths:
            continue
        header = header_or_reason(paths[0])
        if isinstance(header, TableHeader) and (names := names_in(header)) is not None:
            found.append(replace(mirrored_issue(names), where=session.name))
    return found


def project_text(
    project: Project, issues: Sequence[Issue] | None = None, words: Words = no_words
) -> str:
    """What a project holds: a table of its sessions, then what is missing or contradictory.

    Parameters
    ----------
    issues : sequence of Issue, optional
        Not given: those that the names of the files tell (``project.all_issues``).
    words : callable, optional
        Says where a setting is that helps (see `PoseDataError.worded`).
    """
    lines = [f"{project.folder}: {_KINDS[project.kind]}"]
    if project.views:
        lines.append(f"views: {', '.join(project.views)}")
    if project.keypoints:
        lines.append(f"keypoints: {', '.join(project.keypoints)}")
    if project.skeleton:
        lines.append(f"skeleton: {len(project.skeleton)} lines")
    for key, files in project.label_files.items():
        queued = " and a queue" if key in project.queues else ""
        lines.append(f"labels: {key}{queued} ({', '.join(files)})")
    if project.sessions:
        lines += ["", *_aligned([_HEADS, *map(_cells, project.sessions[:_MOST_SESSIONS])])]
        if len(project.sessions) > _MOST_SESSIONS:
            lines.append(f"... and {len(project.sessions) - _MOST_SESSIONS} more sessions")
        lines += [
            f"{session.name}: view {view} {shift}"
            for session in project.sessions[:_MOST_SESSIONS]
            for view, alignment in session.alignments.items()
            if (shift := alignment.describe())
        ]
    shown = project.all_issues if issues is None else issues
    if shown:
        lines += ["", "issues:", *(f"  {issue.worded(words)}" for issue in shown)]
    if project.unmatched:
        lines += ["", "not used:"]
        lines += [f"  {path.name}: {reason}" for path, reason in project.unmatched[:_MOST_UNUSED]]
        if len(project.unmatched) > _MOST_UNUSED:
            lines.append(f"  ... and {len(project.unmatched) - _MOST_UNUSED} more")
    return "\n".join(lines)


def _cells(session: Session) -> tuple[str, ...]:
    rig = session.rig_path
    if rig is None:
        calibration = "-"
    elif rig.is_relative_to(session.folder):
        calibration = rig.relative_to(session.folder).as_posix()
    else:
        calibration = str(rig)
    return (
        session.name,
        str(len(session.views)),
        _share(session.videos, session),
        _sets(session, "predictions"),
        _sets(session, "smoothed"),
        _sets(session, "3d"),
        # The label files are those of the whole project; the images are the session's own.
        _share(session.images, session),
        calibration,
    )


def _sets(session: Session, kind: SetKind) -> str:
    return ", ".join(_set(each, session) for each in session.sets if each.kind == kind) or "-"


def _set(each: PredictionSet, session: Session) -> str:
    if each.space is not None or len(each.files) == len(session.views):
        return each.name
    return f"{each.name} ({len(each.files)} of {len(session.views)})"


def _share(have: Collection[str], session: Session) -> str:
    if not have:
        return "-"
    n = len(session.views)
    return str(n) if len(have) == n else f"{len(have)} of {n}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
