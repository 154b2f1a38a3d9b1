"""After a correction, a review is what a new one of the same result is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.support.recordings.review_scenes import CLEAN, PLANTED, recording

from napari_pose3d import smooth
from napari_pose3d.core.poses.certain import Cell
from napari_pose3d.core.review.session_review import review_result
from napari_pose3d.core.smoothing.certain.local_update import LiveCorrections

CHANGING = (
    "correction",
    "spread",
    "unsure",
    "swapped",
    "frozen",
    "uncertainty",
    "jump",
    "leaps",
    "bone",
    "bone_deviation",
)


def test_events_follow_corrections() -> None:
    made = recording(3, 31, 800, PLANTED)
    rig, bones = made.scene.rig, made.scene.skeleton
    result = smooth(made.ensemble, rig)
    review = review_result(result, rig, bones, watch_cameras=False)
    truth = rig.project(made.scene.xyz)
    event = next(e for e in review.events if len(e.views) == 1 and len(e.keypoints) == 1)
    v, k = rig.names.index(event.views[0]), made.scene.keypoints.index(event.keypoints[0])
    given = {
        Cell(event.views[0], frame, event.keypoints[0]): tuple(truth[v, frame, k].tolist())
        for frame in range(event.start, event.end + 1)
    }
    live = LiveCorrections(result, rig)
    before = {name: getattr(review.excesses, name).copy() for name in CHANGING}
    followed = review.followed(live.follow(given))
    again = review_result(result, rig, bones, watch_cameras=False)
    for name in ("correction", "spread", "uncertainty", "jump", "bone"):
        one, other = getattr(followed.excesses, name), getattr(again.excesses, name)
        # The bars of a whole review shift by what changed.
        assert np.allclose(one, other, rtol=0.05, atol=0.05), name
    left = [e for e in followed.events if e.kind is event.kind and e.views == event.views]
    assert not any(
        event.keypoints[0] in e.keypoints and e.start <= event.end and e.end >= event.start
        for e in left
    )
    # Taken back, it is what it was.
    back = followed.followed(live.follow({}))
    for name, value in before.items():
        assert np.array_equal(getattr(back.excesses, name), value), name
    assert back.events == review.events


def test_views_that_leapt_together_do_so_no_longer_where_one_is_corrected() -> None:
    made = recording(3, 31, 800, CLEAN)
    rig, at = made.scene.rig, slice(400, 403)
    xyz = made.scene.xyz[at, :1]
    xy = made.ensemble.xy.copy()
    away = rig.project(xyz + np.array([30.0, -20.0, 25.0])) - rig.project(xyz)
    xy[:, :, at, :1] += away.astype(np.float32)
    result = smooth(replace(made.ensemble, xy=xy), rig)
    review = review_result(result, rig, watch_cameras=False)
    before = review.excesses.leaps.copy()
    leapt = np.flatnonzero(before[:, 0]).tolist()
    assert {399, 400, 401, 402, 403} >= {*leapt} > set()
    frame, *others = leapt
    place = tuple(rig.project(made.scene.xyz)[1, frame, 0].tolist())
    cells = [Cell(rig.names[v], frame, made.scene.keypoints[0]) for v in (0, 1)]
    live = LiveCorrections(result, rig)
    review.followed(live.follow(dict.fromkeys(cells, place)))
    assert np.flatnonzero(review.excesses.leaps[:, 0]).tolist() == others
    review.followed(live.follow({cells[1]: place}))
    assert np.flatnonzero(review.excesses.leaps[:, 0]).tolist() == others
    review.followed(live.follow({}))
    assert np.array_equal(review.excesses.leaps, before)


def test_a_cell_that_was_given_before_the_review_is_released() -> None:
    made = recording(3, 31, 800, PLANTED)
    rig = made.scene.rig
    v, t = (int(each) for each in np.argwhere(made.truth.lost)[20])
    x, y = rig.project(made.scene.xyz)[v, t, 3].tolist()
    result = smooth(
        made.ensemble, rig, corrections={Cell(rig.names[v], t, made.scene.keypoints[3]): (x, y)}
    )
    review = review_result(result, rig, watch_cameras=False)
    plain = review_result(made.result, rig, watch_cameras=False)
    assert plain.excesses.unsure[v, t, 3]
    assert not review.excesses.unsure[v, t, 3]
    review.followed(LiveCorrections(result, rig).follow({}))
    assert review.excesses.unsure[v, t, 3]
