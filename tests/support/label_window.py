"""The widget Label in a window, and a user with mouse and keys."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from tests.support.label_sessions import (
    KEYPOINTS,
    SESSION,
    VIEWS,
    truth,
)

from napari_pose3d.core.labels.labeling import Labeling
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.gui.layers.session_layers import session_layers
from napari_pose3d.gui.session.current_session import OpenSession, current_session

TIMEOUT = 30_000
LEFT = Qt.MouseButton.LeftButton


def open_widget(viewer: Any, folder: Path, name: str = SESSION) -> Any:
    project = open_project(folder)
    session = project.session(name)
    for data in session_layers(session, (), lambda *_: None, lambda: False):
        viewer.add_layer(Layer.create(*data))
    current_session(viewer).set(OpenSession(project, session))
    _, widget = viewer.window.add_plugin_dock_widget("napari-pose3d", "Label")
    until(lambda: widget.control is not None)
    go(widget, 0)
    wait_for_room(widget)
    return widget


def wait_for_room(widget: Any) -> None:
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


def on_screen(view: Any, at: Any) -> QPoint:
    camera, size = view.model.scene.camera, view.native.size()
    x, y = at
    return QPoint(
        round((x - camera.center[-1]) * camera.zoom + size.width() / 2),
        round((y - camera.center[-2]) * camera.zoom + size.height() / 2),
    )


def click(widget: Any, view: str, at: Any) -> None:
    shown = widget.control.panel.views[view]
    QTest.mouseClick(shown.native, LEFT, pos=on_screen(shown, at))
    QApplication.processEvents()


def drag(
    widget: Any, view: str, start: Any, end: Any, keys: Any = Qt.KeyboardModifier.NoModifier
) -> None:
    """QTest's own move does not carry the pressed button."""
    native = widget.control.panel.views[view].native
    begin, to = (on_screen(widget.control.panel.views[view], at) for at in (start, end))
    QTest.mousePress(native, LEFT, keys, begin)
    for i in range(1, 6):
        at = begin + (to - begin) * i / 5
        global_at = QPointF(native.mapToGlobal(at))
        none = Qt.MouseButton.NoButton
        move = QMouseEvent(QEvent.Type.MouseMove, QPointF(at), global_at, none, LEFT, keys)
        QApplication.sendEvent(native, move)
        QTest.qWait(10)
    QTest.mouseRelease(native, LEFT, keys, to)
    QApplication.processEvents()


def press(widget: Any, key: Any, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
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
