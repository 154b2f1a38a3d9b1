"""The widget Label in a window, and a user with mouse and keys."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari.layers import Layer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_pose3d.core.labels.labeling import Labeling
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.gui.layers.session_layers import session_layers
from napari_pose3d.gui.session.current_session import OpenSession, current_session
from tests.support.projects.label_sessions import (
    KEYPOINTS,
    SESSION,
    VIEWS,
    truth,
)
from tests.support.windows.view_helpers import LEFT, NO_KEY, drag, on_screen

# Long: the machine may have other work.
TIMEOUT = 120_000


def open_widget(viewer: Any, folder: Path, name: str = SESSION) -> Any:
    project = open_project(folder)
    session = project.session(name)
    for data in session_layers(session, (), lambda *_: None, lambda: False):
        viewer.add_layer(Layer.create(*data))
    current_session(viewer).set(OpenSession(project, session))
    _, widget = viewer.window.add_plugin_dock_widget("napari-pose3d", "Label")
    until(lambda: widget.control is not None)
    go(widget, 0)
    wait_for_layout(widget)
    return widget


def wait_for_layout(widget: Any) -> None:
    """Docks find their places after a while; a click before that lands somewhere else."""
    sizes: list[Any] = []
    while len(sizes) < 6 or len(set(sizes[-6:])) > 1:
        QTest.qWait(80)
        views = widget.control.panel.views.values()
        sizes.append(tuple((v.native.width(), v.native.height(), v.zoom) for v in views))


def until(condition: Callable[[], bool]) -> None:
    """Wait for something; also where there is no qtbot."""
    end = time.monotonic() + TIMEOUT / 1000
    while not condition():
        assert time.monotonic() < end
        QTest.qWait(10)


def go(widget: Any, frame: int) -> None:
    panel = widget.control.panel
    panel.go_to(frame)
    until(lambda: panel.is_settled and panel.frame == frame and len(widget.control.views) == 4)


def click(widget: Any, view: str, at: Any) -> None:
    shown = widget.control.panel.views[view]
    QTest.mouseClick(shown.native, LEFT, pos=on_screen(shown, *at))
    QApplication.processEvents()


def drag_label(widget: Any, view: str, start: Any, end: Any, modifiers: Any = NO_KEY) -> None:
    """From one pixel of a view's image to another."""
    shown = widget.control.panel.views[view]
    drag(shown.native, on_screen(shown, *start), on_screen(shown, *end), modifiers)
    QApplication.processEvents()


def press(widget: Any, key: Any, modifier: Any = NO_KEY) -> None:
    native = widget.control.panel.views[widget.control.view].native
    QTest.keyClick(native, key, modifier)
    QApplication.processEvents()


def labels_on_disk(folder: Path, name: str = SESSION) -> dict[tuple[int, str, str], Any]:
    project = open_project(folder)
    files = Labeling(project, project.session(name), "ann").files
    return {
        (key.frame, label_key.view, label_key.keypoint): label
        for key in files.frames
        if key.session == name
        for label_key, label in files.load(key).items()
    }


def label_frame(widget: Any, frame: int) -> None:
    """Two views of every keypoint; the others are projected."""
    go(widget, frame)
    widget.control.choose(KEYPOINTS[0])
    for k in range(len(KEYPOINTS)):
        for v in (0, 2):
            click(widget, VIEWS[v], truth(frame)[v, k])


def saved(widget: Any) -> None:
    until(lambda: not widget.saver.is_extracting and widget.save())
