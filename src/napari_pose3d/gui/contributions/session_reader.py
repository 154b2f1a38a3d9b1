"""Dropping a project or a session folder: the widget "Session" opens with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_pose3d.errors import PoseDataError

if TYPE_CHECKING:
    from napari_pose3d.gui.layers.layer_styles import LayerData

Reader = Callable[[str | Sequence[str]], "list[LayerData]"]

_PROJECT_FILE = "project.yaml"
# What napari takes for "nothing to add".
_NOTHING: Any = (None,)


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """The reader for one folder that holds sessions, or its project.yaml; else None.

    The names of the folder's files are read, not their contents.
    """
    from napari_pose3d.core.projects.project import open_project

    paths = [path] if isinstance(path, str) else list(path)
    if len(paths) != 1:
        return None
    only = Path(paths[0])
    if not only.is_dir() and only.name != _PROJECT_FILE:
        return None
    try:
        project = open_project(only)
    except PoseDataError:
        # The widget says what is wrong, when it is a project at all.
        return open_session if (only / _PROJECT_FILE).exists() or only.is_file() else None
    return open_session if project.sessions else None


def open_session(path: str | Sequence[str]) -> list[LayerData]:
    """Open the widget "Session" with a folder; a folder's only session is opened at once.

    Without a window the layers of the first session are returned.
    """
    import napari

    folder = Path(path if isinstance(path, str) else path[0])
    viewer = napari.current_viewer()
    window = getattr(viewer, "window", None)
    if window is None:
        return _first_session(folder)
    from napari_pose3d.gui.workspace.workspace import workspace

    widget = workspace(viewer).open("Session")
    widget.open_paths([folder], at_once=True)
    return [_NOTHING]


def _first_session(folder: Path) -> list[LayerData]:
    from napari_pose3d.core.projects.project import open_project
    from napari_pose3d.gui.layers.session_layers import session_layers
    from napari_pose3d.settings import never_cancelled, no_progress

    session = open_project(folder).sessions[0]
    return session_layers(session, session.ensemble_sets[:1], no_progress, never_cancelled)
