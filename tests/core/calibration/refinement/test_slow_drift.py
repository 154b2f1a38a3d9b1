"""A camera that turns slowly during a recording is named; clean recordings and bumps are not."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pose3d.core.calibration.lint.data_lint import check_rig_against
from napari_pose3d.core.calibration.lint.slow_drift import find_drift
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.synthetic.board.board_observations import ring_of_cameras
from napari_pose3d.synthetic.shared_points import simulate_points, turned

N_FRAMES = 480
AXIS = (0.8, 0.6, 0.1)  # mostly across the line of sight


def rig_of(n_cameras: int) -> Rig:
    arc = 2 * np.pi if n_cameras > 4 else 2.5
    return ring_of_cameras(n_cameras, focal=1400, distance=600, arc=arc)


def drifting(
    rig: Rig, view: int, degrees: float, bias: float, seed: int
) -> tuple[np.ndarray, float]:
    """Points whose view turns by some degrees until the end, and how far that moves them, px."""
    scene = simulate_points(rig, N_FRAMES, bias=bias, seed=seed)
    xy, still = scene.xy, rig.project(scene.xyz)[view]
    for frame in range(N_FRAMES):
        there = turned(rig, view, degrees * frame / N_FRAMES, AXIS).project(scene.xyz[frame])[view]
        xy[view, frame] += there - still[frame]
    end = turned(rig, view, degrees, AXIS).project(scene.xyz)[view] - still
    return xy, float(np.median(np.linalg.norm(end, axis=-1)))


@pytest.mark.parametrize(("n_cameras", "view"), [(3, 2), (4, 1), (6, 3)])
def test_a_camera_that_turns_slowly_is_named(n_cameras: int, view: int) -> None:
    rig = rig_of(n_cameras)
    xy, moved = drifting(rig, view, 0.5, 1.0, seed=view)
    found = find_drift(rig, xy)
    assert found is not None
    assert rig.names[view] in found.cameras
    assert found.moved_px == pytest.approx(moved, rel=0.35)
    if n_cameras > 3:
        assert found.cameras == (rig.names[view],)


def test_of_two_cameras_the_pair_is_named_and_the_limits_are_said() -> None:
    rig = rig_of(2)
    xy, _ = drifting(rig, 1, 0.6, 0.5, seed=1)
    findings = [each for each in check_rig_against(rig, xy) if "turned slowly" in each.problem]
    assert len(findings) == 1
    assert findings[0].cameras == rig.names
    assert "epipolar lines" in findings[0].problem
    assert findings[0].evidence["drift_px"] > 2


@pytest.mark.parametrize("n_cameras", [2, 3, 4, 6])
def test_nothing_is_said_of_cameras_that_stay(n_cameras: int) -> None:
    rig = rig_of(n_cameras)
    for seed in range(3):
        assert find_drift(rig, simulate_points(rig, N_FRAMES, bias=1.5, seed=seed).xy) is None


def test_a_keypoint_that_wanders_is_no_camera() -> None:
    rig = rig_of(4)
    xy = simulate_points(rig, N_FRAMES, seed=4).xy
    xy[2, :, 3] += np.linspace(0, 40, N_FRAMES)[:, None]
    assert find_drift(rig, xy) is None


def test_short_recordings_say_nothing() -> None:
    rig = rig_of(3)
    assert find_drift(rig, simulate_points(rig, 60).xy) is None
