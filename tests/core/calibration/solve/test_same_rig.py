"""The same rig to the last bit however many threads there are, and never a mirrored one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import threadpoolctl
from scipy.spatial.transform import Rotation

from napari_pose3d.core.calibration.board.board import Board
from napari_pose3d.core.calibration.board.observations import BoardObservations
from napari_pose3d.core.calibration.evaluation import rig_of
from napari_pose3d.core.calibration.solve.rig_solution import solve_rig
from napari_pose3d.core.calibration.solve.rotations import angle_between
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.synthetic.board.board_observations import ring_of_cameras, simulate_board

BOARD = Board(6, 5, 25.0, marker=18.0)


def rig_from(observations: BoardObservations) -> Rig:
    solution = solve_rig(observations, clocks=False)
    return rig_of(solution.state, solution.observations)


def assert_same(first: Rig, second: Rig) -> None:
    for a, b in zip(first.cameras, second.cameras, strict=True):
        for name in ("rotation", "translation", "matrix", "distortion"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_any_number_of_threads_and_any_order_in_memory() -> None:
    board = Board(8, 6, 30.0, marker=20.0)
    made = simulate_board(ring_of_cameras(8), board, 100, seed=2).observations
    with threadpoolctl.threadpool_limits(1):
        first = rig_from(made)
        assert_same(first, rig_from(replace(made, xy=np.asfortranarray(made.xy))))
    with threadpoolctl.threadpool_limits(2):
        assert_same(first, rig_from(made))


def near_planar(seed: int, n_frames: int = 12) -> tuple[BoardObservations, Rig]:
    """A board that is hardly tilted before three long lenses close together, 0.3 px of noise."""
    rng = np.random.default_rng(seed)
    focal = float(rng.choice([2000, 6000, 15000]))
    distance = 0.4 * focal
    rig = ring_of_cameras(3, focal=focal, distance=distance, arc=0.7, seed=seed)
    middle = BOARD.points.mean(axis=0)
    # Before the middle camera, seen from the front.
    facing = rig.cameras[1].rotation.T
    xy = np.full((3, n_frames, BOARD.n_corners, 2), np.nan)
    for frame in range(n_frames):
        axis = rng.standard_normal(3) * (1, 1, 0.5)
        tilt = Rotation.from_rotvec(np.radians(rng.uniform(2, 14)) * axis / np.linalg.norm(axis))
        place = facing @ (rng.uniform(-1, 1, 3) * (60, 40, 40))
        world = (BOARD.points - middle) @ (facing @ tilt.as_matrix()).T + place
        xy[:, frame] = rig.project(world)
    xy += 0.3 * rng.standard_normal(xy.shape)
    sizes = tuple(camera.size or (1280, 960) for camera in rig.cameras)
    # Single shots: neighbours in time tell nothing.
    frames = 10 * np.arange(n_frames)
    return BoardObservations(BOARD, rig.names, sizes, frames, xy), rig


def is_mirrored(seed: int) -> bool:
    """Whether a pair of cameras is turned the other way round."""
    observations, true = near_planar(seed)
    found = solve_rig(observations, clocks=False, intrinsics=_intrinsics(true))
    rig = rig_of(found.state, found.observations)
    worst = 0.0
    for camera, real in zip(rig.cameras[1:], true.cameras[1:], strict=True):
        relative = camera.rotation @ rig.cameras[0].rotation.T
        wanted = real.rotation @ true.cameras[0].rotation.T
        worst = max(worst, float(np.degrees(angle_between(relative, wanted))))
    return worst > 5.0


def _intrinsics(rig: Rig) -> np.ndarray:
    rows = np.zeros((len(rig.cameras), 9))
    for row, camera in zip(rows, rig.cameras, strict=True):
        m = camera.matrix
        row[:4] = m[0, 0], m[1, 1], m[0, 2], m[1, 2]
        row[4:] = camera.distortion
    return rows


def test_no_mirrored_world_among_some_near_planar_boards() -> None:
    assert [seed for seed in range(10) if is_mirrored(seed)] == []


@pytest.mark.slow
def test_no_mirrored_world_among_a_thousand_near_planar_boards() -> None:
    assert [seed for seed in range(1000) if is_mirrored(seed)] == []
