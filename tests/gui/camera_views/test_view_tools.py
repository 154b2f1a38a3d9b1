"""Tools in the camera views, driven by real mouse and keys; what is on the screen, and when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from tests.support.documents.doc_blocks import block_with
from tests.support.windows.view_helpers import (
    TIMEOUT,
    SlowVideo,
    add_video,
    drag,
    images,
    on_screen,
    settle,
    turn_wheel,
    wait_for_room,
)

from napari_pose3d.gui.camera_views.camera_views_widget import CameraViewsWidget
from napari_pose3d.gui.camera_views.canvas.tool import Tool
from napari_pose3d.gui.camera_views.canvas.tool_layers import Marks

pytestmark = pytest.mark.gui

N_FRAMES = 75


@pytest.fixture(scope="module")
def opened(shared_viewer: Any) -> Iterator[tuple[Any, dict[str, SlowVideo]]]:
    videos = {view: SlowVideo(N_FRAMES) for view in ("left", "right")}
    for view, video in videos.items():
        add_video(shared_viewer, view, video)
    shared_viewer.dims.set_current_step(0, 0)
    made = CameraViewsWidget(shared_viewer)
    shared_viewer.window.add_dock_widget(made, name="Camera views")
    wait_for_room(made)
    yield made, videos
    made.shut_down()
    for video in videos.values():
        video.gate.set()


@pytest.fixture
def videos(opened: Any) -> dict[str, SlowVideo]:
    return opened[1]


@pytest.fixture
def widget(opened: Any, videos: dict[str, SlowVideo], qtbot: Any) -> Any:
    """As if just opened."""
    made = opened[0]
    for video in videos.values():
        video.gate.set()
    made.panel.go_to(0)
    made.panel.fit()
    settle(qtbot, made, 0)
    return made


class Recorder(Tool):
    """Takes every press, and the key Right."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []
        self.frame = 0

    def on_press(self, view: Any, at: Any, button: int, modifiers: Any) -> bool:
        self.seen.append(("press", view.name, at, button, modifiers))
        return True

    def on_drag(self, view: Any, at: Any, modifiers: Any) -> None:
        self.seen.append(("drag", view.name, at))

    def on_release(self, view: Any, at: Any, modifiers: Any) -> None:
        self.seen.append(("release", view.name, at))

    def on_wheel(self, view: Any, at: Any, steps: float, modifiers: Any) -> bool:
        self.seen.append(("wheel", view.name, steps, modifiers))
        return True

    def on_key(self, view: Any, key: str, modifiers: Any) -> bool:
        self.seen.append(("key", view.name, key, modifiers))
        return key == "Right"

    def on_frame(self, frame: int) -> None:
        # The views show a frame again when what lies on it changes, which may be at any time.
        if frame != self.frame:
            self.seen.append(("frame", frame))
        self.frame = frame


def test_a_tool_gets_mouse_wheel_and_keys(widget: Any, qtbot: Any) -> None:
    panel, tool = widget.panel, Recorder()
    panel.add_tool(tool)
    view = panel.views["right"]
    centre, zoom = view.model.scene.camera.center, view.zoom
    start, end = on_screen(view, 40, 30), on_screen(view, 80, 50)
    drag(view.native, start, end)
    kinds = [each[0] for each in tool.seen]
    assert kinds == ["press", *["drag"] * (len(kinds) - 2), "release"]
    assert len(kinds) > 3
    near = 1 / view.zoom
    assert tool.seen[0][1:4] == ("right", pytest.approx((40, 30), abs=near), 1)
    # Where the button went up, not where the last move was.
    assert tool.seen[-1][2] == pytest.approx((80, 50), abs=near)
    assert view.model.scene.camera.center == centre, "a drag that a tool has taken does not pan"

    turn_wheel(view.native, start, 1, Qt.KeyboardModifier.ShiftModifier)
    assert tool.seen[-1] == ("wheel", "right", 1.0, frozenset({"Shift"}))
    assert view.zoom == zoom
    n = len(tool.seen)
    turn_wheel(view.native, start, 1, Qt.KeyboardModifier.NoModifier)
    qtbot.waitUntil(lambda: view.zoom > zoom, timeout=TIMEOUT)
    assert len(tool.seen) == n

    QTest.keyClick(view.native, Qt.Key.Key_Right)
    assert tool.seen[-1] == ("key", "right", "Right", frozenset())
    assert panel.frames.frame == 0, "a key that a tool has taken does nothing else"
    QTest.keyClick(view.native, Qt.Key.Key_End)
    settle(qtbot, widget, N_FRAMES - 1)
    assert tool.seen[-1] == ("frame", N_FRAMES - 1)

    panel.remove_tool(tool)
    n = len(tool.seen)
    drag(view.native, start, end)
    assert view.model.scene.camera.center != centre
    QTest.keyClick(view.native, Qt.Key.Key_Left)
    settle(qtbot, widget, N_FRAMES - 2)
    assert len(tool.seen) == n


def test_a_tool_draws_marks(widget: Any) -> None:
    view = widget.panel.views["left"]
    before = list(view.model.layers)
    marks = Marks(view, "labels", [9, 9, 9])
    red, blue = (1.0, 0.0, 0.0, 1.0), (0.0, 0.0, 1.0, 1.0)
    marks.show(
        [(10, 20), (np.nan, np.nan), (30, 40)],
        face=[red, blue, blue],
        symbol=["disc", "cross", "square"],
        size=[5, 6, 7],
    )
    np.testing.assert_allclose(marks.layer.data[[0, 2]], [(20, 10), (40, 30)])
    np.testing.assert_allclose(marks.layer.face_color, [red, blue, blue])
    # However near one looks, marks keep their size on the screen.
    for zoom in (view.zoom, 12.0):
        view.zoom_to((20, 20), zoom)
        np.testing.assert_allclose(marks.layer.size, np.array([5, 6, 7]) / zoom)
    marks.show(np.full((3, 2), np.nan))
    assert (np.abs(marks.layer.data) > 1e5).all(), "a missing mark is out of sight"
    # Napari's own tools change nothing.
    marks.show([(1, 1), (2, 2), (3, 3)])
    view.model.layers.selection = {marks.layer}
    for key in (Qt.Key.Key_A, Qt.Key.Key_Delete):
        QTest.keyClick(view.native, key)
    assert len(marks.layer.data) == 3
    marks.remove()
    assert list(view.model.layers) == before


def test_a_click_is_no_drag(widget: Any, qtbot: Any) -> None:
    panel = widget.panel
    view = panel.views["left"]
    clicks: list[Any] = []

    class Clicks(Tool):
        def on_click(self, view: Any, at: Any, button: int, modifiers: Any) -> bool:
            clicks.append(at)
            return True

    panel.add_tool(Clicks())
    at = on_screen(view, 40, 30)
    QTest.mouseClick(view.native, Qt.MouseButton.LeftButton, pos=at)
    np.testing.assert_allclose(clicks, [(40, 30)], atol=1.0)
    drag(view.native, at, at + QPoint(30, 10))
    assert len(clicks) == 1


def test_the_tool_of_the_documentation(
    widget: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    panel = widget.panel
    view, add, tools = panel.views["left"], panel.add_tool, []
    monkeypatch.setattr(panel, "add_tool", lambda tool: (tools.append(tool), add(tool)))
    block = block_with("camera-views.md", "add_tool")
    names: dict[str, Any] = {"panel": panel}
    exec(block.text.replace("Cam-A", view.name), names)
    np.testing.assert_allclose(names["marks"].layer.data[0], (20, 10))
    centre = view.model.scene.camera.center
    start = on_screen(view, 40, 30)
    drag(view.native, start, start + QPoint(30, 10))
    assert capsys.readouterr().out.startswith("left (")
    assert view.model.scene.camera.center == centre
    names["marks"].remove()
    panel.remove_tool(*tools)


def test_a_look_at_another_frame_leaves_everything_where_it_is(widget: Any, qtbot: Any) -> None:
    panel = widget.panel
    panel.go_to(20)
    settle(qtbot, widget, 20)
    panel.peek(22)
    qtbot.waitUntil(lambda: images(widget) == {"left": 22, "right": 22}, timeout=TIMEOUT)
    assert panel.frame == 20
    assert not panel.is_settled
    assert int(widget._viewer.dims.current_step[0]) == 20
    panel.peek(None)
    qtbot.waitUntil(lambda: panel.is_settled, timeout=TIMEOUT)
    assert images(widget) == {"left": 20, "right": 20}


def test_one_late_image_holds_all_views_back_and_is_said(
    widget: Any, videos: dict[str, SlowVideo], qtbot: Any
) -> None:
    panel = widget.panel
    panel.go_to(5)
    settle(qtbot, widget, 5)
    videos["right"].gate.clear()
    shown: list[int] = []
    panel.shown.connect(shown.append)
    for frame in range(10, 30):
        panel.go_to(frame)
        qtbot.wait(1)
    title = panel.views["left"].title
    qtbot.waitUntil(lambda: "…" in title.text and "29" in title.text, timeout=TIMEOUT)
    assert images(widget) == {"left": 5, "right": 5}
    assert "frame 5" in title.text
    videos["right"].gate.set()
    settle(qtbot, widget, 29)
    assert images(widget) == {"left": 29, "right": 29}
    assert shown == [29], "what was superseded is never shown"
    assert title.text == "frame 29"


def test_a_view_that_comes_back_never_shows_an_old_frame(
    widget: Any, videos: dict[str, SlowVideo], qtbot: Any
) -> None:
    panel = widget.panel
    QTest.mouseDClick(panel.views["left"].title, Qt.MouseButton.LeftButton)
    assert panel.grid.seen == ["left"]
    panel.go_to(33)
    settle(qtbot, widget, 33)
    videos["right"].gate.clear()
    QTest.mouseDClick(panel.views["left"].title, Qt.MouseButton.LeftButton)
    assert set(panel.grid.seen) == {"left", "right"}
    assert images(widget) == {"left": 33, "right": -1}
    assert "… 33" in panel.views["right"].title.text
    videos["right"].gate.set()
    settle(qtbot, widget, 33)
    assert images(widget) == {"left": 33, "right": 33}


def test_a_layer_that_is_made_visible_again_stays_so(widget: Any, qtbot: Any) -> None:
    viewer = widget._viewer
    layer = viewer.layers["left"]
    assert not layer.visible
    layer.visible = True
    viewer.add_points([[0, 0, 0, 0]], name="mine")
    qtbot.wait(200)
    assert layer.visible
    assert viewer.layers["mine"].visible
    viewer.layers.remove("mine")
    layer.visible = False


def test_the_slider_scrubs(widget: Any, qtbot: Any) -> None:
    widget.panel.controls.slider.setValue(21)
    settle(qtbot, widget, 21)
    assert images(widget) == {"left": 21, "right": 21}
    assert widget.panel.controls.frame_box.value() == 21
