"""Labels carried on: followed in every view, joined in space, stopped where views contradict."""

from __future__ import annotations

import sys
import tomllib
from functools import cache
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.support.documents.doc_blocks import block_with
from tests.support.projects.label_sessions import VIEWS as FOUR
from tests.support.projects.label_sessions import calibrated_project, open_labeling, truth
from tests.support.recordings.scenes import arc_rig

from napari_pose3d import PoseDataError
from napari_pose3d.core.labels import label_actions as actions
from napari_pose3d.core.labels.propagation import point_trackers
from napari_pose3d.core.labels.propagation.label_propagation import (
    propagate_labels,
    propose_propagated,
)
from napari_pose3d.core.labels.propagation.point_trackers import LucasKanade, point_tracker
from napari_pose3d.core.labels.propagation.propagation import propagate
from napari_pose3d.core.labels.store.label import FrameKey, LabelKey, LabelStatus
from napari_pose3d.errors import Cancelled

VIEWS, KEYPOINTS = ("Cam-A", "Cam-B", "Cam-C"), ("nose", "ear", "tail")
RIG = arc_rig(VIEWS)
N = 25


def points() -> NDArray[np.float64]:
    """Three points that move on curves, ``(frame, keypoint, 3)``."""
    t = np.arange(N)[:, None]
    start = np.array([[-2.0, -1.0, 0.0], [0.5, 1.0, 0.4], [2.0, 0.0, -0.5]])
    way = np.stack([0.02 * t, 0.3 * np.sin(t / 9), 0.015 * t], axis=-1)
    return start[None] + way


TRUTH = RIG.project(points())


@cache
def image(view: str, frame: int) -> NDArray[np.uint8] | None:
    """A texture of its own around each point, and a still background."""
    if not 0 <= frame < N:
        return None
    v = VIEWS.index(view)
    rows, columns = np.mgrid[0:480, 0:640]
    out = 60.0 + 10.0 * np.sin(rows / 17) * np.cos(columns / 23)
    for k in range(len(KEYPOINTS)):
        x, y = TRUTH[v, frame, k]
        dx, dy = columns - x, rows - y
        patch = np.exp(-(dx**2 + dy**2) / (2 * 14.0**2))
        out += 90 * patch * (1 + np.sin(dx / (3 + k)) * np.cos(dy / (4 - k)))
    return out.clip(0, 255).astype(np.uint8)


def off(found: Any) -> NDArray[np.float64]:
    there = TRUTH[:, list(found.frames)]
    return np.asarray(np.linalg.norm(found.xy - there, axis=-1))


def test_labels_follow_what_moves_in_all_views() -> None:
    found = propagate(TRUTH[:, 0], VIEWS, KEYPOINTS, 0, 20, image, RIG)
    assert found.frames == tuple(range(1, 21))
    assert found.stops == ()
    assert off(found).max() < 1.0
    assert (found.likelihood > 0.5).all()
    assert found.xyz is not None
    assert np.linalg.norm(found.xyz - points()[1:21], axis=-1).max() < 0.05
    assert "60 points in 20 frames after frame 0" in found.describe()


def test_backwards_and_only_as_far_as_there_are_images() -> None:
    found = propagate(TRUTH[:, 10], VIEWS, KEYPOINTS, 10, -20, image, RIG)
    assert found.frames == tuple(range(9, -1, -1))
    assert off(found).max() < 1.0


def test_two_labels_are_enough_and_a_view_without_one_follows() -> None:
    labels = TRUTH[:, 0].copy()
    labels[2] = np.nan
    found = propagate(labels, VIEWS, KEYPOINTS, 0, 10, image, RIG)
    assert np.isfinite(found.xy[2]).all()
    assert off(found).max() < 1.5


class Scripted:
    """A tracker that knows the truth, but for what it is told to get wrong."""

    n_frames = 5

    def __init__(self, wrong: dict[tuple[int, int], float]) -> None:
        self.wrong, self.frame, self.view = wrong, 0, -1

    def track(self, images: Any, points: NDArray[np.float64]) -> Any:
        self.view += 1
        if self.view == len(VIEWS):
            self.view, self.frame = 0, self.frame + self.n_frames
        span = slice(self.frame, self.frame + len(images))
        xy = TRUTH[self.view, span].copy()
        for (view, k), shift in self.wrong.items():
            if view == self.view:
                xy[:, k] += shift * np.arange(self.frame, self.frame + len(images))[:, None]
        return xy, np.full(xy.shape[:2], 0.9)


def test_one_view_that_drifts_is_carried_by_the_others() -> None:
    drifting = Scripted({(1, 0): 2.0})
    found = propagate(TRUTH[:, 0], VIEWS, KEYPOINTS, 0, 10, image, RIG, tracker=drifting)
    assert found.stops == ()
    assert off(found).max() < 2.0
    # It is less sure where it had to be carried.
    assert found.likelihood[1, 9, 0] < found.likelihood[0, 9, 0]


def test_a_keypoint_stops_where_the_views_contradict_each_other() -> None:
    wrong = {(0, 1): 4.0, (1, 1): -4.0, (2, 1): 7.0}
    found = propagate(TRUTH[:, 0], VIEWS, KEYPOINTS, 0, 5, image, RIG, tracker=Scripted(wrong))
    (stop,) = found.stops
    assert stop.keypoint == "ear"
    assert stop.frame <= 4
    assert stop.views
    assert "contradict" in stop.reason
    assert np.isnan(found.xy[:, stop.frame - 1 :, 1]).all()
    assert np.isfinite(found.xy[:, :, [0, 2]]).all()
    assert "1 keypoints stopped early" in found.describe()


def test_without_a_calibration_each_view_goes_by_itself() -> None:
    found = propagate(TRUTH[:, 0], VIEWS, KEYPOINTS, 0, 10, image)
    assert found.xyz is None
    assert np.nanmax(off(found)) < 1.5
    assert np.isfinite(found.xy).mean() > 0.9


def test_nothing_to_carry_on() -> None:
    with pytest.raises(PoseDataError, match="no labels to carry on"):
        propagate(np.full((3, 3, 2), np.nan), VIEWS, KEYPOINTS, 0, 5, image, RIG)
    with pytest.raises(PoseDataError, match="no view has an image"):
        propagate(TRUTH[:, 0], VIEWS, KEYPOINTS, N - 1, 5, image, RIG)
    with pytest.raises(Cancelled):
        propagate(TRUTH[:, 0], VIEWS, KEYPOINTS, 0, 5, image, RIG, cancelled=lambda: True)


def offer(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    entries = [EntryPoint("Scripted", value, point_trackers.GROUP)]
    monkeypatch.setattr(point_trackers, "entry_points", lambda group: entries)


def scripted() -> Scripted:
    return Scripted({})


class NoTracker:
    n_frames = 0


def test_a_tracker_of_another_package(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, f"{__name__}:scripted")
    assert point_trackers.tracker_names() == ("Lucas-Kanade", "Scripted")
    tracker = point_tracker("Scripted")
    found = propagate(TRUTH[:, 0], VIEWS, KEYPOINTS, 0, 12, image, RIG, tracker=tracker)
    assert found.n_frames == 12
    assert off(found).max() < 1.5


def test_the_entry_point_in_the_documentation(monkeypatch: pytest.MonkeyPatch) -> None:
    table = tomllib.loads(block_with("review.md", point_trackers.GROUP).text)
    [(name, value)] = table["project"]["entry-points"][point_trackers.GROUP].items()
    entries = [EntryPoint(name, value, point_trackers.GROUP)]
    monkeypatch.setattr(point_trackers, "entry_points", lambda group: entries)
    monkeypatch.setitem(sys.modules, "my_package", SimpleNamespace(make_tracker=scripted))
    assert isinstance(point_tracker("CoTracker"), Scripted)


@pytest.mark.parametrize(
    "value", [f"{__name__}:absent", "no_such_package:make", f"{__name__}:NoTracker"]
)
def test_a_tracker_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    offer(monkeypatch, value)
    with pytest.raises(PoseDataError, match="the point tracker 'Scripted'"):
        point_tracker("Scripted")


def test_trackers_that_there_are_not_and_that_return_nonsense() -> None:
    with pytest.raises(PoseDataError, match="no point tracker is called 'CoTracker'"):
        point_tracker("CoTracker")

    class Short(LucasKanade):
        def track(self, images: Any, points: NDArray[np.float64]) -> Any:
            return points, np.ones(len(points))

    with pytest.raises(PoseDataError, match="Short returned arrays"):
        propagate(TRUTH[:, 0], VIEWS, KEYPOINTS, 0, 5, image, RIG, tracker=Short())


def test_carried_labels_are_proposals_and_one_step_of_undo(tmp_path: Path) -> None:
    labeling = open_labeling(calibrated_project(tmp_path, videos=True))
    at = truth(3)
    for v, view in enumerate(FOUR[:3]):
        x, y = at[v, 0].tolist()
        actions.place(labeling, 3, LabelKey(view, "nose"), (x, y))
    actions.place(labeling, 5, LabelKey("Cam-A", "nose"), (1.0, 2.0))

    class Still(LucasKanade):
        def track(self, images: Any, points: NDArray[np.float64]) -> Any:
            assert all(image.shape[:2] == (96, 128) for image in images)
            return np.repeat(points[None], len(images), axis=0), np.full(
                (len(images), len(points)), 0.8
            )

    found = propagate_labels(labeling, 3, 4, Still())
    assert found.views == FOUR
    n = propose_propagated(labeling, found)
    label = labeling.label(6, LabelKey("Cam-D", "nose"))
    assert label.status == LabelStatus.PREDICTED
    assert label.position == pytest.approx(at[3, 0], abs=0.5)
    assert label.likelihood is not None
    assert 0 < label.likelihood <= 0.8
    # What a person labeled stays.
    assert labeling.label(5, LabelKey("Cam-A", "nose")).position == (1.0, 2.0)
    assert n == 4 * 4 - 1
    labeling.store.undo()
    assert not labeling.store.is_labeled(FrameKey("walk", 6))
    assert labeling.label(6, LabelKey("Cam-D", "nose")).position is None
    with pytest.raises(PoseDataError, match="no labels to carry on"):
        propagate_labels(labeling, 20, 4)
    labeling.close()
