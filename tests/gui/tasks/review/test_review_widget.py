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
from tests.support.projects.label_sessions import (
    KEYPOINTS,
    N_FRAMES,
    SESSION,
    VIEWS,
    calibrated_project,
    truth,
)
from tests.support.projects.session_files import put_predictions
from tests.support.windows.label_window import labels_on_disk, saved, until
from tests.support.windows.view_helpers import drag, on_screen

from napari_pose3d.core.labels.store.label import LabelKey, LabelStatus
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.core.review.events.events import Event
from napari_pose3d.gui.layers.session_layers import session_layers
from napari_pose3d.gui.session.current_session import OpenSession, current_session
from napari_pose3d.gui.tasks.review.review_widget import ReviewWidget
from napari_pose3d.gui.workspace.workspace import workspace

pytestmark = pytest.mark.gui
LEFT = Qt.MouseButton.LeftButton
# Where one view is wrong, with full confidence.
VIEW, KEYPOINT, FIRST, LAST = 2, 1, 12, 19


def planted_project(
    tmp_path: Path, faults: tuple[tuple[int, int, int, int], ...] = ((VIEW, KEYPOINT, FIRST, LAST),)
) -> Path:
    """A project with videos, and predictions of two networks of which one view errs for a while.

    A fault is a view, a keypoint, and the first and the last frame.
    """
    folder = calibrated_project(tmp_path, videos=True)
    rng = np.random.default_rng(0)
    xy = np.stack([truth(frame) for frame in range(N_FRAMES)], axis=1)
    for view, keypoint, first, last in faults:
        xy[view, first : last + 1, keypoint] += (18.0, -14.0)
    project = open_project(folder)
    for net in range(2):
        for v, view in enumerate(project.views):
            noisy = xy[v] + rng.normal(0, 0.3, xy[v].shape)
            path = folder / "models" / f"net{net}" / "video_preds" / f"{SESSION}_{view}.csv"
            put_predictions(path, noisy, KEYPOINTS)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return planted_project(tmp_path)


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


def pick(widget: ReviewWidget, event: Event) -> None:
    """Click on the line of an event."""
    table = widget.events.table
    table.scrollTo(table.model().index(table.records.index(event), 1))
    cell = table.visualRect(table.model().index(table.records.index(event), 1))
    QTest.mouseClick(table.viewport(), LEFT, pos=cell.center())


def layer_names(panel: Any, view: str) -> set[str]:
    return {layer.name for layer in panel.views[view].model.layers}


def test_a_session_of_review(make_napari_viewer, project: Path, tmp_path: Path) -> None:
    """Find, see why, correct, decide, queue, fix and label, save; the files are checked."""
    viewer = make_napari_viewer(show=True)
    panel = workspace(viewer).open("Camera views").panel
    widget = opened(viewer, project)
    until(lambda: len(panel.views) == 4)
    assert widget.events.isHidden()
    find(widget)
    until(lambda: not widget.layers.is_adding)
    assert not widget.events.isHidden()
    table, decisions = widget.events.table, widget.events.decisions
    name = KEYPOINTS[KEYPOINT]
    wrong = next(e for e in table.records if name in e.keypoints and e.views == ("Cam-C",))
    assert (wrong.start, wrong.end) == (FIRST, LAST)

    # A click on its line shows its worst frame, cut out in all views, and why.
    pick(widget, wrong)
    assert viewer.dims.current_step[0] == wrong.peak
    thumbnails = widget.events.thumbnails.thumbnails
    until(lambda: all(each.cutout is not None for each in thumbnails))
    assert [each.cutout.named for each in thumbnails] == [False, False, True, False]
    assert all(each.cutout.pixels is not None for each in thumbnails)
    until(lambda: panel.is_settled and panel.frame == wrong.peak)
    until(lambda: "why" in layer_names(panel, "Cam-C"))
    assert "Cam-C: " in widget.events.details
    widget.events.why.click()
    assert "why" not in layer_names(panel, "Cam-C")
    widget.events.why.click()
    until(lambda: "why" in layer_names(panel, "Cam-C"))

    # The point is dragged to its place: kept in a set of its own, and the track follows at once.
    workspace(viewer).bring_forward("Review")
    until(lambda: workspace(viewer).is_settled)
    poses = widget.review.result.poses2d
    before = poses.xy[VIEW, :, KEYPOINT].copy()
    view = panel.views["Cam-C"]
    start = widget.corrections.positions("Cam-C", wrong.peak)[name]
    goal = truth(wrong.peak)[VIEW, KEYPOINT]
    drag(view.native, on_screen(view, *start), on_screen(view, *goal))
    until(lambda: len(widget.corrections.kept.positions) == 1)
    ((cell, at),) = widget.corrections.kept.positions.items()
    assert cell == ("Cam-C", wrong.peak, name)
    assert np.hypot(*(np.array(at) - goal)) < 1.5
    assert np.abs(poses.xy[VIEW, :, KEYPOINT] - before).max() > 0
    shown = [layer for layer in viewer.layers if layer.name == "smoothed Cam-C"]
    drawn = shown[0].metadata["napari_pose3d"].positions[:, KEYPOINT]
    assert np.allclose(drawn, poses.xy[VIEW, :, KEYPOINT], atol=1e-3)
    corrected = project / "napari-pose3d" / "corrections" / SESSION / f"{SESSION}_Cam-C.csv"
    assert corrected.read_text().splitlines()[-1].startswith(f"{wrong.peak},")
    assert widget.events.corrections.state.startswith("1 position corrected")
    QTest.mouseClick(widget.events.corrections.undo, LEFT)
    assert not corrected.exists()
    assert np.allclose(poses.xy[VIEW, :, KEYPOINT], before, atol=0.05)

    until(lambda: not widget.model.is_waiting)

    # One is bad, another waits for labeling: on disk, and undone.
    other = next(e for e in widget.events.table.records if name in e.keypoints)
    pick(widget, other)
    QTest.mouseClick(decisions.buttons["bad"], LEFT)
    stored = pd.read_csv(project / "napari-pose3d" / "decisions" / "decisions.csv")
    assert stored.decision.tolist() == ["bad"]
    QTest.mouseClick(decisions.undo, LEFT)
    assert decisions.state.startswith("0 of ")
    pick(widget, other)
    QTest.mouseClick(decisions.buttons["queue"], LEFT)
    label = workspace(viewer).find("Label")
    until(lambda: label.labeling is not None and label.labeling.queued_frames)
    (queued,) = label.labeling.queued_frames
    assert FIRST <= queued <= LAST
    assert any("Cam-C" in why for why in label.labeling.files.reasons.values())
    queue = (project / "CollectedData_Cam-C.unlabeled.jsonl").read_text()
    assert queue.count('"keypoint_name"') == len(KEYPOINTS)
    for name_of_view in VIEWS:
        images = project / "labeled-data" / f"{SESSION}_{name_of_view}"
        # The frame, and two before and after it.
        assert len(list(images.glob("*.png"))) == 5

    # It is mended in the tab Label, which begins with what was smoothed.
    pick(widget, other)
    QTest.mouseClick(decisions.buttons["fix"], LEFT)
    key = LabelKey("Cam-C", name)
    until(lambda: not label.labeling.label(other.peak, key).is_empty)
    proposed = label.labeling.label(other.peak, key)
    assert proposed.status == LabelStatus.PREDICTED
    assert np.allclose(proposed.position, poses.xy[VIEW, other.peak, KEYPOINT], atol=0.01)
    assert (label.control.keypoint, label.control.view) == (name, "Cam-C")
    label.control.confirm(list(label.labeling.labels(other.peak)))
    saved(label)
    assert labels_on_disk(project)[other.peak, "Cam-C", name].position is not None

    out = tmp_path / "saved"
    widget.save_to(out)
    until(lambda: not widget.bar.is_busy)
    assert len(pd.read_csv(out / "events.csv")) == len(widget.review.events)
    frames = [each.frame for each in widget.outlet.chosen()]
    assert sorted(pd.read_csv(out / "frames.csv").frame) == sorted(frames)
    assert "data:image/png" in (out / "report.html").read_text()

    # Closed, it leaves nothing behind in the camera views.
    viewer.window.remove_dock_widget(widget)
    assert layer_names(panel, "Cam-C").isdisjoint({"why", "corrections"})


def test_timeline_bars_and_another_session(make_napari_viewer, project: Path) -> None:
    viewer = make_napari_viewer(show=True)
    widget = opened(viewer, project)
    find(widget)
    until(lambda: not widget.layers.is_adding)
    strip = widget.events.strip
    QTest.mouseClick(strip, LEFT, pos=QPoint(round(strip._x_of(30.5)), 5))
    assert viewer.dims.current_step[0] == 30
    # Above the traces there is another one, whose frames lie above those of the curves.
    traces = workspace(viewer).open("Traces")
    until(lambda: workspace(viewer).is_settled)
    above = widget._above.strip
    assert above.isVisible()
    assert above._frame == 30
    until(lambda: traces.plot.margins == (above._gutter, above._right))
    # However low the panel is, the curves have more of it than the strip.
    traces.resize(traces.width(), 130)
    until(lambda: above.height() < traces.plot.plot.getViewBox().height())
    traces.show_frames(10, 20)
    assert above.shown_range == (10.5, 20.5)
    workspace(viewer).bring_forward("Review")

    n = len(widget.review.events)
    assert n
    widget.tabs.setCurrentIndex(1)
    histogram = widget.bars.histograms["correction"]
    assert histogram.isVisible()
    for _ in range(40):
        QTest.keyClick(histogram, Qt.Key.Key_Right)
    assert len(widget.review.events) < n
    QTest.mouseClick(widget.bars.reset, LEFT)
    assert len(widget.review.events) == n

    # Other predictions are open: what was found is not theirs.
    current_session(viewer).set(None)
    assert widget.review is None
    assert widget.events.isHidden()
    assert not above.isVisible()
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
