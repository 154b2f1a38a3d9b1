"""Why an event is one: which view is set aside, and where the others put the point."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.recordings.review_scenes import recording

from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.review.events.failures import Failure
from napari_pose3d.core.review.session_review import SessionReview, review_result
from napari_pose3d.gui.tasks.review.events.thumbnails.cutout import (
    PointMark,
    cut_out,
    marks_of,
    square_around,
)
from napari_pose3d.gui.tasks.review.why.evidence import Evidence
from napari_pose3d.gui.tasks.review.why.evidence_marks import arrow, part_within


@pytest.fixture(scope="module")
def review() -> SessionReview:
    made = recording(4, 31)
    return review_result(
        made.result, made.scene.rig, made.scene.skeleton, fps=made.scene.fps, watch_cameras=False
    )


@pytest.fixture(scope="module")
def session(review: SessionReview) -> Session:
    return Session("arena", Path("."), review.result.poses2d.views)


@pytest.fixture(scope="module")
def evidence(review: SessionReview, session: Session) -> Evidence:
    return Evidence(review, session, recording(4, 31).scene.rig)


def test_the_wrong_view_is_set_aside_and_the_others_are_not(
    review: SessionReview, evidence: Evidence
) -> None:
    events = [e for e in review.events if e.kind is Failure.VIEWS_DISAGREE and len(e.views) == 1]
    right = 0
    for event in events:
        found = evidence.of_frame(event.peak, event.keypoints, event.keypoints[0])
        aside = {view for view, each in found.items() if each.set_aside.any()}
        right += aside == set(event.views)
    assert len(events) > 5
    assert right >= 0.8 * len(events)


def test_the_arrow_ends_at_the_truth(review: SessionReview, evidence: Evidence) -> None:
    made = recording(4, 31)
    event = next(
        e
        for e in review.events
        if e.kind is Failure.VIEWS_DISAGREE
        and len(e.views) == 1
        # In the others all is well at that time.
        and (review.excesses.correction[:, e.peak] > 1).sum() == 1
    )
    view, k = event.views[0], made.scene.keypoints.index(event.keypoints[0])
    found = evidence.of_frame(event.peak, event.keypoints[:1], event.keypoints[0])[view]
    v = made.scene.rig.names.index(view)
    true = made.scene.rig.project(made.scene.xyz[event.peak, k][None])[v, 0]
    assert np.hypot(*(found.expected[0] - true)) < 3
    assert found.residual[0] > 10
    # What the other views see passes by the truth, and not by the prediction.
    assert {line.source for line in found.lines} == set(made.scene.rig.names) - {view}
    for line in found.lines:
        assert not line.set_aside
        along = np.linspace(0, len(line.xy) - 1, 5000)
        fine = [np.interp(along, np.arange(len(line.xy)), line.xy[:, axis]) for axis in (0, 1)]
        assert np.hypot(*(np.stack(fine) - true[:, None])).min() < 3
    name = event.keypoints[0]
    words = evidence.describe(event.peak, name)
    others = ", ".join(each for each in made.scene.rig.names if each != view)
    assert words.startswith(f"{view} {found.residual[0]:.1f} px from where {others} put it")


def test_where_all_agree_nothing_is_said(review: SessionReview, evidence: Evidence) -> None:
    made = recording(4, 31)
    calm = np.flatnonzero((review.excesses.correction < 0.4).all(axis=(0, 2)))
    frame, name = int(calm[0]), made.scene.keypoints[0]
    found = evidence.of_frame(frame, (name,), name)
    assert not any(each.set_aside.any() for each in found.values())
    assert all(each.lines == () for each in found.values())
    assert evidence.describe(frame, name) == ""
    assert evidence.of_frame(review.n_frames, (name,), name) == {}


def test_two_views_are_both_in_doubt() -> None:
    made = recording(2, 31)
    found = review_result(made.result, made.scene.rig, fps=made.scene.fps, watch_cameras=False)
    event = next(e for e in found.events if e.kind is Failure.VIEWS_DISAGREE)
    session = Session("arena", Path("."), made.scene.rig.names)
    evidence = Evidence(found, session, made.scene.rig)
    each = evidence.of_frame(event.peak, event.keypoints, event.keypoints[0])
    assert all(e.set_aside.any() for e in each.values())
    assert "No two views agree" in evidence.describe(event.peak, event.keypoints[0])


def test_without_a_calibration_the_smoothed_position_is_expected(session: Session) -> None:
    made = recording(4, 31)
    flat = replace(made.result, poses3d=None)
    found = review_result(flat, None, fps=made.scene.fps)
    evidence = Evidence(found, session, None)
    name = made.scene.keypoints[0]
    each = evidence.of_frame(10, (name,), name)[made.scene.rig.names[0]]
    assert np.allclose(each.expected[0], made.result.poses2d.xy[0, 10, 0], atol=1e-3)
    assert each.lines == ()
    assert not each.set_aside.any()


def test_every_prediction_set_has_its_mark(review: SessionReview, session: Session) -> None:
    made = recording(4, 31)
    evidence = Evidence(review, session, made.scene.rig)
    name = made.scene.keypoints[2]
    assert evidence.of_frame(7, (name,), name)[made.scene.rig.names[1]].members.shape == (0, 2)
    evidence.members = made.ensemble
    found = evidence.of_frame(7, (name,), name)[made.scene.rig.names[1]]
    assert np.allclose(found.members, made.ensemble.xy[:, 1, 7, 2], equal_nan=True)


def test_a_set_of_its_own_opinion_is_named(review: SessionReview, session: Session) -> None:
    made = recording(4, 31)
    # A set that is wrong while the centre of all stays where it is.
    alone = made.truth.outlier.sum(axis=0) == 1
    alone &= (review.excesses.correction < 0.4).all(axis=0)[None]
    alone &= ~made.truth.lost[:, :, None] & ~made.truth.swapped.any(axis=0)
    v, frame, k = (int(each) for each in np.argwhere(alone)[0])
    wrong = int(np.flatnonzero(made.truth.outlier[:, v, frame, k])[0])
    evidence = Evidence(review, session, made.scene.rig)
    name, view = made.scene.keypoints[k], made.scene.rig.names[v]
    assert evidence.describe_sets(frame, name, (view,)) == ""
    evidence.members = made.ensemble
    words = evidence.describe_sets(frame, name, (view,))
    assert words.startswith(f"{made.ensemble.models[wrong]} ")
    assert words.endswith(f" px from the median of the sets in {view}.")
    others = tuple(each for each in made.scene.rig.names if each != view)
    assert view not in evidence.describe_sets(frame, name, others)


def test_views_that_observe_an_uncertain_point(review: SessionReview, session: Session) -> None:
    made = recording(4, 31)
    poses = made.result.poses2d
    assert poses.ensemble_median is not None
    raw = poses.ensemble_median.copy()
    raw[:3, 9, 0] = np.nan
    changed = replace(made.result, poses2d=replace(poses, ensemble_median=raw))
    evidence = Evidence(replace(review, result=changed), session, made.scene.rig)
    name = made.scene.keypoints[0]
    assert evidence.observers(9, name) == "Observed by Cam-D only."
    assert evidence.observers(11, name) == ""


def test_a_curve_keeps_its_dots_where_it_is_seen() -> None:
    line = np.column_stack([np.linspace(0, 700, 72), np.full(72, 50.0)])
    dots = part_within(line, (300, 0, 340, 100), 72)
    assert dots[0, 0] == pytest.approx(300, abs=1)
    assert dots[-1, 0] == pytest.approx(340, abs=1)
    assert np.diff(dots[:, 0]).max() < 0.6
    assert (dots[:, 1] == 50).all()
    assert np.isnan(part_within(line, (300, 60, 340, 100), 72)).all()


def test_an_arrow_leads_from_tail_to_head() -> None:
    dots = arrow(np.array([10.0, 20.0]), np.array([110.0, 20.0]))
    assert dots[0].tolist() == [10, 20]
    assert dots[13].tolist() == [110, 20]
    barbs = dots[14:]
    # A long arrow has no larger head than any other.
    assert (barbs[:, 0] >= 100).all()
    assert sorted(np.sign(barbs[:, 1] - 20).tolist()) == [-1] * 4 + [1] * 4


# ---------------------------------------------------------------------- cutouts


def mark(raw: tuple[float, float], smoothed: tuple[float, float]) -> PointMark:
    return PointMark("nose", raw, smoothed)


class Video:
    """Pixels that tell their place."""

    bits = 8

    def __init__(self, damaged: str = "") -> None:
        self._damaged = damaged

    def __len__(self) -> int:
        return 5

    def frame(self, number, is_wanted=None):
        if is_wanted is not None and not is_wanted():
            return None
        y, x = np.mgrid[:90, :120]
        return ((x + 2 * y + number) % 256).astype(np.uint8)


def test_a_square_holds_all_marks_and_some_of_what_is_around() -> None:
    x, y, side = square_around((480, 640), [mark((300, 200), (340, 230))])
    assert x < 300 - 5
    assert x + side > 340 + 5
    assert y < 200
    assert y + side > 230
    # However close the marks are, there is something to be seen.
    assert square_around((480, 640), [mark((300, 200), (300, 200))])[2] >= 0.14 * 640
    # Where nothing is known it is the whole image.
    assert square_around((480, 640), [mark((np.nan, 0), (np.nan, np.nan))]) == (0, -80, 640)
    # A mark far outside counts as one at the border.
    assert square_around((480, 640), [mark((1e7, 0), (0, 0))])[2] == 640


def test_a_cutout_has_the_pixels_of_its_place() -> None:
    found = cut_out("top", 2, Video(), [mark((60, 40), (62, 44))], True, lambda: True)
    assert found is not None
    assert found.pixels is not None
    x, y = found.corner
    assert found.pixels[3, 4] == (x + 4 + 2 * (y + 3) + 2) % 256
    corner = cut_out("top", 0, Video(), [mark((0, 0), (1, 1))], False, lambda: True)
    assert corner is not None
    assert corner.corner[0] < 0
    assert corner.pixels is not None
    # Beyond the image it is black.
    assert not corner.pixels[0].any()


def test_a_view_without_an_image_says_why() -> None:
    for video, frame, words in ((None, 0, "no video"), (Video(), 9, "no frame")):
        found = cut_out("top", frame, video, [], False, lambda: True)
        assert found is not None
        assert found.pixels is None
        assert found.problem == words
    assert cut_out("top", 0, Video(), [], False, lambda: False) is None


def test_marks_are_raw_and_smoothed(review: SessionReview, session: Session) -> None:
    event = review.events[0]
    found = marks_of(review, session, event, event.peak)
    assert tuple(found) == review.result.poses2d.views
    poses = review.result.poses2d
    k = poses.keypoints.index(event.keypoints[0])
    first = found[poses.views[1]][0]
    assert np.allclose(first.smoothed, poses.xy[1, event.peak, k], atol=1e-3)
    assert poses.ensemble_median is not None
    assert np.allclose(first.raw, poses.ensemble_median[1, event.peak, k], atol=1e-3)
