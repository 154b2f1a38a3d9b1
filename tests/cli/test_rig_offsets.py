"""Lags that `rig check` finds become the offsets of a session's views, on request."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.support.projects.session_files import put_predictions, touch

from napari_pose3d.cli import main
from napari_pose3d.core.calibration import rig_calibration
from napari_pose3d.core.calibration.board import detection, layout
from napari_pose3d.core.calibration.board.board import Board
from napari_pose3d.core.cameras.rig_file import save_rig
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.synthetic.board.board_observations import ring_of_cameras, simulate_board
from napari_pose3d.synthetic.shared_points import simulate_points

RIG = ring_of_cameras(4, focal=1400, distance=600, arc=2.5)
KEYPOINTS = ("nose", "tail", "ear", "paw")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The video of camera 2 lags 3 frames."""
    xy = simulate_points(RIG, 300, 4, noise=0.5, outliers=0).xy
    xy[2, 3:] = xy[2, :-3].copy()
    xy[2, :3] = np.nan
    views = ", ".join(f'"{view}"' for view in RIG.names)
    folder = tmp_path / "lab"
    names = ", ".join(KEYPOINTS)
    touch(folder / "project.yaml", f"view_names: [{views}]\nkeypoint_names: [{names}]\n")
    for view, positions in zip(RIG.names, xy, strict=True):
        touch(folder / "videos" / f"day1_{view}.mp4")
        preds = folder / "models" / "net" / "video_preds"
        put_predictions(preds / f"day1_{view}.csv", positions, KEYPOINTS)
    save_rig(RIG, folder / "calibration.toml")
    return folder


def test_offsets_are_offered_and_then_written(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check = ["rig", "check", str(project / "calibration.toml"), "--predictions", str(project)]
    assert main(check) == 1
    assert "cam2 -3 (--offsets-to)" in capsys.readouterr().out
    assert not (project / "napari-pose3d").exists()
    assert main([*check, "--offsets-to", str(project)]) == 1
    assert "view cam2 now has the offset -3" in capsys.readouterr().out
    assert open_project(project).session("day1").alignment("cam2").offset == -3
    # With it, nothing is left to find.
    assert main([*check, "--offsets-to", str(project)]) == 0
    said = capsys.readouterr().out
    assert "lags" not in said
    assert "no offset changes" in said
    assert open_project(project).session("day1").alignment("cam2").offset == -3


def test_offsets_need_predictions_and_a_session(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rig = str(project / "calibration.toml")
    assert main(["rig", "check", rig, "--offsets-to", str(project)]) == 2
    assert "--predictions" in capsys.readouterr().err
    given = ["rig", "check", rig, "--predictions", str(project), "--offsets-to", str(project)]
    assert main([*given, "--session", "day9"]) == 2
    assert "day9" in capsys.readouterr().err


def test_lags_found_with_a_board_become_offsets(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    board = Board(8, 6, 30.0, marker=20.0, dictionary="DICT_4X4_1000")
    rig = ring_of_cameras(4, arc=2.5)
    made = simulate_board(rig, board, 150, clocks=(0.0, 2.0, -1.6, 0.0), seed=9).observations
    # Detection has tests of its own; calibrated once, it is the same recording.
    found = rig_calibration.calibrate(made, judge=False)
    monkeypatch.setattr(rig_calibration, "calibrate", lambda *_, **__: found)
    monkeypatch.setattr(detection, "detect_corners", lambda *_, **__: made)
    monkeypatch.setattr(layout, "recognise_board", lambda videos, board: (board, ()))
    videos = [str(touch(project / "board" / f"board_{view}.mp4")) for view in rig.names]
    command = ["rig", "calibrate", *videos, "--board", "charuco:8x6:30mm:20mm:DICT_4X4_1000"]
    command += ["--out", str(project / "made.toml"), "--force"]
    assert main(command) == 0
    assert "cam1 -2, cam2 +2 (--offsets-to)" in capsys.readouterr().out
    assert not (project / "napari-pose3d").exists()
    assert main([*command, "--offsets-to", str(project), "--session", "day1"]) == 0
    assert "view cam1 now has the offset -2" in capsys.readouterr().out
    session = open_project(project).session("day1")
    assert [session.alignment(view).offset for view in rig.names] == [0, -2, 2, 0]
    assert main([*command, "--offsets-to", str(project), "--session", "day9"]) == 2
    assert "day9" in capsys.readouterr().err
