"""The README's tour, step by step, with a mouse and napari's menus."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from napari.qt import QtViewer
from qtpy.QtCore import QPoint, QPointF, Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractButton, QApplication, QDialogButtonBox, QFileDialog
from tests.support.windows.label_window import click, drag_label, press, until
from tests.support.windows.napari_window import Window
from tests.support.windows.view_helpers import LEFT, drag, move_mouse, on_screen, turn_wheel

from napari_pose3d.core.labels.store.label import LabelStatus
from napari_pose3d.gui.tasks.labeling.dialogs.key_help import KeyTable
from napari_pose3d.gui.tasks.smooth.save_dialog import SaveDialog
from napari_pose3d.synthetic import sample

pytestmark = pytest.mark.gui

RECIPE = sample.SampleRecipe(n_frames=80, n_cameras=3, size=(128, 96), seeds=2, labeled_frames=1)


@pytest.fixture
def window(
    make_napari_viewer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Window]:
    real = sample.make_sample
    monkeypatch.setattr(
        sample, "make_sample", lambda **rest: real(tmp_path / "sample", recipe=RECIPE, **rest)
    )
    made = Window(make_napari_viewer(show=True))
    made.main.resize(1280, 800)
    yield made
    made.viewer = made.main = made.places = None


def test_the_tour(window: Window, tmp_path: Path) -> None:
    open_the_sample(window)
    smooth = run_and_look(window, tmp_path / "out")
    views = walk_through_the_views(window)
    run_again(window, smooth, views)
    label = label_two_views(window, smooth)
    review(window, label)
    read_the_traces(window, label, tmp_path)


def open_the_sample(window: Window) -> None:
    """1 and 2: the Smooth panel stands beside it, works on it, and says what was found."""
    window.menu_entry("&File", "Open Sample", "Multi-camera pose 3D", "Walking animal").trigger()
    window.settle()
    smooth = window.places.find("Smooth and triangulate")
    assert window.dock("Smooth and triangulate").isVisible()
    until(lambda: smooth.bar.is_ready)
    assert smooth.inputs.followed
    table = smooth.matches.table
    assert (len(table.views), len(table.models)) == (3, 2)
    cells = smooth.matches._grid
    assert cells.isVisible()
    assert {cells.item(r, c).text() for r in range(3) for c in range(2)} == {"found"}


def run_and_look(window: Window, target: Path) -> Any:
    """3, 4 and 5: rings and discs in the views, then in space, then on disk."""
    viewer, smooth = window.viewer, window.places.find("Smooth and triangulate")
    QTest.mouseClick(smooth.bar._run, LEFT)
    until(lambda: not smooth.bar.is_busy and smooth.bar.status == "Done.")
    window.settle()
    for name, is_ring in (("raw", True), ("smoothed", False)):
        layer = viewer.layers[f"{name} Cam-A"]
        assert layer.visible
        assert (np.median(layer.face_color[:, 3]) == 0) == is_ring
    assert "✓" in window.dock("Smooth and triangulate").windowTitle()
    assert smooth.results.isVisible()
    assert not smooth.results.visibleRegion().isEmpty()
    assert smooth.smoothing.isEnabled()

    QTest.mouseClick(smooth.results._spaces["3-D"], LEFT)
    assert viewer.dims.ndisplay == 3
    assert {"3-D", "cameras"} <= {layer.name for layer in viewer.layers if layer.visible}
    canvas = window.main.centralWidget().findChild(QtViewer).canvas.native
    angles = viewer.camera.angles
    drag(canvas, canvas.rect().center(), canvas.rect().center() + QPoint(60, 25))
    until(lambda: viewer.camera.angles != angles)
    QTest.mouseClick(smooth.results._spaces["2-D"], LEFT)
    assert viewer.dims.ndisplay == 2

    def answer() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, SaveDialog)
        dialog._edit.setText(str(target))
        buttons = dialog.findChild(QDialogButtonBox)
        QTest.mouseClick(buttons.button(QDialogButtonBox.StandardButton.Save), LEFT)

    QTimer.singleShot(300, answer)
    QTest.mouseClick(smooth.results._save, LEFT)
    until(lambda: not smooth.bar.is_busy)
    assert len(list(target.glob("*.csv"))) == 4
    assert len(list(target.glob("*run.json"))) == 1
    assert smooth.bar.status.startswith("Saved 5 files in ")
    return smooth


def walk_through_the_views(window: Window) -> Any:
    """6: wheel, mouse, arrow keys, Space, a keypoint, Follow, and a window of their own."""
    viewer = window.viewer
    window.choose("Camera views")
    views = window.places.find("Camera views")
    until(lambda: views.panel.is_settled and len(views.panel.views) == 3)
    panel = views.panel
    panel.go_to(10)
    until(lambda: panel.frame == 10)
    assert int(viewer.dims.current_step[0]) == 10
    view = panel.views["Cam-A"]
    middle, zoom = view.native.rect().center(), view.zoom
    other = panel.views["Cam-B"].zoom
    turn_wheel(view.native, middle, 1)
    until(lambda: view.zoom > zoom)
    assert panel.views["Cam-B"].zoom == other
    centre = view.model.scene.camera.center
    drag(view.native, middle, middle + QPoint(12, 9))
    until(lambda: view.model.scene.camera.center != centre)
    QTest.keyClick(view.native, Qt.Key.Key_Right)
    until(lambda: panel.is_settled and panel.frame == 11)
    QTest.keyClick(view.native, Qt.Key.Key_Space)
    until(lambda: panel.frame > 13)
    QTest.keyClick(view.native, Qt.Key.Key_Space)
    until(lambda: panel.is_settled and not panel.time.is_playing)
    QTest.keyClick(view.native, Qt.Key.Key_F)
    # A keypoint far from all others: the click must not be for another one.
    poses = panel.views["Cam-B"].source.best(("smoothed",))
    xy = poses.positions[panel.frame]
    apart = np.linalg.norm(xy[:, None] - xy[None], axis=-1) + 1e9 * np.eye(len(xy))
    k = int(apart.min(axis=1).argmax())
    QTest.mouseClick(panel.views["Cam-B"].native, LEFT, pos=on_screen(panel.views["Cam-B"], *xy[k]))
    until(lambda: panel.selection == poses.keypoints[k])
    # Chosen from its menu, the keypoint comes to the middle of every view.
    menu = panel.controls.follow_menu
    menu.keypoint.setCurrentText(panel.selection)
    for name, shown in panel.views.items():
        at = shown.source.best(("smoothed",)).positions[panel.frame, k]
        until(lambda shown=shown, at=at: np.allclose(shown.model.scene.camera.center[1:], at[::-1]))
        assert name in panel.grid.seen
    panel.fit()
    for place in ("out", "back"):
        (button,) = (
            each
            for each in views.panel.controls.findChildren(QAbstractButton)
            if each.text() == "Window"
        )
        QTest.mouseClick(button, LEFT)
        window.settle()
        until(lambda: views.panel.is_settled and len(views.panel.views) == 3)
        assert (views.panel.window() is not window.main) == (place == "out")
    return views


def run_again(window: Window, smooth: Any, views: Any) -> None:
    """The result is seen in the camera views, and the canvas stays away."""
    window.places.open("Smooth and triangulate")
    smooth.keep_layers.setChecked(True)
    QTest.mouseClick(smooth.bar._run, LEFT)
    until(lambda: smooth.bar.is_busy)
    until(lambda: not smooth.bar.is_busy)
    window.settle()
    QTest.qWait(200)
    window.settle()
    viewer = window.viewer
    assert not any(layer.visible for layer in viewer.layers if layer.name.startswith("smoothed"))
    assert not window.main.centralWidget().findChild(QtViewer).isVisible()
    # 3-D is a view among the others now; napari's canvas stays away all the same.
    for space in ("2-D", "3-D"):
        QTest.mouseClick(smooth.results._spaces[space], LEFT)
        QTest.qWait(200)
        window.settle()
        assert views.panel.state.space == (space == "3-D")
        assert not window.main.centralWidget().findChild(QtViewer).isVisible()


def label_two_views(window: Window, smooth: Any) -> Any:
    """7: Label is seen although Smooth is open; two clicks fill the third view."""
    window.choose("Label")
    label = window.places.find("Label")
    until(lambda: label.control is not None)
    assert not window.dock("Label").visibleRegion().isEmpty()
    assert window.images() > 0.5
    control = label.control
    control.panel.go_to(20)
    until(lambda: control.panel.is_settled and control.panel.frame == 20)
    window.settle()
    QTest.qWait(500)
    keypoint = control.keypoint
    result = smooth._finished.result.poses2d
    k = result.keypoints.index(keypoint)

    def place(view: str) -> Any:
        return np.asarray(result.xy[result.views.index(view), 20, k])

    first, second, third = result.views
    click(label, first, place(first))
    control.choose(keypoint)
    shown = control.panel.views[second]
    move_mouse(shown.native, on_screen(shown, *place(second)))
    assert control.geometry is not None
    # Where it can be, from the first view alone: the curve runs past the place to click.
    until(lambda: distance_to_marks(shown, place(second)) < 3)
    click(label, second, place(second))

    def labels() -> dict[str, Any]:
        found = label.labeling.labels(20).items()
        return {key.view: each for key, each in found if key.keypoint == keypoint}

    until(lambda: set(labels()) == set(result.views))
    assert labels()[third].status == LabelStatus.PROJECTED
    before = labels()[third].position
    drag_label(label, third, before, np.add(before, (6, 4)))
    until(lambda: labels()[third].status == LabelStatus.CLICKED)

    def close_keys() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, KeyTable)
        dialog.reject()

    QTimer.singleShot(300, close_keys)
    press(label, Qt.Key.Key_Question)
    # Nobody saved: the labels of a frame are written when the frame changes.
    assert label.labeling.unsaved
    press(label, Qt.Key.Key_Right)
    until(lambda: not label.labeling.unsaved and not label.saver.is_extracting)
    assert label.board.state.message == "All labels are saved."
    return label


def distance_to_marks(view: Any, at: Any) -> float:
    marks = np.asarray(view.model.layers["labels"].data)
    return float(np.linalg.norm(marks - at[::-1], axis=1).min())


def review(window: Window, label: Any) -> None:
    """8: what is wrong is listed, a click shows it, and frames go to Label."""
    window.choose("Review")
    panel = window.places.find("Review")
    QTest.mouseClick(panel.bar._run, LEFT)
    until(lambda: panel.review is not None and not panel.bar.is_busy)
    events = panel.events.table
    assert events.isVisible()
    assert panel.review.events
    row = events.model().index(0, 1)
    QTest.mouseClick(events.viewport(), LEFT, pos=events.visualRect(row).center())
    event = panel.model.current
    until(lambda: label.control.panel.frame == event.peak)
    queued = {each.frame for each in panel.outlet.chosen()}
    assert queued
    QTest.mouseClick(panel.queue, LEFT)
    until(lambda: set(label.labeling.queued_frames) >= queued - set(label.labeling.labeled_frames))
    until(lambda: not label.saver.is_extracting)
    window.settle()
    assert not window.dock("Label").visibleRegion().isEmpty()


def read_the_traces(window: Window, label: Any, tmp_path: Path) -> None:
    """9: quantities over frames or seconds, as a table; the red line moves all views."""
    viewer = window.viewer
    window.choose("Traces")
    traces = window.places.find("Traces")
    assert not window.dock("Traces").visibleRegion().isEmpty()
    until(lambda: bool(traces.plot.names))
    offered = {
        traces.controls.quantity.itemText(i) for i in range(traces.controls.quantity.count())
    }
    assert {"x", "y", "speed", "likelihood", "residual"} <= offered
    traces.controls.seconds.trigger()
    assert traces.frame_rate
    target = tmp_path / "traces.csv"
    asked = patch.object(QFileDialog, "getSaveFileName", return_value=(str(target), ""))
    with asked:
        traces.controls.csv_wanted.emit()
    assert target.is_file()
    traces.controls.seconds.trigger()
    plot, box = traces.plot.plot, traces.plot.plot.getViewBox()
    middle = box.viewRect().center().y()

    def at(frame: float) -> Any:
        return plot.mapFromScene(box.mapViewToScene(QPointF(frame, middle)))

    start = int(viewer.dims.current_step[0])
    target_frame = 40 if abs(start - 40) > 10 else 60
    move_mouse(plot.viewport(), at(start))
    drag(plot.viewport(), at(start), at(target_frame))
    assert abs(int(viewer.dims.current_step[0]) - target_frame) <= 2
    until(lambda: abs(label.control.panel.frame - target_frame) <= 2)
