"""What a user of the command line sees."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from tests.support.recordings.scenes import noisy_ensemble, ring_rig, walk

from napari_pose3d import PoseDataError, save_rig
from napari_pose3d.cli import main, parse_frame_ranges
from napari_pose3d.cli.options import parse_blocks, parse_robust
from napari_pose3d.core.formats.predictions.poses3d_csv import read_poses3d_csv
from napari_pose3d.core.formats.predictions.prediction_csv import (
    read_prediction_csv,
    write_prediction_csv,
)
from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable


@pytest.fixture
def recording(tmp_path, monkeypatch):
    """Three views x two seeds of 60 frames with a calibration, in the current folder."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    rig = ring_rig(3)
    ensemble = noisy_ensemble(rig, walk(60, 2, rng), rng, n_models=2)
    folder = tmp_path / "predictions"
    folder.mkdir()
    for model in ensemble.models:
        poses = ensemble.poses(model)
        for view in poses.views:
            table = PredictionTable.from_poses(poses, view)
            write_prediction_csv(folder / f"mouse1_{view}.{model}.csv", table)
    save_rig(rig, tmp_path / "rig.toml")
    return tmp_path


def run(*arguments: str) -> int:
    return main([str(argument) for argument in arguments])


def test_smooth_writes_every_file(recording, capsys) -> None:
    assert run("smooth", "predictions", "--calibration", "rig.toml") == 0
    out = recording / "mouse1_smoothed"
    names = sorted(path.name for path in out.iterdir())
    assert names == [
        "mouse1_3d.csv",
        "mouse1_Cam-0.csv",
        "mouse1_Cam-1.csv",
        "mouse1_Cam-2.csv",
        "mouse1_run.json",
    ]
    table = pd.read_csv(out / "mouse1_Cam-1.csv", header=[0, 1, 2], index_col=0)
    assert table.shape == (60, 18)
    assert [c[2] for c in table.columns[:9]] == [
        "x",
        "y",
        "likelihood",
        "x_ens_median",
        "y_ens_median",
        "x_ens_var",
        "y_ens_var",
        "x_posterior_var",
        "y_posterior_var",
    ]
    space = pd.read_csv(out / "mouse1_3d.csv", header=[0, 1, 2], index_col=0)
    assert [c[2] for c in space.columns[:6]] == [
        "x",
        "y",
        "z",
        "x_posterior_var",
        "y_posterior_var",
        "z_posterior_var",
    ]
    record = json.loads((out / "mouse1_run.json").read_text())
    assert len(record["inputs"]) == 7
    assert {len(entry["sha256"]) for entry in record["inputs"]} == {64}
    assert set(record["smooth_param"]) == {"point0", "point1"}
    assert record["mode"] == "calibrated"
    printed = capsys.readouterr().out
    assert "Cam-2" in printed  # the table of what was matched
    assert "60 frames x 2 keypoints x 3 views" in printed


def test_names_of_the_other_program_work(recording) -> None:
    code = run(
        *("smooth", "--input-dir", "predictions", "--calibration", "rig.toml"),
        *("--camera-names", "Cam-0", "Cam-1", "Cam-2", "--bodypart-list", "point1"),
        *("--s", "2.5", "--save-dir", "out", "--s-frames", "[(0,20),(30,None)]"),
    )
    assert code == 0
    record = json.loads((recording / "out" / "mouse1_run.json").read_text())
    assert record["smooth_param"] == {"point1": 2.5}
    assert record["settings"]["s_frames"] == [[0, 20], [30, None]]


def test_every_option_reaches_the_settings(recording) -> None:
    code = run(
        *("smooth", "predictions", "--calibration", "rig.toml", "--out", "out"),
        *("--avg-mode", "mean", "--var-mode", "var", "--inflate_vars", "--max-gap", "12"),
        *("--blocks", "point0,point1", "--robust", "15", "--motion", "walk", "--threads", "1"),
        *("--without", "bursts", "widen"),
    )
    assert code == 0
    record = json.loads((recording / "out" / "mouse1_run.json").read_text())
    expected = {
        "avg_mode": "mean",
        "var_mode": "var",
        "inflate_vars": True,
        "max_gap": 12,
        "blocks": [["point0", "point1"]],
        "robust": 15.0,
        "motion": "walk",
        "threads": 1,
        "parts": {"learn_noise": True, "bursts": False, "widen": False},
    }
    assert {name: record["settings"][name] for name in expected} == expected
    assert len(set(record["smooth_param"].values())) == 1
    assert any("inflate_vars" in note for note in record["warnings"])


def test_compact_results_hold_positions_and_read_back(recording) -> None:
    given = ("smooth", "predictions", "--calibration", "rig.toml", "--out")
    assert run(*given, "whole") == 0
    assert run(*given, "small", "--compact") == 0
    for view in ("Cam-0", "Cam-2"):
        name = f"mouse1_{view}.csv"
        small = read_prediction_csv(recording / "small" / name)
        whole = read_prediction_csv(recording / "whole" / name)
        assert small.variance is None
        assert small.ensemble_median is None
        np.testing.assert_allclose(small.xy, whole.xy, atol=0.006)
        np.testing.assert_allclose(small.likelihood, whole.likelihood, atol=1e-4)
        sizes = [(recording / folder / name).stat().st_size for folder in ("small", "whole")]
        assert sizes[0] < 0.4 * sizes[1]
    small = read_poses3d_csv(recording / "small" / "mouse1_3d.csv")
    whole = read_poses3d_csv(recording / "whole" / "mouse1_3d.csv")
    assert small.variance is None
    np.testing.assert_allclose(small.xyz, whole.xyz, rtol=1e-6, atol=1e-5)


def test_columns_for_movement_are_those_of_lightning_pose_with_all_digits(recording) -> None:
    given = ("smooth", "predictions", "--calibration", "rig.toml", "--out")
    assert run(*given, "whole") == 0
    assert run(*given, "few", "--columns", "movement") == 0
    for view in ("Cam-0", "Cam-2"):
        name = f"mouse1_{view}.csv"
        few = read_prediction_csv(recording / "few" / name)
        whole = read_prediction_csv(recording / "whole" / name)
        assert (few.variance, few.ensemble_median, few.ensemble_variance) == (None, None, None)
        np.testing.assert_array_equal(few.xy, whole.xy)
        np.testing.assert_array_equal(few.likelihood, whole.likelihood)
        coords = (recording / "few" / name).read_text().splitlines()[2].split(",")
        assert coords == ["coords", *["x", "y", "likelihood"] * len(few.keypoints)]
    coords = (recording / "few" / "mouse1_3d.csv").read_text().splitlines()[2].split(",")
    assert coords[1:4] == ["x", "y", "z"]
    assert set(coords[1:]) == {"x", "y", "z"}


def test_the_project_s_bones_on_demand(recording, capsys) -> None:
    given = ("smooth", "predictions", "--calibration", "rig.toml", "--out", "out", "--skeleton")
    assert run(*given) == 2
    assert "--skeleton" in capsys.readouterr().err
    home = recording / "napari-pose3d"
    home.mkdir()
    bones = [["point0", "point1"], ["point1", "elsewhere"]]
    (home / "project.toml").write_text(f"schema_version = 1\nskeleton = {json.dumps(bones)}\n")
    assert run(*given) == 0
    record = json.loads((recording / "out" / "mouse1_run.json").read_text())
    assert record["settings"]["skeleton"] == [["point0", "point1"]]


def test_without_calibration(recording) -> None:
    views = ("--views", "Cam-0", "Cam-1", "Cam-2")
    assert run("smooth", "predictions", *views, "--out", "flat") == 0
    names = {path.name for path in (recording / "flat").iterdir()}
    assert "mouse1_3d.csv" not in names
    assert len(names) == 4


def test_existing_results_are_kept_without_force(recording, capsys) -> None:
    arguments = ("smooth", "predictions", "--calibration", "rig.toml", "--out", "out")
    assert run(*arguments) == 0
    before = (recording / "out" / "mouse1_Cam-0.csv").read_bytes()
    assert run(*arguments, "--s", "0.001") == 2
    error = capsys.readouterr().err
    assert "mouse1_Cam-0.csv" in error
    assert "--force" in error
    assert (recording / "out" / "mouse1_Cam-0.csv").read_bytes() == before
    assert run(*arguments, "--s", "0.001", "--force") == 0
    assert (recording / "out" / "mouse1_Cam-0.csv").read_bytes() != before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["smooth"], "no input"),
        (["smooth", "nowhere"], "nowhere"),
        (["smooth", "predictions", "--calibration", "absent.toml"], "absent.toml"),
        (["smooth", "predictions", "--calibration", "rig.toml", "--s", "-1"], "above zero"),
        (["smooth", "predictions", "--calibration", "rig.toml", "--s-frames", "a-b"], "a-b"),
        (["smooth", "predictions", "--calibration", "rig.toml", "--keypoints", "ear"], "ear"),
        (["smooth", "predictions", "--calibration", "rig.toml", "--blocks", "ear,a"], "ear"),
        (["smooth", "predictions", "--calibration", "rig.toml", "--robust", "no"], "--robust"),
        (["smooth", "predictions", "--calibration", "rig.toml", "--max-gap", "-1"], "gap"),
        (["info", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(
    recording, capsys, arguments: list[str], message: str
) -> None:
    assert run(*arguments) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("napari-pose3d: ")
    assert "\n" not in error
    assert message in error
    assert not list(recording.glob("*_smoothed"))


def test_interrupting_leaves_nothing_behind(recording, capsys, monkeypatch) -> None:
    import napari_pose3d.core.formats.predictions.poses3d_csv as writer

    def interrupted(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(writer, "write_poses3d_csv", interrupted)
    before = sorted(path.name for path in recording.rglob("*"))
    assert run("smooth", "predictions", "--calibration", "rig.toml") == 130
    assert sorted(path.name for path in recording.rglob("*")) == before
    assert "interrupted" in capsys.readouterr().err


def test_no_progress_bar_in_a_pipe(recording) -> None:
    arguments = ["smooth", "predictions", "--calibration", "rig.toml"]
    done = subprocess.run(
        [sys.executable, "-m", "napari_pose3d.cli", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""


def test_results_of_a_project_go_into_our_folder(recording) -> None:
    (recording / "project.yaml").write_text(
        "view_names: [Cam-0, Cam-1, Cam-2]\nkeypoint_names: [point0, point1]\n"
    )
    calibrations = recording / "calibrations"
    calibrations.mkdir()
    (recording / "rig.toml").rename(calibrations / "mouse1.toml")
    assert run("smooth", "predictions") == 0
    out = recording / "napari-pose3d" / "smoothed" / "mouse1"
    assert (out / "mouse1_3d.csv").is_file()
    record = json.loads((out / "mouse1_run.json").read_text())
    assert any("mouse1.toml" in note for note in record["warnings"])


def test_info_names_what_it_is_given(recording, capsys) -> None:
    assert run("smooth", "predictions", "--calibration", "rig.toml", "--out", "out") == 0
    capsys.readouterr()
    (recording / "notes.csv").write_text("a,b\n1,2\n")
    expected = {
        "rig.toml": "calibration",
        "predictions/mouse1_Cam-0.seed=0.csv": "predictions",
        "out/mouse1_3d.csv": "3-D",
        "out/mouse1_Cam-0.csv": "smoothed",
        "predictions": "mouse1",
        "notes.csv": "not",
    }
    for path, word in expected.items():
        assert run("info", path) == 0
        assert word in capsys.readouterr().out, path


def test_frame_ranges() -> None:
    assert parse_frame_ranges(["0:20", "50:", ":7"]) == ((0, 20), (50, None), (None, 7))
    assert parse_frame_ranges(["[(1,10),(20,30)]"]) == ((1, 10), (20, 30))
    assert parse_frame_ranges(["2000"]) == ((None, 2000),)
    for bad in ("5.5", "-5", "", "a:b", ":", "(1,2) and more", "9" * 5000):
        with pytest.raises(PoseDataError, match="frame range"):
            parse_frame_ranges([bad])


def test_blocks_and_robust() -> None:
    assert parse_blocks(["a,b", "c,d"]) == (("a", "b"), ("c", "d"))
    assert parse_blocks(["0,1,2;3,4"]) == (("0", "1", "2"), ("3", "4"))
    assert (parse_robust("auto"), parse_robust("off"), parse_robust("7.5")) == ("auto", "off", 7.5)
    with pytest.raises(PoseDataError, match="often"):
        parse_robust("often")
