"""What a reviewed session tells about its calibration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.support.recordings.review_scenes import CLEAN, recording

from napari_pose3d.core.review.events.events import Event
from napari_pose3d.core.review.events.failures import Failure
from napari_pose3d.core.review.rig_findings import rig_findings

MADE = recording(4, 21, 400, CLEAN)
RIG = MADE.scene.rig


def test_a_calibration_that_fits_has_no_faults_and_its_figures_are_there() -> None:
    found = rig_findings(MADE.result, RIG)
    assert found.faults == ()
    assert [each.camera for each in found.agreement] == list(RIG.names)
    for each in found.agreement:
        assert 0 < each.residual < each.left_out < 2 * each.expected
        assert 0 < each.epipolar < each.left_out
    assert not any("medians" in each.problem for each in found.findings)


def test_a_camera_that_lags_is_named_with_the_frames() -> None:
    made = recording(3, 23, 1000, CLEAN)
    poses = made.result.poses2d
    assert poses.ensemble_median is not None
    raw = poses.ensemble_median.copy()
    raw[2] = np.roll(raw[2], 3, axis=0)
    late = replace(made.result, poses2d=replace(poses, ensemble_median=raw))
    lags = [
        each
        for each in rig_findings(late, made.scene.rig).faults
        if each.evidence.get("lag_frames")
    ]
    (lag,) = lags
    assert lag.cameras == made.scene.rig.names[2:3]
    assert abs(lag.evidence["lag_frames"] - 3) < 0.2
    assert "lag frames" in lag.evidence_text


def test_videos_of_another_size_come_before_what_is_less_grave() -> None:
    sizes = {RIG.names[1]: (640, 512)}
    moved = Event(
        Failure.CAMERA_MOVED,
        MADE.scene.keypoints,
        RIG.names[3:],
        120,
        399,
        120,
        9.0,
        0.3,
        "degrees",
        279,
    )
    first, second = rig_findings(MADE.result, RIG, [moved], image_sizes=sizes).faults
    assert (first.severity, first.cameras) == ("error", RIG.names[1:2])
    assert (second.severity, second.cameras) == ("warning", RIG.names[3:])
    assert "moved near frame 120" in second.problem
    assert second.evidence == {"degrees": 0.3}
