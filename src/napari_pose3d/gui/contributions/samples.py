"""File > Open Sample: a session of predictions, and a recording of a calibration board."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_pose3d.gui.layers.layer_styles import LayerData
    from napari_pose3d.gui.session.current_session import OpenSession

_FIT_AFTER_MS = 250
_CANCELLED = "napari_pose3d_cancelled"


def open_sample() -> list[LayerData]:
    """Make the sample session if it is not there yet; show its videos and one prediction set.

    In a window the widget "Smooth and triangulate" is opened with the session chosen.
    """
    from napari_pose3d.synthetic.sample import make_sample

    folder = _made(make_sample, "Making the sample session (only the first time)")
    return _opened(
        folder,
        lambda workspace: workspace.open("Smooth and triangulate"),
        n_sets=1,
    )


def open_calibration_sample() -> list[LayerData]:
    """Make the calibration recording if it is not there yet, and show its videos.

    In a window the widget "Calibration" is opened with board and videos filled in.
    """
    from napari_pose3d.synthetic.board.board_sample import make_board_sample

    folder = _made(make_board_sample, "Making the calibration recording (only the first time)")
    return _opened(
        folder,
        lambda workspace: workspace.open("Calibration").show_recording(folder),
        title="Calibration recording",
    )


def _opened(
    folder: Path | None, show_panel: Callable[[Any], object], title: str = "", n_sets: int = 0
) -> list[LayerData]:
    """Make the session of a sample the open one, in the place of what was open."""
    import napari

    from napari_pose3d.gui.layers.session_layers import session_layers
    from napari_pose3d.settings import never_cancelled, no_progress

    viewer = napari.current_viewer()
    if folder is None:
        return _nothing(viewer)
    opened = sample_session(folder)
    if viewer is not None:
        from napari_pose3d.gui.session.current_session import current_session
        from napari_pose3d.gui.workspace.workspace import workspace

        _take_place(viewer)
        current_session(viewer).set(opened)
        if getattr(viewer, "window", None) is not None:
            show_panel(workspace(viewer))
            _show_fitted(viewer, f"{title or opened.session.name} (sample)")
    sets = opened.session.ensemble_sets[:n_sets]
    return session_layers(opened.session, sets, no_progress, never_cancelled)


def sample_session(folder: Path) -> OpenSession:
    """The one session of the sample."""
    from napari_pose3d.core.projects.project import open_project
    from napari_pose3d.gui.session.current_session import OpenSession

    project = open_project(folder)
    return OpenSession(project, project.sessions[0])


def _take_place(viewer: Any) -> None:
    """Remove the layers of the session that was open; the user's own stay."""
    from napari_pose3d.gui.layers.layer_adder import remove_layers
    from napari_pose3d.gui.layers.session_layers import SESSION_KEY

    remove_layers(viewer, [each for each in viewer.layers if SESSION_KEY in each.metadata])


def _show_fitted(viewer: Any, title: str) -> None:
    """Name the window, and bring all views into it when napari has added the layers."""
    from qtpy.QtCore import QTimer

    from napari_pose3d.gui.layers.display import Display

    viewer.title = title
    # The panel that was just opened has its place by then, too.
    QTimer.singleShot(_FIT_AFTER_MS, lambda: Display(viewer).show_2d())


def _made(make: Callable[..., Path], title: str) -> Path | None:
    """The folder of a sample; None when the user cancelled making it."""
    from qtpy.QtWidgets import QApplication

    if QApplication.instance() is None:
        return make()
    from napari_pose3d.gui.qt.job_wait import wait_for

    return wait_for(lambda progress, cancelled: make(progress=progress, cancelled=cancelled), title)


def _nothing(viewer: Any) -> list[LayerData]:
    """What napari takes without an error although nothing is to be shown: it goes at once."""
    import numpy as np
    from qtpy.QtCore import QTimer

    if viewer is None:
        return []

    def remove() -> None:
        for layer in list(viewer.layers):
            if _CANCELLED in layer.metadata:
                viewer.layers.remove(layer)

    QTimer.singleShot(0, remove)
    return [(np.zeros((0, 4)), {"visible": False, "metadata": {_CANCELLED: True}}, "points")]
