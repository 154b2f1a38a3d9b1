"""Options of smooth and triangulate: s of single keypoints, names of files, mirrored recordings."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.projects.session_files import lightning_project, touch
from tests.support.recordings.scenes import noisy_ensemble, ring_rig, walk

from napari_pose3d import PoseDataError, Rig, save_rig
from napari_pose3d.cli import main
from napari_pose3d.cli.options import parse_file_name, parse_smooth_params
from napari_pose3d.core.formats.predictions.prediction_csv import write_prediction_csv
from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable


def write_recording(folder: Path, rig: Rig, mirrored: bool = False) -> None:
    """Predictions of all views x three seeds of two keypoints."""
    rng = np.random.default_rng(0)
    ensemble = noisy_ensemble(rig, walk(60, 2, rng), rng)
    for model in ensemble.models:
        poses = ensemble.poses(model)
        tables = [PredictionTable.from_poses(poses, view) for view in poses.views]
        if mirrored:
            keypoints = tuple(f"{k}_{v}" for v in poses.views for k in poses.keypoints)
            xy = np.concatenate([table.xy for table in tables], axis=1)
            likelihood = np.concatenate([table.likelihood for table in tables], axis=1)
            whole = PredictionTable(keypoints, xy, likelihood)
            write_prediction_csv(folder / f"mouse1.{model}.csv", whole)
            continue
        for view, table in zip(poses.views, tables, strict=True):
            write_prediction_csv(folder / f"mouse1_{view}.{model}.csv", table)


@pytest.fixture
def recording(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "predictions").mkdir()
    save_rig(ring_rig(2), tmp_path / "rig.toml")
    write_recording(tmp_path / "predictions", ring_rig(2))
    return tmp_path


@pytest.fixture
def mirrored(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "predictions").mkdir()
    write_recording(tmp_path / "predictions", ring_rig(2), mirrored=True)
    return tmp_path


def record_in(folder: Path) -> dict:
    (path,) = folder.glob("*_run.json")
    return json.loads(path.read_text())


def test_values_of_s() -> None:
    assert parse_smooth_params([]) == (None, ())
    assert parse_smooth_params(["5"]) == (5.0, ())
    both = (("nose", 10.0), ("tail", 100.0))
    assert parse_smooth_params(["nose=10,tail=100,5"]) == (5.0, both)
    assert parse_smooth_params(["nose=10", "tail=1e2", "5"]) == (5.0, both)
    assert parse_smooth_params(["a=b=3"]) == (None, (("a=b", 3.0),))
    for bad, word in (("5,6", "several"), ("nose=", "nose="), ("=3", "=3"), ("nose", "nose")):
        with pytest.raises(PoseDataError, match=word) as error:
            parse_smooth_params([bad])
        assert error.value.place == "--s"
    for bad in ("nose=-1", "nose=0", "nose=inf", "nose=nan"):
        with pytest.raises(PoseDataError):
            parse_smooth_params([bad])


@pytest.mark.parametrize("mode", ["calibrated", "linear", "single"])
def test_each_keypoint_its_own_s(recording, mode: str) -> None:
    given = ("smooth", "predictions", "rig.toml", "--mode", mode)
    assert main([*given, "--s", "point0=3", "--s", "40", "--out", "a"]) == 0
    assert record_in(recording / "a")["smooth_param"] == {"point0": 3.0, "point1": 40.0}
    assert not record_in(recording / "a")["smooth_param_searched"]
    assert main([*given, "--s", "point0=3", "--out", "b"]) == 0
    found = record_in(recording / "b")
    assert found["smooth_param"]["point0"] == 3.0
    assert found["smooth_param_searched"]
    # As if it had been smoothed with that s alone.
    assert main([*given, "--s", "3", "--out", "c"]) == 0
    assert record_in(recording / "c")["smooth_param"]["point0"] == 3.0


def test_s_of_an_unknown_keypoint_and_of_a_part_of_a_block(recording, capsys) -> None:
    given = ("smooth", "predictions", "--calibration", "rig.toml", "--out", "a")
    assert main([*given, "--s", "nose=3"]) == 2
    assert "no keypoint is called nose" in capsys.readouterr().err
    assert main([*given, "--s", "point0=3", "--blocks", "point0,point1"]) == 2
    assert "point0 3.0, point1 searched" in capsys.readouterr().err
    assert main([*given, "--s", "point0=3,point0=4"]) == 2
    assert "twice" in capsys.readouterr().err
    assert not (recording / "a").exists()


def test_the_first_frames_for_the_search(recording) -> None:
    given = ("smooth", "predictions", "--calibration", "rig.toml", "--s-frames", "40", "--out", "a")
    assert main(given) == 0
    assert record_in(recording / "a")["settings"]["s_frames"] == [[None, 40]]


def test_names_of_the_files(recording, capsys) -> None:
    given = ("smooth", "predictions", "--calibration", "rig.toml", "--out", "a")
    assert main([*given, "--save-filename", "walk.csv"]) == 0
    names = sorted(path.name for path in (recording / "a").iterdir())
    assert names == ["walk_3d.csv", "walk_Cam-0.csv", "walk_Cam-1.csv", "walk_run.json"]
    # Refused before anything is computed.
    assert main([*given, "--save-filename", "walk"]) == 2
    assert "walk_Cam-0.csv" in capsys.readouterr().err
    assert main(["triangulate", *given[1:], "--save-filename", "other"]) == 0
    assert (recording / "a" / "other_3d.csv").is_file()


@pytest.mark.parametrize("bad", ["", ".csv", "a/b", "..", "a\\b", "a:b"])
def test_names_that_cannot_be_written(bad: str) -> None:
    with pytest.raises(PoseDataError, match="begin with"):
        parse_file_name(bad)


def test_verbose_says_stages_and_each_s(recording, capsys) -> None:
    given = ("smooth", "predictions", "--calibration", "rig.toml", "--s", "point1=7", "--verbose")
    assert main([*given, "--out", "a"]) == 0
    out, err = capsys.readouterr()
    assert "Smoothing keypoints: " in err
    assert "Writing mouse1_3d.csv: " in err
    lines = {line.split()[0]: line for line in out.splitlines() if " s = " in line}
    assert lines["point1"].endswith("s = 7")
    assert lines["point0"].endswith("(found)")


def test_a_calibration_among_the_inputs(recording, capsys) -> None:
    assert main(["smooth", "predictions", "rig.toml", "--out", "a"]) == 0
    assert record_in(recording / "a")["mode"] == "calibrated"
    assert main(["triangulate", "predictions", "rig.toml", "--out", "b"]) == 0
    given = ("smooth", "predictions", "rig.toml", "--calibration", "rig.toml", "--out", "c")
    assert main(given) == 2
    assert "several calibrations" in capsys.readouterr().err
    assert main(["smooth", "rig.toml"]) == 2
    assert "a calibration was given, and no predictions" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["project.yaml", "napari-pose3d/project.toml", ""])
def test_a_project_s_own_files_stand_for_the_project(tmp_path, capsys, name: str) -> None:
    project = lightning_project(tmp_path / "project", sessions=("day1",))
    touch(project / "napari-pose3d" / "project.toml", "schema_version = 1\n")
    path = str(project / name)
    assert main(["info", path]) == 0
    assert "a Lightning Pose project" in capsys.readouterr().out
    given = ["smooth", path, "--mode", "single", "--s", "1", "--out", str(tmp_path / "out")]
    assert main(given) == 0
    assert "day1" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["smooth", "triangulate"])
def test_what_holds_no_predictions_is_named(recording, capsys, command: str) -> None:
    assert main(["smooth", "predictions", "rig.toml", "--out", "a"]) == 0
    (recording / "video.mp4").write_bytes(b"")
    for path, word in (("a/mouse1_run.json", "record of a run"), ("video.mp4", "a video")):
        capsys.readouterr()
        assert main([command, path]) == 2
        assert word in capsys.readouterr().err


def test_residuals_and_shares_are_printed_by_view(recording, capsys) -> None:
    assert main(["smooth", "predictions", "rig.toml", "--out", "a"]) == 0
    lines = capsys.readouterr().out.splitlines()
    head = next(i for i, line in enumerate(lines) if "before, px" in line)
    assert "after, px  set aside  missing" in lines[head]
    saved = record_in(recording / "a")["per_view"]
    for line, view in zip(lines[head + 1 :], ("Cam-0", "Cam-1"), strict=False):
        cells = line.split()
        assert cells[0] == view
        assert float(cells[1]) == pytest.approx(saved[view]["calibration_residual"], abs=0.006)
        assert float(cells[2]) == pytest.approx(saved[view]["residual"], abs=0.006)
        n = saved[view]["observations"] + saved[view]["rejected"]
        assert float(cells[3]) == pytest.approx(100 * saved[view]["rejected"] / n, abs=0.06)


def test_a_mirrored_recording_is_recognised(mirrored, capsys) -> None:
    for command in ("info", "smooth"):
        extra = ["--out", "a"] if command == "smooth" else []
        assert main([command, "predictions", *extra]) == 0
        said = capsys.readouterr().out
        assert "several views in one table (Cam-0, Cam-1)" in said
        assert "--mirrored" in said
    assert main(["info", "predictions/mouse1.seed=0.csv"]) == 0
    assert "--mirrored" in capsys.readouterr().out
    save_rig(ring_rig(2), mirrored / "rig.toml")
    assert main(["triangulate", "predictions", "rig.toml"]) == 2
    assert "--mirrored" in capsys.readouterr().err


def test_the_views_of_a_mirrored_recording_need_not_be_named(mirrored, capsys) -> None:
    assert main(["smooth", "predictions", "--mirrored", "--out", "a"]) == 0
    assert record_in(mirrored / "a")["views"] == ["Cam-0", "Cam-1"]
    assert "several views in one table" not in capsys.readouterr().out


def test_left_and_right_are_no_views(tmp_path, capsys) -> None:
    keypoints = ("ear_left", "paw_left", "ear_right", "paw_right")
    xy = np.random.default_rng(0).normal(100, 20, (50, 4, 2)).astype(np.float32)
    table = PredictionTable(keypoints, xy, np.ones(xy.shape[:2], np.float32))
    write_prediction_csv(tmp_path / "mouse_top.csv", table)
    assert main(["info", str(tmp_path / "mouse_top.csv")]) == 0
    assert main(["smooth", str(tmp_path / "mouse_top.csv"), "--out", str(tmp_path / "a")]) == 0
    assert "several views" not in capsys.readouterr().out


@pytest.mark.parametrize("command", ["smooth", "triangulate"])
def test_a_calibration_that_does_not_fit_is_a_warning(
    tmp_path, monkeypatch, capsys, command: str
) -> None:
    recording = tmp_path
    monkeypatch.chdir(recording)
    # Two cameras that stand opposite each other may be exchanged: it mirrors the scene.
    rig = ring_rig(4)
    names = (rig.names[1], rig.names[0], *rig.names[2:])
    exchanged = [replace(c, name=n) for c, n in zip(rig.cameras, names, strict=True)]
    save_rig(Rig(tuple(exchanged)), recording / "wrong.toml")
    (recording / "four").mkdir()
    write_recording(recording / "four", rig)
    assert main([command, "four", "wrong.toml", "--out", "a"]) == 0
    said = capsys.readouterr().out
    (line,) = [line for line in said.splitlines() if line.startswith("warning: ")]
    assert "the calibration does not fit the predictions" in line
    assert "look exchanged" in line
    record = record_in(recording / "a")
    assert [f"warning: {text}" for text in record["serious"]] == [line]
    capsys.readouterr()
    (path,) = (recording / "a").glob("*_run.json")
    assert main(["info", str(path)]) == 0
    described = capsys.readouterr().out
    assert f"  {line}" in described
    assert main(["info", "a"]) == 0
    of_folder = capsys.readouterr().out
    assert "a: a folder" in of_folder, "what lies in it"
    assert described.split(": ", 1)[1] in of_folder, "and how it was made"
