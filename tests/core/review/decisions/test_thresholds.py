"""Other bars: what is above them changes, and nothing that was measured."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.recordings.review_scenes import recording

from napari_pose3d import PoseDataError
from napari_pose3d.core.review.decisions.thresholds import THRESHOLDS, values_and_bars, with_bars
from napari_pose3d.core.review.events.failures import Failure
from napari_pose3d.core.review.session_review import SessionReview, review_result


@pytest.fixture(scope="module")
def review() -> SessionReview:
    made = recording(4, 31)
    return review_result(
        made.result, made.scene.rig, made.scene.skeleton, fps=made.scene.fps, watch_cameras=False
    )


def kinds(review: SessionReview) -> set[Failure]:
    return {event.kind for event in review.events}


def test_bars_that_were_not_moved_change_nothing(review: SessionReview) -> None:
    assert with_bars(review, {}).events == review.events
    assert with_bars(review, dict.fromkeys(THRESHOLDS, 1.0)).events == review.events


def test_all_bars_twice_as_high_are_half_the_sensitivity(review: SessionReview) -> None:
    higher = with_bars(review, dict.fromkeys(THRESHOLDS, 2.0))
    insensitive = review.with_sensitivity(0.5)
    assert higher.events
    assert [(e.kind, e.start, e.end, e.views) for e in higher.events] == [
        (e.kind, e.start, e.end, e.views) for e in insensitive.events
    ]


def test_one_bar_moves_only_its_own_events(review: SessionReview) -> None:
    assert Failure.VIEWS_DISAGREE in kinds(review)
    without = with_bars(review, {"correction": 1e4})
    assert Failure.VIEWS_DISAGREE not in kinds(without)
    assert np.array_equal(without.excesses.spread, review.excesses.spread)


def test_values_in_px_stay_what_they_are(review: SessionReview) -> None:
    values, bars = values_and_bars(review.excesses, "correction")
    moved, higher = values_and_bars(with_bars(review, {"correction": 3.0}).excesses, "correction")
    assert np.allclose(moved, values, rtol=1e-4)
    assert np.allclose(higher, 3 * bars)


def test_values_of_one_view_and_keypoint(review: SessionReview) -> None:
    excesses = review.excesses
    values, bars = values_and_bars(excesses, "correction", excesses.views[1], excesses.keypoints[2])
    mine = excesses.correction[1, :, 2]
    assert len(bars) == 1
    assert np.allclose(values, (mine * bars[0])[mine > 0])


@pytest.mark.parametrize("factor", [0.0, -1.0, np.nan, np.inf])
def test_a_factor_is_a_number_above_zero(review: SessionReview, factor: float) -> None:
    with pytest.raises(PoseDataError, match="a number above 0"):
        with_bars(review, {"spread": factor})


def test_an_unknown_quantity_is_named(review: SessionReview) -> None:
    with pytest.raises(PoseDataError, match="speed"):
        with_bars(review, {"speed": 2.0})
