"""Labels are carried on by a key: proposals, stops that are told, Cancel."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from tests.support.projects.label_sessions import KEYPOINTS, VIEWS, calibrated_project, truth
from tests.support.windows.label_window import click, go, open_widget, press, until

from napari_pose3d.core.labels.propagation.propagation import Propagation, Stop
from napari_pose3d.core.labels.store.label import LabelKey, LabelStatus
from napari_pose3d.errors import Cancelled
from napari_pose3d.gui.tasks.labeling.dialogs import label_carrier
from napari_pose3d.gui.tasks.labeling.dialogs.label_carrier import CarryDialog, describe


def carried(start: int, n_frames: int, stops: tuple[Stop, ...] = ()) -> Propagation:
    """What was found, at the true positions."""
    step = 1 if n_frames > 0 else -1
    frames = tuple(start + step * (i + 1) for i in range(abs(n_frames)))
    xy = np.stack([truth(frame) for frame in frames], axis=1)
    likelihood = np.full(xy.shape[:3], 0.9)
    return Propagation(start, frames, VIEWS, KEYPOINTS, xy, likelihood, None, stops)


def test_stops_are_counted_and_the_first_are_named() -> None:
    stops = tuple(Stop(name, 7 + i, ("Cam-A",), "lost") for i, name in enumerate(KEYPOINTS))
    text = describe(carried(5, 20, stops), 99)
    assert text.startswith("99 positions are proposed in 20 frames. 5 keypoints stopped early: ")
    assert f"{KEYPOINTS[0]} at frame 7 (lost, Cam-A)" in text
    assert text.endswith("and 2 more.")
    assert (
        describe(carried(5, 1), 20) == "20 positions are proposed in 1 frame. No keypoint stopped."
    )


@pytest.mark.gui
def test_a_key_carries_the_labels_on(
    make_napari_viewer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []
    gate = threading.Event()

    def propagate(labeling: Any, frame: int, n: int, *_: Any, cancelled: Any, **__: Any) -> Any:
        asked.append((frame, n))
        while not gate.wait(0.01):
            if cancelled():
                raise Cancelled
        return carried(frame, n, (Stop("tail", frame + n, ("Cam-B",), "left the others"),))

    monkeypatch.setattr(label_carrier, "propagate_labels", propagate)
    widget = open_widget(make_napari_viewer(show=True), calibrated_project(tmp_path, videos=True))
    go(widget, 10)
    widget.control.choose(KEYPOINTS[0])
    click(widget, VIEWS[0], truth(10)[0, 0])
    press(widget, Qt.Key.Key_K)
    until(lambda: bool(asked))
    assert "Following" in widget.board.progress.stage
    widget.board.progress.cancel()
    until(lambda: not widget.carrier.is_busy)
    assert "Cancelled" in widget.board.message.text()
    assert not widget.labeling.labels(12)

    gate.set()
    widget.carrier.n_frames = 4
    press(widget, Qt.Key.Key_K)
    until(lambda: widget.carrier.found is not None)
    assert asked == [(10, 20), (10, 4)]
    label = widget.labeling.label(12, LabelKey(VIEWS[2], KEYPOINTS[3]))
    assert label.status == LabelStatus.PREDICTED
    assert label.likelihood == pytest.approx(0.9)
    assert "1 keypoint stopped early: tail at frame 14 (left the others, Cam-B)" in (
        widget.board.message.text()
    )
    # One step of undo.
    press(widget, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not widget.labeling.labels(12)
    go(widget, 10)
    # Backward; at the first frame there is nothing before.
    press(widget, Qt.Key.Key_K, Qt.KeyboardModifier.ShiftModifier)
    until(lambda: bool(widget.labeling.labels(8)))
    go(widget, 0)
    press(widget, Qt.Key.Key_K, Qt.KeyboardModifier.ShiftModifier)
    assert "no frames" in widget.board.message.text()

    dialog = CarryDialog(7, "Lucas-Kanade", widget)
    assert dialog.n_frames.value() == 7
    assert dialog.tracker.currentText() == "Lucas-Kanade"
