"""The widget Review in a window: find, go there, queue for labeling, save."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from napari.layers import Layer
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from tests.support.label_sessions import KEYPOINTS, N_FRAMES, SESSION, calibrated_project, truth
from tests.support.label_window import until
from tests.support.session_files import put_predictions

from napari_pose3d.core.projects.project import open_project
from napari_pose3d.gui.layers.session_layers import session_layers
from napari_pose3d.gui.review.review_widget import ReviewWidget
from napari_pose3d.gui.session.current_session import OpenSession, current_session
from napari_pose3d.gui.workspace.workspace import workspace

pytestmark = pytest.mark.gui
LEFT = Qt.MouseButton.LeftButton
# Where one view is wrong, with full confidence.
VIEW, KEYPOINT, FIRST, LAST = 2, 1, 12, 19


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with videos, and predictions of two networks of which one view errs for a while."""
    folder = calibrated_project(tmp_path, videos=True)
    rng = np.random.default_rng(0)
    xy = np.stack([truth(frame) for frame in range(N_FRAMES)], axis=1)
    xy[VIEW, FIRST : LAST + 1, KEYPOINT] += (18.0, -14.0)
    project = open_project(folder)
    for net in range(2):
        for v, view in enumerate(project.views):
            noisy = xy[v] + rng.normal(0, 0.3, xy[v].shape)
            path = folder / "models" / f"net{net}" / "video_preds" / f"{SESSION}_{view}.csv"
            put_predictions(path, noisy, KEYPOINTS)
    return folder


def opened(viewer: Any, folder: Path) -> ReviewWidget:
    """The widget with the project's session open."""
    project = open_project(folder)
    session = project.session(SESSION)
    # The predictions that are seen go into the queue with a frame.
    shown = session.ensemble_sets[:1]
    for data in session_layers(session, shown, lambda *_: None, lambda: False):
        viewer.add_layer(Layer.create(*data))
    current_session(viewer).set(OpenSession(project, session))
    widget = workspace(viewer).open("Review")
    assert isinstance(widget, ReviewWidget)
    return widget


def find(widget: ReviewWidget) -> None:
    QTest.mouseClick(widget.bar._run, LEFT)
    until(lambda: not widget.bar.is_busy)
    assert widget.review is not None


def test_find_go_queue_and_save(make_napari_viewer, project: Path, tmp_path: Path) -> None:
    viewer = make_napari_viewer()
    widget = opened(viewer, project)
    assert widget.events.isHidden()
    find(widget)
    assert not widget.events.isHidden()
    table = widget.events.table
    wrong = [e for e in table.events if KEYPOINTS[KEYPOINT] in e.keypoints]
    assert wrong
    assert wrong[0].views == ("Cam-C",)
    assert (wrong[0].start, wrong[0].end) == (FIRST, LAST)

    # A click on its line shows its worst frame.
    row = table.events.index(wrong[0])
    cell = table.visualItemRect(table.item(row, 1))
    QTest.mouseClick(table.viewport(), LEFT, pos=cell.center())
    assert viewer.dims.current_step[0] == wrong[0].peak
    # All views of it are cut out, in the background, and the wrong one is framed.
    thumbnails = widget.events.thumbnails.thumbnails
    until(lambda: all(each.cutout is not None for each in thumbnails))
    assert [each.cutout.named for each in thumbnails] == [False, False, True, False]
    assert all(each.cutout.pixels is not None for each in thumbnails)
    # A click on the timeline goes to its frame.
    strip = widget.events.strip
    x = round(strip._x_of(30.5))
    QTest.mouseClick(strip, LEFT, pos=QPoint(x, 5))
    assert viewer.dims.current_step[0] == 30

    frames = [each.frame for each in widget.chosen()]
    assert any(FIRST <= frame <= LAST for frame in frames)
    until(lambda: not widget.layers.is_adding)
    QTest.mouseClick(widget.queue, LEFT)
    label = workspace(viewer).find("Label")
    until(lambda: label.labeling is not None and len(label.labeling.queued_frames) == len(frames))
    assert sorted(label.labeling.queued_frames) == sorted(frames)
    assert any("Cam-C" in why for why in label.labeling.files.reasons.values())
    queue = (project / "CollectedData_Cam-C.unlabeled.jsonl").read_text()
    assert queue.count('"keypoint_name"') == len(frames) * len(KEYPOINTS)

    out = tmp_path / "saved"
    widget.save_to(out)
    until(lambda: not widget.bar.is_busy)
    assert len(pd.read_csv(out / "events.csv")) == len(widget.review.events)
    assert sorted(pd.read_csv(out / "frames.csv").frame) == sorted(frames)
    assert "data:image/png" in (out / "report.html").read_text()

    # Other predictions are open: what was found is not theirs.
    current_session(viewer).set(None)
    assert widget.review is None
    assert widget.events.isHidden()
    assert "Open a session" in widget.bar.status


def test_predictions_that_cannot_be_read(make_napari_viewer, project: Path, capsys) -> None:
    viewer = make_napari_viewer()
    widget = opened(viewer, project)
    path = project / "models" / "net1" / "video_preds" / f"{SESSION}_Cam-B.csv"
    lines = path.read_text().splitlines(keepends=True)
    lines[20] = lines[20].replace(",", ",x", 1)
    path.write_text("".join(lines))
    QTest.mouseClick(widget.bar._run, LEFT)
    until(lambda: not widget.bar.is_busy)
    assert widget.review is None
    assert widget.bar.status == "Failed."
    assert widget.events.isHidden()
