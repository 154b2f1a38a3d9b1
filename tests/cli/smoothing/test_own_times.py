"""``smooth --own-times``: from timestamps beside the predictions or in a project to files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.support.projects.session_files import put_predictions, touch
from tests.support.recordings.clocks import Clocks, clocks

from napari_pose3d import save_rig
from napari_pose3d.cli import main
from napari_pose3d.core.formats.predictions.poses3d_csv import read_poses3d_csv
from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
from napari_pose3d.core.projects.project_toml import update_own_project


def recording(folder: Path, scene: Clocks, timestamps: bool) -> None:
    """Predictions of all views by their own frames, the calibration, perhaps the times."""
    save_rig(scene.rig, folder / "calibration.toml")
    for view, name in enumerate(scene.rig.names):
        n = len(scene.times[name])
        for m, model in enumerate(scene.ensemble.models):
            path = folder / f"run_{model}_{name}.csv"
            put_predictions(path, scene.ensemble.xy[m, view, :n], scene.ensemble.keypoints)
        if timestamps:
            np.save(folder / f"run.timestamps.{name}.npy", scene.times[name])


@pytest.fixture(scope="module")
def scene() -> Clocks:
    return clocks(seconds=3, n_keypoints=1)


def test_timestamps_beside_the_predictions(
    scene: Clocks, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    tmp_path.joinpath("in").mkdir()
    recording(tmp_path / "in", scene, timestamps=True)
    out = tmp_path / "out"
    given = [str(tmp_path / "in"), "--own-times", "--out", str(out)]
    assert main(["smooth", *given]) == 0
    said = capsys.readouterr().out
    assert "Cam-0 60, Cam-1 150, Cam-2 30" in said
    assert "frames of the session, 90" in said
    space = read_poses3d_csv(out / "run_3d.csv")
    slow = scene.times["Cam-2"]
    off = np.linalg.norm(space.xyz - scene.truth(slow), axis=-1)
    assert np.sqrt((off**2).mean()) < 0.6
    record = json.loads((out / "run_run.json").read_text())
    assert record["settings"]["own_times"] is True
    assert not (out / "run_times.csv").exists()

    assert main(["smooth", *given, "--output-times", "Cam-1", "--force"]) == 0
    table = np.loadtxt(out / "run_times.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(table[:, 1], scene.times["Cam-1"])
    assert len(read_poses3d_csv(out / "run_3d.csv").xyz) == len(table)


def test_timestamps_of_a_project(
    scene: Clocks, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    names = ", ".join(scene.rig.names)
    touch(tmp_path / "project.yaml", f"view_names: [{names}]\nkeypoint_names: [point0]\n")
    predictions = tmp_path / "models" / "net" / "video_preds"
    predictions.mkdir(parents=True)
    recording(predictions, scene, timestamps=False)
    (predictions / "calibration.toml").rename(tmp_path / "calibration.toml")
    assert main(["smooth", str(tmp_path), "--own-times"]) == 2
    assert "hold the times of the frames" in capsys.readouterr().err
    alignments = {}
    for name, times in scene.times.items():
        lines = [f"{i},{time:.6f}\n" for i, time in enumerate(times)]
        path = touch(tmp_path / "times" / f"{name}.csv", "".join(lines))
        alignments["run", name] = ViewAlignment(timestamps=path)
    update_own_project(tmp_path, alignments=alignments)
    assert main(["smooth", str(tmp_path)]) == 0
    assert "paired by time" in capsys.readouterr().out
    assert main(["smooth", str(tmp_path), "--own-times", "--force"]) == 0
    assert "counts at its own time" in capsys.readouterr().out
    own = tmp_path / "napari-pose3d" / "smoothed" / "run"
    assert len(read_poses3d_csv(own / "run_3d.csv").xyz) == 90
    # All results in a project count the frames of the session.
    assert main(["smooth", str(tmp_path), "--own-times", "--output-times", "50", "--force"]) == 2
    assert "Choose a folder outside" in capsys.readouterr().err
