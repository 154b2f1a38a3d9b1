"""What a user changes in a project about its sessions: asked for by dialogs, written at once."""

from __future__ import annotations

from typing import Any

from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_pose3d.core.cameras.rig_file import load_rig
from napari_pose3d.core.projects.issues import Issue
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.core.projects.project_toml import update_own_project
from napari_pose3d.core.projects.session import Session
from napari_pose3d.errors import PoseDataError, error_text
from napari_pose3d.settings import ReadingSettings

from .dialogs.alignment_dialog import ViewDialog
from .dialogs.camera_dialog import CameraDialog
from .dialogs.skeleton_dialog import SkeletonDialog
from .session_choice import SessionPanel


class ProjectEditor(QObject):
    """Changes the project of the session that is chosen in a panel.

    Parameters
    ----------
    sessions : SessionPanel
    parent : QWidget
        Dialogs belong to it.

    Signals: ``changed`` with the `Project` as it is on disk then.
    """

    changed = Signal(object)

    def __init__(self, sessions: SessionPanel, parent: QWidget) -> None:
        super().__init__(parent)
        self._sessions, self._window = sessions, parent

    def accept(self, issue: Issue) -> None:
        """Write the alignment that an issue offers."""
        if self._sessions.project is None or issue.offer is None:
            return
        session, view, alignment = issue.offer
        if self._write(alignments={(session, view): alignment}):
            show_info(f"View {view} is now adjusted: {alignment.describe()}.")

    def state_trigger(self) -> None:
        """Have the project remember that its cameras are triggered together."""
        if self._write(triggered=True):
            show_info("The project remembers that its cameras are triggered together.")

    def ask_for_alignments(self) -> None:
        """Let the user say how the views of the chosen session lie in time and space."""
        session = self._sessions.session
        if session is None:
            return
        dialog = ViewDialog(session, self._window)
        if dialog.exec() and (changes := dialog.changes()):
            self._write(alignments=changes)

    def ask_for_cameras(self) -> None:
        """Let the user say which camera of the calibration is which view."""
        project, session = self._sessions.project, self._sessions.session
        if project is None or session is None or session.rig_path is None:
            return
        try:
            names = load_rig(session.rig_path).names
        except PoseDataError as error:
            show_error(str(error))
            return
        own = project.own.cameras
        dialog = CameraDialog(session.views, names, own, session.rig_path.name, self._window)
        if dialog.exec() and dialog.cameras != dict(own):
            self._write(cameras=dialog.cameras)

    def ask_for_skeleton(self) -> None:
        """Let the user edit the skeleton and the colours of the project."""
        project, session = self._sessions.project, self._sessions.session
        if project is None or session is None:
            return
        keypoints = project.keypoints or keypoints_of(session)
        if not keypoints:
            show_warning(
                "No keypoint is known yet: the project names none, and has no predictions."
            )
            return
        dialog = SkeletonDialog(keypoints, project.skeleton, project.colours, self._window)
        if dialog.exec():
            self._write(skeleton=dialog.skeleton, colours=dialog.colours)

    def _write(self, **changes: Any) -> bool:
        """Change the project's own file and look at the project anew; False when that failed."""
        project = self._sessions.project
        if project is None:
            return False
        try:
            update_own_project(project.folder, **changes)
            again = open_project(project.folder)
        except (OSError, PoseDataError) as error:
            show_error(error_text(error))
            return False
        self.changed.emit(again)
        return True


def keypoints_of(session: Session) -> tuple[str, ...]:
    """Those of the first prediction file; none where there is no file or it is damaged."""
    for each in session.ensemble_sets:
        try:
            return session.load_predictions(each, ReadingSettings(allow_missing=True)).keypoints
        except PoseDataError:
            continue
    return ()
