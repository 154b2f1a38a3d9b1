"""Recordings through a mirror: one file holds all views, keypoints are <bodypart>_<view>."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.support.recordings.scenes import noisy_ensemble, ring_rig, walk

from napari_pose3d import PoseDataError, load_predictions, open_inputs, save_rig, smooth
from napari_pose3d.cli import main
from napari_pose3d.cli.terminal.remedies import option_of
from napari_pose3d.core.formats.predictions.mirrored_table import split_header
from napari_pose3d.core.formats.predictions.prediction_csv import write_prediction_csv
from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable
from napari_pose3d.core.formats.predictions.table_header import read_header
from napari_pose3d.settings import ReadingSettings

VIEWS = ("top", "left_top")


def write(folder, names: tuple[str, ...], seeds: int = 2, n_frames: int = 40) -> dict:
    """Files ``mouse1.seed=N.csv`` with the named keypoints; the positions by (seed, name)."""
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    truth = {}
    for seed in range(seeds):
        xy = rng.uniform(0, 400, (n_frames, len(names), 2)).astype(np.float32)
        table = PredictionTable(names, xy, np.full(xy.shape[:2], 0.9, np.float32), scorer="net")
        write_prediction_csv(folder / f"mouse1.seed={seed}.csv", table)
        truth |= {(seed, name): xy[:, k] for k, name in enumerate(names)}
    return truth


NAMES = ("paw_top", "nose_top", "nose_left_top", "paw_left_top")


def test_one_file_becomes_all_views(tmp_path) -> None:
    truth = write(tmp_path / "in", NAMES)
    ensemble = load_predictions(tmp_path / "in", views=VIEWS, mirrored=True)
    assert ensemble.views == VIEWS
    assert ensemble.keypoints == ("paw", "nose")
    assert ensemble.models == ("seed=0", "seed=1")
    assert ensemble.session == "mouse1"
    for seed in range(2):
        for v, view in enumerate(VIEWS):
            for k, name in enumerate(ensemble.keypoints):
                np.testing.assert_array_equal(
                    ensemble.xy[seed, v, :, k], truth[seed, f"{name}_{view}"]
                )
    assert {source.path.name for source in ensemble.sources if source.view == "top"} == {
        "mouse1.seed=0.csv",
        "mouse1.seed=1.csv",
    }


def test_keypoints_can_be_chosen_by_bodypart(tmp_path) -> None:
    truth = write(tmp_path / "in", NAMES)
    ensemble = load_predictions(tmp_path / "in", views=VIEWS, keypoints=["nose"], mirrored=True)
    np.testing.assert_array_equal(ensemble.xy[1, 1, :, 0], truth[1, "nose_left_top"])


def test_a_keypoint_without_view_is_listed(tmp_path) -> None:
    write(tmp_path / "in", (*NAMES, "tail", "ear_bottom"))
    with pytest.raises(PoseDataError, match="tail, ear_bottom") as caught:
        load_predictions(tmp_path / "in", views=VIEWS, mirrored=True)
    assert "mouse1.seed=" in str(caught.value)


def test_a_bodypart_that_one_view_lacks(tmp_path) -> None:
    write(tmp_path / "in", (*NAMES, "ear_top"))
    with pytest.raises(PoseDataError, match="ear in view left_top of mouse1") as caught:
        load_predictions(tmp_path / "in", views=VIEWS, mirrored=True)
    assert "--shared-keypoints" in caught.value.worded(option_of)
    shared = load_predictions(tmp_path / "in", views=VIEWS, mirrored=True, shared_keypoints=True)
    assert shared.keypoints == ("paw", "nose")
    assert any("ear" in warning for warning in shared.warnings)


def test_a_view_that_no_keypoint_ends_in(tmp_path) -> None:
    write(tmp_path / "in", ("paw_top", "nose_top"))
    with pytest.raises(PoseDataError, match="no predictions of view left_top"):
        load_predictions(tmp_path / "in", views=VIEWS, mirrored=True)


def test_views_must_be_known_and_in_the_names(tmp_path) -> None:
    write(tmp_path / "in", NAMES)
    with pytest.raises(PoseDataError) as caught:
        load_predictions(tmp_path / "in", mirrored=True)
    assert "--views" in caught.value.worded(option_of)
    with pytest.raises(PoseDataError, match="no keypoint's name ends in one of the views front"):
        load_predictions(tmp_path / "in", views=["front", "back"], mirrored=True)


def test_who_forgets_the_option_is_told(tmp_path) -> None:
    write(tmp_path / "in", NAMES)
    with pytest.raises(PoseDataError, match="no prediction file has the name of a view") as caught:
        load_predictions(tmp_path / "in", views=VIEWS)
    assert "--mirrored" in caught.value.worded(option_of)


def test_the_same_result_as_from_separate_files(tmp_path, capsys) -> None:
    rng = np.random.default_rng(1)
    rig = ring_rig(3)
    ensemble = noisy_ensemble(rig, walk(60, 2, rng), rng, n_models=2)
    folder = tmp_path / "in"
    folder.mkdir()
    for m, model in enumerate(ensemble.models):
        names = tuple(f"{k}_{view}" for view in ensemble.views for k in ensemble.keypoints)
        xy = np.concatenate(list(ensemble.xy[m]), axis=1)
        likelihood = np.concatenate(list(ensemble.likelihood[m]), axis=1)
        write_prediction_csv(
            folder / f"walk.{model}.csv", PredictionTable(names, xy, likelihood, scorer="net")
        )
    save_rig(rig, tmp_path / "rig.toml")
    # The names of the views come from the calibration.
    read, found = open_inputs(folder, tmp_path / "rig.toml", ReadingSettings(mirrored=True))
    expected = smooth(replace(ensemble, session="walk"), rig).poses3d
    poses = smooth(read, found).poses3d
    np.testing.assert_allclose(poses.xyz, expected.xyz, atol=1e-6)

    arguments = ["smooth", str(folder), "--calibration", str(tmp_path / "rig.toml")]
    assert main([*arguments, "--mirrored", "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "walk_Cam-2.csv").is_file()
    assert main([*arguments, "--out", str(tmp_path / "other")]) == 2
    assert "--mirrored" in capsys.readouterr().err


@pytest.mark.realdata
def test_the_names_of_a_real_mirrored_recording(shared_data) -> None:
    header, _ = read_header(shared_data / "mouse" / "CollectedData.csv")
    by_view = split_header(header, ("top", "bot"))
    top, bot = (set(by_view[view].keypoints(None)) for view in ("top", "bot"))
    assert {"paw1LH", "nose", "tailBase"} <= top & bot
    assert top - bot == {"obs"}
    assert bot - top == {"obsHigh", "obsLow"}
