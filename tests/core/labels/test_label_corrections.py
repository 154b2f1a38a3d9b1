"""Suggested labels: accepted as one step, recognised, undone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.support.projects.label_sessions import (
    KEYPOINTS,
    VIEWS,
    calibrated_project,
    open_labeling,
    truth,
)

from napari_pose3d.core.labels.label_actions import place
from napari_pose3d.core.labels.label_corrections import accept_correction, is_accepted
from napari_pose3d.core.labels.store.label import LabelKey, LabelStatus


def test_accepting_is_one_step_of_undo(tmp_path: Path) -> None:
    labeling = open_labeling(calibrated_project(tmp_path))
    right = truth(5)
    wrong = LabelKey(VIEWS[2], KEYPOINTS[1])
    for view in (0, 1, 3):
        place(labeling, 5, LabelKey(VIEWS[view], KEYPOINTS[1]), tuple(right[view, 1]))
    place(labeling, 5, wrong, (5.0, 6.0))
    places = {tuple(wrong): (float(right[2, 1, 0]), float(right[2, 1, 1]))}
    assert not is_accepted(labeling, 5, places)
    assert accept_correction(labeling, 5, places, "correct: slip") == 1
    label = labeling.label(5, wrong)
    assert label.status == LabelStatus.CONFIRMED
    assert label.labeler == "ann"
    assert np.allclose(label.position, right[2, 1])
    assert is_accepted(labeling, 5, places)
    # Nothing to be changed any more.
    assert accept_correction(labeling, 5, places, "correct: slip") == 0
    assert labeling.store.history.undo_text == "correct: slip"
    labeling.store.undo()
    assert labeling.label(5, wrong).position == (5.0, 6.0)
    assert not is_accepted(labeling, 5, places)


def test_a_label_that_is_taken_away_does_not_come_back_as_a_projection(tmp_path: Path) -> None:
    labeling = open_labeling(calibrated_project(tmp_path))
    right = truth(5)
    for view in range(3):
        place(labeling, 5, LabelKey(VIEWS[view], KEYPOINTS[0]), tuple(right[view, 0]))
    key = LabelKey(VIEWS[2], KEYPOINTS[0])
    assert accept_correction(labeling, 5, {tuple(key): None}, "correct: duplicate") == 1
    assert labeling.label(5, key).position is None
    assert is_accepted(labeling, 5, {tuple(key): None})
    labeling.store.undo()
    assert labeling.label(5, key).position is not None
