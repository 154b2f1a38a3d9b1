"""Recordings that are not as they were described: lags, backs, mirrors, boards without a corner."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_pose3d.core.calibration.board.board import Board
from napari_pose3d.core.calibration.board.corner_order import in_one_order, same_looking_orders
from napari_pose3d.core.calibration.board.layout import UNKNOWN_THICKNESS
from napari_pose3d.core.calibration.board.observations import BoardObservations
from napari_pose3d.core.calibration.rig_calibration import calibrate
from napari_pose3d.core.calibration.solve.clocks.start_lags import lags_by_turning
from napari_pose3d.core.calibration.solve.rig_solution import solve_rig
from napari_pose3d.core.calibration.solve.rotations import rotation_of
from napari_pose3d.errors import PoseDataError
from napari_pose3d.synthetic.board.board_observations import ring_of_cameras, simulate_board

BOARD = Board(8, 6, 30.0, marker=20.0, dictionary="DICT_4X4_1000")
RIG = ring_of_cameras(4, arc=2.5)
# More of what others of the same test guard.
SLOW = pytest.mark.slow


def behind(thickness: float, seed: int = 0) -> BoardObservations:
    """Camera 3 sees the back only, the others the front; nobody said how thick the board is."""
    board = replace(BOARD, thickness=thickness)
    # All around: somebody has to see the back.
    made = simulate_board(ring_of_cameras(4), board, 160, seed=seed).observations
    xy, half = made.xy.copy(), board.n_face_corners
    xy[:3, :, half:] = np.nan
    xy[3, :, :half] = np.nan
    return replace(made, board=replace(board, thickness=UNKNOWN_THICKNESS), xy=xy)


@pytest.mark.parametrize("thickness", [3.0, pytest.param(12.0, marks=SLOW)])
def test_the_thickness_of_a_board_is_found(thickness: float) -> None:
    found = calibrate(behind(thickness), judge=False)
    # The standard error is 0.4 mm: few frames show both faces.
    assert found.observations.board.thickness == pytest.approx(thickness, abs=1.2)
    assert f"the board is {found.observations.board.thickness:.1f} mm thick" in found.notes[0]
    assert found.one_clock.board.median < 0.15
    # No corner of its face is seen by another camera: that is no fault of the rig.
    assert not any("triangulated" in text for each in found.verdicts for _, text in each.findings)


def test_the_back_of_a_thin_board_is_its_front() -> None:
    found = calibrate(behind(1e-3), judge=False)
    assert found.observations.board.thickness == 0
    assert "thin" in found.notes[0]
    # Corners that the camera behind the board sees are triangulated with those of the others.
    assert found.one_clock.triangulated_by_view["cam3"].n > 100
    assert found.one_clock.triangulated_by_view["cam3"].median < 0.2


def test_a_mirrored_video_is_not_taken_for_the_back_of_the_board() -> None:
    made = simulate_board(RIG, BOARD, 120, seed=9).observations
    half = BOARD.n_face_corners
    xy = np.full((4, len(made.frames), 2 * half, 2), np.nan)
    xy[:, :, :half] = made.xy
    width = made.sizes[2][0]
    # As detection gives it: the mirrored image holds the corners of the back.
    xy[2, :, half:] = [width - 1, 0] + made.xy[2] * [-1, 1]
    xy[2, :, :half] = np.nan
    board = replace(BOARD, thickness=UNKNOWN_THICKNESS)
    with pytest.raises(PoseDataError, match="video of view cam2 is mirrored left and right"):
        calibrate(replace(made, board=board, xy=xy), judge=False)


def test_recordings_that_began_seconds_apart_are_brought_together() -> None:
    made = simulate_board(RIG, BOARD, 300, clocks=(0.0, 45.0, -31.0, 12.4), seed=3)
    found = solve_rig(made.observations)
    np.testing.assert_allclose(found.clocks, [0.0, 45.0, -31.0, 12.4], atol=0.02)


def test_lags_are_found_through_gaps_and_not_where_nothing_is_alike() -> None:
    rng = np.random.default_rng(0)
    steps = np.cumsum(rng.standard_normal((400, 3)), axis=0)
    smooth = np.stack([np.convolve(each, np.ones(9) / 9, "same") for each in steps.T], axis=1)
    rotations = rotation_of(0.05 * smooth)
    frames = np.arange(400)
    kept = rng.random(400) > 0.2
    turned = rotation_of(np.array([0.3, 1.0, -2.0])) @ rotations
    lags = lags_by_turning((frames[:300], frames[kept] + 57), (rotations[:300], turned[kept]))
    assert lags[0] == 57
    other = rotation_of(0.05 * np.cumsum(rng.standard_normal((400, 3)), axis=0))
    assert 57 not in lags_by_turning((frames, frames + 57), (rotations, other))
    assert lags_by_turning((frames[:10], frames[:10]), (rotations[:10], rotations[:10])) == ()


def of_another_day(seed: int) -> BoardObservations:
    """Camera 1 has the video of another recording."""
    made = simulate_board(RIG, BOARD, 120, seed=9).observations
    xy = made.xy.copy()
    xy[1] = simulate_board(RIG, BOARD, 120, seed=seed).observations.xy[1]
    return replace(made, xy=xy)


def test_a_recording_of_another_day_is_refused_by_name() -> None:
    with pytest.raises(PoseDataError, match=r"no arrangement of the cameras .*cam1 \("):
        calibrate(of_another_day(5), judge=False)


def test_a_recording_of_another_day_that_nearly_fits_is_poor_by_name() -> None:
    found = calibrate(of_another_day(3), judge=False)
    assert [each.view for each in found.verdicts if each.grade == "poor"] == ["cam1"]
    assert "the videos do not belong together" in found.verdicts[1].findings[0][1]


@pytest.mark.parametrize(
    ("columns", "rows", "orders"), [(8, 6, 2), (7, 5, 2), (7, 7, 4), (7, 6, 1), (8, 5, 1)]
)
def test_patterns_that_look_the_same_turned(columns: int, rows: int, orders: int) -> None:
    board = Board(columns, rows, 30.0, kind="checkerboard")
    found = same_looking_orders(board)
    assert len(found) == orders
    middle = board.points.mean(axis=0)
    for order in found:
        # The same places, turned about the middle of the board.
        moved = board.points[order] - middle
        turn, *_ = np.linalg.lstsq(board.points - middle, moved, rcond=None)
        np.testing.assert_allclose(moved, (board.points - middle) @ turn, atol=1e-9)
        assert abs(np.linalg.det(turn[:2, :2]) - 1) < 1e-9


@pytest.mark.parametrize(("columns", "rows"), [pytest.param(8, 6, marks=SLOW), (7, 7)])
def test_images_of_a_symmetric_checkerboard_are_numbered_alike(columns: int, rows: int) -> None:
    board = Board(columns, rows, 30.0, kind="checkerboard")
    made = simulate_board(RIG, board, 150, clocks=(0.0, 0.4, -1.3, 0.0), seed=2).observations
    orders = same_looking_orders(board)
    rng = np.random.default_rng(4)
    xy = made.xy.copy()
    # A checkerboard is found whole or not at all; each camera begins where it likes, for a while.
    xy[~np.isfinite(xy).all(axis=(2, 3))] = np.nan
    for view in range(4):
        choice = 0
        for frame in range(150):
            if frame % 17 == view:
                choice = int(rng.integers(len(orders)))
            xy[view, frame] = xy[view, frame][orders[choice]]
    mixed = replace(made, xy=xy)
    found = calibrate(mixed, judge=False)
    assert found.one_clock.lengths.mean < 0.5
    assert found.one_clock.triangulated.median < 0.2
    np.testing.assert_allclose(found.solution.clocks, [0.0, 0.4, -1.3, 0.0], atol=0.05)


def test_other_boards_keep_the_order_of_their_corners() -> None:
    made = simulate_board(RIG, BOARD, 40).observations
    assert in_one_order(made) is made


def test_a_lag_that_grows_is_said_and_allowed_for() -> None:
    made = simulate_board(RIG, BOARD, 160, rates=(0.0, 0.0, 0.004, 0.0), seed=9).observations
    found = calibrate(made, judge=False, frame_rate=30.0)
    span = int(np.ptp(found.solution.observations.frames))
    np.testing.assert_allclose(span * found.solution.lags.growth, [0, 0, 0.64, 0], atol=0.05)
    (note,) = [note for note in found.notes if "the lag of camera cam2 grows by +0.6" in note]
    assert "% lower than that of cam0" in note
    per_frame = float(note.split(" one frame in ")[1].split(",")[0])
    assert per_frame == pytest.approx(250, rel=0.1)
    assert float(note.split(" frames per minute")[0].split()[-1]) == pytest.approx(7.2, rel=0.1)
    assert "timestamps" in note
    jittering = simulate_board(RIG, BOARD, 160, jitter=0.02, seed=9).observations
    steady = calibrate(jittering, judge=False)
    assert steady.solution.lags.is_constant.all()
    assert not any("lag of camera" in note for note in steady.notes)
    # As good as cameras on one clock.
    assert found.one_clock.board.median < 0.15
    assert "cam2" not in found.solution.steady_clocks


def test_frames_that_a_camera_lost_are_found() -> None:
    made = simulate_board(RIG, BOARD, 240, seed=9).observations
    xy = made.xy.copy()
    # Camera 3 loses a frame: from there on its video shows later instants.
    xy[3, 120:-1] = xy[3, 121:]
    found = solve_rig(replace(made, xy=xy).of_frames(np.arange(240) < 239))
    ((view, frames),) = [(jump.view, jump.frames) for jump in found.lags.jumps]
    assert (view, frames) == (3, -1)
    # The camera sees the board rarely there.
    assert abs(found.lags.jumps[0].frame - 120) < 40
    assert found.noise < 0.12
    np.testing.assert_array_equal(found.lags.is_constant, [True, True, True, False])


def test_two_cameras_of_other_frame_rates_that_jitter() -> None:
    rig = ring_of_cameras(2, arc=2.0)
    options = {"clocks": (0, 0.7), "jitter": 0.04, "noise": 0.2, "seed": 1}
    made = simulate_board(rig, BOARD, 400, rates=(0, 0.0075), **options).observations
    found = solve_rig(made)
    assert 400 * found.lags.growth[1] == pytest.approx(3.0, abs=0.1)
    assert found.lags.offsets[1] == pytest.approx(0.7, abs=0.1)
