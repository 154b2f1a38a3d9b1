"""Two cameras of different rates on both sides: the published numbers, and ours beside them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.support.recordings.paws import PAWS, paws, write_paws

from napari_pose3d.cli import main
from napari_pose3d.core.formats.predictions.prediction_csv import read_prediction_csv
from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable
from napari_pose3d.core.poses.arrays import Ensemble
from napari_pose3d.core.projects.alignment.opposite_cameras import opposite_cameras

# What ibl-paw of ensemble-kalman-smoother 4.6.2 writes for `paws()` at s = 2, by row: for left and
# right, x, y and their variances of paw_l, then of paw_r.
PUBLISHED = {
    0: (
        (63.64312, 71.14743, 0.53666, 0.66964, 68.19588, 63.89564, 0.6791, 0.45118),
        (61.5005, 69.6431, 0.08763, 0.07737, 68.0326, 63.93846, 1.65615, 0.00879),
    ),
    50: (
        (48.44161, 68.97843, 1.2222, 1.08586, 60.78607, 75.81366, 0.66478, 0.30269),
        (52.17275, 71.75804, 0.61989, 0.73327, 58.92947, 74.65985, 0.35478, 0.59197),
    ),
    110: (
        (61.86648, 66.16858, 0.08033, 0.65248, 48.81788, 66.95079, 0.10523, 0.31204),
        (58.34916, 63.5903, 0.70508, 0.63718, 51.4244, 68.79119, 0.56642, 0.17976),
    ),
}
# Its rows are the left camera's frames 5 to 115, those within the right one's times.
FIRST, LAST = 5, 115


def smoothed(folder: Path, *options: str) -> list[PredictionTable]:
    out = folder / "out"
    assert main(["ibl-paw", str(folder), "--out", str(out), "--force", *options]) == 0
    return [read_prediction_csv(out / f"walk_{view}.csv") for view in ("left", "right")]


def errors(found: list[PredictionTable], truth: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean((np.stack([each.xy for each in found]) - truth) ** 2)))


def test_the_published_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    xy, times, _ = paws()
    found = smoothed(
        write_paws(tmp_path, xy, times), "--as-published", "--s", "2", "--no-inflate-vars"
    )
    assert "5 frames of left at the beginning and 4 at the end" in capsys.readouterr().out
    for table, view in zip(found, (0, 1), strict=True):
        assert table.keypoints == PAWS
        # Row n stays frame n of the left camera.
        assert len(table.xy) == len(times["left"])
        known = np.isfinite(table.xy).all(axis=(1, 2))
        np.testing.assert_array_equal(np.flatnonzero(known), np.arange(FIRST, LAST + 1))
        assert table.variance is not None
        for row, numbers in PUBLISHED.items():
            both = np.concatenate([table.xy, table.variance], axis=-1)[FIRST + row]
            np.testing.assert_allclose(both.ravel(), numbers[view], atol=2e-4)
    record = json.loads((tmp_path / "out" / "walk_run.json").read_text())
    assert len(record["inputs"]) == 6
    assert record["settings"]["var_mode"] == "var"


@pytest.mark.parametrize("shared", [0.0, 0.8])
def test_ours_is_nearer_to_the_truth(tmp_path: Path, shared: float) -> None:
    """Also where networks share errors, which their spread does not show."""
    xy, times, truth = paws(300, seed=1)
    rng = np.random.default_rng(3)
    xy = {view: each + rng.normal(0, shared, each.shape[1:]) for view, each in xy.items()}
    write_paws(tmp_path, xy, times)
    published = errors(smoothed(tmp_path, "--as-published"), truth)
    assert errors(smoothed(tmp_path), truth) < 0.75 * published


def test_missing_positions_are_skipped(tmp_path: Path) -> None:
    xy, times, truth = paws(200)
    xy["right"][:, 200:215] = np.nan
    xy["left"][:, 40:44, 1] = np.nan
    found = smoothed(write_paws(tmp_path, xy, times))
    gaps = np.stack([each.xy for each in found]) - truth
    inside = np.isfinite(gaps).all(axis=(0, 2, 3))
    assert inside[10:190].all()
    assert np.nanmax(np.abs(gaps)) < 4


def test_other_names_and_width(tmp_path: Path) -> None:
    """Mirrored about another width, all of the second camera is moved by the difference."""
    xy, times, _ = paws()
    options = ("--as-published", "--s", "2")
    _, usual = smoothed(write_paws(tmp_path / "a", xy, times), *options)
    wide = {"left": xy["left"], "right": xy["right"] + [72, 0]}
    _, found = smoothed(write_paws(tmp_path / "b", wide, times), *options, "--image-width", "200")
    np.testing.assert_allclose(found.xy, usual.xy, atol=1e-3)


def test_the_second_camera_at_the_times_of_the_first() -> None:
    def ensemble(view: str, xy: list, likelihood: list) -> Ensemble:
        arrays = (np.array(each, np.float32)[None, None] for each in (xy, likelihood))
        return Ensemble(*arrays, ("0",), (view,), PAWS)

    first = ensemble("a", [[[t, 0], [t, 1]] for t in range(5)], [[1, 1]] * 5)
    # Both paws at 1.5, 2.5, 3.5; the last frame has a placeholder instead of a right one.
    second = ensemble(
        "b", [[[10, 1], [20, 2]], [[12, 3], [24, 4]], [[14, 5], [0, 0]]], [[1, 0.5], [1, 1], [1, 0]]
    )
    times = np.arange(5.0), np.array([1.5, 2.5, 3.5])
    both, frames = opposite_cameras(first, second, times, 100)
    assert (frames.start, frames.stop) == (2, 4)
    assert both.views == ("a", "b")
    np.testing.assert_array_equal(both.xy[0, 0], first.xy[0, 0, 2:4])
    # The left paw is the second camera's right one.
    np.testing.assert_allclose(both.xy[0, 1, 0], [[100 - 22, 3], [100 - 11, 2]])
    np.testing.assert_allclose(both.likelihood[0, 1, 0], [0.75, 1])
    np.testing.assert_allclose(both.xy[0, 1, 1], [[np.nan, np.nan], [100 - 13, 4]])
    kept, _ = opposite_cameras(first, second, times, 100, keep_placeholders=True)
    np.testing.assert_allclose(kept.xy[0, 1, 1], [[100 - 12, 2], [100 - 13, 4]])


def refusal(capsys: pytest.CaptureFixture[str], folder: Path, *options: str) -> str:
    capsys.readouterr()
    assert main(["ibl-paw", str(folder), "--out", str(folder / "out"), *options]) == 2
    return capsys.readouterr().err


def test_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    xy, times, _ = paws(60)
    folder = write_paws(tmp_path, xy, times)
    clock = folder / "walk.timestamps.right.npy"
    assert "Expected two" in refusal(capsys, folder, "--keypoints", "paw_l")
    assert "Expected two" in refusal(capsys, folder, "--views", "left")
    np.save(clock, times["right"] + 100)
    assert "no frame of view left lies within the times" in refusal(capsys, folder)
    np.save(clock, times["right"][:-3])
    assert f"there are {len(times['right']) - 3} times" in refusal(capsys, folder)
    np.save(clock, times["right"][::-1])
    assert "is not later than" in refusal(capsys, folder)
    clock.unlink()
    assert "0 files hold the times of the frames of view right" in refusal(capsys, folder)
    np.save(clock, times["right"])
    np.save(folder / "run.timestamps.right.npy", times["right"])
    assert "2 files hold the times" in refusal(capsys, folder)
    (folder / "run.timestamps.right.npy").unlink()
    (folder / "walk_seed=1_right.csv").unlink()
    assert "are not complete" in refusal(capsys, folder)
    assert "Expected the same in both views" in refusal(capsys, folder, "--allow-missing")
    assert not (folder / "out").exists()


def test_results_are_not_replaced_unasked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    xy, times, _ = paws(60)
    smoothed(write_paws(tmp_path, xy, times))
    assert "exists already" in refusal(capsys, tmp_path)


def test_a_page_of_raw_against_smoothed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    xy, times, _ = paws()
    write_paws(tmp_path, xy, times)
    given = ["ibl-paw", str(tmp_path), "--out", str(tmp_path / "out"), "--s", "2", "--make-plot"]
    assert main([*given, "--plot-keypoints", "paw_l"]) == 0
    page = (tmp_path / "out" / "walk_plot.html").read_text()
    assert "paw_l" in page
    assert "paw_r" not in page
    assert main(given) == 2
    assert main([*given, "--force", "--plot-keypoints", "tail"]) == 2
    assert "tail" in capsys.readouterr().err
