"""Driving the camera views with real mouse and wheel, and videos that wait for a test."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from napari.qt import QtViewer
from qtpy.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QMouseEvent, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_pose3d.gui.layers.layer_styles import (
    AXES,
    ROLE_KEY,
    points_layer,
    space_poses,
    view_poses,
)
from napari_pose3d.gui.layers.video_layers import VIDEO, VideoLayerData
from tests.support.video_recipes import HEIGHT, WIDTH, draw, read_number
from tests.support.windows.gui_helpers import make_result

TIMEOUT = 20_000
LEFT = Qt.MouseButton.LeftButton
NO_KEY = Qt.KeyboardModifier.NoModifier


class SlowVideo:
    """A video in memory whose images come when the test lets them; each tells its number."""

    is_grey, bits, frame_rate, warnings = True, 8, 30, ()

    def __init__(self, n_frames: int = 75) -> None:
        self.shape, self.dtype, self.ndim = (n_frames, HEIGHT, WIDTH), np.dtype(np.uint8), 3
        self.size = int(np.prod(self.shape))
        self.gate = threading.Event()
        self.gate.set()
        self.given_up: list[int] = []
        self.path = Path("slow.mp4")

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        return np.broadcast_to(np.zeros((), np.uint8), self.shape)[key]

    def frame(self, number: int, wanted: Any = None) -> Any:
        while not self.gate.wait(0.002):
            if wanted is not None and not wanted():
                self.given_up.append(number)
                return None
        return draw(number, colour=False)[..., 0]


def add_video(viewer: Any, view: str, video: Any) -> None:
    """A layer as the plugin makes it."""
    metadata = {ROLE_KEY: VIDEO, "session": "s", "view": view}
    viewer.add_image(VideoLayerData(video), name=view, axis_labels=AXES, metadata=metadata)


def add_recording(viewer: Any, videos: dict[str, SlowVideo]) -> None:
    """The videos, points on them and in space."""
    for view, video in videos.items():
        add_video(viewer, view, video)
    result = make_result(len(next(iter(videos.values()))))
    assert result.poses3d is not None
    made = [
        points_layer(view_poses(result.poses2d, i, "smoothed"), f"smoothed {view}")
        for i, view in enumerate(videos)
    ]
    made.append(points_layer(space_poses(result.poses3d), "3-D"))
    for data, attributes, _ in made:
        viewer.add_points(data, **{**attributes, "visible": False})
    viewer.dims.set_current_step(0, 0)


def settle(qtbot: Any, widget: Any, frame: int | None = None) -> None:
    """Wait until a frame is shown by a widget or its panel; None: whichever was asked for last."""

    def there() -> bool:
        panel = getattr(widget, "panel", widget)
        wanted = panel.frames.frame if frame is None else frame
        return panel.frame == wanted >= 0 and not panel.frames.is_waiting

    qtbot.waitUntil(there, timeout=TIMEOUT)


def wait_for_room(widget: Any) -> None:
    """Wait until the views have the room of the empty main canvas: until then they move."""
    canvas = widget.window().centralWidget().findChild(QtViewer)
    end = time.monotonic() + TIMEOUT / 1000
    while canvas.isVisible():
        assert time.monotonic() < end
        QTest.qWait(10)
    QTest.qWait(50)


def video_of(widget: Any, view: str) -> Any:
    return widget.panel.views[view].model.layers["video"]


def images(widget: Any) -> dict[str, int]:
    """What the image of each view says; -1 where there is none."""
    found = {}
    for name in widget.panel.views:
        layer = video_of(widget, name)
        found[name] = read_number(np.asarray(layer.data)) if layer.visible else -1
    return found


def video_threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("video ")]


def on_screen(view: Any, x: float, y: float) -> QPoint:
    """Where a pixel of the image lies on the view's canvas, in px of the widget."""
    camera, size = view.model.scene.camera, view.native.size()
    return QPoint(
        round((x - camera.center[-1]) * camera.zoom + size.width() / 2),
        round((y - camera.center[-2]) * camera.zoom + size.height() / 2),
    )


def move_mouse(
    native: Any, to: QPoint, buttons: Any = Qt.MouseButton.NoButton, modifiers: Any = NO_KEY
) -> None:
    """QTest's own move does not carry the pressed button."""
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        QPointF(to),
        QPointF(native.mapToGlobal(to)),
        Qt.MouseButton.NoButton,
        buttons,
        modifiers,
    )
    QApplication.sendEvent(native, event)


def drag(native: Any, start: QPoint, end: QPoint, modifiers: Any = NO_KEY, steps: int = 5) -> None:
    QTest.mousePress(native, LEFT, modifiers, start)
    for i in range(1, steps + 1):
        move_mouse(native, start + (end - start) * i / steps, LEFT, modifiers)
        QTest.qWait(8)
    QTest.mouseRelease(native, LEFT, modifiers, end)


def turn_wheel(native: Any, at: QPoint, notches: int, modifiers: Any = NO_KEY) -> None:
    event = QWheelEvent(
        QPointF(at),
        QPointF(native.mapToGlobal(at)),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(native, event)


def drop_data(widget: Any, data: QMimeData) -> bool:
    """Drop something on a widget; whether it was taken."""
    at, copy = widget.rect().center(), Qt.DropAction.CopyAction
    entering = QDragEnterEvent(at, copy, data, LEFT, NO_KEY)
    QApplication.sendEvent(widget, entering)
    if entering.isAccepted():
        QApplication.sendEvent(widget, QDropEvent(QPointF(at), copy, data, LEFT, NO_KEY))
    return entering.isAccepted()


def drop_files(widget: Any, *paths: Path) -> bool:
    """Drop files on a widget; whether they were taken."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return drop_data(widget, data)


def click_in_menu(menu: Any, text: str) -> None:
    """Click an entry of an open menu, found by its text."""
    action = next(each for each in menu.actions() if each.text().strip() == text)
    QTest.mouseClick(menu, LEFT, pos=menu.actionGeometry(action).center())
