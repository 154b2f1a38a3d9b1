"""A board that is not flat is found out, and a flat one stays flat."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from napari_pose3d.core.calibration import rig_calibration
from napari_pose3d.core.calibration.board.board import Board
from napari_pose3d.core.calibration.board.board_shape import fitted_shape, shape_modes
from napari_pose3d.core.calibration.board.observations import BoardObservations
from napari_pose3d.core.calibration.evaluation import hold_out
from napari_pose3d.core.calibration.report.figures import figures_of
from napari_pose3d.core.calibration.rig_calibration import calibrate
from napari_pose3d.core.calibration.solve.rig_solution import solve_rig
from napari_pose3d.errors import PoseDataError
from napari_pose3d.synthetic.board.board_observations import ring_of_cameras, simulate_board

FLAT = Board(8, 6, 30.0, marker=20.0)
BOWL, SADDLE, STRETCH = 2.0, -0.6, 0.8  # mm


@dataclass(frozen=True)
class BentBoard(Board):
    """As it is, not as it is described."""

    @property
    def points(self) -> np.ndarray:
        modes = shape_modes(FLAT)
        return super().points + BOWL * modes[0] + SADDLE * modes[1] + STRETCH * modes[-2]


def recorded(board: Board, seed: int = 3, n_frames: int = 50) -> BoardObservations:
    rig = ring_of_cameras(3, arc=1.2)
    made = simulate_board(rig, board, n_frames, period=15, seed=seed).observations
    return replace(made, board=FLAT)


def test_the_shape_of_a_bent_board_is_found() -> None:
    observations = recorded(BentBoard(8, 6, 30.0, marker=20.0))
    shape = fitted_shape(solve_rig(observations, clocks=False))
    true = BentBoard(8, 6, 30.0, marker=20.0).points - FLAT.points
    assert np.abs(shape.offsets - true).max() < 0.2
    assert shape.bend == pytest.approx(np.abs(true[:, 2]).max(), abs=4 * shape.bend_sd + 0.02)
    assert "from a plane" in str(shape)


@pytest.mark.slow
def test_frames_left_out_gain_by_the_shape_of_a_bent_board() -> None:
    observations = recorded(BentBoard(8, 6, 30.0, marker=20.0), n_frames=80)
    found, flat = calibrate(observations, bent=True), calibrate(observations)
    assert any("the board is not flat" in note for note in found.notes)
    true = BentBoard(8, 6, 30.0, marker=20.0).points - FLAT.points
    assert found.observations.shape is not None
    assert np.abs(found.observations.shape - true).max() < 0.15
    assert flat.observations.shape is None
    assert found.shape is not None
    shape = figures_of(found)["board_shape"]
    assert shape["largest_height_mm"] == pytest.approx(np.abs(true[:, 2]).max(), abs=0.1)
    assert 0 < shape["largest_height_sd_mm"] < 0.05
    assert figures_of(flat)["board_shape"] is None
    assert found.one_clock.board.median < 0.6 * flat.one_clock.board.median
    assert found.held_out is not None
    assert flat.held_out is not None
    # On frames that neither the rig nor the shape were found from.
    assert found.held_out.one_clock.lengths.mean < 0.8 * flat.held_out.one_clock.lengths.mean


def test_a_flat_board_stays_flat() -> None:
    found = calibrate(recorded(FLAT), clocks=False, bent=True)
    assert any("the board is taken as flat" in note for note in found.notes)
    assert found.observations.shape is None


def test_a_shape_that_cannot_be_found_leaves_the_flat_board_with_its_figures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise PoseDataError("it bends too far")

    observations = recorded(BentBoard(8, 6, 30.0, marker=20.0))
    solved = solve_rig(observations, clocks=False)
    flat = hold_out(observations, solved, compare_clocks=False)
    assert flat is not None
    monkeypatch.setattr(rig_calibration, "solve_rig", lambda *_, **__: solved)
    better = replace(flat.one_clock.board, mean=flat.one_clock.board.mean / 2)
    bent = replace(flat, one_clock=replace(flat.one_clock, board=better))
    monkeypatch.setattr(
        rig_calibration,
        "hold_out",
        lambda *_, bent_=bent, bent=False, **__: bent_ if bent else flat,
    )
    monkeypatch.setattr(rig_calibration, "with_shape", fail)
    found = calibrate(observations, clocks=False, bent=True)
    assert "the board is taken as flat: it bends too far" in found.notes
    assert found.held_out is flat
    assert found.shape is None


def test_the_shape_is_as_certain_as_it_says() -> None:
    away = []
    for seed in range(4):
        shape = fitted_shape(solve_rig(recorded(FLAT, seed), clocks=False))
        away += [shape.bend / shape.bend_sd, shape.stretch / shape.stretch_sd]
    # The largest of several heights; a standard deviation apart would be 1.
    assert 0.2 < float(np.median(np.abs(away))) < 2.5


def test_too_few_frames_to_judge_a_shape() -> None:
    made = recorded(BentBoard(8, 6, 30.0, marker=20.0))
    short = made.of_frames(made.frames < made.frames[0] + 14)
    found = calibrate(short, clocks=False, bent=True)
    assert found.observations.shape is None
    assert any("flat" in note or "too few" in note for note in found.notes)


@pytest.mark.parametrize("kind", ["charuco", "aruco"])
def test_modes_leave_the_plane_and_the_scale_alone(kind: str) -> None:
    board = Board(7, 5, 30.0, kind=kind, marker=20.0, thickness=4.0)  # type: ignore[arg-type]
    modes, face = shape_modes(board), board.points[: board.n_face_corners]
    plane = np.column_stack([np.ones(len(face)), face[:, :2]])
    heights = modes[:-2, : len(face), 2]
    assert len(heights) == 7
    assert np.abs(heights @ plane).max() < 1e-6 * np.abs(plane).max() * len(face)
    assert np.abs(heights).max() == pytest.approx(1.0)
    # Both faces bend together, and neither becomes larger.
    assert np.array_equal(modes[:-2, len(face) :, 2], heights)
    assert modes[-2:, : len(face), :2].sum(axis=1) == pytest.approx(np.zeros((2, 2)), abs=1e-9)
    # A grid of three by three corners has no cubic heights but those along both sides.
    assert len(shape_modes(Board(4, 4, 30.0, kind="checkerboard"))) == 7
