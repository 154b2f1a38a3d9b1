"""Lenses that cameras recorded by themselves, and what the whole rig is said to be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_pose3d.core.calibration.board.board import Board
from napari_pose3d.core.calibration.board.lens_recording import lens_of
from napari_pose3d.core.calibration.board.observations import BoardObservations
from napari_pose3d.core.calibration.evaluation import residuals_alone
from napari_pose3d.core.calibration.report.figures import figures_of
from napari_pose3d.core.calibration.report.page import page_text
from napari_pose3d.core.calibration.rig_calibration import calibrate
from napari_pose3d.core.calibration.solve.rig_solution import solve_rig
from napari_pose3d.core.calibration.uncertainty import space_error
from napari_pose3d.core.calibration.verdicts import RIG, coverage_of, rig_verdict
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate
from napari_pose3d.errors import PoseDataError
from napari_pose3d.synthetic.board.board_observations import ring_of_cameras, simulate_board

BOARD = Board(8, 6, 30.0, marker=20.0)
CAMERAS = ring_of_cameras(3, arc=1.2)
TOGETHER = simulate_board(CAMERAS, BOARD, 100, period=20, seed=4).observations
ALONE = simulate_board(CAMERAS, BOARD, 100, period=15, seed=5).observations


def test_a_lens_from_its_own_video_stays_and_the_others_are_found() -> None:
    lens = lens_of(ALONE, "cam1")
    assert lens.intrinsics[0] == pytest.approx(CAMERAS.cameras[1].matrix[0, 0], rel=0.01)
    assert lens.residual < 0.15
    assert abs(lens.intrinsics[0] - CAMERAS.cameras[1].matrix[0, 0]) < 5 * lens.sd[0]
    found = calibrate(TOGETHER, lenses=[lens], pairing="paired by a table", judge=False)
    assert found.notes[0] == "paired by a table"
    assert np.array_equal(found.solution.state.intrinsics[1], lens.intrinsics)
    cameras = figures_of(found)["cameras"]
    assert cameras["cam1"]["parameters"]["fx"]["sd"] is None
    assert cameras["cam0"]["parameters"]["fx"]["sd"] > 0
    assert any("lens of camera cam1 is from its own video" in note for note in found.notes)
    # Where the lens is known, the board need not have been all over the image.
    assert not any("parts of the image" in text for _, text in found.verdicts[1].findings)


def test_a_board_of_few_corners_has_its_residual_too() -> None:
    small = Board(4, 3, 60.0, kind="checkerboard")
    made = simulate_board(CAMERAS, small, 60, period=15, seed=6).observations
    solution = solve_rig(made, clocks=False)
    assert residuals_alone(solution.state, made) == pytest.approx([0.1] * 3, abs=0.05)


def test_lenses_that_do_not_belong_here_are_refused() -> None:
    lens = lens_of(ALONE, "cam1")
    with pytest.raises(PoseDataError, match="lens of side, but none of the rig"):
        calibrate(TOGETHER, lenses=[replace(lens, view="side")], judge=False)
    with pytest.raises(PoseDataError, match="640 x 480 px, that for the rig 1280 x 960"):
        calibrate(TOGETHER, lenses=[replace(lens, size=(640, 480))], judge=False)


def test_lenses_that_images_do_not_tell_are_refused() -> None:
    seen = np.flatnonzero(ALONE.n_observed[1] >= 20)
    few = ALONE.of_frames(np.isin(np.arange(len(ALONE.frames)), seen[::5][:7]))
    with pytest.raises(PoseDataError, match="7 images of view cam1"):
        lens_of(few, "cam1")
    # Face on, a long lens far away looks like a short one near by.
    flat = 3.0 * BOARD.points[:, :2] + np.random.default_rng(0).uniform(50, 400, (12, 1, 2))
    noise = 0.3 * np.random.default_rng(1).standard_normal((1, *flat.shape))
    face_on = BoardObservations(BOARD, ("a",), ((1280, 960),), np.arange(12), flat[None] + noise)
    with pytest.raises(PoseDataError, match="do not tell its focal length"):
        lens_of(face_on, "a")


def test_known_lenses_of_another_size_are_refused() -> None:
    small = replace(CAMERAS, cameras=tuple(replace(c, size=(640, 480)) for c in CAMERAS.cameras))
    with pytest.raises(PoseDataError, match="cam0 are 640 x 480 px, those of its video 1280 x 960"):
        calibrate(TOGETHER, intrinsics=small, judge=False)


def test_figures_of_the_rig_that_was_measured_stand_beside_the_others() -> None:
    made = simulate_board(CAMERAS, BOARD, 100, clocks=(0, 0.4, 0), seed=1).observations
    found = calibrate(made, frame_rate=50.0)
    figures = figures_of(found)
    for where in (figures, figures["held_out"]):
        clock = where["cameras"]["cam1"]
        assert clock["clock_offset_frames"] == pytest.approx(0.4, abs=0.03)
        assert clock["clock_offset_ms"] == pytest.approx(20 * clock["clock_offset_frames"])
        assert clock["clock_offset_sd_ms"] == pytest.approx(20 * clock["clock_offset_sd_frames"])
        assert clock["board_residual_px"]["median"] < 0.2
    assert any("lags by +0.4" in text and "ms)" in text for _, text in found.verdicts[1].findings)
    assert found.alone == pytest.approx([0.1] * 3, abs=0.05)
    page = page_text(found)
    assert "The rig as a whole" in page
    assert f"{figures['cameras']['cam1']['clock_offset_ms']:.1f}" in page


def test_wrong_lengths_make_a_rig_poor_though_residuals_are_small() -> None:
    found = calibrate(TOGETHER)
    assert found.held_out is not None
    assert found.overall.view == RIG
    # Corners of 0.1 px make an error of 0.4 % of these squares by themselves.
    assert found.length_noise == pytest.approx(found.held_out.one_clock.lengths.mean, rel=0.4)
    assert not any("lengths" in text for _, text in found.overall.findings)
    off = replace(found.held_out.one_clock.lengths, mean=0.6, percent=2.0, bias=0.1)
    held_out = replace(found.held_out, one_clock=replace(found.held_out.one_clock, lengths=off))
    verdict = rig_verdict(
        *(found.observations, found.one_clock, held_out, found.length_noise),
        *(found.space, found.jitter, 30.0),
    )
    assert verdict.grade == "poor"
    assert "lengths are wrong by 0.60 mm (2.00 %) on frames left out" in verdict.findings[0][1]
    # Nothing is said of what was not measured.
    nothing = replace(found.one_clock.board, mean=np.nan, n=0)
    unseen = replace(held_out, one_clock=replace(held_out.one_clock, board=nothing))
    figures = found.length_noise, found.space, found.jitter
    said = str(rig_verdict(found.observations, found.one_clock, unseen, *figures))
    assert "nan" not in said
    # Images that do not fit are said, and spoil nothing by themselves.
    tail = replace(found.one_clock.board, p95=20 * found.one_clock.board.median)
    measures = replace(found.one_clock, board=tail)
    verdict = rig_verdict(
        *(found.observations, measures, found.held_out, found.length_noise, found.space, None)
    )
    assert verdict.grade == "fair"
    assert "20.0 times the median" in verdict.findings[0][1]


def test_points_in_space_are_as_certain_as_is_said() -> None:
    places = np.random.default_rng(0).uniform(-150, 150, (200, 3))
    said, true = [], []
    for seed in range(5):
        made = simulate_board(CAMERAS, BOARD, 40, period=12, seed=seed).observations
        solution = solve_rig(made, clocks=False)
        error = space_error(solution)
        assert error is not None
        # Two cameras see the board in about 420 mm of its 700.
        assert error.percent == pytest.approx(100 * error.sd / 420, rel=0.3)
        said.append(error.sd)
        rig = calibrate(made, clocks=False, judge=False).rig
        xyz = triangulate(rig, CAMERAS.project(places)).xyz
        a, b = xyz - xyz.mean(axis=0), places - places.mean(axis=0)
        u, _, vt = np.linalg.svd(a.T @ b)
        true.append(float(np.median(np.linalg.norm(a @ (u @ vt) - b, axis=1))))
    assert 0.4 < np.median(said) / np.median(true) < 2.5


def test_boards_that_one_view_places_anywhere_make_no_volume() -> None:
    solution = solve_rig(TOGETHER, clocks=False)
    plain = space_error(solution)
    places = solution.state.board_translations
    alone = ~solution.images.in_several_views(len(places))
    assert 10 < alone.sum() < 40
    places = np.where(alone[:, None], 1e8, places)
    far = replace(solution, state=replace(solution.state, board_translations=places))
    assert space_error(far) == plain
    # Of many corners one view tells the distance: near and far counts.
    ratio = coverage_of(solution, TOGETHER, 0).depth
    assert coverage_of(far, TOGETHER, 0).depth > 1000
    images = solution.images
    few = images.observed.copy()
    few[alone[images.frame], 5:] = False
    far = replace(far, images=replace(images, observed=few))
    assert coverage_of(far, TOGETHER, 0).depth == pytest.approx(ratio, rel=0.1)


def test_small_images_are_not_blamed_for_the_noise_of_corners() -> None:
    small = tuple(
        replace(c, size=(400, 300), matrix=c.matrix * np.array([[400 / 1280], [400 / 1280], [1]]))
        for c in CAMERAS.cameras
    )
    made = simulate_board(replace(CAMERAS, cameras=small), BOARD, 80, seed=3).observations
    found = calibrate(made, judge=False)
    assert found.one_clock.board.median > 0.3 * 400 / 1280
    said = [text for each in found.verdicts for _, text in each.findings]
    assert not [text for text in said if "board residual" in text]
