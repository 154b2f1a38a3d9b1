"""A calibration becomes that of a session: where it lies, what was there before, and offsets."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.rig_file import rig_text
from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
from napari_pose3d.core.projects.project import Project
from napari_pose3d.core.projects.project_toml import update_own_project
from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.video.video_array import open_video
from napari_pose3d.errors import PoseDataError, Remedy


def rig_place(project: Project, session: Session) -> Path:
    """Where a session's own calibration lies or would lie.

    In ``calibrations/<session>.toml``, where Lightning Pose looks; in a project of Anipose's in
    place of the one that it has.
    """
    if project.kind == "anipose":
        return session.rig_path or project.folder / "calibration" / "calibration.toml"
    return project.folder / "calibrations" / f"{session.name}.toml"


def use_for_session(
    rig: Rig, project: Project, session: Session, *, now: datetime | None = None
) -> tuple[Path, Path | None]:
    """Write a rig where a session's calibration lies; what was there is kept beside it.

    Parameters
    ----------
    now : datetime, optional
        Time in the name of the copy.

    Returns
    -------
    path : Path
    backup : Path or None
        The copy of what was there, ``<name>.toml.<time>.bak``; None where nothing was.

    Raises
    ------
    PoseDataError
        When a view of the session has no camera, or the files cannot be written; nothing has
        changed then.
    """
    named = rig.renamed(session.cameras).names
    absent = [view for view in session.views if view not in named]
    if absent:
        raise PoseDataError(
            f"there is no camera for the view {', '.join(absent)} of session {session.name}",
            expected=f"cameras with the names of its views; there are {', '.join(rig.names)}",
            todo="Rename the cameras",
            remedy=Remedy("names"),
        )
    path = rig_place(project, session)
    return path, write_with_backup(rig, path, now=now)


def write_with_backup(rig: Rig, path: Path, *, now: datetime | None = None) -> Path | None:
    """Write a calibration; one that was there is kept as ``<name>.<time>.bak``.

    Parameters
    ----------
    now : datetime, optional
        Time in the name of the copy.

    Returns
    -------
    Path or None
        The copy; None where nothing was there.

    Raises
    ------
    PoseDataError
        When the files cannot be written; nothing has changed then.
    """
    backup = None
    with FileGroup(overwrite=True) as group:
        if path.exists():
            time = (now or datetime.now()).strftime("%Y%m%d-%H%M%S")
            backup = path.with_name(f"{path.name}.{time}.bak")
            n = 1
            while backup.exists():
                # Of the same second: every copy is kept.
                n += 1
                backup = path.with_name(f"{path.name}.{time}-{n}.bak")
            shutil.copyfile(path, group.path(backup))
        group.open(path).write(rig_text(rig))
    return backup


def session_rows(
    session: Session, videos: Mapping[str, Path]
) -> dict[str, NDArray[np.int64]] | None:
    """Session frames of the frames of other videos that lie as those of a session do.

    Parameters
    ----------
    videos : mapping of view to Path
        Such as those of a board, started and triggered together with the session's.

    Returns
    -------
    mapping of view to (video frame,) int64, or None
        -1 where a frame belongs to none; None where frames of one number belong together.

    Raises
    ------
    PoseDataError
        When a video is of no view of the session, or cannot be read.
    """
    if strangers := [view for view in videos if view not in session.views]:
        raise PoseDataError(
            f"session {session.name} has no view {', '.join(strangers)}",
            expected=f"videos of {', '.join(session.views)}",
        )
    if not any(session.alignment(view).shifts_frames for view in videos):
        return None
    rows = {}
    for view, path in videos.items():
        with open_video(path) as video:
            rows[view] = session.to_session(view, np.arange(len(video)))
    return rows


def pairing_of(session: Session, views: Sequence[str]) -> str:
    """What a session says about which frames belong together, in words; "" for nothing.

    Also which of its views are cropped or scaled: a rig of their videos is not one of its images.
    """
    alignments = {view: session.alignment(view) for view in views}
    shifts = [
        f"{view} {each.describe()}" for view, each in alignments.items() if each.shifts_frames
    ]
    moved = [view for view, each in alignments.items() if each.moves_pixels]
    said = []
    if shifts:
        listed = "; ".join(shifts)
        said.append(f"frames belong together by the alignment of session {session.name}: {listed}")
    if moved:
        said.append(
            f"this calibration is of the videos' own pixels, but session {session.name} crops or "
            f"scales {', '.join(moved)}: remove that in project.toml before it is used there"
        )
    return "; ".join(said)


def offsets_of_clocks(
    session: Session, clocks: Mapping[str, float], *, aligned: Session | None = None
) -> dict[str, ViewAlignment]:
    """Alignments that bring views to one clock, by whole frames.

    Parameters
    ----------
    clocks : mapping of view to float
        Frames that each camera lags behind the first of them.
    aligned : Session, optional
        They are what is left with the offsets of this session, not those of the videos.

    Returns
    -------
    mapping of view to ViewAlignment
        Only of views of the session that lie elsewhere now.
    """
    known = [view for view in clocks if view in session.views]
    if not known:
        return {}
    first = round(clocks[known[0]])
    start = session.alignment(known[0]).offset
    out = {}
    for view in known:
        old = session.alignment(view)
        offset = start + first - round(clocks[view])
        if aligned is not None:
            offset += aligned.alignment(view).offset - aligned.alignment(known[0]).offset
        if offset != old.offset:
            out[view] = replace(old, offset=offset)
    return out


def shifted(session: Session, view: str, frames: int) -> dict[str, ViewAlignment]:
    """The alignment of a view that is moved by some frames from where it is."""
    old = session.alignment(view)
    return {view: replace(old, offset=old.offset + frames)}


def write_alignments(
    project: Project, session: Session, changes: Mapping[str, ViewAlignment]
) -> None:
    """Write other alignments of views of a session into ``napari-pose3d/project.toml``.

    Raises
    ------
    PoseDataError
        When the file there is damaged or cannot be written; nothing has changed then.
    """
    update_own_project(
        project.folder,
        alignments={(session.name, view): alignment for view, alignment in changes.items()},
    )
