"""A camera bumped during a recording is named with its frame; clean recordings raise nothing."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pose3d.core.calibration.lint.bump import find_bump
from napari_pose3d.core.calibration.lint.data_lint import check_rig_against
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.synthetic.board.board_observations import ring_of_cameras
from napari_pose3d.synthetic.shared_points import simulate_points, turned


def recording(
    n_cameras: int,
    seed: int,
    degrees: float = 0.0,
    *,
    bias: float = 1.5,
    n_frames: int = 500,
    frame: int = 240,
) -> tuple[Rig, np.ndarray]:
    """Camera 1 is turned by so many degrees from a frame on."""
    rig = ring_of_cameras(n_cameras, focal=1400, distance=600, arc=2.5, seed=seed)
    xy = simulate_points(rig, n_frames, bias=bias, seed=seed).xy
    if degrees:
        moved = turned(rig, 1, degrees, (0.6, 1.0, 0.2))
        xy[1, frame:] = simulate_points(moved, n_frames, bias=bias, seed=seed).xy[1, frame:]
    return rig, xy


@pytest.mark.parametrize("bias", [0.0, 1.5])
@pytest.mark.parametrize("n_cameras", [4, 6, 12])
def test_a_bump_of_a_fifth_of_a_degree(n_cameras: int, bias: float) -> None:
    for seed in range(3):
        rig, xy = recording(n_cameras, seed, 0.2, bias=bias)
        bump = find_bump(rig, xy)
        assert bump is not None
        assert bump.cameras == ("cam1",)
        assert bump.frame == pytest.approx(240, abs=5)
        assert bump.moved_px == pytest.approx(5, abs=2)
        assert bump.degrees == pytest.approx(0.2, abs=0.08)


def test_of_three_cameras_the_bumped_one_is_always_among_the_named() -> None:
    """About axes that make another camera explain it nearly as well, or better."""
    for seed, view, frame, axis in (
        (29, 1, 434, (0.44, 0.49, 0.75)),
        (3, 0, 175, (-0.08, -0.96, -0.27)),
        (20, 2, 331, (-0.24, -0.87, -0.44)),
    ):
        rig = ring_of_cameras(3, focal=1400, distance=600, arc=2.5, seed=seed)
        xy = simulate_points(rig, 600, seed=seed).xy
        moved = turned(rig, view, 0.2, axis)
        xy[view, frame:] = simulate_points(moved, 600, seed=seed).xy[view, frame:]
        bump = find_bump(rig, xy)
        assert bump is not None
        assert rig.names[view] in bump.cameras
        assert len(bump.cameras) < 3
        assert bump.frame == pytest.approx(frame, abs=20)


def test_a_camera_that_mostly_rolls_is_named() -> None:
    """About its axis a turn of 0.2 degrees moves points by half as much as about another."""
    for seed, n_cameras, view, frame in ((23, 12, 3, 235), (10, 6, 4, 137)):
        rig = ring_of_cameras(n_cameras, focal=1400, distance=600, arc=2 * np.pi, seed=seed)
        xy = simulate_points(rig, 600, bias=1.5, seed=seed).xy
        moved = turned(rig, view, 0.2, (0.4, 0.3, -0.87))
        xy[view, frame:] = simulate_points(moved, 600, bias=1.5, seed=seed).xy[view, frame:]
        bump = find_bump(rig, xy)
        assert bump is not None
        assert bump.cameras == (rig.names[view],)


@pytest.mark.parametrize("n_cameras", [2, 3, 4, 6, 12])
def test_clean_recordings_raise_nothing(n_cameras: int) -> None:
    for seed in range(5):
        assert find_bump(*recording(n_cameras, seed)) is None


def test_of_two_cameras_either_may_have_moved() -> None:
    rig, xy = recording(2, 3, 1.0)
    bump = find_bump(rig, xy)
    assert bump is not None
    assert bump.cameras == ("cam0", "cam1")


def test_what_does_not_last_is_no_bump() -> None:
    rig, xy = recording(4, 1)
    xy[1, 200:230] += 6.0
    assert find_bump(rig, xy) is None


def test_a_posture_is_no_bump() -> None:
    """A third of the keypoints is seen elsewhere in one view from a frame on."""
    rig, xy = recording(4, 2)
    xy[1, 240:, 0::3] += 15.0
    assert find_bump(rig, xy) is None


def test_long_recordings_are_thinned_out_and_the_frame_is_exact() -> None:
    rig, xy = recording(4, 1, 0.5, n_frames=9000, frame=6123, bias=0.0)
    bump = find_bump(rig, xy)
    assert bump is not None
    assert bump.cameras == ("cam1",)
    assert bump.frame == pytest.approx(6123, abs=5)


def test_short_or_empty_recordings_say_nothing() -> None:
    rig, xy = recording(4, 1, n_frames=500)
    assert find_bump(rig, xy[:, :60]) is None
    assert find_bump(rig, np.full_like(xy, np.nan)) is None
    xy[:, 100:400] = np.nan
    assert find_bump(rig, xy) is None


def test_check_says_what_to_do() -> None:
    rig, xy = recording(4, 0, 0.4)
    (finding,) = [each for each in check_rig_against(rig, xy) if "moved near frame" in each.problem]
    assert finding.cameras == ("cam1",)
    assert finding.evidence["frame"] == pytest.approx(240, abs=5)
    assert "refine" in finding.todo
