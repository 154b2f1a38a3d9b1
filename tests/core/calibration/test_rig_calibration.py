"""The whole calibration: report, origin, timestamps, the command, and a real recording."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_pose3d import load_rig
from napari_pose3d.cli import main
from napari_pose3d.cli.rig.calibrate import board_from
from napari_pose3d.core.calibration.board.board import Board, load_board
from napari_pose3d.core.calibration.origin import from_floor, from_points, moved_rig, still_frames
from napari_pose3d.core.calibration.report.error_map import error_map
from napari_pose3d.core.calibration.report.figures import figures_of, figures_text
from napari_pose3d.core.calibration.report.page import page_text
from napari_pose3d.core.calibration.rig_calibration import (
    Calibration,
    calibrate,
    frames_of_timestamps,
)
from napari_pose3d.errors import PoseDataError
from napari_pose3d.synthetic.board.board_observations import ring_of_cameras, simulate_board

BOARD = Board(8, 6, 30.0, marker=20.0)


@pytest.fixture(scope="module")
def result() -> Calibration:
    made = simulate_board(ring_of_cameras(3), BOARD, 120, clocks=(0, 0.4, 0))
    return calibrate(made.observations)


def test_the_figures(result: Calibration) -> None:
    figures = figures_of(result)
    assert json.loads(figures_text(result)) == figures
    assert figures["cameras"]["cam1"]["clock_offset_frames"] == pytest.approx(0.4, abs=0.02)
    for where in (figures, figures["held_out"], figures["as_recorded"]):
        assert set(where["board_residual_px"]) == {"median", "mean", "p95", "n"}
        assert set(where["length_error_mm"]) == {"mean", "bias", "percent", "n"}
    assert figures["board_residual_px"]["median"] < 0.2
    assert figures["as_recorded"]["board_residual_px"]["mean"] > 0.5
    focal = figures["cameras"]["cam0"]["parameters"]["fx"]
    assert 0 < focal["sd"] < 20


def test_the_verdict_names_what_is_wrong(result: Calibration) -> None:
    by_view = {verdict.view: verdict for verdict in result.verdicts}
    assert by_view["cam1"].grade != "good"
    assert any("lags by +0.40" in text for _, text in by_view["cam1"].findings)
    assert not any("lags" in text for _, text in by_view["cam0"].findings)


def test_the_page_stands_alone(result: Calibration) -> None:
    page = page_text(result)
    assert "cam1" in page
    assert "http" not in page
    assert "nan" not in page.lower().replace("nano", "")


def test_an_image_that_no_pose_explains_does_not_show_in_the_error_map(
    result: Calibration,
) -> None:
    solution = result.solution
    xy = solution.images.xy.copy()
    wrong = int(np.flatnonzero(solution.images.view == 1)[5])
    xy[wrong] += np.random.default_rng(0).uniform(-60, 60, xy[wrong].shape)
    images = replace(solution.images, xy=xy)
    spoilt = replace(result, solution=replace(solution, images=images))
    assert np.linalg.norm(error_map(spoilt, 1).error, axis=1).max() < 0.6
    # A lens that is wrong everywhere does.
    shifted = replace(images, xy=solution.images.xy + np.array([1.0, 0.0]))
    found = error_map(replace(result, solution=replace(solution, images=shifted)), 1)
    assert np.median(found.error[:, 0]) == pytest.approx(-1.0, abs=0.1)


def test_excluded_frames_do_not_count(result: Calibration) -> None:
    frames = result.observations.frames
    without = calibrate(result.observations, exclude=[int(frames[3]), int(frames[7])], judge=False)
    assert not np.isin([frames[3], frames[7]], without.observations.frames).any()
    assert without.excluded == (int(frames[3]), int(frames[7]))


def test_a_world_from_three_points(result: Calibration) -> None:
    rig = result.rig
    placed = from_points(rig, [10, 0, 900], [110, 0, 900], [10, 100, 900])
    np.testing.assert_allclose(placed.project([0.0, 0, 0]), rig.project([10.0, 0, 900]), atol=1e-6)
    np.testing.assert_allclose(placed.project([50.0, 0, 0]), rig.project([60.0, 0, 900]), atol=1e-6)
    assert np.median(placed.centres[:, 2]) > 0
    assert np.linalg.det(placed.cameras[0].rotation) == pytest.approx(1)
    with pytest.raises(PoseDataError, match="one line"):
        from_points(rig, [0, 0, 0], [1, 0, 0], [2, 0, 0])


def test_a_floor_through_points_with_strays(result: Calibration) -> None:
    rng = np.random.default_rng(2)
    true = ring_of_cameras(3)
    floor = np.column_stack([rng.uniform(-300, 300, (80, 2)), rng.normal(0, 0.5, 80)])
    floor[::9, 2] += 60
    turned = moved_rig(true, np.linalg.qr(rng.standard_normal((3, 3)))[0], [5.0, -40, 12])
    axes, at = np.linalg.qr(np.random.default_rng(2).standard_normal((3, 3)))[0], [5.0, -40, 12]
    turned = moved_rig(true, axes * np.sign(np.linalg.det(axes)), at)
    there = (floor - at) @ (axes * np.sign(np.linalg.det(axes))).T
    placed, distances = from_floor(turned, there, tolerance=3.0)
    assert np.abs(np.delete(distances, np.s_[::9])).max() < 3
    np.testing.assert_allclose(placed.centres[:, 2], true.centres[:, 2], atol=1.0)
    assert (distances[::9] > 50).all()


def test_a_board_that_lies_still_is_found() -> None:
    made = simulate_board(ring_of_cameras(3), BOARD, 60, noise=0.05)
    xy = made.observations.xy.copy()
    xy[:, 20:45] = xy[:, 20:21]
    lying = type(made.observations)(
        BOARD, made.observations.views, made.observations.sizes, made.observations.frames, xy
    )
    run = still_frames(lying)
    assert (run[0], run[-1]) == (20, 44)
    # Every second frame was looked at.
    half = lying.of_frames(np.arange(60) % 2 == 0)
    assert half.frames[still_frames(half)][[0, -1]].tolist() == [20, 44]
    assert len(still_frames(made.observations)) == 0


def test_timestamps(tmp_path: Path) -> None:
    path = tmp_path / "timestamps.csv"
    path.write_text("sync_index,cam_id,frame_time\n5,1,0.1\n5,0,0.1\n7,1,0.3\n6,0,0.2\n")
    rows = frames_of_timestamps(path, ["cam_0", "1"])
    assert rows["cam_0"].tolist() == [5, 6]
    assert rows["1"].tolist() == [5, 7]
    with pytest.raises(PoseDataError, match="no row is of view cam_2"):
        frames_of_timestamps(path, ["cam_2"])
    path.write_text("sync_index,cam_id\nfive,1\n")
    with pytest.raises(PoseDataError, match="line 2"):
        frames_of_timestamps(path, ["1"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sync_index,cam_id\n9" + "9" * 30 + ",1\n", "no whole 'sync_index'"),
        ("sync_index,cam_id\n9" + "9" * 6000 + ",1\n", "no whole 'sync_index'"),
        ("sync_index,cam_id\n1.5,1\n", "no whole 'sync_index'"),
        ('sync_index,cam_id\n"' + "a" * 200_000 + '",1\n', "cannot be read"),
        ("\0", "not a text file"),
    ],
)
def test_damaged_timestamps(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "sync.csv"
    path.write_text(text)
    with pytest.raises(PoseDataError, match=message):
        frames_of_timestamps(path, ["1"])


@pytest.mark.skipif(os.name != "posix", reason="needs a pipe")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for read in (lambda: frames_of_timestamps(pipe, ["1"]), lambda: load_board(pipe)):
        with pytest.raises(PoseDataError, match="this is a named pipe"):
            read()


def test_boards_in_words() -> None:
    assert board_from("charuco:4x5:5.4cm:40.5mm:DICT_4X4_1000:inverted") == Board(
        4, 5, 54.0, marker=40.5, dictionary="DICT_4X4_1000", inverted=True
    )
    assert board_from("checkerboard:9x7:1inch").square == pytest.approx(25.4)
    for text in (
        "charuco:4x5:30mm",
        "circles:4x5:30mm",
        "checkerboard:4by5:30mm",
        "checkerboard:4x5:30ells",
    ):
        with pytest.raises(PoseDataError):
            board_from(text)


@pytest.mark.realdata
def test_a_real_recording(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "charuco"
    out = tmp_path / "rig.toml"
    code = main(
        [
            "rig",
            "calibrate",
            str(folder / "cam_0.mp4"),
            str(folder / "cam_1.mp4"),
            "--board",
            str(folder / "charuco.toml"),
            "--timestamps",
            str(folder / "timestamps.csv"),
            "--out",
            str(out),
            "--json",
            str(tmp_path / "r.json"),
            "--report",
            str(tmp_path / "r.html"),
        ]
    )
    assert code == 0
    assert load_rig(out).units == "mm"
    figures = json.loads((tmp_path / "r.json").read_text())
    lag = [each["clock_offset_frames"] for each in figures["cameras"].values()]
    assert lag[1] - lag[0] == pytest.approx(0.74, abs=0.05)
    assert figures["board_residual_px"]["median"] <= 0.22
    assert figures["with_jitter"]["board_residual_px"]["median"] <= 0.15
    assert figures["board_residual_px"]["p95"] <= 0.8
    assert figures["length_error_mm"]["mean"] <= 0.16
    assert abs(figures["length_error_mm"]["bias"]) <= 0.03
    held_out = figures["held_out"]
    assert held_out["board_residual_px"]["median"] <= 0.38
    assert held_out["board_residual_px"]["p95"] <= 0.82
    assert held_out["length_error_mm"]["mean"] <= 0.18
    lag = held_out["cameras"]["cam_1"]["clock_offset_frames"]
    assert lag == pytest.approx(0.74, abs=0.05)
    # A file that is there is not replaced unasked.
    assert (
        main(
            [
                "rig",
                "calibrate",
                str(folder / "cam_0.mp4"),
                str(folder / "cam_1.mp4"),
                "--board",
                str(folder / "charuco.toml"),
                "--out",
                str(out),
            ]
        )
        == 2
    )
