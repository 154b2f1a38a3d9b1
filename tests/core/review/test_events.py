"""Events: planted failures are found, named rightly, and clean recordings have none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.support.recordings.review_scenes import (
    CLEAN,
    Planted,
    Recording,
    planted_failures,
    recording,
)

from napari_pose3d import smooth
from napari_pose3d.core.review.events.events import Event
from napari_pose3d.core.review.events.failures import Failure
from napari_pose3d.core.review.events.space_excesses import jump_excess
from napari_pose3d.core.review.session_review import SessionReview, review_result


def reviewed(made: Recording) -> SessionReview:
    return review_result(
        made.result,
        made.scene.rig,
        made.scene.skeleton,
        fps=made.scene.fps,
        watch_cameras=False,
    )


def of(planted: Planted, events: tuple[Event, ...]) -> list[Event]:
    """The events that overlap with what was planted."""
    return [
        event
        for event in events
        if event.start <= planted.end
        and event.end >= planted.start
        and set(planted.keypoints) & set(event.keypoints)
    ]


@pytest.mark.parametrize("n_cameras", [2, 3, 4, 6])
def test_planted_failures_are_found_and_named(n_cameras: int) -> None:
    made = recording(n_cameras, 31)
    events = reviewed(made).events
    planted = planted_failures(made)
    assert len(planted) > 10
    hits = [of(each, events) for each in planted]
    assert all(hits), "every planted failure is part of an event"
    view = [
        any(each.view in e.views and (len(e.views) == 1 or n_cameras == 2) for e in found)
        for each, found in zip(planted, hits, strict=True)
    ]
    kind = [
        any(each.view in e.views and e.kind in each.kinds for e in found)
        for each, found in zip(planted, hits, strict=True)
    ]
    assert np.mean(view) >= 0.95
    assert np.mean(kind) >= 0.9


def test_the_lost_view_is_on_top() -> None:
    made = recording(4, 31)
    worst = reviewed(made).events[0]
    (v,) = np.flatnonzero(made.truth.lost.any(axis=1))
    frames = np.flatnonzero(made.truth.lost[v])
    assert worst.kind is Failure.LOST_VIEW
    assert worst.views == (made.scene.rig.names[v],)
    assert abs(worst.start - frames[0]) <= 2
    assert abs(worst.end - frames[-1]) <= 2


@pytest.mark.parametrize("n_cameras", [2, 3, 4, 6])
def test_a_clean_recording_has_no_events(n_cameras: int) -> None:
    made = recording(n_cameras, 41, 3000, CLEAN)
    review = reviewed(made)
    assert review.flagged.mean() <= 0.001


def test_two_views_that_meet_for_a_frame_do_not_disagree() -> None:
    """It is the smoothed point that is wrong: a movement was cut short."""
    made = recording(2, 41, 3000, CLEAN)
    poses, raw = made.result.poses2d, made.result.poses2d.ensemble_median
    assert raw is not None
    k = made.scene.keypoints.index("nose")

    def n_events(frames: slice, smoothed_by: object, raw_by: object) -> int:
        smoothed, predicted = poses.xy.copy(), raw.copy()
        smoothed[0, frames, k] += np.array(smoothed_by, np.float32)
        predicted[0, frames, k] += np.array(raw_by, np.float32)
        moved = replace(poses, xy=smoothed, ensemble_median=predicted)
        result = replace(made.result, poses2d=moved)
        events = review_result(result, made.scene.rig, watch_cameras=False).events
        return sum(e.start <= frames.start <= e.end and "nose" in e.keypoints for e in events)

    assert not n_events(slice(698, 699), (20, 0), (0, 0))
    # What lasts is an error, and so is what does not meet: off in one direction or the other.
    assert n_events(slice(698, 704), (20, 0), (0, 0))
    assert n_events(slice(698, 699), (0, 0), (20, 0)) + n_events(slice(698, 699), (0, 0), (0, 20))


def _changed(made: Recording, view: int, frames: slice, keypoint: int, by: np.ndarray) -> object:
    poses = made.result.poses2d
    assert poses.ensemble_median is not None
    raw = poses.ensemble_median.copy()
    raw[view, frames, keypoint] = by
    return replace(made.result, poses2d=replace(poses, ensemble_median=raw))


def test_a_frozen_point_is_told_from_an_outlier() -> None:
    made = recording(4, 41, 3000, CLEAN)
    keypoint = made.scene.keypoints.index("nose")
    moving = np.hypot(*np.ptp(made.scene.xy[0, 500:560, keypoint], axis=0))
    assert moving > 20, "the scene moves here"
    raw = made.result.poses2d.ensemble_median
    assert raw is not None
    result = _changed(made, 0, slice(500, 560), keypoint, raw[0, 500, keypoint])
    events = review_result(result, made.scene.rig, watch_cameras=False).events  # type: ignore[arg-type]
    assert [(e.kind, e.keypoints, e.views) for e in events] == [
        (Failure.FROZEN, ("nose",), ("Cam-A",))
    ]


def test_a_standing_animal_is_not_frozen() -> None:
    """Padded or not: where nothing moves, nothing is wrong."""
    made = recording(4, 41, 3000, CLEAN)
    poses = made.result.poses2d
    assert poses.ensemble_median is not None
    raw, smoothed = poses.ensemble_median.copy(), poses.xy.copy()
    raw[:, 500:560], smoothed[:, 500:560] = raw[:, 500:501], smoothed[:, 500:501]
    still = replace(poses, ensemble_median=raw, xy=smoothed)
    result = replace(made.result, poses2d=still, poses3d=None)
    kinds = {event.kind for event in review_result(result).events}
    assert Failure.FROZEN not in kinds


def test_a_point_that_all_views_put_elsewhere_breaks_its_bones() -> None:
    made = recording(4, 41, 3000, CLEAN)
    space = made.result.poses3d
    assert space is not None
    keypoint = made.scene.keypoints.index("ear_left")
    xyz = space.xyz.copy()
    xyz[800:830, keypoint] += [0.0, 0.0, 60.0]
    result = replace(made.result, poses3d=replace(space, xyz=xyz))
    events = review_result(result, made.scene.rig, made.scene.skeleton, watch_cameras=False).events
    kinds = {event.kind: event for event in events if "ear_left" in event.keypoints}
    assert Failure.BONE in kinds
    assert Failure.JUMP in kinds
    assert kinds[Failure.BONE].start <= 800
    assert kinds[Failure.BONE].end >= 829
    assert kinds[Failure.BONE].views == ()


@pytest.mark.parametrize("n_cameras", [2, 4])
def test_a_point_that_all_views_leave_together_jumps(n_cameras: int) -> None:
    """The smoothed point does not follow; the views do not contradict each other all the same."""
    made = recording(n_cameras, 41, 3000, CLEAN)
    rig, keypoint = made.scene.rig, made.scene.keypoints.index("nose")
    frames = slice(900, 903)
    xyz = made.scene.xyz[frames, keypoint][:, None]
    raw = made.result.poses2d.ensemble_median
    assert raw is not None
    moved = xyz + np.array([30.0, -20.0, 25.0])
    shift = rig.project(moved) - rig.project(xyz)
    leapt = raw[:, frames, keypoint] + shift[:, :, 0]
    raw = raw.copy()
    raw[:, frames, keypoint] = leapt
    result = replace(made.result, poses2d=replace(made.result.poses2d, ensemble_median=raw))
    events = review_result(result, rig, watch_cameras=False).events
    (event,) = [each for each in events if "nose" in each.keypoints and 890 < each.start < 910]
    assert event.kind is Failure.JUMP
    assert event.views == ()
    assert event.value == pytest.approx(np.linalg.norm([30, 20, 25]), rel=0.2)


def test_an_exchange_between_two_views_is_told_by_what_meets() -> None:
    made = recording(2, 41, 3000, CLEAN)
    rig = made.scene.rig
    pair = [made.scene.keypoints.index(f"hindpaw_{side}") for side in ("left", "right")]
    apart = np.linalg.norm(made.scene.xy[1, :, pair[0]] - made.scene.xy[1, :, pair[1]], axis=-1)
    start = int(np.convolve(apart, np.ones(40), "valid")[: 3000 - 40].argmax())
    xy = made.ensemble.xy.copy()
    part = slice(start, start + 40)
    xy[:, 1, part, pair] = xy[:, 1, part, pair[::-1]]
    result = smooth(replace(made.ensemble, xy=xy), rig)
    events = [
        each
        for each in review_result(result, rig, watch_cameras=False).events
        if each.start < start + 40 and each.end >= start and each.views
    ]
    assert {each.kind for each in events} == {Failure.SWAPPED_SIDES}
    assert {view for each in events for view in each.views} >= {rig.names[1]}
    assert min(each.start for each in events) <= start + 1
    assert max(each.end for each in events) >= start + 38


def test_the_body_moves_also_where_a_keypoint_is_missing() -> None:
    """Else an animal that runs would jump in each frame that lacks one."""
    xyz = np.cumsum(np.full((20, 5, 3), 10.0), axis=0)
    xyz[8:12, 1] = np.nan
    bar = np.full(5, 5.0, np.float32)
    assert jump_excess(xyz, bar).max() == 0
    xyz[10, 3] += 30
    assert jump_excess(xyz, bar)[9:11, 3].min() > 1


def test_sensitivity_only_compares_anew() -> None:
    made = recording(4, 31)
    review = reviewed(made)
    more, fewer = review.with_sensitivity(2.0), review.with_sensitivity(0.25)
    assert more.excesses is review.excesses
    assert more.flagged.sum() > review.flagged.sum() > fewer.flagged.sum()
    back = more.with_sensitivity(1.0)
    assert back.events == review.events


def test_missing_predictions_of_a_view_are_a_lost_view_unless_it_never_sees_them() -> None:
    made = recording(4, 41, 3000, CLEAN)
    poses = made.result.poses2d
    assert poses.ensemble_median is not None
    raw, likelihood = poses.ensemble_median.copy(), poses.likelihood.copy()
    raw[2, 1000:1040] = np.nan
    likelihood[2, 1000:1040] = np.nan
    # The tail is never in this view.
    tail = made.scene.keypoints.index("tail_mid")
    raw[1, :, tail], likelihood[1, :, tail] = np.nan, np.nan
    changed = replace(poses, ensemble_median=raw, likelihood=likelihood)
    events = review_result(
        replace(made.result, poses2d=changed), made.scene.rig, watch_cameras=False
    ).events
    assert [(e.kind, e.views, e.start, e.end) for e in events] == [
        (Failure.LOST_VIEW, ("Cam-C",), 1000, 1039)
    ]


def test_one_view_alone() -> None:
    """Without calibration and with one view, what leaves the smoothed track is found."""

    made = recording(2, 51, 1200, CLEAN)
    ensemble = made.ensemble.one_view(0)
    xy = ensemble.xy.copy()
    xy[:, 0, 300:304, 2] += 60.0
    result = smooth(replace(ensemble, xy=xy))
    events = review_result(result).events
    assert any(
        e.start <= 303 and e.end >= 300 and made.scene.keypoints[2] in e.keypoints for e in events
    )


def test_an_empty_recording_has_no_events() -> None:
    made = recording(2, 22, 300, CLEAN)
    poses = made.result.poses2d
    nothing = np.full_like(poses.xy, np.nan)
    result = replace(
        made.result,
        poses2d=replace(poses, ensemble_median=nothing, likelihood=nothing[..., 0]),
        poses3d=None,
    )
    review = review_result(result)
    assert review.events == ()
    assert np.isfinite(review.scores).all()


def test_a_camera_that_was_moved_is_one_event_and_no_frame_to_label() -> None:

    from napari_pose3d.core.cameras.rig import Rig
    from napari_pose3d.core.review.frame_choice import choose_frames

    made = recording(4, 41, 3000, CLEAN)
    camera = made.scene.rig.cameras[2]
    angle = np.radians(0.6)
    turn = np.array(
        [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    )
    turned = replace(camera, rotation=turn @ camera.rotation, translation=turn @ camera.translation)
    cameras = list(made.scene.rig.cameras)
    cameras[2] = turned
    shift = Rig(tuple(cameras)).project(made.scene.xyz) - made.scene.xy
    xy = made.ensemble.xy.copy()
    xy[:, :, 1800:] += shift[:, 1800:].astype(np.float32)
    result = smooth(replace(made.ensemble, xy=xy), made.scene.rig)
    review = review_result(result, made.scene.rig)
    moved = [event for event in review.events if event.kind is Failure.CAMERA_MOVED]
    assert [event.views for event in moved] == [("Cam-C",)]
    assert abs(moved[0].start - 1800) <= 20
    assert moved[0].value == pytest.approx(0.6, rel=0.3)
    assert review.with_sensitivity(2.0).moved == review.moved
    chosen = choose_frames({"arena": review.summary()}, 100)
    assert all(event.kind is not Failure.CAMERA_MOVED for each in chosen for event in each.events)


def test_a_camera_that_turns_slowly_is_one_event_and_no_frame_to_label() -> None:

    from napari_pose3d.core.review.frame_choice import choose_frames
    from napari_pose3d.synthetic.shared_points import turned

    made = recording(4, 41, 1500, CLEAN)
    rig, xyz = made.scene.rig, made.scene.xyz
    xy = made.ensemble.xy.copy()
    for start in range(0, 1500, 25):
        now = slice(start, start + 25)
        shift = turned(rig, 2, 0.8 * start / 1500).project(xyz[now]) - made.scene.xy[:, now]
        xy[:, :, now] += shift.astype(np.float32)
    review = review_result(smooth(replace(made.ensemble, xy=xy), rig), rig)
    (drift,) = review.moved
    assert drift in review.events
    assert drift.kind is Failure.DRIFT
    assert drift.views == ("Cam-C",)
    assert (drift.start, drift.end, drift.unit) == (0, 1499, "degrees")
    assert drift.value == pytest.approx(0.8, rel=0.3)
    assert drift.kind.value == "calibration drift"
    assert not review.flagged.all()
    chosen = choose_frames({"arena": review.summary()}, 100)
    assert all(event.kind is not Failure.DRIFT for each in chosen for event in each.events)
