"""Mouse and keys of the widget Label, in one window."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from tests.support.projects.label_sessions import (
    KEYPOINTS,
    VIEWS,
    calibrated_project,
    truth,
)
from tests.support.windows.label_window import click, drag_label, go, open_widget, press, until
from tests.support.windows.view_helpers import move_mouse, on_screen

from napari_pose3d.core.labels.store.label import LabelKey, LabelStatus

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module")
def opened(shared_viewer: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A window for the tests of mouse and keys; each labels a frame of its own."""
    folder = calibrated_project(tmp_path_factory.mktemp("shared") / "project", videos=True)
    shared_viewer.window._qt_window.resize(1200, 760)
    widget = open_widget(shared_viewer, folder)
    yield widget
    widget.shut_down()


@pytest.fixture
def frame(opened: Any) -> int:
    """A frame that no test has labeled, in whole images."""
    labeling = opened.labeling
    found = max([-2, *(key.frame for key in labeling.store.frames)]) + 2
    go(opened, found)
    opened.board.order.setCurrentIndex(0)
    opened.control.panel.fit()
    opened.control.choose(KEYPOINTS[0], VIEWS[0])
    return int(found)


def test_clicks_go_on_to_what_is_empty(opened: Any, frame: int) -> None:
    control, xy = opened.control, truth(frame)
    assert control.keypoint == "nose"
    click(opened, "Cam-A", xy[0, 0])
    assert control.keypoint == "nose", "other views have no nose yet"
    assert set(control.curves) == {"Cam-B", "Cam-C", "Cam-D"}
    click(opened, "Cam-A", xy[0, 3])
    assert "nose is placed in Cam-A already" in opened.board.message.text()
    assert control.labeling.label(frame, LabelKey("Cam-A", "nose")).position == pytest.approx(
        tuple(xy[0, 0]), abs=0.5
    )
    click(opened, "Cam-C", xy[2, 0])
    assert control.keypoint == "ear", "the nose is everywhere now"
    assert control.curves == {}
    opened.board.order.setCurrentIndex(1)
    click(opened, "Cam-A", xy[0, 1])
    assert control.keypoint == "neck", "view by view: the next one of this view"


def test_the_keys_of_one_label(opened: Any, frame: int) -> None:
    control, xy = opened.control, truth(frame)
    click(opened, "Cam-A", xy[0, 0])
    click(opened, "Cam-C", xy[2, 0])
    control.choose("nose", "Cam-B")
    ctrl, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier

    def now(view: str = "Cam-B") -> Any:
        return control.labeling.label(frame, LabelKey(view, "nose"))

    press(opened, Qt.Key.Key_C)
    assert now().status == LabelStatus.CONFIRMED
    control.choose("nose", "Cam-B")
    before = now().position
    press(opened, Qt.Key.Key_Right, ctrl)
    press(opened, Qt.Key.Key_Up, ctrl | shift)
    assert np.subtract(now().position, before) == pytest.approx((1, -0.1))
    press(opened, Qt.Key.Key_O)
    assert now().visibility.name == "OCCLUDED"
    press(opened, Qt.Key.Key_Backspace)
    assert now().is_declined
    press(opened, Qt.Key.Key_P)
    assert now().status == LabelStatus.PROJECTED
    press(opened, Qt.Key.Key_Backspace, shift)
    assert now("Cam-A").position is None
    for _ in range(7):
        press(opened, Qt.Key.Key_Z, ctrl)
    assert now("Cam-A").status == LabelStatus.CLICKED
    assert now().status == LabelStatus.PROJECTED
    press(opened, Qt.Key.Key_E)
    assert control.keypoint == "ear"
    press(opened, Qt.Key.Key_Q)
    press(opened, Qt.Key.Key_Tab)
    assert (control.keypoint, control.view) == ("nose", "Cam-C")


def test_a_label_slides_along_its_curve(opened: Any, frame: int) -> None:
    xy = truth(frame)
    click(opened, "Cam-A", xy[0, 0])
    click(opened, "Cam-C", xy[2, 0])
    geometry = opened.control.geometry
    curve = geometry.curve(LabelKey("Cam-A", "nose"), "Cam-C", opened.labeling.volume)
    drag_label(opened, "Cam-C", xy[2, 0], xy[2, 0] + (9, 7), Qt.KeyboardModifier.ShiftModifier)
    at = np.array(opened.labeling.label(frame, LabelKey("Cam-C", "nose")).position)
    pieces = np.hypot(*np.diff(curve.xy, axis=0).T).max()
    assert np.hypot(*(curve.xy - at).T).min() <= pieces
    assert np.hypot(*(at - xy[2, 0])) > 3


def test_a_disagreeing_view_is_named_and_reached(opened: Any, frame: int) -> None:
    xy = truth(frame)
    for v in (0, 1):
        click(opened, VIEWS[v], xy[v, 0])
    assert not opened.board.suspect.isVisible()
    opened.control.choose("nose")
    canvas = opened.control.panel.views["Cam-D"].native
    before = opened.size(), canvas.size(), canvas.mapToGlobal(canvas.rect().topLeft())
    drag_label(opened, "Cam-D", xy[3, 0], xy[3, 0] + (25, 18))
    until(opened.board.suspect.isVisible)
    QApplication.processEvents()
    after = opened.size(), canvas.size(), canvas.mapToGlobal(canvas.rect().topLeft())
    assert after == before, "the images moved under the mouse"
    assert opened.board.suspect.message == "Look at Cam-D: nose disagrees"
    opened.control.choose("nose", "Cam-A")
    press(opened, Qt.Key.Key_G)
    assert opened.control.view == "Cam-D"
    centre = opened.control.panel.views["Cam-D"].model.scene.camera.center[-2:]
    assert np.array(centre)[::-1] == pytest.approx(xy[3, 0] + (25, 18), abs=1.5)


def test_labels_that_do_not_fit_together_are_said(opened: Any, frame: int) -> None:
    xy = truth(frame)
    click(opened, "Cam-A", xy[0, 0])
    click(opened, "Cam-B", xy[1, 0] + (0, 16))
    until(opened.board.suspect.isVisible)
    assert opened.board.suspect.message == "nose: Cam-A and Cam-B contradict each other"


def test_marks_hide_while_a_key_is_held(opened: Any, frame: int) -> None:
    click(opened, "Cam-A", truth(frame)[0, 0])
    view = opened.control.panel.views["Cam-A"]
    layer = view.model.layers["labels"]
    until(lambda: bool((layer.data > -1).any()))
    QTest.keyPress(view.native, Qt.Key.Key_H)
    until(lambda: bool((layer.data < -1e5).all()))
    QTest.keyRelease(view.native, Qt.Key.Key_H)
    until(lambda: bool((layer.data > -1).any()))


def test_a_frame_that_a_view_lacks_cannot_be_labeled(
    opened: Any, frame: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = next(s for s in opened.control.panel.scene.views if s.view == "Cam-C")
    monkeypatch.setattr(source, "has_image", lambda _: False)
    click(opened, "Cam-A", truth(frame)[0, 0])
    assert f"Cam-C has no image of frame {frame}" in opened.board.message.text()
    assert not opened.labeling.labels(frame)


def test_no_label_lies_outside_the_image(opened: Any, frame: int) -> None:
    """A click beside the image is a slip; a drag stops at its edge."""
    control, xy = opened.control, truth(frame)
    nose = LabelKey("Cam-A", "nose")
    width, height = control.panel.views["Cam-A"].source.size
    control.panel.views["Cam-A"].zoom_to((0.0, 0.0), 0.5)
    click(opened, "Cam-A", (-20.0, 10.0))
    assert control.labeling.label(frame, nose).is_empty
    assert "outside the image of Cam-A" in opened.board.message.text()
    control.panel.fit()
    click(opened, "Cam-A", xy[0, 0])
    control.grab("Cam-A", "nose")
    control.drag((width + 30.0, -8.0), along_curve=False)
    control.drop()
    assert control.labeling.label(frame, nose).position == (width - 1, 0.0)
    press(opened, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    assert control.labeling.label(frame, nose).position == (width - 1, 0.0)
    assert height > 1


def test_a_drag_stays_in_its_frame(opened: Any, frame: int) -> None:
    """Nothing is placed in the frame that comes up while the button is down."""
    control, xy = opened.control, truth(frame)
    nose, view = LabelKey("Cam-A", "nose"), opened.control.panel.views["Cam-A"]
    click(opened, "Cam-A", xy[0, 0])
    start, way = on_screen(view, *xy[0, 0]), QPoint(12, 8)

    def move(n_ways: int) -> tuple[float, float] | None:
        move_mouse(view.native, start + n_ways * way, Qt.MouseButton.LeftButton)
        QTest.qWait(20)
        return control.labeling.label(frame, nose).position

    QTest.mousePress(view.native, Qt.MouseButton.LeftButton, pos=start)
    move(1)
    control.panel.rebuild()
    until(lambda: control.panel.is_settled)
    control.on_frame()
    there = move(2)
    expected = np.add(xy[0, 0], np.array((24, 16)) / view.zoom)
    assert there == pytest.approx(tuple(expected), abs=2 / view.zoom)
    go(opened, frame + 1)
    assert move(3) == there
    QTest.mouseRelease(view.native, Qt.MouseButton.LeftButton, pos=start + 3 * way)
    assert control.labeling.label(frame + 1, nose).is_empty
    control.labeling.store.undo()
    before = control.labeling.label(frame, nose).position
    assert before == pytest.approx(tuple(xy[0, 0]), abs=0.5), "the way is one step of undo"


def test_frames_before_the_first_are_never_looked_at(opened: Any, qtbot: Any) -> None:
    """Flickering at frame 0: the images of 0, 1 and 2, under their own numbers."""
    go(opened, 0)
    panel = opened.control.panel
    view = panel.views["Cam-A"]
    frames: set[int] = set()

    def looked_around() -> bool:
        frames.update(int(number) for number in re.findall(r"frame (\d+)", view.title.text))
        return frames >= {0, 1, 2}

    QTest.keyPress(view.native, Qt.Key.Key_T)
    until(looked_around)
    # Once more around: what comes before frame 0 would show now.
    for _ in range(120):
        qtbot.wait(15)
        looked_around()
    QTest.keyRelease(view.native, Qt.Key.Key_T)
    until(lambda: panel.is_settled and panel.frame == 0)
    assert frames == {0, 1, 2}


def test_the_last_frame_of_the_queue_is_reached(opened: Any) -> None:
    """Also the last one of the video, and no further."""
    labeling = opened.labeling
    last = opened.control.panel.scene.n_frames - 1
    opened.saver.add_frames([last - 7, last], "by number")
    until(lambda: last in labeling.queued_frames)
    go(opened, last - 7)
    press(opened, Qt.Key.Key_N)
    until(lambda: opened.control.panel.frame == last)
    press(opened, Qt.Key.Key_N)
    assert "There is no frame in the queue after this one" in opened.board.message.text()
    assert opened.control.panel.frame == last
