"""Windows that are closed while their Smooth panel works."""

from __future__ import annotations

import pytest
from tests.support.windows.smooth_panel import TIMEOUT, choose

from napari_pose3d.gui.tasks.smooth.smooth_widget import SmoothWidget

pytestmark = pytest.mark.gui


@pytest.fixture
def in_window(make_napari_viewer):
    viewer = make_napari_viewer()
    made = SmoothWidget(viewer)
    viewer.window.add_dock_widget(made, name="smooth")
    made.viewer = viewer
    yield made
    made.viewer = None


def test_closing_the_window_while_layers_are_added(in_window, qtbot, session) -> None:
    choose(in_window, qtbot, *session)
    in_window.run()
    qtbot.waitUntil(lambda: len(in_window.viewer.layers) > 2, timeout=TIMEOUT)
    in_window.viewer.close()
    qtbot.wait(200)


def test_closing_the_window_stops_the_job(in_window, qtbot, session, gate) -> None:
    choose(in_window, qtbot, *session)
    in_window.run()
    qtbot.waitUntil(gate.entered.is_set, timeout=TIMEOUT)
    in_window.viewer.close()
    qtbot.waitUntil(gate.stopped.is_set, timeout=TIMEOUT)
