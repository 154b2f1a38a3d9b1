"""A camera a few px away from its calibration is named, and errors of networks are not."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pose3d.core.calibration.lint.data_lint import check_rig_against
from napari_pose3d.core.calibration.lint.turned_camera import find_turned_camera
from napari_pose3d.synthetic.board.board_observations import ring_of_cameras
from napari_pose3d.synthetic.shared_points import simulate_points, turned

RIG = ring_of_cameras(6, focal=1400, distance=600, arc=2.5, seed=1)
XY = simulate_points(RIG, 300, bias=1.5, seed=1).xy


@pytest.mark.parametrize("view", [1, 4])
def test_a_camera_that_is_turned_by_some_px_is_named(view: int) -> None:
    bad = turned(RIG, view, 0.18, (0.8, 0.6, 0.0))
    (finding,) = [
        each for each in check_rig_against(bad, XY, clocks=False) if each.severity != "note"
    ]
    assert RIG.names[view] in finding.cameras
    assert len(finding.cameras) <= 2
    assert "turned against its calibration" in finding.problem
    assert finding.evidence["moved_px"] == pytest.approx(4.4, abs=1.0)
    assert finding.remedy is not None
    assert finding.remedy.kind == "refine"


@pytest.mark.parametrize("n_cameras", [2, 3, 4])
def test_errors_of_keypoints_that_stay_are_no_turned_camera(n_cameras: int) -> None:
    for seed in range(3):
        rig = ring_of_cameras(n_cameras, focal=1400, distance=600, arc=2.5, seed=seed)
        xy = simulate_points(rig, 240, bias=1.5, seed=seed).xy
        own = np.random.default_rng(seed).standard_normal((n_cameras, 1, xy.shape[2], 2))
        assert find_turned_camera(rig, xy) is None
        assert find_turned_camera(rig, xy + 1.5 * own) is None


def test_little_data_say_nothing() -> None:
    bad = turned(RIG, 1, 0.18, (0.8, 0.6, 0.0))
    assert find_turned_camera(bad, XY[:, :100]) is None
    assert find_turned_camera(bad, XY[:, :, :2]) is None
    assert find_turned_camera(bad, np.full_like(XY, np.nan)) is None
