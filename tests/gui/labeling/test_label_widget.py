"""The widget Label, driven by real mouse and keys; the files it leaves are what was meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDockWidget, QMessageBox
from tests.support.label_sessions import (
    KEYPOINTS,
    VIEWS,
    calibrated_project,
    open_labeling,
    truth,
)
from tests.support.label_window import (
    click,
    go,
    label_frame,
    labels_on_disk,
    open_widget,
    press,
    saved,
    until,
)

from napari_pose3d.core.labels.store.label import LabelKey
from napari_pose3d.core.labels.store.status import LabelStatus
from napari_pose3d.gui.layers.layer_styles import tiles_of
from napari_pose3d.gui.qt.docking import dock_of

pytestmark = pytest.mark.gui


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return calibrated_project(tmp_path / "project", videos=True)


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
def label(make_napari_viewer: Any, folder: Path) -> Any:
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1200, 760)
    return open_widget(viewer, folder)


# ---------------------------------------------------------------------- frames and files


def test_frames_are_added_labeled_and_leave_the_queue(label: Any, folder: Path) -> None:
    from napari_pose3d.gui.labeling.dialogs.frame_choice_dialog import FrameChoice

    label._adder.add(FrameChoice("numbers", "3, 9-11"))
    until(lambda: label.labeling.queued_frames == [3, 9, 10, 11])
    queue = (folder / "CollectedData_Cam-D.unlabeled.jsonl").read_text()
    assert queue.count("\n") == 4
    press(label, Qt.Key.Key_N)
    until(lambda: label.control.panel.frame == 3)
    go(label, 3)
    label_frame(label, 3)
    go(label, 9)
    until(lambda: label.labeling.unsaved == ())
    assert label.labeling.queued_frames == [9, 10, 11]
    label.board.remove_wanted.emit([10, 11])
    assert label.labeling.queued_frames == [9]
    assert open_labeling(folder).labeled_frames == [3]


def test_a_file_that_somebody_else_changed(label: Any, folder: Path) -> None:
    label_frame(label, 4)
    saved(label)
    path = folder / "CollectedData_Cam-B.csv"
    text = path.read_text()
    first = text.splitlines()[3].split(",")
    path.write_text(text.replace(f",{first[1]},{first[2]},", ",1.5,2.5,"))
    click(label, "Cam-B", (60, 40))
    label.control.choose("tail", "Cam-D")
    press(label, Qt.Key.Key_C)
    assert label.labeling.label(4, LabelKey("Cam-B", "nose")).status == LabelStatus.PROJECTED
    assert not label.save()
    assert "Somebody else changed CollectedData_Cam-B.csv meanwhile" in label.board.notice.text
    label.board.notice.answer("Merge")
    assert label.labeling.unsaved == ()
    on_disk = labels_on_disk(folder)
    assert on_disk[4, "Cam-B", "nose"].position == (1.5, 2.5)
    assert on_disk[4, "Cam-D", "tail"].status == LabelStatus.CONFIRMED


def test_the_window_is_given_back(label: Any) -> None:
    viewer = label._viewer
    window = label.window()
    layers = window.findChild(QDockWidget, "layer list")

    def part() -> float:
        views = label.control.panel.views.values()
        images = sum(view.native.width() * view.native.height() for view in views)
        return float(images / (window.width() * window.height()))

    until(lambda: part() > 0.5)
    assert not layers.isVisible()
    dock = dock_of(label)
    assert dock is not None
    assert not window.tabifiedDockWidgets(dock), "the panel lies beside the views, not upon them"
    assert label.isVisible()
    viewer.window.remove_dock_widget(label)
    until(layers.isVisible)
    _, views = viewer.window.add_plugin_dock_widget("napari-pose3d", "Camera views")
    assert all("labels" not in view.model.layers for view in views.panel.views.values())


def test_keypoints_change_while_they_are_labeled(label: Any, folder: Path) -> None:
    label_frame(label, 5)
    names = [("snout" if name == "nose" else name, name) for name in KEYPOINTS[::-1]]
    until(lambda: not label.saver.is_extracting)
    label.change_keypoints([*names, ("whisker", None)])
    until(lambda: label.control is not None and label.control.keypoint == "paw")
    assert label.labeling.keypoints == ("paw", "tail", "neck", "ear", "snout", "whisker")
    assert label.labeling.labeled_frames == [5]
    go(label, 5)
    found = label.labeling.label(5, LabelKey(VIEWS[0], "snout"))
    np.testing.assert_allclose(found.position, truth(5)[0, 0], atol=0.5)
    click(label, VIEWS[0], truth(5)[0, 0] + (4, 4))
    saved(label)
    text = (folder / f"CollectedData_{VIEWS[0]}.csv").read_text()
    assert "snout" in text
    assert "nose" not in text


def test_the_main_canvas_shows_labels_and_cannot_change_them(label: Any) -> None:
    label_frame(label, 9)
    layer = label.main_layer.layer
    until(lambda: len(layer.data) == len(VIEWS) * len(KEYPOINTS))
    assert set(layer.data[:, 0]) == {9}
    assert set(layer.features["status"]) == {"clicked", "projected"}
    tile = tiles_of(label._viewer.layers)[VIEWS[0]]
    row = layer.features.query("view == @VIEWS[0] and keypoint == 'nose'").index[0]
    x, y = truth(9)[0, 0]
    np.testing.assert_allclose(layer.data[row, 2:], (tile.y + y, tile.x + x), atol=0.6)
    before = dict(label.labeling.labels(9))
    layer.visible = True
    layer.mode = "select"
    assert layer.mode == "pan_zoom"
    layer.selected_data = {0, 1}
    layer.remove_selected()
    assert dict(label.labeling.labels(9)) == before
    label._viewer.layers.remove(layer)
    go(label, 10)
    label.shut_down()
    assert layer not in label._viewer.layers


def test_without_a_session_it_says_so(make_napari_viewer: Any) -> None:
    viewer = make_napari_viewer()
    _, widget = viewer.window.add_plugin_dock_widget("napari-pose3d", "Label")
    QTest.qWait(50)
    assert "Open a session" in widget._hint.text()
    assert widget.control is None
