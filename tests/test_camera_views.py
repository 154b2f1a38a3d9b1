"""The camera views in a real window: always in step, driven by mouse and keys, closed cleanly."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDockWidget

from films import HEIGHT, WIDTH, Film, read_number
from gui_helpers import make_result
from napari_pose3d.core.poses import Result
from napari_pose3d.gui.films import film_layers
from napari_pose3d.gui.layer_poses import poses_of
from napari_pose3d.gui.layers import tiles_of
from napari_pose3d.gui.recording_layers import result_layers
from napari_pose3d.gui.views.tool import Tool
from napari_pose3d.gui.widgets.camera_views import CameraViewsWidget

pytestmark = pytest.mark.gui

VIEWS = ("Cam-A", "Cam-B", "Cam-C")
N_FRAMES = 75
LEFT, TOP = 20.0, 60.0
TIMEOUT = 20_000


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    for view in VIEWS:
        Film(f"walk_{view}.mp4", n_frames=N_FRAMES).write(folder)
    return folder


def drawn_result() -> Result:
    """Keypoints whose x is the frame number, so that the points tell which frame they are of."""
    result = make_result(N_FRAMES)
    xy = np.empty_like(result.poses2d.xy)
    xy[..., 0] = LEFT + np.arange(N_FRAMES)[None, :, None]
    xy[..., 1] = TOP + 10 * np.arange(3)[None, None, :]
    poses2d = replace(result.poses2d, xy=xy, ensemble_median=xy + np.float32(0.25))
    xyz = np.array(result.poses3d.xyz)
    xyz[..., 0] = np.arange(N_FRAMES)[:, None]
    return replace(result, poses2d=poses2d, poses3d=replace(result.poses3d, xyz=xyz))


def add_films(viewer: Any, folder: Path) -> None:
    from napari_pose3d.core.video.array import open_video

    paths = [folder / f"walk_{view}.mp4" for view in VIEWS]
    opened = [(p, "walk", v, open_video(p)) for p, v in zip(paths, VIEWS, strict=True)]
    add(viewer, film_layers(opened, {}))


def add(viewer: Any, layers: list[Any]) -> None:
    for data, attributes, kind in layers:
        getattr(viewer, f"add_{kind}")(data, **attributes)


@pytest.fixture
def viewer(make_napari_viewer: Any, films: Path) -> Any:
    """With films and a result, in 75 frames."""
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1000, 640)
    add_films(viewer, films)
    add(viewer, result_layers(drawn_result(), placed=tiles_of(viewer.layers)))
    return viewer


def open_views(viewer: Any, qtbot: Any) -> CameraViewsWidget:
    _, widget = viewer.window.add_plugin_dock_widget("napari-pose3d", "Camera views")
    wait_for_frame(widget, qtbot)
    return widget


@pytest.fixture
def widget(viewer: Any, qtbot: Any) -> Iterator[CameraViewsWidget]:
    made = open_views(viewer, qtbot)
    yield made
    made.shut_down()


def wait_for_frame(widget: CameraViewsWidget, qtbot: Any, frame: int | None = None) -> None:
    def there() -> bool:
        panel = widget.panel
        wanted = panel.frames.frame if frame is None else frame
        return panel.frame == wanted >= 0 and not panel.frames.is_waiting

    qtbot.waitUntil(there, timeout=TIMEOUT)


def film_of(widget: CameraViewsWidget, view: str) -> Any:
    return widget.panel.views[view].model.layers["film"]


def points_of(widget: CameraViewsWidget, view: str) -> Any:
    """(y, x) of the keypoints that a view draws, from its layer."""
    found = widget.panel.views[view]
    rows = found.model.layers["keypoints"].data[-len(found.overlays.names) :]
    return rows[(np.abs(rows) < 1e4).all(axis=1)]


def drawn_numbers(widget: CameraViewsWidget) -> dict[str, tuple[int, int]]:
    """(number in the picture, number that the points tell) of every view that is seen."""
    found = {}
    for name in widget.panel.grid.seen:
        if name not in widget.panel.views:
            continue
        picture = read_number(np.asarray(film_of(widget, name).data))
        found[name] = (picture, round(float(points_of(widget, name)[:, 1].min()) - LEFT))
    return found


def assert_in_step(widget: CameraViewsWidget) -> int:
    """All views show one frame, in pictures, points, titles and in space; which one."""
    panel = widget.panel
    frame = panel.frame
    for name, (picture, points) in drawn_numbers(widget).items():
        assert picture == points == frame, name
        assert f"frame {frame:,}" in panel.views[name].title.text
    if panel.space is not None and "3-D" in panel.grid.seen:
        space = panel.space.model.layers["keypoints"].data[-3:]
        assert np.allclose(space[:, 2], frame)
    return frame


def on_screen(view: Any, x: float, y: float) -> QPoint:
    """Where a pixel of the picture lies on the view's canvas, in px of the widget."""
    camera, size = view.model.scene.camera, view.native.size()
    return QPoint(
        round((x - camera.center[-1]) * camera.zoom + size.width() / 2),
        round((y - camera.center[-2]) * camera.zoom + size.height() / 2),
    )


def move_mouse(native: Any, to: QPoint, buttons: Any = Qt.MouseButton.NoButton) -> None:
    """QTest's own move does not carry the pressed button."""
    position = QPointF(to)
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        position,
        QPointF(native.mapToGlobal(to)),
        Qt.MouseButton.NoButton,
        buttons,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(native, event)


def drag(native: Any, start: QPoint, end: QPoint, steps: int = 5) -> None:
    left = Qt.MouseButton.LeftButton
    QTest.mousePress(native, left, pos=start)
    for i in range(1, steps + 1):
        move_mouse(native, start + (end - start) * i / steps, left)
        QTest.qWait(8)
    QTest.mouseRelease(native, left, pos=end)


# --- in step ------------------------------------------------------------------------------------


def test_every_view_shows_its_film_and_its_points(widget: Any, qtbot: Any) -> None:
    assert list(widget.panel.views) == list(VIEWS)
    widget.panel.go_to(41)
    wait_for_frame(widget, qtbot, 41)
    assert assert_in_step(widget) == 41


def test_the_canvas_shows_what_the_layers_hold(widget: Any, qtbot: Any) -> None:
    """The bar code is read off the screen: pixels of the window, not arrays."""
    view = widget.panel.views["Cam-B"]
    widget.panel.grid.toggle_maximised("Cam-B")
    widget.panel.go_to(37)
    wait_for_frame(widget, qtbot, 37)
    qtbot.wait(100)
    screen = view.canvas.screenshot(flash=False)
    at = [on_screen(view, x, y) for x, y in ((0, 0), (WIDTH - 1, HEIGHT - 1))]
    scale = screen.shape[1] / view.native.width()
    rows = np.linspace(at[0].y(), at[1].y(), HEIGHT) * scale
    columns = np.linspace(at[0].x(), at[1].x(), WIDTH) * scale
    picture = screen[np.rint(rows).astype(int)][:, np.rint(columns).astype(int), :3]
    assert read_number(picture) == 37


def test_the_slider_of_the_main_viewer_moves_all_views(
    viewer: Any, widget: Any, qtbot: Any
) -> None:
    viewer.dims.set_current_step(0, 23)
    wait_for_frame(widget, qtbot, 23)
    assert assert_in_step(widget) == 23


def test_playing_and_scrubbing_at_random_never_mixes_frames(
    viewer: Any, widget: Any, qtbot: Any
) -> None:
    chance = random.Random(3)
    panel = widget.panel
    shown: list[int] = []
    panel.shown.connect(lambda frame: shown.append(assert_in_step(widget)))
    native = panel.views["Cam-A"].native
    end = time.monotonic() + 6
    while time.monotonic() < end:
        what = chance.random()
        if what < 0.5:
            viewer.dims.set_current_step(0, chance.randrange(N_FRAMES))
        elif what < 0.7:
            QTest.keyClick(native, chance.choice([Qt.Key.Key_Left, Qt.Key.Key_Right]))
        elif what < 0.75:
            QTest.keyClick(native, Qt.Key.Key_Space)
        QTest.qWait(chance.choice([0, 0, 1, 5, 30]))
        assert_in_step(widget)
    if panel.is_playing:
        panel.toggle_playing()
    last = chance.randrange(N_FRAMES)
    viewer.dims.set_current_step(0, last)
    wait_for_frame(widget, qtbot, last)
    assert assert_in_step(widget) == last
    assert len(shown) > 20


def test_keys_step_jump_and_play(widget: Any, viewer: Any, qtbot: Any) -> None:
    panel = widget.panel
    native = panel.views["Cam-B"].native
    panel.go_to(30)
    wait_for_frame(widget, qtbot, 30)
    for key, frame in (
        (Qt.Key.Key_Right, 31),
        (Qt.Key.Key_Left, 30),
        (Qt.Key.Key_Home, 0),
        (Qt.Key.Key_End, N_FRAMES - 1),
    ):
        QTest.keyClick(native, key)
        wait_for_frame(widget, qtbot, frame)
        assert viewer.dims.current_step[0] == frame
    QTest.keyClick(native, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    wait_for_frame(widget, qtbot, N_FRAMES - 11)
    QTest.keyClick(native, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: panel.frame > N_FRAMES - 8, timeout=TIMEOUT)
    QTest.keyClick(native, Qt.Key.Key_Space)
    assert not panel.is_playing


def test_the_frame_box_jumps(widget: Any, qtbot: Any) -> None:
    box = widget.panel.controls.frame_box
    box.selectAll()
    QTest.keyClicks(box, "52")
    QTest.keyClick(box, Qt.Key.Key_Return)
    wait_for_frame(widget, qtbot, 52)
    assert assert_in_step(widget) == 52


def test_napari_keys_do_no_harm_in_a_view(widget: Any, qtbot: Any) -> None:
    view = widget.panel.views["Cam-A"]
    before = [(layer.name, layer.visible, len(layer.data)) for layer in view.model.layers]
    for key in (Qt.Key.Key_V, Qt.Key.Key_A, Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_2):
        QTest.keyClick(view.native, key)
    QTest.keyClick(view.native, Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier)
    assert [(each.name, each.visible, len(each.data)) for each in view.model.layers] == before
    assert not view.model.canvas.grid.enabled


# --- late and missing pictures ------------------------------------------------------------------


class SlowFilm:
    """A film whose pictures come when the test lets them; each holds its number everywhere."""

    is_grey, bits, frame_rate, warnings = True, 8, 30, ()

    def __init__(self, n_frames: int = N_FRAMES) -> None:
        self.shape, self.dtype, self.ndim = (n_frames, 48, 64), np.dtype(np.uint8), 3
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
        return np.full(self.shape[1:], number, np.uint8)


@pytest.fixture
def slow(make_napari_viewer: Any, qtbot: Any) -> Any:
    from napari_pose3d.gui.films import FILM, FilmData
    from napari_pose3d.gui.layers import AXES, ROLE_KEY

    viewer = make_napari_viewer(show=True)
    films = {view: SlowFilm() for view in ("left", "right")}
    for view, film in films.items():
        metadata = {ROLE_KEY: FILM, "session": "s", "view": view}
        viewer.add_image(FilmData(film), name=view, axis_labels=AXES, metadata=metadata)
    widget = open_views(viewer, qtbot)
    yield viewer, widget, films
    widget.shut_down()
    for film in films.values():
        film.gate.set()


def slow_numbers(widget: Any) -> list[int]:
    return [int(film_of(widget, view).data[0, 0]) for view in widget.panel.views]


def test_one_late_picture_holds_all_views_back_and_is_said(slow: Any, qtbot: Any) -> None:
    _, widget, films = slow
    widget.panel.go_to(5)
    wait_for_frame(widget, qtbot, 5)
    films["right"].gate.clear()
    widget.panel.go_to(9)
    left = widget.panel.views["left"]
    qtbot.waitUntil(lambda: "…" in left.title.text, timeout=TIMEOUT)
    assert slow_numbers(widget) == [5, 5]
    assert "frame 5" in left.title.text
    films["right"].gate.set()
    wait_for_frame(widget, qtbot, 9)
    assert slow_numbers(widget) == [9, 9]
    assert "…" not in left.title.text


def test_the_newest_request_wins(slow: Any, qtbot: Any) -> None:
    _, widget, films = slow
    shown: list[int] = []
    widget.panel.shown.connect(shown.append)
    films["right"].gate.clear()
    for frame in range(10, 40):
        widget.panel.go_to(frame)
        qtbot.wait(1)
    films["right"].gate.set()
    wait_for_frame(widget, qtbot, 39)
    assert shown == [39]
    assert slow_numbers(widget) == [39, 39]
    assert films["right"].given_up


def test_closing_while_films_decode(slow: Any, qtbot: Any) -> None:
    viewer, widget, films = slow
    films["left"].gate.clear()
    widget.panel.go_to(20)
    qtbot.wait(20)
    viewer.window.remove_dock_widget(widget)
    qtbot.waitUntil(lambda: not film_threads(), timeout=TIMEOUT)


def test_a_film_that_ends_early_says_so(slow: Any, qtbot: Any) -> None:
    viewer, widget, _ = slow
    from napari_pose3d.gui.films import FILM, FilmData
    from napari_pose3d.gui.layers import AXES, ROLE_KEY

    metadata = {ROLE_KEY: FILM, "session": "s", "view": "short"}
    viewer.add_image(FilmData(SlowFilm(10)), name="short", axis_labels=AXES, metadata=metadata)
    qtbot.waitUntil(lambda: "short" in widget.panel.views, timeout=TIMEOUT)
    widget.panel.go_to(30)
    wait_for_frame(widget, qtbot, 30)
    assert "ended" in widget.panel.views["short"].title.text
    assert "film" not in widget.panel.views["short"].model.layers
    widget.panel.go_to(3)
    wait_for_frame(widget, qtbot, 3)
    assert slow_numbers(widget) == [3, 3, 3]
    assert film_of(widget, "short").visible


# --- mouse --------------------------------------------------------------------------------------


def test_clicking_a_keypoint_selects_it_everywhere(widget: Any, qtbot: Any) -> None:
    panel = widget.panel
    panel.go_to(10)
    wait_for_frame(widget, qtbot, 10)
    view = panel.views["Cam-B"]
    QTest.mouseClick(
        view.native, Qt.MouseButton.LeftButton, pos=on_screen(view, LEFT + 10, TOP + 20)
    )
    assert panel.selection == "kp2"
    for each in panel.views.values():
        smoothed = each.model.layers["keypoints"].size[-3:]
        assert smoothed[2] > smoothed[0] == smoothed[1]


def test_dragging_pans_this_view_alone_and_a_double_click_zooms_nothing(widget: Any) -> None:
    a, b = (widget.panel.views[name] for name in ("Cam-A", "Cam-B"))
    before = a.model.scene.camera.center, b.model.scene.camera.center
    drag(a.native, QPoint(30, 30), QPoint(70, 50))
    assert a.model.scene.camera.center != before[0]
    assert b.model.scene.camera.center == before[1]
    zoom = a.zoom
    QTest.mouseDClick(a.native, Qt.MouseButton.LeftButton, pos=QPoint(30, 30))
    assert a.zoom == zoom


def test_linked_zoom(widget: Any) -> None:
    a, b = (widget.panel.views[name] for name in ("Cam-A", "Cam-B"))
    a.model.scene.camera.zoom = 3.0
    assert b.zoom != 3.0
    widget.panel.state.link_zoom = True
    a.model.scene.camera.zoom = 4.0
    assert b.zoom == 4.0


def test_following_keeps_a_keypoint_in_the_middle(widget: Any, qtbot: Any) -> None:
    panel = widget.panel
    panel.state.follow, panel.state.magnification = "kp1", 6.0
    for frame in (12, 60):
        panel.go_to(frame)
        wait_for_frame(widget, qtbot, frame)
        for view in panel.views.values():
            assert view.model.scene.camera.center[-2:] == pytest.approx((TOP + 10, LEFT + frame))
            assert view.zoom == 6.0


class Recorder(Tool):
    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []

    def on_press(self, view: Any, at: Any, button: int, modifiers: Any) -> bool:
        self.seen.append(("press", view.name, at, button, modifiers))
        return True

    def on_drag(self, view: Any, at: Any, modifiers: Any) -> None:
        self.seen.append(("drag", view.name, at))

    def on_release(self, view: Any, at: Any, modifiers: Any) -> None:
        self.seen.append(("release", view.name, at))

    def on_key(self, view: Any, key: str, modifiers: Any) -> bool:
        self.seen.append(("key", view.name, key))
        return key == "Right"

    def on_frame(self, frame: int) -> None:
        self.seen.append(("frame", frame))


def test_a_tool_gets_mouse_and_keys_in_px_of_the_picture(widget: Any, qtbot: Any) -> None:
    panel, tool = widget.panel, Recorder()
    panel.go_to(10)
    wait_for_frame(widget, qtbot, 10)
    panel.add_tool(tool)
    view = panel.views["Cam-C"]
    centre = view.model.scene.camera.center
    start, end = on_screen(view, 40, 30), on_screen(view, 80, 50)
    drag(view.native, start, end)
    kinds = [each[0] for each in tool.seen]
    assert kinds[0] == "press"
    assert kinds[-1] == "release"
    assert "drag" in kinds
    near = 1 / view.zoom
    assert tool.seen[0][2] == pytest.approx((40, 30), abs=near)
    # Where the button went up, not where the last move was.
    assert tool.seen[-1][2] == pytest.approx((80, 50), abs=near)
    # A drag that a tool has taken does not pan.
    assert view.model.scene.camera.center == centre
    QTest.keyClick(view.native, Qt.Key.Key_Right)
    assert tool.seen[-1] == ("key", "Cam-C", "Right")
    assert panel.frames.frame == 10
    QTest.keyClick(view.native, Qt.Key.Key_Left)
    wait_for_frame(widget, qtbot, 9)
    assert tool.seen[-1] == ("frame", 9)
    panel.remove_tool(tool)
    n = len(tool.seen)
    drag(view.native, start, end)
    QTest.keyClick(view.native, Qt.Key.Key_Right)
    wait_for_frame(widget, qtbot, 10)
    assert len(tool.seen) == n


# --- what is shown ------------------------------------------------------------------------------


def shown_points(widget: Any, view: str = "Cam-A") -> int:
    return len(points_of(widget, view))


def test_stages_keypoints_and_likelihood_are_switched(widget: Any, qtbot: Any) -> None:
    panel = widget.panel
    everything = shown_points(widget)
    assert everything == 6
    panel.state.hidden_stages.append("raw")
    panel.redraw()
    assert shown_points(widget) == 3
    panel.state.hidden_keypoints.append("kp0")
    panel.redraw()
    assert shown_points(widget) == 2
    panel.state.hidden_stages.clear()
    panel.state.hidden_keypoints.clear()
    panel.state.min_likelihood = 1.01
    panel.redraw()
    # Smoothed positions do not depend on the likelihood of a frame.
    assert shown_points(widget) == 3


def test_views_are_hidden_swapped_and_maximised(widget: Any, qtbot: Any) -> None:
    panel = widget.panel
    title = panel.views["Cam-B"].title
    QTest.mouseDClick(title, Qt.MouseButton.LeftButton)
    assert panel.grid.seen == ["Cam-B"]
    panel.go_to(33)
    wait_for_frame(widget, qtbot, 33)
    assert assert_in_step(widget) == 33
    QTest.mouseDClick(title, Qt.MouseButton.LeftButton)
    assert set(panel.grid.seen) == {*VIEWS, "3-D"}
    wait_for_frame(widget, qtbot, 33)
    # The others had not been drawn meanwhile.
    assert assert_in_step(widget) == 33
    panel.swap("Cam-A", "Cam-C")
    assert panel.state.order[:3] == ["Cam-C", "Cam-B", "Cam-A"]
    panel.hide_view("Cam-B")
    assert "Cam-B" not in panel.grid.seen
    panel.go_to(44)
    wait_for_frame(widget, qtbot, 44)
    assert assert_in_step(widget) == 44


def test_brightness_of_one_view_and_of_all(widget: Any, qtbot: Any) -> None:
    panel = widget.panel
    limits = [film_of(widget, view).contrast_limits for view in VIEWS]
    panel.state.contrast["Cam-A"] = [0.1, 0.5, 1.0]
    panel.redraw()
    now = [film_of(widget, view).contrast_limits for view in VIEWS]
    assert now[0] == pytest.approx([25.5, 127.5])
    assert now[1:] == limits[1:]


# --- opening and closing ------------------------------------------------------------------------


def film_threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("film ")]


def n_canvases() -> int:
    from napari.qt import QtViewer

    return sum(isinstance(each, QtViewer) for each in QApplication.allWidgets())


def test_the_dock_is_closed_and_opened_again(viewer: Any, qtbot: Any) -> None:
    before = n_canvases()
    visible = {layer.name: layer.visible for layer in viewer.layers}
    for _ in range(2):
        widget = open_views(viewer, qtbot)
        assert n_canvases() == before + len(VIEWS) + 1
        viewer.window.remove_dock_widget(widget)
        widget = None
        qtbot.waitUntil(lambda: n_canvases() == before, timeout=TIMEOUT)
        assert not film_threads()
    assert {layer.name: layer.visible for layer in viewer.layers} == visible
    viewer.dims.set_current_step(0, 8)


def test_a_dock_closed_by_its_button(viewer: Any, widget: Any, qtbot: Any) -> None:
    dock = widget.parent()
    while not isinstance(dock, QDockWidget):
        dock = dock.parent()
    dock.destroyOnClose()
    qtbot.waitUntil(lambda: not film_threads(), timeout=TIMEOUT)


def test_the_dock_cannot_be_torn_off(widget: Any) -> None:
    dock = widget.parent()
    while not isinstance(dock, QDockWidget):
        dock = dock.parent()
    assert not dock.features() & QDockWidget.DockWidgetFeature.DockWidgetFloatable


def test_a_window_of_its_own_and_back(widget: Any, qtbot: Any) -> None:
    widget.panel.go_to(17)
    wait_for_frame(widget, qtbot, 17)
    widget.toggle_window()
    wait_for_frame(widget, qtbot, 17)
    window = widget.panel.window()
    assert window is not widget.window()
    assert assert_in_step(widget) == 17
    window.close()
    wait_for_frame(widget, qtbot, 17)
    assert widget.panel.window() is widget.window()
    assert assert_in_step(widget) == 17


def test_closing_napari_with_the_window_open(viewer: Any, widget: Any, qtbot: Any) -> None:
    widget.toggle_window()
    wait_for_frame(widget, qtbot)
    window = widget.panel.window()
    viewer.close()
    qtbot.waitUntil(lambda: not film_threads(), timeout=TIMEOUT)
    assert not window.isVisible()


def test_closing_napari_while_playing(viewer: Any, widget: Any, qtbot: Any) -> None:
    widget.panel.toggle_playing()
    qtbot.wait(100)
    viewer.close()
    qtbot.waitUntil(lambda: not film_threads(), timeout=TIMEOUT)


def test_layers_removed_by_hand(viewer: Any, widget: Any, qtbot: Any) -> None:
    panel = widget.panel
    viewer.layers.remove(viewer.layers["walk Cam-B"])
    qtbot.waitUntil(lambda: panel.views["Cam-B"].source.film is None, timeout=TIMEOUT)
    panel.go_to(14)
    wait_for_frame(widget, qtbot, 14)
    assert "no film" in panel.views["Cam-B"].title.text
    assert "film" not in panel.views["Cam-B"].model.layers
    for layer in [each for each in viewer.layers if poses_of(each.metadata) is not None]:
        viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: "Cam-B" not in panel.views, timeout=TIMEOUT)
    panel.go_to(15)
    wait_for_frame(widget, qtbot, 15)
    viewer.layers.clear()
    qtbot.waitUntil(lambda: not panel.views, timeout=TIMEOUT)
    assert not film_threads()


def test_a_new_result_in_the_same_layers_is_shown(viewer: Any, widget: Any, qtbot: Any) -> None:
    from napari_pose3d.gui.windowed import renew

    panel = widget.panel
    layer = viewer.layers["smoothed Cam-A"]
    old = poses_of(layer.metadata)
    moved = replace(old, positions=old.positions + np.float32(3), keeper=None)
    renew(layer, moved)
    qtbot.waitUntil(lambda: panel.views["Cam-A"].source.best() is moved, timeout=TIMEOUT)
    panel.go_to(6)
    wait_for_frame(widget, qtbot, 6)
    assert points_of(widget, "Cam-A")[:, 1].max() == pytest.approx(LEFT + 6 + 3)


def test_nothing_open_says_what_to_do(make_napari_viewer: Any, qtbot: Any) -> None:
    viewer = make_napari_viewer(show=True)
    _, widget = viewer.window.add_plugin_dock_widget("napari-pose3d", "Camera views")
    assert "Open a session" in widget.panel.hint.text()
    assert not widget.panel.hint.isHidden()
    assert isinstance(viewer, ViewerModel)
