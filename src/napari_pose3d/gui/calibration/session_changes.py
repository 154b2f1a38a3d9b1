"""What a calibration changes in the project of the open session; no Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from napari_pose3d.core.calibration.session_rig import use_for_session
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.core.projects.project_toml import update_own_project
from napari_pose3d.core.projects.session import Session
from napari_pose3d.gui.session.current_session import OpenSession


def with_rig(opened: OpenSession, rig: Rig) -> tuple[OpenSession, str]:
    """Give a session another calibration.

    Returns
    -------
    OpenSession
        As it is now on disk.
    str
        What was done, in a sentence.
    """
    path, backup = use_for_session(rig, opened.project, opened.session)
    kept = f"; the one before is kept as {backup.name}" if backup is not None else ""
    text = f"{opened.session.name} now has this calibration: {path}{kept}."
    return reopened(opened), text


def with_offsets(opened: OpenSession, changes: Mapping[str, ViewAlignment]) -> OpenSession:
    """Write other alignments of views of a session."""
    name = opened.session.name
    update_own_project(
        opened.project.folder,
        alignments={(name, view): alignment for view, alignment in changes.items()},
    )
    return reopened(opened)


def offsets_of_clocks(session: Session, clocks: Mapping[str, float]) -> dict[str, ViewAlignment]:
    """Alignments that bring views to one clock, by whole frames.

    Parameters
    ----------
    clocks : mapping of view to float
        Frames that each camera lags behind the first of them.

    Returns
    -------
    mapping of view to ViewAlignment
        Only of views of the session that lie elsewhere now.
    """
    known = [view for view in clocks if view in session.views]
    if not known:
        return {}
    start = session.alignment(known[0]).offset + round(clocks[known[0]])
    out = {}
    for view in known:
        old = session.alignment(view)
        offset = start - round(clocks[view])
        if offset != old.offset:
            out[view] = replace(old, offset=offset)
    return out


def shifted(session: Session, view: str, frames: int) -> dict[str, ViewAlignment]:
    """The alignment of a view that is moved by some frames from where it is."""
    old = session.alignment(view)
    return {view: replace(old, offset=old.offset + frames)}


def reopened(opened: OpenSession) -> OpenSession:
    """The same session as it is on disk now."""
    project = open_project(opened.project.folder)
    return OpenSession(project, project.session(opened.session.name))
