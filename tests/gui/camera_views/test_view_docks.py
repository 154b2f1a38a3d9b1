"""The camera views opened, closed, moved and bereft of their layers: no error, and nothing left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.qt import QtViewer
from napari.utils.notifications import show_error
from qtpy.compat import isalive
from qtpy.QtWidgets import QApplication, QDockWidget, QWidget
from tests.support.projects.session_files import lightning_project
from tests.support.windows.napari_window import emptied
from tests.support.windows.view_helpers import (
    TIMEOUT,
    SlowVideo,
    add_recording,
    add_video,
    images,
    settle,
    video_threads,
)

from napari_pose3d.core.projects.project import open_project
from napari_pose3d.gui.camera_views.camera_views_widget import CameraViewsWidget
from napari_pose3d.gui.layers.frame_window import renew
from napari_pose3d.gui.layers.layer_poses import poses_of
from napari_pose3d.gui.session.current_session import OpenSession, current_session

pytestmark = pytest.mark.gui

VIEWS = ("Cam-A", "Cam-B")
N_FRAMES = 75
NOTIFICATION = "NapariQtNotification"


@pytest.fixture
def videos() -> Iterator[dict[str, SlowVideo]]:
    made = {view: SlowVideo(N_FRAMES) for view in VIEWS}
    yield made
    for video in made.values():
        video.gate.set()


@pytest.fixture
def viewer(shared_viewer: Any, videos: dict[str, SlowVideo]) -> Iterator[Any]:
    add_recording(shared_viewer, videos)
    yield shared_viewer
    emptied(shared_viewer)


def open_views(viewer: Any, qtbot: Any) -> CameraViewsWidget:
    _, widget = viewer.window.add_plugin_dock_widget("napari-pose3d", "Camera views")
    settle(qtbot, widget)
    return widget


@pytest.fixture
def widget(viewer: Any, qtbot: Any) -> Iterator[CameraViewsWidget]:
    made = open_views(viewer, qtbot)
    yield made
    made.shut_down()


def n_canvases() -> int:
    return sum(isinstance(each, QtViewer) for each in QApplication.allWidgets())


def dock_around(widget: Any) -> QDockWidget:
    above = widget.parent()
    while not isinstance(above, QDockWidget):
        above = above.parent()
    return above


def test_the_dock_is_closed_and_opened_again(viewer: Any, qtbot: Any) -> None:
    before = n_canvases()
    visible = {layer.name: layer.visible for layer in viewer.layers}
    canvas = viewer.window._qt_window.centralWidget()
    for _ in range(2):
        widget = open_views(viewer, qtbot)
        assert n_canvases() == before + len(VIEWS) + 1
        qtbot.waitUntil(lambda: not canvas.isVisible() or canvas.height() == 0, timeout=TIMEOUT)
        viewer.window.remove_dock_widget(widget)
        widget = None
        qtbot.waitUntil(lambda: n_canvases() == before, timeout=TIMEOUT)
        assert not video_threads()
        qtbot.waitUntil(lambda: canvas.isVisible() and canvas.height() > 100, timeout=TIMEOUT)
    assert {layer.name: layer.visible for layer in viewer.layers} == visible
    viewer.dims.set_current_step(0, 8)


def test_messages_of_napari_are_seen_while_its_canvas_is_hidden(
    viewer: Any, widget: Any, qtbot: Any
) -> None:
    canvas = viewer.window._qt_window.centralWidget()
    qtbot.waitUntil(lambda: canvas.height() == 0, timeout=TIMEOUT)
    show_error("Something went wrong.")
    qtbot.waitUntil(lambda: len(messages()) == 1, timeout=TIMEOUT)
    (shown,) = messages()
    assert shown.message.text() == "Something went wrong."
    dock = dock_around(widget)
    qtbot.waitUntil(lambda: dock.rect().contains(shown.geometry()), timeout=TIMEOUT)
    # It fades in.
    qtbot.waitUntil(lambda: shown.opacity.opacity() > 0.8, timeout=TIMEOUT)
    # It goes with the views.
    dock.destroyOnClose()
    qtbot.waitUntil(lambda: not isalive(shown), timeout=TIMEOUT)
    # napari goes through this list whenever the window is active again: what is gone would raise.
    assert shown not in type(shown)._instances


def messages() -> list[QWidget]:
    """Those of napari that are to be seen."""
    found = [each for each in QApplication.allWidgets() if type(each).__name__ == NOTIFICATION]
    return [each for each in found if not each.visibleRegion().isEmpty()]


def test_a_dock_closed_by_its_button(viewer: Any, widget: Any, qtbot: Any) -> None:
    dock_around(widget).destroyOnClose()
    qtbot.waitUntil(lambda: not video_threads(), timeout=TIMEOUT)


def test_the_dock_cannot_be_torn_off_and_has_a_place_of_its_own(viewer: Any, qtbot: Any) -> None:
    _, session = viewer.window.add_plugin_dock_widget("napari-pose3d", "Session")
    widget = open_views(viewer, qtbot)
    dock = dock_around(widget)
    assert not dock.features() & QDockWidget.DockWidgetFeature.DockWidgetFloatable
    window = viewer.window._qt_window
    assert window.tabifiedDockWidgets(dock) == []
    assert window.dockWidgetArea(dock) != window.dockWidgetArea(dock_around(session))
    # Another panel comes to the front, and it still draws.
    dock_around(session).raise_()
    qtbot.wait(50)
    widget.panel.go_to(7)
    settle(qtbot, widget, 7)
    assert set(images(widget).values()) == {7}


def test_a_window_of_its_own_and_back(viewer: Any, widget: Any, qtbot: Any) -> None:
    widget.panel.go_to(17)
    settle(qtbot, widget, 17)
    widget.toggle_window()
    settle(qtbot, widget, 17)
    window = widget.panel.window()
    assert window is not widget.window()
    assert set(images(widget).values()) == {17}
    assert widget.window().centralWidget().isVisible()
    before = window.styleSheet()
    viewer.theme = "light" if viewer.theme != "light" else "dark"
    assert window.styleSheet() == widget.window().styleSheet() != before
    window.close()
    settle(qtbot, widget, 17)
    assert widget.panel.window() is widget.window()
    assert set(images(widget).values()) == {17}


def test_a_dock_removed_while_videos_decode(
    viewer: Any, widget: Any, videos: dict[str, SlowVideo], qtbot: Any
) -> None:
    videos["Cam-A"].gate.clear()
    widget.panel.go_to(20)
    qtbot.wait(20)
    viewer.window.remove_dock_widget(widget)
    qtbot.waitUntil(lambda: not video_threads(), timeout=TIMEOUT)
    assert videos["Cam-A"].given_up


def test_layers_removed_by_hand(viewer: Any, widget: Any, qtbot: Any) -> None:
    panel = widget.panel
    viewer.layers.remove(viewer.layers["Cam-B"])
    qtbot.waitUntil(lambda: panel.views["Cam-B"].source.video is None, timeout=TIMEOUT)
    panel.go_to(14)
    settle(qtbot, widget, 14)
    assert "no video" in panel.views["Cam-B"].title.text
    assert "video" not in panel.views["Cam-B"].model.layers
    before = viewer.theme
    try:
        # White marks are not seen on an empty canvas that is light.
        for viewer.theme, on_white in (("dark", []), ("light", ["Cam-B"])):
            assert [v.name for v in panel.views.values() if v.lies_on_white] == on_white
    finally:
        viewer.theme = before
    for layer in [each for each in viewer.layers if poses_of(each.metadata) is not None]:
        viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: "Cam-B" not in panel.views, timeout=TIMEOUT)
    panel.go_to(15)
    settle(qtbot, widget, 15)
    viewer.layers.clear()
    qtbot.waitUntil(lambda: not panel.views, timeout=TIMEOUT)
    qtbot.waitUntil(lambda: not video_threads(), timeout=TIMEOUT)


def test_a_video_that_ends_early_says_so(viewer: Any, widget: Any, qtbot: Any) -> None:
    add_video(viewer, "short", SlowVideo(10))
    qtbot.waitUntil(lambda: "short" in widget.panel.views, timeout=TIMEOUT)
    widget.panel.go_to(30)
    settle(qtbot, widget, 30)
    assert "ended" in widget.panel.views["short"].title.text
    assert "video" not in widget.panel.views["short"].model.layers
    widget.panel.go_to(3)
    settle(qtbot, widget, 3)
    assert images(widget) == {"Cam-A": 3, "Cam-B": 3, "short": 3}


def test_a_new_result_in_the_same_layers_is_shown(viewer: Any, widget: Any, qtbot: Any) -> None:
    panel = widget.panel
    layer = viewer.layers["smoothed Cam-A"]
    old = poses_of(layer.metadata)
    assert old is not None
    moved = replace(old, positions=old.positions + np.float32(3), keeper=None)
    renew(layer, moved)
    qtbot.waitUntil(lambda: panel.views["Cam-A"].source.best() is moved, timeout=TIMEOUT)
    panel.go_to(6)
    settle(qtbot, widget, 6)
    shown = panel.views["Cam-A"].overlays.position("kp0")
    assert shown == pytest.approx(moved.positions[6, 0])


def test_the_arrangement_is_kept_with_the_project(viewer: Any, qtbot: Any, tmp_path: Path) -> None:
    folder = lightning_project(tmp_path / "mouse")

    def open_project_of(path: Path) -> None:
        project = open_project(path)
        current_session(viewer).set(OpenSession(project, project.sessions[0]))

    open_project_of(folder)
    widget = open_views(viewer, qtbot)
    panel = widget.panel
    panel.swap("Cam-A", "3-D")
    panel.state.min_likelihood = 0.25
    panel.state.follow = "kp1"
    panel.hide_view("Cam-B")
    panel.grid._rows.setSizes([100, 300])
    viewer.window.remove_dock_widget(widget)
    open_project_of(folder)
    again = open_views(viewer, qtbot).panel
    assert again.grid.seen == ["3-D", "Cam-A"]
    assert again.state.min_likelihood == 0.25
    assert again.state.follow == "kp1"
    # Another project is not touched by it.
    open_project_of(lightning_project(tmp_path / "other"))
    qtbot.waitUntil(lambda: "Cam-B" in again.grid.seen, timeout=TIMEOUT)
    assert again.state.follow == ""
    assert again.grid.order[:2] == list(VIEWS)


def test_nothing_open_says_what_to_do(shared_viewer: Any, qtbot: Any) -> None:
    viewer = shared_viewer
    _, widget = viewer.window.add_plugin_dock_widget("napari-pose3d", "Camera views")
    qtbot.wait(50)
    assert "Open a session" in widget.panel.hint.text()
    assert not widget.panel.hint.isHidden()
    assert viewer.window._qt_window.centralWidget().isVisible(), "files are dropped there"
    assert isinstance(viewer, ViewerModel)
    emptied(viewer)
