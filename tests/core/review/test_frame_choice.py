"""The choice of frames to label: few that together show most of what is wrong."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.support.recordings.review_scenes import planted_failures, recording

from napari_pose3d import PoseDataError
from napari_pose3d.core.review.events.events import Event
from napari_pose3d.core.review.events.failures import Failure
from napari_pose3d.core.review.frame_choice import choose_frames, shown_by
from napari_pose3d.core.review.session_review import review_result


@dataclass
class Found:
    """Events of a session, as `choose_frames` wants them."""

    events: Sequence[Event]
    fps: float = 30.0
    labeled: Collection[int] = field(default_factory=tuple)
    shapes: Mapping[int, float] = field(default_factory=dict)

    def pose_shapes(self, frames: Sequence[int]) -> NDArray[np.float32]:
        return np.array([[self.shapes.get(f, np.nan)] for f in frames], np.float32).reshape(-1, 1)


def event(
    start: int,
    end: int,
    kind: Failure = Failure.VIEWS_DISAGREE,
    *,
    keypoint: str = "nose",
    excess: float = 3.0,
) -> Event:
    middle = (start + end) // 2
    return Event(
        kind,
        (keypoint,),
        ("top",),
        start,
        end,
        middle,
        excess,
        10.0,
        "px",
        end - start + 1,
        middle,
    )


@pytest.mark.parametrize("n_cameras", [2, 3, 4, 6])
def test_a_budget_shows_nearly_all_planted_failures(n_cameras: int) -> None:
    made = recording(n_cameras, 31)
    review = review_result(
        made.result, made.scene.rig, made.scene.skeleton, fps=made.scene.fps, watch_cameras=False
    ).summary()
    chosen = choose_frames({"arena": review}, 100)
    assert len(chosen) <= 100
    planted = planted_failures(made)
    frames = [each.frame for each in chosen]
    hit = [any(each.start <= frame <= each.end for frame in frames) for each in planted]
    assert np.mean(hit) >= 0.95
    kinds = {kind for each, it in zip(planted, hit, strict=True) if it for kind in each.kinds}
    assert kinds >= {Failure.VIEWS_DISAGREE, Failure.SWAPPED_SIDES, Failure.LOST_VIEW}
    # No two frames of one event.
    for each in review.events:
        shown = [c for c in chosen if each in c.events]
        assert len(shown) <= 1


def test_one_long_failure_gets_one_frame() -> None:
    chosen = choose_frames({"a": Found([event(0, 5000, excess=50.0), event(6000, 6010)])}, 20)
    assert sorted(each.frame for each in chosen) == [2500, 6005]


def test_recurring_within_a_second_is_the_same_failure() -> None:
    again = Found([event(100, 104), event(112, 118), event(400, 404)])
    assert len(choose_frames({"a": again}, 20)) == 2
    other = Found([event(100, 104), event(112, 118, keypoint="tail")])
    assert len(choose_frames({"a": other}, 20)) == 2


def test_a_frame_that_shows_two_failures_is_taken_for_both() -> None:
    both = Found([event(100, 200), event(145, 155, keypoint="tail")])
    (only,) = choose_frames({"a": both}, 20)
    assert only.frame == 150
    assert len(only.events) == 2
    assert only.reason == "views disagree (nose) in top, and 1 more"


def test_every_kind_has_its_turn() -> None:
    many = [event(1000 * i, 1000 * i + 5, excess=30.0) for i in range(50)]
    rare = [event(60_000, 60_005, Failure.HIDDEN), event(70_000, 70_005, Failure.FROZEN)]
    kinds = {
        each.kind
        for frame in choose_frames({"a": Found([*many, *rare])}, 5)
        for each in frame.events
    }
    assert kinds == {Failure.VIEWS_DISAGREE, Failure.HIDDEN, Failure.FROZEN}


def test_what_is_labeled_is_not_proposed_again() -> None:
    found = Found([event(100, 110), event(500, 510)], labeled={104})
    assert [each.frame for each in choose_frames({"a": found}, 20)] == [505]


def test_events_that_labeled_frames_show() -> None:
    events = (event(1, 9), event(3, 20), event(30, 40), event(0, 99, Failure.CAMERA_MOVED))
    assert shown_by(events, {9, 25}) == events[:2]
    assert shown_by(events, ()) == ()
    assert shown_by((), {9}) == ()


def test_the_budget_is_shared_and_nothing_of_it_is_lost() -> None:
    def session(n: int) -> Found:
        return Found([event(1000 * i, 1000 * i + 5) for i in range(n)])

    sessions = {
        "large": session(400),
        "middle": session(100),
        "small": session(4),
        "none": Found([]),
    }
    chosen = choose_frames(sessions, 60)
    count = {name: sum(each.session == name for each in chosen) for name in sessions}
    assert sum(count.values()) == 60
    assert count["small"] >= 3
    assert count["none"] == 0
    # By the root of their events, not by their number.
    assert count["middle"] >= 15
    assert [each.session for each in chosen] == sorted(
        (each.session for each in chosen), key=list(sessions).index
    )


def test_the_same_input_gives_the_same_frames() -> None:
    found = Found([event(37 * i, 37 * i + 12, excess=2 + i % 5) for i in range(200)])
    assert choose_frames({"a": found}, 25) == choose_frames({"a": found}, 25)


def test_another_seed_gives_another_choice_that_is_as_good() -> None:
    rng = np.random.default_rng(5)
    found = [event(40 * i, 40 * i + 8, excess=2.0 + i % 7, keypoint=f"k{i}") for i in range(300)]
    shapes = {e.label_frame: float(at) for e, at in zip(found, rng.normal(size=300), strict=True)}
    choices = [choose_frames({"a": Found(found, shapes=shapes)}, 20, seed) for seed in range(4)]
    assert choices[1] == choose_frames({"a": Found(found, shapes=shapes)}, 20, 1)
    assert len({tuple(each.frame for each in chosen) for chosen in choices}) > 1
    for chosen in choices:
        # Twenty postures that cover those of all events.
        mine = np.array([shapes[each.frame] for each in chosen])
        gaps = np.abs(np.array(list(shapes.values()))[:, None] - mine).min(axis=1)
        assert len(chosen) == 20
        assert np.quantile(gaps, 0.95) < 0.35
    with pytest.raises(PoseDataError, match="0 or more"):
        choose_frames({}, 1, -1)


def test_each_cluster_of_postures_of_a_kind_has_a_frame() -> None:
    """Also where the worst events all have one posture."""
    kinds = Failure.VIEWS_DISAGREE, Failure.HIDDEN
    found, shapes = [], {}
    for k, kind in enumerate(kinds):
        for i in range(60):
            posture = 0 if i < 45 else (i - 40) // 5
            start = 10_000 * k + 100 * i
            excess = 9.0 if posture == 0 else 3.0
            found.append(event(start, start + 4, kind, keypoint=f"k{i}", excess=excess))
            shapes[found[-1].label_frame] = 2.0 * posture
    chosen = choose_frames({"a": Found(found, shapes=shapes)}, 8)
    shown = {(each.events[0].kind, shapes[each.frame]) for each in chosen}
    assert shown == {(kind, 2.0 * posture) for kind in kinds for posture in range(4)}


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(PoseDataError, match="1 or more"):
        choose_frames({}, 0)


def test_of_frames_that_show_as_much_those_in_other_postures_go_first() -> None:
    many = [event(start, start + 4, keypoint=f"k{start}") for start in range(0, 4000, 100)]
    # The worst ones have one posture, so has a labeled frame; three others have others.
    worse = [event(5000 + 100 * i, 5004 + 100 * i, keypoint=f"w{i}", excess=9.0) for i in range(9)]
    shapes = {e.label_frame: 0.0 for e in many + worse} | {7000: 0.0}
    shapes |= {many[3].label_frame: 3.0, many[20].label_frame: -3.0, many[30].label_frame: 6.0}
    found = Found([*worse, *many], labeled=(7000,), shapes=shapes)
    frames = {each.frame for each in choose_frames({"a": found}, 5)}
    assert {many[i].label_frame for i in (3, 20, 30)} <= frames
    # Then, and where nothing is known of postures, the worst.
    assert len(frames & {e.label_frame for e in worse}) == 2
    unknown = choose_frames({"a": Found([*worse, *many])}, 5)
    assert {each.frame for each in unknown} <= {e.label_frame for e in worse}


def test_a_recording_with_very_many_failures() -> None:
    """As with few, for which it is counted by hand."""
    rng = np.random.default_rng(0)
    starts = rng.integers(0, 200_000, 60_000).tolist()
    found = [event(a, a + 20, keypoint=f"k{i % 30}") for i, a in enumerate(starts)]
    chosen = choose_frames({"a": Found(found)}, 40)
    assert len({each.frame for each in chosen}) == 40
    (first,) = choose_frames({"a": Found(found)}, 1)
    shown = [
        sum(e.start <= f <= e.end for e in found) for f in {e.label_frame for e in found[:200]}
    ]
    assert len(first.events) >= max(shown)
    assert len(first.events) == sum(e.start <= first.frame <= e.end for e in found)
