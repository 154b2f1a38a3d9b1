"""The camera views in a real window: always in step, driven by mouse and keys."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.settings import get_settings
from qtpy.QtCore import QMimeData, QPoint, Qt
from qtpy.QtGui import QCursor
from qtpy.QtTest import QTest
from tests.support.recordings.scenes import arc_rig
from tests.support.video_recipes import HEIGHT, WIDTH, Video, read_number
from tests.support.windows.gui_helpers import make_result
from tests.support.windows.view_helpers import (
    LEFT,
    TIMEOUT,
    click_in_menu,
    drag,
    drop_data,
    drop_files,
    move_mouse,
    on_screen,
    settle,
    turn_wheel,
    video_of,
    wait_for_room,
)

from napari_pose3d.core.formats.predictions.prediction_csv import write_prediction_csv
from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable
from napari_pose3d.core.poses.arrays import Result
from napari_pose3d.core.video.video_array import open_video
from napari_pose3d.gui.camera_views.camera_views_widget import CameraViewsWidget
from napari_pose3d.gui.camera_views.canvas.layout_state import LayoutState
from napari_pose3d.gui.camera_views.canvas.title import VIEW_MIME
from napari_pose3d.gui.layers.layer_styles import tiles_of
from napari_pose3d.gui.layers.recording_layers import result_layers, table_layers
from napari_pose3d.gui.layers.video_layers import video_layers
from napari_pose3d.gui.qt import napari_private

pytestmark = pytest.mark.gui

VIEWS = ("Cam-A", "Cam-B", "Cam-C")
N_FRAMES = 75
X, Y = 20.0, 60.0


def drawn_result() -> Result:
    """Keypoints whose x is the frame number, so that the points tell which frame they are of."""
    result = make_result(N_FRAMES)
    xy = np.empty_like(result.poses2d.xy)
    xy[..., 0] = X + np.arange(N_FRAMES)[None, :, None]
    xy[..., 1] = Y + 10 * np.arange(3)[None, None, :]
    poses2d = replace(result.poses2d, xy=xy, ensemble_median=xy + np.float32(0.25))
    assert result.poses3d is not None
    xyz = np.array(result.poses3d.xyz)
    xyz[..., 0] = np.arange(N_FRAMES)[:, None]
    return replace(result, poses2d=poses2d, poses3d=replace(result.poses3d, xyz=xyz))


def tables() -> list[tuple[str, str, PredictionTable]]:
    """Of view Cam-A, what two networks predicted: far below what is smoothed."""
    xy = np.array(drawn_result().poses2d.xy[0])
    xy[..., 1] += 10
    names, likelihood = ("kp0", "kp1", "kp2"), np.full(xy.shape[:2], 0.4, np.float32)
    return [
        (f"Cam-A net{i}", "Cam-A", PredictionTable(names, xy + i, likelihood, scorer="net"))
        for i in range(2)
    ]


@pytest.fixture(scope="module")
def opened(shared_viewer: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Camera views of three videos with a result in space, and two prediction sets on one."""
    folder = tmp_path_factory.mktemp("videos")
    shared_viewer.window._qt_window.resize(1000, 640)
    videos: list[Any] = []
    for view in VIEWS:
        path = Video(f"walk_{view}.mp4", n_frames=N_FRAMES).write(folder)
        videos.append((path, "walk", view, open_video(path)))
    layers = video_layers(videos, {})
    for data, attributes, kind in layers:
        getattr(shared_viewer, f"add_{kind}")(data, **attributes)
    placed = tiles_of(shared_viewer.layers)
    layers = table_layers(tables(), placed=placed)
    layers += result_layers(drawn_result(), arc_rig(), placed=placed)
    for data, attributes, kind in layers:
        # The views draw no tracks.
        if kind != "tracks":
            getattr(shared_viewer, f"add_{kind}")(data, **{**attributes, "visible": False})
    _, widget = shared_viewer.window.add_plugin_dock_widget("napari-pose3d", "Camera views")
    wait_for_room(widget)
    yield widget
    widget.shut_down()


@pytest.fixture
def widget(opened: Any, qtbot: Any) -> CameraViewsWidget:
    """As if just opened."""
    panel = opened.panel
    if panel.time.is_playing:
        panel.time.toggle_playing()
    if panel.grid.maximised:
        panel.grid.toggle_maximised(panel.grid.maximised)
    for name, value in vars(LayoutState()).items():
        setattr(panel.state, name, value)
    panel.select("")
    panel.go_to(0)
    panel.rebuild()
    panel.fit()
    settle(qtbot, opened, 0)
    return opened


@pytest.fixture
def viewer(widget: Any, shared_viewer: Any) -> Any:
    return shared_viewer


def points_of(widget: Any, view: str) -> Any:
    """(y, x) of the keypoints that a view draws, from its layer."""
    found = widget.panel.views[view]
    rows = found.model.layers["keypoints"].data[-len(found.overlays.names) :]
    return rows[(np.abs(rows) < 1e4).all(axis=1)]


def assert_in_step(widget: Any) -> int:
    """All views show one frame, in images, points, titles and in space; which one."""
    panel = widget.panel
    frame = panel.frame
    for name in panel.grid.seen:
        if name in panel.views:
            assert read_number(np.asarray(video_of(widget, name).data)) == frame, name
            assert round(float(points_of(widget, name)[:, 1].min()) - X) == frame, name
            assert f"frame {frame:,}" in panel.views[name].title.text
    if "3-D" in panel.grid.seen:
        space = panel.space.model.layers["keypoints"].data[-3:]
        assert np.allclose(space[:, 2], frame)
    return frame


# --- in step ------------------------------------------------------------------------------------


def test_every_view_shows_its_video_and_its_points(widget: Any, qtbot: Any) -> None:
    assert list(widget.panel.views) == list(VIEWS)
    widget.panel.go_to(41)
    settle(qtbot, widget, 41)
    assert assert_in_step(widget) == 41


def test_the_canvas_shows_what_the_layers_hold(widget: Any, qtbot: Any) -> None:
    """The bar code is read off the screen: pixels of the window, not arrays."""
    view = widget.panel.views["Cam-B"]
    QTest.mouseDClick(view.title, LEFT)
    widget.panel.go_to(37)
    settle(qtbot, widget, 37)
    qtbot.wait(100)
    screen = view.canvas.screenshot(flash=False)
    at = [on_screen(view, x, y) for x, y in ((0, 0), (WIDTH - 1, HEIGHT - 1))]
    scale = screen.shape[1] / view.native.width()
    rows = np.linspace(at[0].y(), at[1].y(), HEIGHT) * scale
    columns = np.linspace(at[0].x(), at[1].x(), WIDTH) * scale
    image = screen[np.rint(rows).astype(int)][:, np.rint(columns).astype(int), :3]
    assert read_number(image) == 37


def test_what_is_drawn_is_what_napari_draws_of_the_layers(
    widget: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps bypass napari's refresh: a full one must not change a single pixel."""
    panel = widget.panel
    refreshed: list[str] = []
    # What the fast drawing falls back upon where napari or vispy are not as expected.
    monkeypatch.setattr(napari_private, "_refresh", lambda layer: refreshed.append(layer.name))
    view = panel.views["Cam-B"]
    QTest.mouseDClick(view.title, LEFT)
    screens = []
    for frame in (12, 45):
        panel.go_to(frame)
        settle(qtbot, widget, frame)
        qtbot.wait(100)
        quick = view.canvas.screenshot(flash=False)
        assert not refreshed, "the fast drawing has run"
        for layer in view.model.layers:
            layer.refresh()
        qtbot.wait(100)
        np.testing.assert_array_equal(quick, view.canvas.screenshot(flash=False))
        screens.append(quick)
    x, y = (round(float(at)) for at in points_of(widget, "Cam-B")[0][::-1])
    at = on_screen(view, x, y)
    scale = screens[1].shape[1] / view.native.width()
    row, column = round(at.y() * scale), round(at.x() * scale)
    assert (screens[0][row, column] != screens[1][row, column]).any(), "the mark has moved there"


def test_the_slider_of_the_main_viewer_moves_all_views(
    viewer: Any, widget: Any, qtbot: Any
) -> None:
    viewer.dims.set_current_step(0, 23)
    settle(qtbot, widget, 23)
    assert assert_in_step(widget) == 23


def test_playing_and_scrubbing_at_random_never_mixes_frames(
    viewer: Any, widget: Any, qtbot: Any
) -> None:
    chance = random.Random(3)
    panel = widget.panel
    shown: list[int] = []

    def look(frame: int) -> None:
        shown.append(assert_in_step(widget))

    panel.shown.connect(look)
    native = panel.views["Cam-A"].native
    steps = 0
    while steps < 200 or len(shown) < 20:
        steps += 1
        assert steps < 20_000
        what = chance.random()
        if what < 0.4:
            viewer.dims.set_current_step(0, chance.randrange(N_FRAMES))
        elif what < 0.6:
            panel.controls.slider.setValue(chance.randrange(N_FRAMES))
        elif what < 0.7:
            QTest.keyClick(native, chance.choice([Qt.Key.Key_Left, Qt.Key.Key_Right]))
        elif what < 0.75:
            QTest.keyClick(native, Qt.Key.Key_Space)
        QTest.qWait(chance.choice([0, 0, 1, 5, 30]))
        assert_in_step(widget)
    if panel.time.is_playing:
        panel.time.toggle_playing()
    last = chance.randrange(N_FRAMES)
    viewer.dims.set_current_step(0, last)
    settle(qtbot, widget, last)
    assert assert_in_step(widget) == last
    assert len(shown) >= 20
    panel.shown.disconnect(look)


def test_keys_step_jump_and_play(widget: Any, viewer: Any, qtbot: Any) -> None:
    panel = widget.panel
    native = panel.views["Cam-B"].native
    panel.go_to(30)
    settle(qtbot, widget, 30)
    for key, frame in (
        (Qt.Key.Key_Right, 31),
        (Qt.Key.Key_Left, 30),
        (Qt.Key.Key_Home, 0),
        (Qt.Key.Key_End, N_FRAMES - 1),
    ):
        QTest.keyClick(native, key)
        settle(qtbot, widget, frame)
        assert viewer.dims.current_step[0] == frame
    QTest.keyClick(native, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    settle(qtbot, widget, N_FRAMES - 11)
    QTest.keyClick(native, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: panel.frame > N_FRAMES - 8, timeout=TIMEOUT)
    QTest.keyClick(native, Qt.Key.Key_Space)
    assert not panel.time.is_playing


def test_the_frame_box_jumps(widget: Any, qtbot: Any) -> None:
    box = widget.panel.controls.frame_box
    box.selectAll()
    QTest.keyClicks(box, "52")
    QTest.keyClick(box, Qt.Key.Key_Return)
    settle(qtbot, widget, 52)
    assert assert_in_step(widget) == 52


def test_the_view_under_the_mouse_has_the_focus(widget: Any, viewer: Any, qtbot: Any) -> None:
    viewer.window.activate()
    for name in ("Cam-A", "Cam-C"):
        native = widget.panel.views[name].native
        QCursor.setPos(native.mapToGlobal(native.rect().center()))
        qtbot.waitUntil(lambda n=native: n.window().focusWidget() is n, timeout=TIMEOUT)


def test_napari_keys_do_no_harm_in_a_view(widget: Any, viewer: Any) -> None:
    view = widget.panel.views["Cam-A"]

    def state() -> list[Any]:
        models = (view.model, viewer)
        return [[(e.name, e.visible, len(e.data), e.mode) for e in m.layers] for m in models]

    before = state()
    keys = Qt.Key
    for key in (keys.Key_V, keys.Key_A, keys.Key_Delete, keys.Key_Backspace, keys.Key_2):
        QTest.keyClick(view.native, key)
    for key in (keys.Key_G, keys.Key_A, keys.Key_V, keys.Key_Y, keys.Key_R):
        QTest.keyClick(view.native, key, Qt.KeyboardModifier.ControlModifier)
    assert state() == before
    assert not view.model.canvas.grid.enabled
    assert view.model.dims.ndisplay == 2


# --- mouse --------------------------------------------------------------------------------------


def test_clicking_a_keypoint_selects_it_everywhere(widget: Any, qtbot: Any) -> None:
    panel = widget.panel
    panel.go_to(10)
    settle(qtbot, widget, 10)
    view = panel.views["Cam-B"]
    QTest.mouseClick(view.native, LEFT, pos=on_screen(view, X + 10, Y + 20))
    assert panel.selection == "kp2"
    for each in (*panel.views.values(), panel.space):
        marks = each.model.layers["keypoints"].size[-3:]
        assert marks[2] > marks[0] == marks[1]


def test_clicking_in_space_selects_everywhere(widget: Any, qtbot: Any) -> None:
    panel, space = widget.panel, widget.panel.space
    panel.go_to(10)
    settle(qtbot, widget, 10)
    points = space.model.layers["keypoints"]
    qtbot.wait(100)
    camera = space.model.scene.camera
    # Bring a keypoint to the middle of the canvas, where it is clicked.
    camera.center = tuple(points.data[-2])
    camera.zoom = 10 * camera.zoom
    qtbot.wait(100)
    size = space.native.size()
    QTest.mouseClick(space.native, LEFT, pos=QPoint(size.width() // 2, size.height() // 2))
    assert panel.selection == "kp1"
    marks = panel.views["Cam-A"].model.layers["keypoints"].size[-3:]
    assert marks[1] > marks[0]


def test_turning_the_scene_selects_nothing(widget: Any) -> None:
    space = widget.panel.space
    before = space.model.scene.camera.angles
    drag(space.native, QPoint(60, 60), QPoint(120, 90))
    assert space.model.scene.camera.angles != before
    assert widget.panel.selection == ""


def test_the_name_is_shown_under_the_mouse(widget: Any, qtbot: Any, monkeypatch: Any) -> None:
    view = widget.panel.views["Cam-A"]
    hints: list[str] = []
    monkeypatch.setattr(view, "show_hint", hints.append)
    move_mouse(view.native, on_screen(view, X + 2, Y + 30))
    qtbot.waitUntil(lambda: bool(hints), timeout=TIMEOUT)
    assert hints[-1] == "kp2, predicted (net1), likelihood 0.40"


def test_marks_do_not_grow_with_the_image(widget: Any) -> None:
    view = widget.panel.views["Cam-A"]
    layer = view.model.layers["keypoints"]
    sizes = np.array(layer.size)
    view.zoom_to((X, Y), 10 * view.zoom)
    assert (layer.size < 0.5 * sizes).all()
    view.fit()
    # Not for each turn of the wheel.
    np.testing.assert_allclose(layer.size, sizes, rtol=0.11)


def test_dragging_pans_this_view_alone_and_a_double_click_zooms_nothing(widget: Any) -> None:
    a, b = (widget.panel.views[name] for name in ("Cam-A", "Cam-B"))
    before = a.model.scene.camera.center, b.model.scene.camera.center
    drag(a.native, QPoint(30, 30), QPoint(70, 50))
    assert a.model.scene.camera.center != before[0]
    assert b.model.scene.camera.center == before[1]
    zoom = a.zoom
    QTest.mouseDClick(a.native, LEFT, pos=QPoint(30, 30))
    assert a.zoom == zoom


def test_linked_zoom(widget: Any, qtbot: Any) -> None:
    a, b = (widget.panel.views[name] for name in ("Cam-A", "Cam-B"))
    zoom = b.zoom
    turn_wheel(a.native, QPoint(40, 40), 1)
    qtbot.waitUntil(lambda: a.zoom > zoom, timeout=TIMEOUT)
    assert b.zoom == zoom
    QTest.mouseClick(widget.panel.controls.link, LEFT)
    turn_wheel(a.native, QPoint(40, 40), 1)
    qtbot.waitUntil(lambda: b.zoom == a.zoom, timeout=TIMEOUT)
    QTest.mouseClick(widget.panel.controls.fit, LEFT)
    assert b.zoom == zoom


def test_following_keeps_a_keypoint_in_the_middle(widget: Any, qtbot: Any) -> None:
    panel, menu = widget.panel, widget.panel.controls.follow_menu
    menu.keypoint.setCurrentText("kp1")
    menu.magnification.setValue(6)
    assert "kp1" in panel.controls.follow.text()
    for frame in (12, 60):
        panel.go_to(frame)
        settle(qtbot, widget, frame)
        for view in panel.views.values():
            assert view.model.scene.camera.center[-2:] == pytest.approx((Y + 10, X + frame))
            assert view.zoom == 6.0
    QTest.keyClick(panel.views["Cam-A"].native, Qt.Key.Key_F)
    assert panel.state.follow == ""
    assert "kp1" not in panel.controls.follow.text()


# --- what is shown ------------------------------------------------------------------------------


def test_stages_keypoints_and_likelihood_are_switched(widget: Any) -> None:
    panel, controls = widget.panel, widget.panel.controls

    def n_shown() -> int:
        return len(points_of(widget, "Cam-A"))

    menu = controls.show_menu
    menu.popup(QPoint(0, 0))
    assert n_shown() == 12
    for text, n in (("net1", 9), ("Predictions", 6), ("Raw (the ensemble)", 3)):
        click_in_menu(menu, text)
        assert n_shown() == n, text
        assert menu.isVisible(), "several things are switched in one go"
    for text in ("net1", "Predictions", "Raw (the ensemble)"):
        click_in_menu(menu, text)
    menu.close()
    items = controls.keypoint_menu.list
    items.item(0).setCheckState(Qt.CheckState.Unchecked)
    assert n_shown() == 8
    items.item(0).setCheckState(Qt.CheckState.Checked)
    panel.state.min_likelihood = 0.45
    panel.redraw()
    assert n_shown() == 6
    panel.state.min_likelihood = 1.01
    panel.redraw()
    # Smoothed positions do not depend on the likelihood of a frame.
    assert n_shown() == 3


def test_trails_belong_to_what_is_seen(widget: Any, qtbot: Any) -> None:
    """Without the smoothed positions they are those of the ensemble."""
    panel = widget.panel
    panel.go_to(40)
    settle(qtbot, widget, 40)
    layer = panel.views["Cam-B"].model.layers["keypoints"]
    assert layer.data[0, 1] == X + 39
    panel.state.hidden_stages.append("smoothed")
    panel.redraw()
    assert layer.data[0, 1] == X + 39.25


def test_views_are_hidden_swapped_and_maximised(widget: Any, qtbot: Any) -> None:
    panel = widget.panel
    title = panel.views["Cam-B"].title
    QTest.mouseDClick(title, LEFT)
    assert panel.grid.seen == ["Cam-B"]
    panel.go_to(33)
    settle(qtbot, widget, 33)
    assert assert_in_step(widget) == 33
    QTest.mouseDClick(title, LEFT)
    assert set(panel.grid.seen) == {*VIEWS, "3-D"}
    settle(qtbot, widget, 33)
    # The others had not been drawn meanwhile.
    assert assert_in_step(widget) == 33
    carried = QMimeData()
    carried.setData(VIEW_MIME, b"Cam-A")
    assert drop_data(panel.views["Cam-C"], carried)
    assert panel.state.order[:3] == ["Cam-C", "Cam-B", "Cam-A"]
    panel.hide_view("Cam-B")
    assert "Cam-B" not in panel.grid.seen
    panel.go_to(44)
    settle(qtbot, widget, 44)
    assert assert_in_step(widget) == 44
    menu = panel.controls.view_menu
    menu.popup(QPoint(0, 0))
    click_in_menu(menu, "Cam-B")
    menu.close()
    assert "Cam-B" in panel.grid.seen


def test_borders_stay_when_a_layer_is_added(widget: Any, viewer: Any, qtbot: Any) -> None:
    panel = widget.panel
    panel.grid._rows.setSizes([100, 300])
    sizes = panel.grid.sizes()
    viewer.add_points([[0, 0, 0, 0]], name="mine", visible=False)
    qtbot.wait(120)
    assert panel.grid.sizes() == sizes
    viewer.layers.remove("mine")


def test_brightness_of_one_view_and_of_all(widget: Any) -> None:
    panel = widget.panel
    limits = [video_of(widget, view).contrast_limits for view in VIEWS]
    panel.state.contrast["Cam-A"] = [0.1, 0.5, 1.0]
    panel.redraw()
    now = [video_of(widget, view).contrast_limits for view in VIEWS]
    assert now[0] == pytest.approx([25.5, 127.5])
    assert now[1:] == limits[1:]


# --- the room and the main viewer ---------------------------------------------------------------


def test_views_and_space_take_the_theme(widget: Any, viewer: Any) -> None:
    frames = [*widget.panel.views.values(), widget.panel.space]

    def backgrounds() -> list[tuple[int, ...]]:
        images = [each.canvas.screenshot(flash=False) for each in frames]
        return [tuple(image[-2, 2, :3].tolist()) for image in images]

    before = viewer.theme
    dark = backgrounds()
    try:
        viewer.theme = "light"
        light = backgrounds()
    finally:
        viewer.theme = before
    assert all(sum(bright) > sum(dim) + 300 for bright, dim in zip(light, dark, strict=True))
    assert backgrounds() == dark


def test_the_views_have_the_room_of_an_empty_canvas(widget: Any, viewer: Any, qtbot: Any) -> None:
    canvas = widget.window().centralWidget()

    def is_away() -> bool:
        return not canvas.isVisible() or canvas.height() == 0

    qtbot.waitUntil(is_away, timeout=TIMEOUT)
    high = widget.height()
    video = viewer.layers["walk Cam-A"]
    video.visible = True
    qtbot.waitUntil(lambda: canvas.isVisible() and canvas.height() > 100, timeout=TIMEOUT)
    qtbot.waitUntil(lambda: widget.height() < high, timeout=TIMEOUT)
    video.visible = False
    qtbot.waitUntil(is_away, timeout=TIMEOUT)
    qtbot.waitUntil(lambda: widget.height() > 0.9 * high, timeout=TIMEOUT)


def test_files_dropped_on_the_views_open_in_the_main_viewer(
    widget: Any, viewer: Any, qtbot: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    # Otherwise napari asks which reader to take.
    readers = {"*.csv": "napari-pose3d"}
    monkeypatch.setattr(get_settings().plugins, "extension2reader", readers)
    path = tmp_path / "walk_Cam-B.csv"
    write_prediction_csv(path, tables()[0][2])
    view = widget.panel.views["Cam-A"]
    assert not view.canvas.acceptDrops(), "it would open them in a viewer of its own"
    before = list(viewer.layers)
    assert drop_files(widget.panel, path)
    qtbot.waitUntil(lambda: len(viewer.layers) > len(before), timeout=TIMEOUT)
    for layer in [each for each in viewer.layers if each not in before]:
        viewer.layers.remove(layer)
    assert [layer.name for layer in view.model.layers] == ["video", "keypoints"]
