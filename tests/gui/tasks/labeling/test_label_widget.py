"""The widget Label, driven by real mouse and keys; the files it leaves are what was meant."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDockWidget, QMessageBox
from tests.support.projects.label_sessions import (
    KEYPOINTS,
    SESSION,
    VIEWS,
    calibrated_project,
    open_labeling,
    truth,
)
from tests.support.windows.gui_helpers import write_session
from tests.support.windows.label_window import (
    click,
    go,
    label_frame,
    labels_on_disk,
    open_widget,
    press,
    saved,
    until,
)
from tests.support.windows.napari_window import emptied
from tests.support.windows.view_helpers import move_mouse, on_screen

from napari_pose3d.core.labels.frame_selection import kmeans_selection
from napari_pose3d.core.labels.label_actions import place
from napari_pose3d.core.labels.store.label import LabelKey, LabelStatus
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.errors import Cancelled
from napari_pose3d.gui.layers.colours import keypoint_hex
from napari_pose3d.gui.layers.layer_styles import tiles_of
from napari_pose3d.gui.session.current_session import OpenSession, current_session
from napari_pose3d.gui.session.dialogs.new_project import NewProjectDialog
from napari_pose3d.gui.tasks.labeling.canvas.loupe import Loupe
from napari_pose3d.gui.tasks.labeling.dialogs.frame_choice_dialog import FrameChoice
from napari_pose3d.gui.workspace.docking import dock_of
from napari_pose3d.gui.workspace.workspace import workspace

pytestmark = pytest.mark.gui


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return calibrated_project(tmp_path / "project", videos=True)


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the user was asked when closing; every answer is yes, so that no test waits."""
    questions: list[str] = []

    def answer(box: QMessageBox) -> int:
        questions.append(box.text())
        return QMessageBox.StandardButton.Yes.value

    monkeypatch.setattr(QMessageBox, "exec", answer)
    return questions


@pytest.fixture
def viewer(shared_viewer: Any) -> Iterator[Any]:
    """An empty window."""
    shared_viewer.window._qt_window.resize(1200, 760)
    yield shared_viewer
    emptied(shared_viewer)


@pytest.fixture
def label(viewer: Any, folder: Path) -> Any:
    return open_widget(viewer, folder)


# ---------------------------------------------------------------------- frames and files


def test_frames_are_added_labeled_and_leave_the_queue(label: Any, folder: Path) -> None:
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


def test_marks_change_with_the_image(label: Any) -> None:
    """Between both, nothing is painted: no label is seen on the image of another frame."""
    label_frame(label, 4)
    panel, (x, y) = label.control.panel, truth(4)[0, 0]
    seen = []

    def note(frame: int) -> None:
        marks = panel.views["Cam-A"].model.layers["labels"].data
        seen.append((frame, bool((np.abs(marks - (y, x)) < 1).all(axis=1).any())))

    panel.shown.connect(note)
    go(label, 5)
    go(label, 4)
    assert seen[0] == (5, False)
    assert seen[-1] == (4, True)


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
    # By their places, all but the middle one would have another colour now.
    former = [keypoint_hex(KEYPOINTS)[name] for name in KEYPOINTS[::-1]]
    colours = open_project(folder).session(SESSION).colours
    now = list(keypoint_hex(label.labeling.keypoints, colours).values())
    assert now[:-1] == former
    assert now[-1] not in former
    go(label, 5)
    found = label.labeling.label(5, LabelKey(VIEWS[0], "snout"))
    np.testing.assert_allclose(found.position, truth(5)[0, 0], atol=0.5)
    click(label, VIEWS[0], truth(5)[0, 0] + (4, 4))
    saved(label)
    text = (folder / f"CollectedData_{VIEWS[0]}.csv").read_text()
    assert "snout" in text
    assert "nose" not in text
    # What was done before can be undone, under the new names.
    for _ in range(3):
        press(label, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert label.labeling.label(5, LabelKey(VIEWS[0], "tail")).status.by_person
    while label.labeling.store.history.undo_text:
        press(label, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not label.labeling.labels(5)
    until(lambda: frames_listed(label) == {})
    saved(label)
    assert labels_on_disk(folder) == {}


def frames_listed(label: Any) -> dict[int, str]:
    """What the list says of each labeled frame."""
    entries = label.board.frames._entries
    return {entry.frame: entry.labels for entry in entries if entry.kind == "labeled"}


def test_the_list_of_frames_follows_every_label(label: Any) -> None:
    assert frames_listed(label) == {}
    click(label, VIEWS[0], truth(0)[0, 0])
    until(lambda: frames_listed(label).get(0, "").startswith("5 %"))
    press(label, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    until(lambda: frames_listed(label) == {})
    label_frame(label, 7)
    until(lambda: frames_listed(label).get(7, "").startswith("100 %"))
    assert "All keypoints" in label.board.message.text()
    # Saved, and then undone step by step.
    go(label, 8)
    saved(label)
    assert label.board.message.text() == "", "that was about another frame"
    until(lambda: frames_listed(label) == {7: "100 %"})
    while label.labeling.store.history.undo_text:
        press(label, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    until(lambda: label.control.panel.frame == 7 and frames_listed(label) == {})
    assert "Undone" in label.board.message.text()


def test_a_frame_begins_with_its_first_missing_keypoint(label: Any) -> None:
    label._adder.add(FrameChoice("numbers", "3, 9"))
    until(lambda: label.labeling.queued_frames == [3, 9])
    until(lambda: label.board.message.text() == "2 frames were added to the queue.")
    label_frame(label, 0)
    assert label.control.keypoint == KEYPOINTS[-1]
    press(label, Qt.Key.Key_N)
    until(lambda: label.control.panel.frame == 3)
    assert label.control.keypoint == KEYPOINTS[0]
    assert label.board.message.text() == ""
    # Some are there already; a step to the next frame goes on with the same keypoint.
    for name in KEYPOINTS[:2]:
        for v in (0, 2):
            click(label, VIEWS[v], truth(3)[v, KEYPOINTS.index(name)])
    label.control.choose("paw")
    press(label, Qt.Key.Key_D)
    until(lambda: label.control.panel.frame == 4)
    assert label.control.keypoint == "paw"
    press(label, Qt.Key.Key_U, Qt.KeyboardModifier.ShiftModifier)
    until(lambda: label.control.panel.frame == 3)
    assert label.control.keypoint == KEYPOINTS[2]


def test_mouse_and_keys_label_only_while_the_panel_is_in_front(label: Any) -> None:
    """Behind another task, no click leaves a label that nobody meant."""
    go(label, 2)
    places, panel = workspace(label._viewer), label.control.panel
    label.control.choose("nose", "Cam-B")
    assert not panel._poses_shown
    label.control.toggle_loupe()
    move_mouse(panel.views["Cam-B"].native, on_screen(panel.views["Cam-B"], 60, 40))
    assert panel.views["Cam-B"].native.findChild(Loupe) is not None
    places.open("Traces")
    assert not panel._poses_shown
    places.open("Export")
    until(lambda: not places.is_in_front("Label"))
    assert panel._poses_shown
    assert panel.views["Cam-B"].native.findChild(Loupe) is None
    click(label, "Cam-B", (60, 40))
    press(label, Qt.Key.Key_I)
    press(label, Qt.Key.Key_N)
    assert (label.labeling.labels(2), panel.frames.frame) == ({}, 2)
    places.bring_forward("Label")
    until(lambda: places.is_settled)
    assert not panel._poses_shown
    click(label, "Cam-B", (60, 40))
    assert label.labeling.label(2, LabelKey("Cam-B", "nose")).status == LabelStatus.CLICKED


def test_the_question_at_closing_ends_when_images_are_written(
    label: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[str] = []

    def wait(box: QMessageBox) -> int:
        texts.append(box.text())
        until(lambda: box.result() != 0)
        return box.result()

    go(label, 2)
    monkeypatch.setattr(QMessageBox, "exec", wait)
    monkeypatch.setattr(label.saver, "finish", lambda _: None)
    place(label.labeling, 2, LabelKey("Cam-B", "nose"), (60.0, 40.0))
    assert label.saver.is_extracting
    assert label._may_close()
    assert "images of 1 labeled frame are still being written" in texts[0]
    assert labels_on_disk(folder)[2, "Cam-B", "nose"].position == (60.0, 40.0)
    assert label._may_close()
    assert len(texts) == 1


def test_a_request_ends_when_its_frame_is_shown(label: Any) -> None:
    """Whoever goes on at once is not brought back."""
    go(label, 2)
    panel, key = label.control.panel, LabelKey("Cam-C", "tail")
    current: list[tuple[int, LabelKey]] = []
    panel.shown.connect(lambda frame: current.append((frame, label.control.label_key)))
    label.requests.show_label(7, key)
    until(lambda: panel.frame == 7)
    assert current[-1] == (7, key)
    go(label, 3)
    QTest.qWait(200)
    assert panel.frame == 3
    assert [frame for frame, _ in current] == [7, 3]


def test_choosing_frames_by_k_means_shows_its_progress_and_is_cancelled(
    label: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def choose(*_: Any, progress: Any, cancelled: Any, **__: Any) -> list[int]:
        progress("reading Cam-A", 3, 10)
        while not cancelled():
            time.sleep(0.01)
        raise Cancelled

    monkeypatch.setattr(kmeans_selection, "by_kmeans", choose)
    label._adder.add(FrameChoice("kmeans", count=4))
    progress = label.board.progress
    until(lambda: progress.stage == "Reading Cam-A (3 of 10)…")
    assert progress.fraction == pytest.approx(0.3)
    progress.cancel()
    until(lambda: progress.stage == "")
    assert label.board.message.text() == "Cancelled: no frames were added."
    assert label.labeling.queued_frames == []
    # The next choice is another job.
    monkeypatch.undo()
    label._adder.add(FrameChoice("kmeans", count=4))
    until(lambda: len(label.labeling.queued_frames) == 4)
    assert progress.stage == ""


def test_the_main_canvas_shows_labels_and_cannot_change_them(label: Any) -> None:
    label_frame(label, 9)
    layer = label.main_layer.layer
    until(lambda: layer.shown.all() and len(layer.data) == len(VIEWS) * len(KEYPOINTS))
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


def test_without_a_session_it_says_so(viewer: Any) -> None:
    _, widget = viewer.window.add_plugin_dock_widget("napari-pose3d", "Label")
    QTest.qWait(50)
    assert "Open a session" in widget._hint.text()
    assert widget.control is None


def test_a_folder_that_is_no_project_can_become_one(
    viewer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = write_session(tmp_path, n_frames=5, seeds=1)
    project = open_project(folder)
    current_session(viewer).set(OpenSession(project, project.sessions[0]))
    _, widget = viewer.window.add_plugin_dock_widget("napari-pose3d", "Label")
    until(widget._new_project.isVisible)
    assert "no project.yaml" in widget._hint.text()
    asked: list[str] = []
    monkeypatch.setattr(
        NewProjectDialog, "exec", lambda self: asked.append(self.views.text()) or False
    )
    QTest.mouseClick(widget._new_project, Qt.MouseButton.LeftButton)
    assert asked == ["Cam-A, Cam-B, Cam-C"]
