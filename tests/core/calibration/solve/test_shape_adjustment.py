"""The board's shape among the unknowns of the adjustment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from napari_pose3d.core.calibration.board.board import Board
from napari_pose3d.core.calibration.board.shape_adjustment import (
    Shaped,
    _shape_block,
    adjust_shape,
)
from napari_pose3d.core.calibration.solve.bundle_adjustment import Freedom, Loss, cost_of
from napari_pose3d.core.calibration.solve.rig_solution import Solution, solve_rig
from napari_pose3d.core.calibration.solve.rig_state import INTRINSICS, N_CAMERA, weak_priors
from napari_pose3d.synthetic.board.board_observations import ring_of_cameras, simulate_board

FLAT = Board(8, 6, 30.0, marker=20.0)
BEND, SADDLE = 1.5, -0.4  # mm


def modes() -> np.ndarray:
    """A cylinder and a twist, 1 mm large."""
    points = FLAT.points
    x, y = ((points - points.mean(axis=0)) / np.ptp(points, axis=0).clip(1))[:, :2].T * 2
    plane = np.column_stack([np.ones_like(x), x, y])
    out = np.zeros((2, len(points), 3))
    for mode, height in zip(out, (x * x, x * y), strict=True):
        rest = height - plane @ np.linalg.lstsq(plane, height, rcond=None)[0]
        mode[:, 2] = rest / np.abs(rest).max()
    return out


class BentBoard(Board):
    """As it is, not as it is described."""

    @property
    def points(self) -> np.ndarray:
        return super().points + np.einsum("m,mki->ki", [BEND, SADDLE], modes())


@pytest.fixture(scope="module")
def bent() -> Solution:
    board = BentBoard(8, 6, 30.0, marker=20.0)
    made = simulate_board(ring_of_cameras(3, arc=2.0), board, 80, clocks=(0, 0.4, 0), seed=3)
    return solve_rig(replace(made.observations, board=FLAT))


def adjusted(solution: Solution, sd: float = 5.0) -> Shaped:
    state = solution.state
    free = solution.free.reshape(state.n_views, N_CAMERA)
    values = np.zeros(2)
    for scale in (5.0, 0.5):
        found = adjust_shape(
            state,
            solution.images,
            Freedom(free[:, 0], free[:, INTRINSICS], free[:, -1]),
            Loss(scale),
            modes(),
            values,
            np.full(2, sd),
            priors=weak_priors(state.intrinsics, solution.observations.sizes, state.fisheye),
            motion=solution.motion,
        )
        state, values = found.state, found.values
    return found


def test_a_bent_board_is_found_with_the_cameras_and_its_certainty(bent: Solution) -> None:
    with threadpool_limits(1):
        found = adjusted(bent)
    sd = 0.1 * np.sqrt(np.diag(found.covariance))
    assert found.values == pytest.approx([BEND, SADDLE], abs=0.1)
    assert (sd > 1e-3).all()
    assert (sd < 0.03).all()
    with threadpool_limits(2):
        again = adjusted(bent)
    assert np.array_equal(again.values, found.values)
    assert np.array_equal(again.state.translations, found.state.translations)


def test_a_prior_holds_what_it_is_sure_of(bent: Solution) -> None:
    assert np.abs(adjusted(bent, sd=1e-5).values).max() < 1e-3


def test_the_gradient_by_the_shape_is_that_of_the_cost(bent: Solution) -> None:
    state, motion, loss = bent.state, bent.motion, Loss(2.0)
    block = _shape_block(state, bent.images, motion, loss, modes())

    def cost(step: np.ndarray) -> float:
        points = bent.images.points + np.einsum("m,mki->ki", step, modes())
        return cost_of(state, replace(bent.images, points=points), motion, loss, None)

    for i, unit in enumerate(1e-3 * np.eye(2)):
        # Normal equations are those of half the cost.
        slope = (cost(unit) - cost(-unit)) / 2e-3 / 2
        assert block.gradient[i] == pytest.approx(slope, rel=1e-3)
