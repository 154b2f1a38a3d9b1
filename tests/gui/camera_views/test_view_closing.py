"""Closing napari while its camera views work: nothing is left of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.windows.view_helpers import (
    TIMEOUT,
    SlowVideo,
    add_recording,
    settle,
    video_threads,
)

from napari_pose3d.gui.camera_views.camera_views_widget import CameraViewsWidget

pytestmark = pytest.mark.gui


@pytest.fixture
def videos() -> Iterator[dict[str, SlowVideo]]:
    made = {view: SlowVideo() for view in ("Cam-A", "Cam-B")}
    yield made
    for video in made.values():
        video.gate.set()


@pytest.fixture
def viewer(make_napari_viewer: Any, videos: dict[str, SlowVideo]) -> Any:
    viewer = make_napari_viewer(show=True)
    add_recording(viewer, videos)
    return viewer


@pytest.fixture
def widget(viewer: Any, qtbot: Any) -> Iterator[CameraViewsWidget]:
    _, made = viewer.window.add_plugin_dock_widget("napari-pose3d", "Camera views")
    settle(qtbot, made)
    yield made
    made.shut_down()


def test_closing_napari_with_the_window_open(viewer: Any, widget: Any, qtbot: Any) -> None:
    widget.toggle_window()
    settle(qtbot, widget)
    window = widget.panel.window()
    viewer.close()
    qtbot.waitUntil(lambda: not video_threads(), timeout=TIMEOUT)
    assert not window.isVisible()


def test_closing_napari_while_playing(viewer: Any, widget: Any, qtbot: Any) -> None:
    widget.panel.time.toggle_playing()
    qtbot.wait(100)
    viewer.close()
    qtbot.waitUntil(lambda: not video_threads(), timeout=TIMEOUT)


def test_closing_napari_while_videos_decode(
    viewer: Any, widget: Any, videos: dict[str, SlowVideo], qtbot: Any
) -> None:
    videos["Cam-A"].gate.clear()
    widget.panel.go_to(20)
    qtbot.wait(20)
    viewer.close()
    qtbot.waitUntil(lambda: not video_threads(), timeout=TIMEOUT)
    assert videos["Cam-A"].given_up
