"""``export`` and ``import`` on the command line."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from tests.support.projects.labeled_projects import labeled_project
from tests.support.recordings.exchange_poses import poses_of

from napari_pose3d import export_poses, read_poses, save_rig
from napari_pose3d.cli import main
from napari_pose3d.core.formats.predictions.poses3d_csv import write_poses3d_csv
from napari_pose3d.core.formats.predictions.prediction_csv import write_prediction_csv
from napari_pose3d.core.pipeline.exchange.format_table import FORMATS


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A folder with predictions of three views, 3-D positions and a calibration."""
    folder = tmp_path / "recording"
    folder.mkdir()
    poses = poses_of(40)
    assert poses.poses2d is not None
    assert poses.poses3d is not None
    assert poses.rig is not None
    for view in poses.views:
        write_prediction_csv(folder / f"day1_{view}.csv", poses.poses2d, view=view)
    write_poses3d_csv(folder / "day1_3d.csv", poses.poses3d)
    save_rig(poses.rig, folder / "calibration.toml")
    return folder


def test_positions_in_space_of_a_folder(recording: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "out"
    code = main(["export", str(recording), "--format", "trc", "--out", str(out), "--fps", "50"])
    said = capsys.readouterr().out
    assert code == 0
    assert "note: units" in said
    assert "day1.trc" in said
    assert read_poses(out / "day1.trc").fps == 50


def test_what_is_missing_is_said_with_the_option(recording: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    code = main(["export", str(recording), "--format", "trc", "--out", str(tmp_path / "out")])
    assert code == 2
    assert "--fps N" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_set_is_chosen_by_name(recording: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    arguments = ["export", str(recording), "--format", "tidy-csv", "--out", str(tmp_path / "out")]
    assert main([*arguments, "--set", "nonsense"]) == 2
    assert "no prediction set 'nonsense'" in capsys.readouterr().err


def test_import_looks_and_writes_what_is_read_again(tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    poses = poses_of(40)
    assert poses.poses2d is not None
    assert poses.rig is not None
    xy = poses.poses2d.xy.copy()
    xy[0, 0, 0], xy[1, 1, 1] = 0, 5000
    from dataclasses import replace

    poses = replace(poses, poses2d=replace(poses.poses2d, xy=xy), poses3d=None)
    export_poses(poses, "tidy-csv", tmp_path / "theirs.csv")
    rig = tmp_path / "calibration.toml"
    save_rig(poses.rig, rig)
    out = tmp_path / "ours"
    code = main(
        ["import", str(tmp_path / "theirs.csv"), "--out", str(out), "--calibration", str(rig)]
    )
    said = capsys.readouterr().out
    assert code == 0
    assert "Cam-A: 159 positions, 1 missing, 1 at exactly 0 (missing in some programs)" in said
    assert "Cam-B: 159 positions, 1 missing, 1 outside of the image" in said
    assert "residual 0.00 px" in said
    assert sorted(each.name for each in out.iterdir()) == [
        f"day1_Cam-{letter}.csv" for letter in "ABC"
    ]
    from napari_pose3d import load_predictions

    again = load_predictions(out, views=poses.views)
    np.testing.assert_allclose(again.xy[0], xy, rtol=1e-6)


def test_several_files_are_imported_though_one_is_damaged(tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    export_poses(poses_of(), "trc", tmp_path / "a.trc")
    (tmp_path / "b.trc").write_text("PathFileType\n", encoding="utf-8")
    assert main(["import", str(tmp_path / "a.trc"), str(tmp_path / "b.trc")]) == 1
    said = capsys.readouterr().out
    assert "3-D: 27 positions, 1 missing" in said
    assert "not imported: " in said


@pytest.mark.parametrize("key", ["trc", "tidy-csv", "c3d", "dannce"])
def test_info_describes_files_of_other_programs(
    key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = export_poses(poses_of(), key, tmp_path)
    assert main(["info", str(done.files[0])]) == 0
    said = capsys.readouterr().out
    assert f"{FORMATS[key].title}, poses" in said
    assert "7 frames, 4 keypoints (tail, nose, paw_L, ear), 120 frames a second" in said
    assert "3-D: 27 positions, 1 missing" in said


def test_info_describes_labels_and_names_a_missing_library(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = labeled_project(tmp_path / "project")
    assert (
        main(["export", str(project), "--format", "coco", "--out", str(tmp_path / "a.json")]) == 0
    )
    capsys.readouterr()
    assert main(["info", str(tmp_path / "a.json")]) == 0
    said = capsys.readouterr().out
    assert "COCO keypoints, labels" in said
    assert "4 frames, views Cam-A, Cam-B, Cam-C" in said
    assert main(["export", str(project), "--format", "jarvis", "--out", str(tmp_path / "set")]) == 0
    capsys.readouterr()
    assert main(["info", str(tmp_path / "set")]) == 0
    assert "JARVIS data set, labels" in capsys.readouterr().out
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and so on")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["info", str(tmp_path / "a.parquet")]) == 0
    assert "pip install 'napari-pose3d[parquet]'" in capsys.readouterr().out
    # What begins like none of them is as before.
    (tmp_path / "b.json").write_text("[]")
    assert main(["info", str(tmp_path / "b.json")]) == 0
    assert "not a file of ours" in capsys.readouterr().out
