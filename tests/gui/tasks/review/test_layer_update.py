"""What layers show after a correction: the positions of the corrected result, raw and smoothed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.support.recordings.review_scenes import PLANTED, recording

from napari_pose3d import smooth
from napari_pose3d.core.pipeline.raw_points import raw_points
from napari_pose3d.core.poses.certain import Cell
from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.smoothing.certain.local_update import LiveCorrections
from napari_pose3d.gui.layers.layer_poses import LayerPoses
from napari_pose3d.gui.tasks.review.corrections.layer_update import write_stretch


@pytest.mark.parametrize("n_cameras", [2, 3])
def test_raw_points_in_space_meet_at_the_truth_where_a_view_was_corrected(n_cameras: int) -> None:
    """Only in the frames that were corrected; taken back, they are bit by bit what they were."""
    made = recording(n_cameras, 31, 800, PLANTED)
    scene, rig = made.scene, made.scene.rig
    result = smooth(made.ensemble, rig)
    session = Session("recording", Path(), rig.names)
    v = int(np.flatnonzero(made.truth.lost.any(axis=1))[0])
    k = 3
    frames = np.flatnonzero(made.truth.lost[v])[10:60:10]
    true = rig.project(scene.xyz)[v, frames, k]
    given = {
        Cell(rig.names[v], int(frame), scene.keypoints[k]): (x, y)
        for frame, (x, y) in zip(frames, true.tolist(), strict=True)
    }
    assert result.poses3d is not None
    whole = raw_points(result.poses2d, rig, result.poses3d.xyz)
    assert whole is not None
    raw = LayerPoses(whole.copy(), scene.keypoints, "raw")
    smoothed = LayerPoses(result.poses3d.xyz.copy(), scene.keypoints, "smoothed")
    other = LayerPoses(whole.copy(), ("somebody else",), "raw")

    def follow(corrections: dict[Cell, tuple[float, float]]) -> None:
        stretches = live.follow(corrections)
        assert stretches
        for each in stretches:
            assert write_stretch(raw, result, rig, session, each)
            assert write_stretch(smoothed, result, rig, session, each)
            assert not write_stretch(other, result, rig, session, each)

    live = LiveCorrections(result, rig)
    follow(given)
    error = np.linalg.norm(raw.positions[:, k] - scene.xyz[:, k], axis=-1)
    before = np.linalg.norm(whole[:, k] - scene.xyz[:, k], axis=-1)
    assert np.median(before[frames]) > 10.0
    assert error[frames].max() < 5.0
    changed = (raw.positions != whole).any(axis=-1) & np.isfinite(whole).all(axis=-1)
    assert set(zip(*np.nonzero(changed), strict=True)) <= {(frame, k) for frame in frames}
    np.testing.assert_array_equal(smoothed.positions, result.poses3d.xyz)

    follow({})
    np.testing.assert_array_equal(raw.positions, whole)
    np.testing.assert_array_equal(smoothed.positions, result.poses3d.xyz)
