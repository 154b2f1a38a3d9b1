"""Triangulation of an ensemble frame by frame, from arrays and from the command line."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.support.recordings.scenes import noisy_ensemble, ring_rig, walk

from napari_pose3d import (
    Cancelled,
    PoseDataError,
    TriangulationSettings,
    save_rig,
    triangulate_ensemble,
)
from napari_pose3d.cli import main
from napari_pose3d.core.formats.predictions.poses3d_csv import read_poses3d_csv
from napari_pose3d.core.formats.predictions.prediction_csv import write_prediction_csv
from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable


@pytest.fixture(scope="module")
def scene():
    rng = np.random.default_rng(0)
    rig = ring_rig(4)
    xyz = walk(80, 2, rng)
    ensemble = noisy_ensemble(rig, xyz, rng)
    xy = ensemble.xy.copy()
    xy[:, 1, 20:25, 0] += 70.0  # a confident outlier
    xy[:, 1:, 40:43, 1] = np.nan  # seen by one view only
    xy[:, :, 60, 1] = np.nan  # seen by none
    return rig, xyz, replace(ensemble, xy=xy)


def test_points_and_what_is_reported(scene) -> None:
    rig, xyz, ensemble = scene
    result = triangulate_ensemble(ensemble, rig)
    poses = result.poses3d
    assert poses is not None
    lost = np.zeros((80, 2), dtype=bool)
    lost[40:43, 1] = lost[60, 1] = True
    np.testing.assert_array_equal(np.isnan(poses.xyz[..., 0]), lost)
    assert not poses.inferred.any()
    error = np.linalg.norm(poses.xyz - xyz, axis=-1)
    assert np.nanmedian(error) < 1.0
    assert error[20:25, 0].max() < 5
    assert (poses.n_views[20:25, 0] == 3).all()
    assert poses.residuals[1, 20:25, 0].min() > 50
    report = result.report
    assert report.mode == "triangulated"
    assert report.missing == 3 * 3 + 4
    assert report.left_missing == 4
    assert report.rejected >= 5
    assert any(note.startswith("3 observations") for note in report.warnings)
    np.testing.assert_allclose(result.poses2d.xy, rig.project(poses.xyz), atol=1e-3)


def test_points_that_two_views_contradict_each_other_about_are_counted() -> None:
    rng = np.random.default_rng(1)
    rig = ring_rig(4)
    ensemble = noisy_ensemble(rig, walk(60, 2, rng), rng)
    xy = ensemble.xy.copy()
    xy[:, 2:, 10:17, 0] = np.nan
    xy[:, 0, 10:17, 0, 1] += 60.0
    result = triangulate_ensemble(replace(ensemble, xy=xy), rig)
    noted = "in 7 points the views contradict each other and it is open which of them is right"
    assert noted in result.report.warnings
    assert np.isfinite(result.poses3d.xyz[10:17, 0]).all()
    assert not any("contradict" in n for n in triangulate_ensemble(ensemble, rig).report.warnings)


def test_robust_off_and_by_pixels(scene) -> None:
    rig, xyz, ensemble = scene
    off = triangulate_ensemble(ensemble, rig, TriangulationSettings(robust="off"))
    assert off.report.rejected == 0
    assert off.poses3d is not None
    assert np.linalg.norm(off.poses3d.xyz[20:25, 0] - xyz[20:25, 0], axis=-1).min() > 5
    strict = triangulate_ensemble(ensemble, rig, TriangulationSettings(robust=30.0))
    assert strict.report.rejected == 5


def test_a_view_that_the_seeds_disagree_in_counts_for_less(scene) -> None:
    rig, xyz, ensemble = scene
    rng = np.random.default_rng(9)
    xy = ensemble.xy.copy()
    xy[:, 0] += rng.normal(0, 12, xy[:, 0].shape)
    settings = TriangulationSettings(robust="off")
    weighted = triangulate_ensemble(replace(ensemble, xy=xy), rig, settings).poses3d
    one = replace(
        ensemble, xy=np.median(xy, axis=0)[None], likelihood=ensemble.likelihood[:1], models=("m",)
    )
    alike = triangulate_ensemble(one, rig, settings).poses3d
    assert weighted is not None
    assert alike is not None

    def error(poses) -> float:
        return float(np.nanmedian(np.linalg.norm(poses.xyz - xyz, axis=-1)))

    assert error(weighted) < 0.8 * error(alike)


def test_threads_and_cancel(scene) -> None:
    rig, _, ensemble = scene
    one, three = (
        triangulate_ensemble(ensemble, rig, TriangulationSettings(threads=n)).poses3d
        for n in (1, 3)
    )
    np.testing.assert_array_equal(one.xyz, three.xyz)
    with pytest.raises(Cancelled):
        triangulate_ensemble(ensemble, rig, cancelled=lambda: True)


def test_bad_input(scene) -> None:
    rig, _, ensemble = scene
    with pytest.raises(PoseDataError, match="one view only"):
        triangulate_ensemble(ensemble.select(views=("Cam-1",)), rig)
    with pytest.raises(PoseDataError, match="Cam-3"):
        triangulate_ensemble(ensemble, rig.subset(["Cam-0", "Cam-1", "Cam-2"]))
    with pytest.raises(PoseDataError, match="above zero"):
        triangulate_ensemble(ensemble, rig, TriangulationSettings(robust=-1.0))


@pytest.fixture
def recording(scene, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rig, _, ensemble = scene
    (tmp_path / "in").mkdir()
    for model in ensemble.models:
        poses = ensemble.poses(model)
        for view in poses.views:
            table = PredictionTable.from_poses(poses, view)
            write_prediction_csv(tmp_path / "in" / f"mouse1_{view}.{model}.csv", table)
    save_rig(rig, tmp_path / "rig.toml")
    return tmp_path


def test_the_command_writes_points_errors_and_record(recording, scene, capsys) -> None:
    rig, _, ensemble = scene
    assert main(["triangulate", "in", "--calibration", "rig.toml"]) == 0
    out = recording / "mouse1_triangulated"
    names = sorted(path.name for path in out.iterdir())
    errors = [f"mouse1_{view}_reprojection_error.csv" for view in sorted(rig.names)]
    assert names == sorted(["mouse1_3d.csv", *errors, "mouse1_run.json"])
    expected = triangulate_ensemble(ensemble, rig).poses3d
    written = read_poses3d_csv(out / "mouse1_3d.csv")
    np.testing.assert_allclose(written.xyz, expected.xyz, atol=1e-3)
    assert written.variance is not None
    table = pd.read_csv(out / errors[1], index_col=0)
    assert list(table.columns) == ["point0", "point1"]
    np.testing.assert_allclose(table.to_numpy(), expected.residuals[1], atol=1e-2)
    record = json.loads((out / "mouse1_run.json").read_text())
    assert record["mode"] == "triangulated"
    assert record["settings"]["robust"] == "auto"
    assert len(record["inputs"]) == 13
    assert record["counts"]["left_missing"] == 4
    assert "triangulated frame by frame" in capsys.readouterr().out


def test_existing_results_project_folder_and_bad_input(recording, capsys) -> None:
    arguments = ["triangulate", "in", "--calibration", "rig.toml", "--out", "out"]
    assert main([*arguments, "--robust", "25", "--threads", "1"]) == 0
    assert main(arguments) == 2
    assert "--force" in capsys.readouterr().err
    assert main([*arguments, "--force"]) == 0
    for bad, words in (
        (["triangulate", "in"], "--calibration"),
        ([*arguments, "--force", "--robust", "often"], "often"),
        ([*arguments, "--force", "--threads", "0"], "threads"),
        (["triangulate", "--calibration", "rig.toml"], "no predictions"),
    ):
        capsys.readouterr()
        assert main(bad) == 2
        error = capsys.readouterr().err.strip()
        assert words in error
        assert "\n" not in error
    (recording / "project.yaml").write_text(
        "view_names: [Cam-0, Cam-1, Cam-2, Cam-3]\nkeypoint_names: [point0, point1]\n"
    )
    (recording / "rig.toml").rename(recording / "calibration.toml")
    assert main(["triangulate", "in"]) == 0
    assert (recording / "napari-pose3d" / "triangulated" / "mouse1" / "mouse1_3d.csv").is_file()
