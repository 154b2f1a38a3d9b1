"""Which panels are open and how large they are, remembered with each project."""

from __future__ import annotations

from typing import Any

from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject

from napari_pose3d.core.projects.project_toml import read_own_project, update_own_project
from napari_pose3d.errors import PoseDataError, error_text
from napari_pose3d.gui.workspace.workspace import workspace

from .current_session import OpenSession, current_session

_KEY = "workspace"
# What a project that was never open before is shown with.
_AT_FIRST = "Camera views"


class LayoutMemory(QObject):
    """Stores the workspace of a viewer in the project that is open, and restores it.

    Parameters
    ----------
    viewer : napari viewer
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._workspace, self._current = workspace(viewer), current_session(viewer)
        self._restored: OpenSession | None = None
        self._workspace.closing.connect(self.store)
        self._current.changed.connect(self._on_session)

    def restore(self, opened: OpenSession) -> None:
        """Open the panels that were open when this project was closed; once for each project."""
        before, self._restored = self._restored, opened
        if before is not None and before.project.folder == opened.project.folder:
            return
        state = opened.project.own.layout.get(_KEY)
        if isinstance(state, dict):
            self._workspace.restore(state)
        elif opened.session.videos:
            self._workspace.open(_AT_FIRST)
            self._workspace.bring_forward("Session")

    def store(self) -> None:
        """Put down what is open now."""
        if self._restored is None:
            return
        folder, state = self._restored.project.folder, self._workspace.state()
        try:
            layout = dict(read_own_project(folder).layout)
            if layout.get(_KEY) != state:
                update_own_project(folder, layout={_KEY: state})
        except (OSError, PoseDataError) as error:
            show_warning(f"The arrangement of the panels was not kept: {error_text(error)}")

    def _on_session(self) -> None:
        opened, before = self._current.open, self._restored
        if before is None or opened is None:
            return
        if opened.project.folder != before.project.folder:
            self.store()
            self._restored = None


def layout_memory(viewer: Any) -> LayoutMemory:
    """The one `LayoutMemory` of a viewer; its workspace holds it."""
    places = workspace(viewer)
    found = places.memory
    if not isinstance(found, LayoutMemory):
        found = places.memory = LayoutMemory(viewer)
    return found
