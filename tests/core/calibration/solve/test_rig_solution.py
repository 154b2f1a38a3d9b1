"""Calibration on scenes whose cameras and clocks are known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_pose3d.core.calibration.board.board import Board
from napari_pose3d.core.calibration.evaluation import at_one_clock, hold_out, measure, rig_of
from napari_pose3d.core.calibration.jitter import estimate_jitter
from napari_pose3d.core.calibration.solve.bundle_adjustment import Freedom, Loss, adjust, costs_of
from napari_pose3d.core.calibration.solve.lens import FX, FY, K1, N_INTRINSICS
from napari_pose3d.core.calibration.solve.rig_solution import Solution, _alike, solve_rig
from napari_pose3d.core.calibration.solve.rig_state import N_CAMERA
from napari_pose3d.core.calibration.solve.rotations import rotation_of
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.synthetic.board.board_observations import (
    BoardScene,
    ring_of_cameras,
    simulate_board,
)

BOARD = Board(8, 6, 30.0, marker=20.0)


def scene(n_cameras: int = 4, n_frames: int = 120, **options: Any) -> BoardScene:
    cameras = {k: options.pop(k) for k in ("focal", "distance", "fisheye") if k in options}
    return simulate_board(ring_of_cameras(n_cameras, **cameras), BOARD, n_frames, **options)


def error_in_space(found: Rig, true: Rig, reach: float = 250.0) -> float:
    """Median distance, mm, of points triangulated with the found rig, after a rigid alignment."""
    points = np.random.default_rng(0).uniform(-reach, reach, (400, 3))
    estimated = triangulate(found, true.project(points)).xyz
    a, b = estimated - estimated.mean(axis=0), points - points.mean(axis=0)
    u, _, vt = np.linalg.svd(a.T @ b)
    turn = u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt
    return float(np.median(np.linalg.norm(a @ turn - b, axis=1)))


def rig_from(solution: Solution) -> Rig:
    return rig_of(solution.state, solution.observations)


@pytest.fixture(scope="module")
def lagging() -> tuple[BoardScene, Solution]:
    made = scene(clocks=(0, 0.75, -0.3, 1.6))
    return made, solve_rig(made.observations)


def test_cameras_and_clocks_are_found(lagging: tuple[BoardScene, Solution]) -> None:
    made, solution = lagging
    np.testing.assert_allclose(solution.clocks, made.clocks, atol=0.02)
    assert (np.abs(solution.clocks - made.clocks)[1:] < 6 * solution.clock_sd[1:]).all()
    assert error_in_space(rig_from(solution), made.rig) < 0.1
    assert solution.noise == pytest.approx(0.1, abs=0.02)


def test_whole_frames_between_cameras_are_found() -> None:
    made = scene(n_frames=160, clocks=(0, 2.2, -1.4, 0.4))
    solution = solve_rig(made.observations)
    np.testing.assert_allclose(solution.clocks, made.clocks, atol=0.02)


def test_without_clocks_the_rig_bends_and_the_measures_show_it(
    lagging: tuple[BoardScene, Solution],
) -> None:
    made, solution = lagging
    blind = solve_rig(made.observations, clocks=False)
    assert not np.any(blind.clocks)
    assert error_in_space(rig_from(blind), made.rig) > 10 * error_in_space(
        rig_from(solution), made.rig
    )
    common = at_one_clock(made.observations, solution.lags)
    assert (
        measure(solution.state, common).lengths.mean
        < 0.3 * measure(blind.state, common).lengths.mean
    )


def test_clocks_that_agree_stay_zero() -> None:
    made = scene()
    solution = solve_rig(made.observations)
    assert not np.any(solution.clocks)
    assert error_in_space(rig_from(solution), made.rig) < 0.1


def test_single_shots_tell_no_clock() -> None:
    made = scene(clocks=(0, 0.5, 0, 0))
    apart = replace(made.observations, frames=10 * made.observations.frames)
    solution = solve_rig(apart)
    assert not np.any(solution.clocks)
    assert "moves" in solution.clock_note


@pytest.mark.parametrize("focal", [pytest.param(10_000.0, marks=pytest.mark.slow), 30_000.0])
def test_long_lenses_whose_poses_are_ambiguous(focal: float) -> None:
    # Few images of the first camera: its principal point went 170 px astray with its direction.
    rig = ring_of_cameras(4, focal=focal, distance=focal, seed=10)
    made = simulate_board(rig, BOARD, 200, seed=10)
    solution = solve_rig(made.observations)
    assert error_in_space(rig_from(solution), made.rig) < 0.15
    relative = solution.state.rotations[1:] @ solution.state.rotations[0].T
    true = np.stack([c.rotation for c in made.rig.cameras])
    wanted = true[1:] @ true[0].T
    angle = np.degrees(
        np.arccos(np.clip((np.einsum("nij,nij->n", relative, wanted) - 1) / 2, -1, 1))
    )
    assert angle.max() < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7, 14])
def test_a_focal_length_that_a_small_board_does_not_tell(seed: int) -> None:
    # The images of the first camera alone gave 85,000 and 45,000 px, and the rest ran away.
    rig = ring_of_cameras(4, focal=30_000.0, distance=30_000.0, seed=seed)
    board = Board(6, 5, 26.6, marker=18.0)
    made = simulate_board(rig, board, 200, noise=0.3, seed=seed)
    solution = solve_rig(made.observations, clocks=False)
    relative = solution.state.rotations[1:] @ solution.state.rotations[0].T
    true = np.stack([c.rotation for c in made.rig.cameras])
    off = relative @ np.swapaxes(true[1:] @ true[0].T, 1, 2)
    assert np.degrees(np.arccos(np.clip((np.trace(off.T) - 1) / 2, -1, 1))).max() < 0.2
    assert solution.noise < 0.29


def test_only_a_focal_length_that_stands_out_is_doubted() -> None:
    lenses = np.zeros((4, N_INTRINSICS))
    lenses[:, [FX, FY]] = np.array([1000.0, 1100, 1200, 1900])[:, None]
    none = np.zeros(4, bool)
    assert _alike(lenses, none) is None
    lenses[3, [FX, FY, K1]] = 8000.0, 8000.0, 30.0
    alike = _alike(lenses, none)
    assert alike is not None
    assert np.array_equal(alike[:, FX], [1150.0] * 4)
    assert alike[3, K1] == 0
    # What is known stays, and two lenses that differ say nothing of which is wrong.
    assert _alike(lenses, np.array([False, False, False, True])) is None
    assert _alike(lenses[2:], none[2:]) is None


def test_fisheye_lenses() -> None:
    made = scene(n_frames=160, fisheye=True, focal=500.0, distance=600.0)
    solution = solve_rig(made.observations, fisheye=True)
    assert error_in_space(rig_from(solution), made.rig, 120.0) < 0.15


def test_the_same_rig_whatever_the_order_of_the_frames(
    lagging: tuple[BoardScene, Solution],
) -> None:
    made, solution = lagging
    order = np.random.default_rng(0).permutation(len(made.observations.frames))
    mixed = replace(
        made.observations, frames=made.observations.frames[order], xy=made.observations.xy[:, order]
    )
    again = solve_rig(mixed)
    for name in ("rotations", "translations", "intrinsics", "clocks"):
        np.testing.assert_array_equal(getattr(again.state, name), getattr(solution.state, name))
    with pytest.raises(PoseDataError, match="twice"):
        replace(made.observations, frames=np.zeros_like(made.observations.frames))


def test_known_intrinsics_stay(lagging: tuple[BoardScene, Solution]) -> None:
    made, _ = lagging
    true = np.stack(
        [
            [c.matrix[0, 0], c.matrix[1, 1], c.matrix[0, 2], c.matrix[1, 2], *c.distortion]
            for c in made.rig.cameras
        ]
    )
    solution = solve_rig(made.observations, intrinsics=true)
    np.testing.assert_array_equal(solution.state.intrinsics, true)
    assert error_in_space(rig_from(solution), made.rig) < 0.05


@pytest.mark.parametrize(("alone", "others"), [(3, "cam0, cam1, cam2"), (0, "cam1, cam2, cam3")])
def test_a_camera_that_shares_no_frame_is_named(alone: int, others: str) -> None:
    made = scene()
    xy = made.observations.xy.copy()
    xy[alone, :60] = np.nan
    xy[np.arange(4) != alone, 60:] = np.nan
    with pytest.raises(
        PoseDataError, match=f"view cam{alone} shares no image .* {others}"
    ) as caught:
        solve_rig(replace(made.observations, xy=xy))
    assert f"where cam{alone} and one of the others see it" in caught.value.todo


def test_cameras_are_chained_through_others() -> None:
    made = scene()
    xy = made.observations.xy.copy()
    # The last camera shares frames with the third only.
    xy[3, :40] = np.nan
    xy[:2, 40:] = np.nan
    solution = solve_rig(replace(made.observations, xy=xy))
    assert error_in_space(rig_from(solution), made.rig) < 1.0


def test_a_camera_that_saw_nothing_is_named() -> None:
    made = scene()
    xy = made.observations.xy.copy()
    xy[2] = np.nan
    with pytest.raises(PoseDataError, match="no image of view cam2"):
        solve_rig(replace(made.observations, xy=xy))


def test_false_corners_do_not_bend_the_rig(lagging: tuple[BoardScene, Solution]) -> None:
    made, _ = lagging
    rng = np.random.default_rng(3)
    xy = made.observations.xy.copy()
    wrong = rng.random(xy.shape[:3]) < 0.02
    xy[wrong] += rng.uniform(-60, 60, (int(wrong.sum()), 2))
    solution = solve_rig(replace(made.observations, xy=xy))
    assert error_in_space(rig_from(solution), made.rig) < 0.2
    np.testing.assert_allclose(solution.clocks, made.clocks, atol=0.02)


def test_blocks_left_out_are_as_good_as_those_used(lagging: tuple[BoardScene, Solution]) -> None:
    made, solution = lagging
    judged = hold_out(made.observations, solution)
    assert judged is not None
    assert judged.one_clock.board.mean < 1.5 * judged.one_clock_used.board.mean
    assert judged.still is not None
    assert judged.still.lengths.mean > 2 * judged.one_clock.lengths.mean


def test_cancelling() -> None:
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls > 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        solve_rig(scene().observations, check=check)


@pytest.mark.parametrize("jitter", [0.0, 0.05])
def test_the_gradient_is_that_of_the_cost(
    lagging: tuple[BoardScene, Solution], jitter: float
) -> None:
    """The step from a displaced state goes back; its normal equations hold the cost's slope."""
    _, solution = lagging
    state, images, motion = solution.state, solution.images, solution.motion
    rng = np.random.default_rng(1)
    moved = replace(
        state,
        rotations=rotation_of(1e-3 * rng.standard_normal((4, 3))) @ state.rotations,
        intrinsics=state.intrinsics + np.array([1, 1, 1, 1, 1e-3, 1e-3, 1e-4, 1e-4, 1e-3]),
    )
    loss = Loss(2.0, jitter)
    no = np.zeros(4, bool)
    everything = Freedom(~no, np.ones((4, 9), bool), ~no)
    back = adjust(moved, images, everything, loss, motion=motion, most_steps=20)
    before = costs_of(moved, images, motion, loss).sum()
    best = costs_of(state, images, motion, loss).sum()
    assert back.cost < before
    assert back.cost < 1.01 * best
    assert back.information.shape == (4 * N_CAMERA, 4 * N_CAMERA)


@pytest.mark.parametrize(
    "board",
    [
        Board(8, 6, 30.0, marker=20.0, thickness=6.0),
        Board(5, 4, 40.0, kind="aruco", marker=28.0),
    ],
    ids=["two-sided", "grid of markers"],
)
def test_other_boards(board: Board) -> None:
    made = simulate_board(ring_of_cameras(4), board, 120, seed=1)
    solution = solve_rig(made.observations)
    assert error_in_space(rig_from(solution), made.rig) < 0.05


def test_a_thickness_that_is_not_known_is_felt() -> None:
    """Both sides of a thick board taken for one plane: the corners fit worse."""
    board = Board(8, 6, 30.0, marker=20.0, thickness=6.0)
    made = simulate_board(ring_of_cameras(4), board, 120, seed=1)
    thin = replace(made.observations, board=replace(board, thickness=0.001))
    assert solve_rig(thin).noise > 1.2 * solve_rig(made.observations).noise


def test_the_instants_of_images_are_estimated_where_they_jitter() -> None:
    made = scene(clocks=(0, 0.4, -0.2, 0.1), jitter=0.04, n_frames=160)
    solution = solve_rig(made.observations)
    jitter = estimate_jitter(solution)
    assert jitter is not None
    # The board's pose takes part of it along, so that rather less is found.
    assert 0.02 < np.nanmean(jitter.frames) < 0.05
    common = measure(solution.state, at_one_clock(made.observations, solution.lags))
    assert jitter.board.median < 0.7 * common.board.median
    assert jitter.board.median == pytest.approx(0.1, abs=0.04)
    still = estimate_jitter(solve_rig(scene(n_frames=160).observations))
    assert still is not None
    assert np.nanmax(still.frames) < 0.01
