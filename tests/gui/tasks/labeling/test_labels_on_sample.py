"""A whole labeling session on the sample, with real mouse and keys; also one that is killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMessageBox
from tests.support.paths import REPO
from tests.support.windows.label_window import (
    click,
    drag_label,
    go,
    labels_on_disk,
    open_widget,
    press,
    saved,
    until,
)

from napari_pose3d.core.labels.store.label import LabelKey, LabelStatus
from napari_pose3d.synthetic.network_errors import PredictionErrors
from napari_pose3d.synthetic.sample import SampleRecipe, make_sample
from napari_pose3d.synthetic.sample_files import SESSION
from napari_pose3d.synthetic.scene import Scene, make_scene

pytestmark = pytest.mark.gui

# The usual sample, but shorter and smaller.
RECIPE = SampleRecipe(
    n_frames=48,
    size=(320, 240),
    seeds=1,
    labeled_frames=2,
    errors=PredictionErrors(lost_frames=4),
)
N_KEYPOINTS, N_KILLED = 12, 6
MARGIN, ZOOM = 12, 3.0
CONTROL = Qt.KeyboardModifier.ControlModifier


def scene() -> Scene:
    return make_scene(RECIPE.n_frames, RECIPE.n_cameras, RECIPE.seed, size=RECIPE.size)


def truth_of(made: Scene) -> NDArray[np.float64]:
    """``(view, frame, keypoint, 2)`` px."""
    return made.rig.project(made.xyz)


def two_views(xy: NDArray[np.float64]) -> list[int]:
    """The first two views whose image holds a keypoint ``(view, 2)``."""
    inside = (xy > MARGIN).all(axis=-1) & (xy < np.array(RECIPE.size) - MARGIN).all(axis=-1)
    return [int(v) for v in np.flatnonzero(inside)[:2]]


def label_two_views(widget: Any, made: Scene, frame: int, n_keypoints: int = N_KEYPOINTS) -> None:
    """Two clicks for each of a dozen keypoints."""
    xy = truth_of(made)[:, frame]
    go(widget, frame)
    for k, keypoint in enumerate(made.keypoints[:n_keypoints]):
        for v in two_views(xy[:, k]):
            view = made.rig.names[v]
            widget.control.choose(keypoint, view)
            widget.control.panel.views[view].zoom_to(tuple(xy[v, k]), ZOOM)
            click(widget, view, xy[v, k])


def compare(folder: Path, made: Scene, meant: dict[tuple[int, str, str], Any]) -> int:
    """What is on disk against what was meant, where it was meant to differ, else the truth."""
    on_disk = labels_on_disk(folder, SESSION)
    frames = {frame for frame, _, _ in meant}
    truth, n = truth_of(made), 0
    for (frame, view, keypoint), found in on_disk.items():
        k = made.keypoints.index(keypoint)
        if frame not in frames or k >= N_KEYPOINTS or found.position is None:
            continue
        v = made.rig.names.index(view)
        at = meant.get((frame, view, keypoint))
        clicked = v in two_views(truth[:, frame, k]) or at is not None
        by_hand = any((frame, name, keypoint) in meant for name in made.rig.names)
        if by_hand and not clicked:
            continue  # follows a label that was moved on purpose
        wanted = truth[v, frame, k] if at is None else at
        expected = LabelStatus.CLICKED if clicked else LabelStatus.PROJECTED
        assert found.status == expected, (frame, view, keypoint)
        # Clicks are whole pixels of the screen, at a third of a pixel of the image each.
        assert np.abs(np.subtract(found.position, wanted)).max() < (0.5 if clicked else 1.0)
        n += 1
    return n


@pytest.fixture(scope="module")
def made() -> Scene:
    return scene()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sample(tmp_path_factory.mktemp("sample") / "project", recipe=RECIPE)


@pytest.fixture
def folder(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    yes = QMessageBox.StandardButton.Yes
    monkeypatch.setattr(QMessageBox, "exec", lambda _: yes.value)
    return Path(shutil.copytree(sample, tmp_path / "project"))


def test_labeling_the_sample(make_napari_viewer: Any, folder: Path, made: Scene) -> None:
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1600, 960)
    widget = open_widget(viewer, folder, SESSION)
    free = [f for f in range(4, 44, 9) if f not in widget.labeling.labeled_frames][:2]
    for frame in free:
        label_two_views(widget, made, frame)
        press(widget, Qt.Key.Key_P, Qt.KeyboardModifier.ShiftModifier)
    # One that was projected is corrected by hand; another one is spoilt, and that is undone.
    frame, truth = free[-1], truth_of(made)
    corrected = next(
        label_key
        for label_key, label in widget.labeling.labels(frame).items()
        if label.status == LabelStatus.PROJECTED
        and label_key.keypoint in made.keypoints[:N_KEYPOINTS]
    )
    at = np.array(widget.labeling.label(frame, corrected).position)
    shown = widget.control.panel.views[corrected.view]
    shown.zoom_to(tuple(at), ZOOM)
    widget.control.choose(corrected.keypoint, corrected.view)
    to = np.add(at, (5, 4))
    drag_label(widget, corrected.view, at, to)
    k = next(k for k, name in enumerate(made.keypoints) if name != corrected.keypoint)
    v = two_views(truth[:, frame, k])[0]
    spoilt = LabelKey(made.rig.names[v], made.keypoints[k])
    widget.control.panel.views[spoilt.view].zoom_to(tuple(truth[v, frame, k]), ZOOM)
    widget.control.choose(spoilt.keypoint, spoilt.view)
    drag_label(widget, spoilt.view, truth[v, frame, k], truth[v, frame, k] + (9, -7))
    moved = widget.labeling.label(frame, spoilt).position
    assert np.hypot(*np.subtract(moved, truth[v, frame, k])) > 8
    press(widget, Qt.Key.Key_Z, CONTROL)
    press(widget, Qt.Key.Key_S, CONTROL)
    saved(widget)
    widget.shut_down()
    meant = {(frame, corrected.view, corrected.keypoint): to}
    meant |= {
        (f, made.rig.names[v], made.keypoints[0]): truth[v, f, 0]
        for f in free
        for v in two_views(truth[:, f, 0])
    }
    n = compare(folder, made, meant)
    assert n > 2 * 3 * N_KEYPOINTS, "two views are clicked, most others are filled"
    # What Lightning Pose trains on is there, with the frames around.
    for view in made.rig.names:
        for f in free:
            for number in range(f - 2, f + 3):
                image = f"labeled-data/{SESSION}_{view}/img{number:08d}.png"
                assert (folder / image).is_file()
    again = open_widget(make_napari_viewer(show=True), folder, SESSION)
    assert set(free) <= set(again.labeling.labeled_frames)
    # No labels were left over; what is offered is a column that the files lack.
    assert "earlier run" not in again.board.notice.text
    again.shut_down()


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
import napari
from pathlib import Path
import tests.gui.tasks.labeling.test_labels_on_sample as t

viewer = napari.Viewer()
viewer.window._qt_window.resize(1600, 960)
widget = t.open_widget(viewer, Path({folder!r}), t.SESSION)
t.label_two_views(widget, t.scene(), {frame}, {n})
os.kill(os.getpid(), signal.SIGKILL)
"""


# What a kill leaves is also tried on journals (tests/core/labels) and in test_questions.
@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_the_sample_after_a_kill(make_napari_viewer: Any, folder: Path, made: Scene) -> None:
    labeled = {frame for frame, _, _ in labels_on_disk(folder, SESSION)}
    frame = next(f for f in range(20, 40) if f not in labeled)
    tests = str(REPO)
    code = KILLED.format(tests=tests, folder=str(folder), frame=frame, n=N_KILLED)
    done = subprocess.run([sys.executable, "-c", code], env=os.environ, timeout=180)
    assert done.returncode == -signal.SIGKILL
    widget = open_widget(make_napari_viewer(show=True), folder, SESSION)
    widget.board.notice.answer("Take them over")
    until(lambda: frame in widget.labeling.labeled_frames)
    saved(widget)
    widget.shut_down()
    truth = truth_of(made)[:, frame, 0]
    meant = {(frame, made.rig.names[v], made.keypoints[0]): truth[v] for v in two_views(truth)}
    assert compare(folder, made, meant) > 3 * N_KILLED
