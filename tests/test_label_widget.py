"""The widget Label, driven by real mouse and keys; the files it leaves are what was meant."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Layer
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDockWidget, QMessageBox

from label_sessions import (
    KEYPOINTS,
    N_FRAMES,
    SESSION,
    VIEWS,
    calibrated_project,
    open_labeling,
    truth,
)
from napari_pose3d.core.labels.label import Spot
from napari_pose3d.core.labels.status import LabelStatus
from napari_pose3d.core.overview import open_project
from napari_pose3d.gui.current_session import OpenSession, current_session
from napari_pose3d.gui.session_layers import session_layers

pytestmark = pytest.mark.gui

TIMEOUT = 30_000
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return calibrated_project(tmp_path / "project", films=True)


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the user was asked when closing; every answer is yes, so that no test waits."""
    questions: list[str] = []

    def answer(parent: Any, title: str, text: str) -> Any:
        questions.append(text)
        return QMessageBox.StandardButton.Yes

    monkeypatch.setattr(QMessageBox, "question", answer)
    return questions


@pytest.fixture
def label(make_napari_viewer: Any, qtbot: Any, folder: Path) -> Any:
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1200, 760)
    return open_widget(viewer, folder, qtbot)


def open_widget(viewer: Any, folder: Path, qtbot: Any) -> Any:
    project = open_project(folder)
    session = project.session(SESSION)
    for data in session_layers(session, (), lambda *_: None, lambda: False):
        viewer.add_layer(Layer.create(*data))
    current_session(viewer).set(OpenSession(project, session))
    _, widget = viewer.window.add_plugin_dock_widget("napari-pose3d", "Label")
    qtbot.waitUntil(lambda: widget.control is not None, timeout=TIMEOUT)
    go(widget, qtbot, 0)
    wait_for_room(widget)
    return widget


def wait_for_room(widget: Any) -> None:
    """Docks find their places after a while; a click before that lands somewhere else."""
    sizes: list[Any] = []
    while len(sizes) < 6 or len(set(sizes[-6:])) > 1:
        QTest.qWait(80)
        views = widget.control.panel.views.values()
        sizes.append(tuple((v.native.width(), v.native.height(), v.zoom) for v in views))


def go(widget: Any, qtbot: Any, frame: int) -> None:
    panel = widget.control.panel
    panel.go_to(frame)
    qtbot.waitUntil(
        lambda: panel.is_settled and panel.frame == frame and len(widget.control.views) == 4,
        timeout=TIMEOUT,
    )


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


def labels_on_disk(folder: Path) -> dict[tuple[int, str, str], Any]:
    files = open_labeling(folder).files
    return {
        (key.frame, spot.view, spot.keypoint): label
        for key in files.frames
        for spot, label in files.load(key).items()
    }


def label_frame(widget: Any, qtbot: Any, frame: int) -> None:
    """Two views of every keypoint; the others are projected."""
    go(widget, qtbot, frame)
    widget.control.choose(KEYPOINTS[0])
    for k in range(len(KEYPOINTS)):
        for v in (0, 2):
            click(widget, VIEWS[v], truth(frame)[v, k])


def saved(widget: Any, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: not widget.saver.is_extracting and widget.save(), timeout=TIMEOUT)


# ---------------------------------------------------------------------- a whole session


def test_a_whole_labeling_session(
    label: Any, folder: Path, qtbot: Any, make_napari_viewer: Any
) -> None:
    for frame in (5, 17, 30):
        label_frame(label, qtbot, frame)
    # Correct one label, spoil another and take that back.
    xy = truth(30)
    drag(label, VIEWS[2], xy[2, 1], xy[2, 1] + (8, -6))
    press(label, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    drag(label, VIEWS[1], xy[1, 3], xy[1, 3] + (5, 4))
    saved(label, qtbot)
    assert label.board.state.text() == "All labels are saved."
    on_disk = labels_on_disk(folder)
    assert len(on_disk) == 3 * 4 * len(KEYPOINTS)
    for (frame, view, keypoint), found in on_disk.items():
        v, k = VIEWS.index(view), KEYPOINTS.index(keypoint)
        meant = truth(frame)[v, k]
        if (frame, v, k) == (30, 1, 3):
            meant = np.add(meant, (5, 4))
            assert found.status == LabelStatus.CLICKED
        elif (frame, k) == (30, 3) and v == 3:
            continue  # projected from three labels, of which one was moved on purpose
        else:
            expected = LabelStatus.CLICKED if v in (0, 2) else LabelStatus.PROJECTED
            assert found.status == expected, (frame, view, keypoint)
        assert np.abs(np.subtract(found.position, meant)).max() < 0.5, (frame, view, keypoint)
    # What Lightning Pose trains on is there, with the frames around.
    for frame in (5, 17, 30):
        for view in VIEWS:
            for number in range(frame - 2, frame + 3):
                picture = f"labeled-data/{SESSION}_{view}/img{number:08d}.png"
                assert (folder / picture).is_file()
    # Opened again, everything is there.
    label.shut_down()
    again = open_widget(make_napari_viewer(show=True), folder, qtbot)
    assert again.labeling.labeled_frames == [5, 17, 30]
    assert again.board.notice.text == ""
    assert again.labeling.label(30, Spot(VIEWS[1], KEYPOINTS[3])).status == LabelStatus.CLICKED
    again.shut_down()


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
import napari
from pathlib import Path
import test_label_widget as t

class Bot:
    def waitUntil(self, condition, timeout):
        import time
        end = time.monotonic() + timeout / 1000
        while not condition():
            assert time.monotonic() < end
            t.QTest.qWait(10)

viewer = napari.Viewer()
viewer.window._qt_window.resize(1200, 760)
widget = t.open_widget(viewer, Path({folder!r}), Bot())
t.label_frame(widget, Bot(), 5)
t.drag(widget, t.VIEWS[1], t.truth(5)[1, 0], t.truth(5)[1, 0] + (6, 3))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_killed_napari_loses_nothing(folder: Path, qtbot: Any, make_napari_viewer: Any) -> None:
    code = KILLED.format(tests=str(Path(__file__).parent), folder=str(folder))
    done = subprocess.run([sys.executable, "-c", code], env=os.environ, timeout=120)
    assert done.returncode == -signal.SIGKILL
    label = open_widget(make_napari_viewer(show=True), folder, qtbot)
    n = 4 * len(KEYPOINTS)
    assert label.board.notice.text.startswith(f"{n} labels of an earlier run were not saved")
    label.board.notice.answer("Take them over")
    saved(label, qtbot)
    on_disk = labels_on_disk(folder)
    assert len(on_disk) == n
    for (frame, view, keypoint), found in on_disk.items():
        v, k = VIEWS.index(view), KEYPOINTS.index(keypoint)
        if k == 0 and v == 3:
            continue  # projected from a label that was moved on purpose
        moved = (6, 3) if (v, k) == (1, 0) else (0, 0)
        meant = truth(frame)[v, k] + moved
        assert np.abs(np.subtract(found.position, meant)).max() < 0.5, (view, keypoint)
    label.shut_down()


# ---------------------------------------------------------------------- mouse and keys


def test_clicks_go_on_to_what_is_empty(label: Any, qtbot: Any) -> None:
    control, xy = label.control, truth(0)
    assert control.keypoint == "nose"
    click(label, "Cam-A", xy[0, 0])
    assert control.keypoint == "nose", "other views have no nose yet"
    assert set(control.curves) == {"Cam-B", "Cam-C", "Cam-D"}
    click(label, "Cam-A", xy[0, 3])
    assert "nose is placed in Cam-A already" in label.board.told.text()
    assert control.labeling.label(0, Spot("Cam-A", "nose")).position == pytest.approx(
        tuple(xy[0, 0]), abs=0.5
    )
    click(label, "Cam-C", xy[2, 0])
    assert control.keypoint == "ear", "the nose is everywhere now"
    assert control.curves == {}
    label.board.order.setCurrentIndex(1)
    click(label, "Cam-A", xy[0, 1])
    assert control.keypoint == "neck", "view by view: the next one of this view"


def test_the_keys_of_one_label(label: Any, qtbot: Any) -> None:
    control, xy = label.control, truth(0)
    click(label, "Cam-A", xy[0, 0])
    click(label, "Cam-C", xy[2, 0])
    control.choose("nose", "Cam-B")
    ctrl, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier

    def now(view: str = "Cam-B") -> Any:
        return control.labeling.label(0, Spot(view, "nose"))

    press(label, Qt.Key.Key_C)
    assert now().status == LabelStatus.CONFIRMED
    control.choose("nose", "Cam-B")
    before = now().position
    press(label, Qt.Key.Key_Right, ctrl)
    press(label, Qt.Key.Key_Up, ctrl | shift)
    assert np.subtract(now().position, before) == pytest.approx((1, -0.1))
    press(label, Qt.Key.Key_O)
    assert now().visibility.name == "OCCLUDED"
    press(label, Qt.Key.Key_Backspace)
    assert now().is_declined
    press(label, Qt.Key.Key_P)
    assert now().status == LabelStatus.PROJECTED
    press(label, Qt.Key.Key_Backspace, shift)
    assert now("Cam-A").position is None
    for _ in range(7):
        press(label, Qt.Key.Key_Z, ctrl)
    assert now("Cam-A").status == LabelStatus.CLICKED
    assert now().status == LabelStatus.PROJECTED
    press(label, Qt.Key.Key_E)
    assert control.keypoint == "ear"
    press(label, Qt.Key.Key_Q)
    press(label, Qt.Key.Key_Tab)
    assert (control.keypoint, control.view) == ("nose", "Cam-C")


def test_a_label_slides_along_its_curve(label: Any, qtbot: Any) -> None:
    xy = truth(0)
    click(label, "Cam-A", xy[0, 0])
    click(label, "Cam-C", xy[2, 0])
    geometry = label.control.geometry
    curve = geometry.curve(Spot("Cam-A", "nose"), "Cam-C", label.labeling.volume)
    drag(label, "Cam-C", xy[2, 0], xy[2, 0] + (9, 7), Qt.KeyboardModifier.ShiftModifier)
    at = np.array(label.labeling.label(0, Spot("Cam-C", "nose")).position)
    pieces = np.hypot(*np.diff(curve.xy, axis=0).T).max()
    assert np.hypot(*(curve.xy - at).T).min() <= pieces
    assert np.hypot(*(at - xy[2, 0])) > 3


def test_a_disagreeing_view_is_named_and_reached(label: Any, qtbot: Any) -> None:
    xy = truth(0)
    for v in (0, 1):
        click(label, VIEWS[v], xy[v, 0])
    assert not label.board.suspect.isVisible()
    label.control.choose("nose")
    drag(label, "Cam-D", xy[3, 0], xy[3, 0] + (12, 9))
    qtbot.waitUntil(label.board.suspect.isVisible, timeout=TIMEOUT)
    assert label.board.suspect.text() == "Look at Cam-D: nose disagrees"
    label.control.choose("nose", "Cam-A")
    press(label, Qt.Key.Key_G)
    assert label.control.view == "Cam-D"
    centre = label.control.panel.views["Cam-D"].model.scene.camera.center[-2:]
    assert np.array(centre)[::-1] == pytest.approx(xy[3, 0] + (12, 9), abs=1.5)


def test_marks_hide_while_a_key_is_held(label: Any, qtbot: Any) -> None:
    click(label, "Cam-A", truth(0)[0, 0])
    view = label.control.panel.views["Cam-A"]
    layer = view.model.layers["labels"]
    qtbot.waitUntil(lambda: bool((layer.data > -1).any()), timeout=TIMEOUT)
    QTest.keyPress(view.native, Qt.Key.Key_H)
    qtbot.waitUntil(lambda: bool((layer.data < -1e5).all()), timeout=TIMEOUT)
    QTest.keyRelease(view.native, Qt.Key.Key_H)
    qtbot.waitUntil(lambda: bool((layer.data > -1).any()), timeout=TIMEOUT)


# ---------------------------------------------------------------------- frames and files


def test_frames_are_added_labeled_and_leave_the_queue(label: Any, folder: Path, qtbot: Any) -> None:
    from napari_pose3d.gui.labeling.add_frames import FrameChoice

    label._adder.add(FrameChoice("numbers", "3, 9-11"))
    qtbot.waitUntil(lambda: label.labeling.queued_frames == [3, 9, 10, 11], timeout=TIMEOUT)
    queue = (folder / "CollectedData_Cam-D.unlabeled.jsonl").read_text()
    assert queue.count("\n") == 4
    press(label, Qt.Key.Key_N)
    qtbot.waitUntil(lambda: label.control.panel.frame == 3, timeout=TIMEOUT)
    go(label, qtbot, 3)
    label_frame(label, qtbot, 3)
    go(label, qtbot, 9)
    qtbot.waitUntil(lambda: label.labeling.unsaved == (), timeout=TIMEOUT)
    assert label.labeling.queued_frames == [9, 10, 11]
    label.board.remove_wanted.emit([10, 11])
    assert label.labeling.queued_frames == [9]
    assert open_labeling(folder).labeled_frames == [3]


def test_a_file_that_somebody_else_changed(label: Any, folder: Path, qtbot: Any) -> None:
    label_frame(label, qtbot, 4)
    saved(label, qtbot)
    path = folder / "CollectedData_Cam-B.csv"
    text = path.read_text()
    first = text.splitlines()[3].split(",")
    path.write_text(text.replace(f",{first[1]},{first[2]},", ",1.5,2.5,"))
    click(label, "Cam-B", (60, 40))
    label.control.choose("tail", "Cam-D")
    press(label, Qt.Key.Key_C)
    assert label.labeling.label(4, Spot("Cam-B", "nose")).status == LabelStatus.PROJECTED
    assert not label.save()
    assert "Somebody else changed CollectedData_Cam-B.csv meanwhile" in label.board.notice.text
    label.board.notice.answer("Merge")
    assert label.labeling.unsaved == ()
    on_disk = labels_on_disk(folder)
    assert on_disk[4, "Cam-B", "nose"].position == (1.5, 2.5)
    assert on_disk[4, "Cam-D", "tail"].status == LabelStatus.CONFIRMED


def test_a_frame_that_a_view_lacks_cannot_be_labeled(label: Any, folder: Path, qtbot: Any) -> None:
    go(label, qtbot, N_FRAMES - 1)
    panel = label.control.panel
    source = next(s for s in panel.scene.views if s.view == "Cam-C")
    source.has_picture = lambda frame: False
    click(label, "Cam-A", truth(N_FRAMES - 1)[0, 0])
    assert "Cam-C has no picture of frame 39" in label.board.told.text()
    assert not label.labeling.labels(N_FRAMES - 1)


def test_the_window_is_given_back(label: Any, qtbot: Any) -> None:
    viewer = label._viewer
    window = label.window()
    layers = window.findChild(QDockWidget, "layer list")

    def part() -> float:
        views = label.control.panel.views.values()
        pictures = sum(view.native.width() * view.native.height() for view in views)
        return float(pictures / (window.width() * window.height()))

    qtbot.waitUntil(lambda: part() > 0.5, timeout=TIMEOUT)
    assert not layers.isVisible()
    viewer.window.remove_dock_widget(label)
    qtbot.waitUntil(layers.isVisible, timeout=TIMEOUT)
    _, views = viewer.window.add_plugin_dock_widget("napari-pose3d", "Camera views")
    assert all("labels" not in view.model.layers for view in views.panel.views.values())


def test_without_a_session_it_says_so(make_napari_viewer: Any, qtbot: Any) -> None:
    viewer = make_napari_viewer()
    _, widget = viewer.window.add_plugin_dock_widget("napari-pose3d", "Label")
    qtbot.wait(50)
    assert "Open a session" in widget._hint.text()
    assert widget.control is None
