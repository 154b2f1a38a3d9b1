"""File > Open Sample: a session of predictions, ready for the widget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_pose3d.gui.layers.layer_styles import LayerData
    from napari_pose3d.gui.session.current_session import OpenSession

_WIDGET = ("napari-pose3d", "Smooth and triangulate")


def open_sample() -> list[LayerData]:
    """Make the sample session if it is not there yet; show its videos and one prediction set.

    In a window the widget "Smooth and triangulate" is opened with the session chosen.
    """
    import napari

    from napari_pose3d.gui.layers.session_layers import session_layers

    folder = _make_sample()
    if folder is None:
        return []
    opened = sample_session(folder)
    viewer = napari.current_viewer()
    if viewer is not None:
        from napari_pose3d.gui.session.current_session import current_session

        current_session(viewer).set(opened)
        _open_widget(viewer, folder)
    sets = opened.session.ensemble_sets[:1]
    return session_layers(opened.session, sets, lambda stage, done, total: None, lambda: False)


def sample_session(folder: Path) -> OpenSession:
    """The one session of the sample."""
    from napari_pose3d.core.projects.project import open_project
    from napari_pose3d.gui.session.current_session import OpenSession

    project = open_project(folder)
    return OpenSession(project, project.sessions[0])


def _make_sample() -> Path | None:
    """The sample's folder; None when the user cancelled making it."""
    from qtpy.QtWidgets import QApplication

    from napari_pose3d.core.synthetic.sample import make_sample

    if QApplication.instance() is None:
        return make_sample()
    from napari_pose3d.gui.qt.job_wait import wait_for

    return wait_for(
        lambda progress, cancelled: make_sample(progress=progress, cancelled=cancelled),
        "Making the sample session (only the first time)",
    )


def _open_widget(viewer: Any, folder: Path) -> None:
    window = getattr(viewer, "window", None)
    if window is None:
        return
    _, widget = window.add_plugin_dock_widget(*_WIDGET)
    widget.inputs.clear()
    widget.inputs.add([folder])
