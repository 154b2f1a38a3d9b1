"""What a calibration changes in the project of the open session; no Qt."""

from __future__ import annotations

from collections.abc import Mapping

from napari_pose3d.core.calibration.session_rig import use_for_session, write_alignments
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
from napari_pose3d.core.projects.project import open_project
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
    text = f"Session {opened.session.name} now uses this calibration: {path}{kept}."
    return reopened(opened), text


def with_offsets(opened: OpenSession, changes: Mapping[str, ViewAlignment]) -> OpenSession:
    """Write other alignments of views of a session."""
    write_alignments(opened.project, opened.session, changes)
    return reopened(opened)


def reopened(opened: OpenSession) -> OpenSession:
    """The same session as it is on disk now."""
    project = open_project(opened.project.folder)
    return OpenSession(project, project.session(opened.session.name))
