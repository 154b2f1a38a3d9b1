"""Two prediction sets side by side."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from tests.support.recordings.review_scenes import recording

from napari_pose3d import PoseDataError
from napari_pose3d.core.poses.arrays import Poses2D
from napari_pose3d.core.review.set_comparison import (
    compare_poses,
    compare_smoothing,
    write_comparison,
)


def a_set(n_frames: int = 50) -> Poses2D:
    rng = np.random.default_rng(0)
    xy = rng.uniform(0, 500, (2, n_frames, 3, 2)).astype(np.float32)
    return Poses2D(xy, np.ones(xy.shape[:3], np.float32), ("top", "side"), ("nose", "ear", "tail"))


def test_known_shifts_are_measured_and_counted() -> None:
    one = a_set()
    xy = one.xy.copy()
    xy[0, :, 1] += [3.0, 4.0]
    xy[1, 20, 2] += [0.0, 80.0]
    xy[1, :5, 0] = np.nan
    other = replace(one, xy=xy)
    found = compare_poses(one, other, ("a", "b"))
    rows = {(row.view, row.keypoint): row for row in found.rows}
    assert rows["top", "nose"].median == rows["top", "nose"].largest == 0.0
    assert rows["top", "ear"].median == pytest.approx(5.0, abs=1e-4)
    assert rows["side", "tail"].frame == 20
    assert rows["side", "tail"].largest == pytest.approx(80.0, abs=1e-3)
    assert rows["side", "tail"].above == 1
    blank = rows["side", "nose"]
    assert (blank.both, blank.only_first, blank.only_second, blank.neither) == (45, 5, 0, 0)
    assert found.shift[0, 0, 1] == pytest.approx([3.0, 4.0], abs=1e-4)
    assert np.isnan(found.distance[1, :5, 0]).all()
    assert found.worst_frames(1) == (20,)


def test_other_orders_and_lengths() -> None:
    one = a_set()
    other = Poses2D(
        one.xy[::-1, :40][:, :, [2, 0]],
        one.likelihood[::-1, :40][:, :, [2, 0]],
        ("side", "top"),
        ("tail", "nose"),
    )
    found = compare_poses(one, other)
    assert (found.views, found.keypoints) == (("top", "side"), ("nose", "tail"))
    assert np.nanmax(found.distance) == 0.0
    assert [row.only_first for row in found.rows] == [10] * 4


def test_nothing_in_common() -> None:
    one = a_set()
    with pytest.raises(PoseDataError, match="no view in common"):
        compare_poses(one, replace(one, views=("left", "right")))
    with pytest.raises(PoseDataError, match="no keypoint in common"):
        compare_poses(one, replace(one, keypoints=("a", "b", "c")))


def test_before_and_after_smoothing() -> None:
    made = recording(4, 31)
    found = compare_smoothing(made.result)
    (view,) = np.flatnonzero(made.truth.lost.any(axis=1))
    worst = found.worst_frames(5)
    assert any(made.truth.lost[view, frame] for frame in worst)
    stream = io.StringIO()
    write_comparison(stream, "day1", found)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 4 * len(found.keypoints)
    assert lines[0].startswith(
        f"day1,raw,smoothed,{found.views[0]},{found.keypoints[0]},1500,0,0,0,"
    )
