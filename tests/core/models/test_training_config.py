"""A configuration is what litpose recommends, with settings, and schedules that fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.support.session_files import touch
from tests.support.training_projects import VIEWS, config_of, edited, training_project

from napari_pose3d.core.formats.labels.label_csv import read_label_csv
from napari_pose3d.core.models.configuration.config_file import read_config, value_at, with_values
from napari_pose3d.core.models.configuration.image_size import image_size
from napari_pose3d.core.models.configuration.loss_schedules import (
    reprojection_epochs,
    schedules_for,
    schedules_to_continue,
)
from napari_pose3d.core.models.configuration.training_config import (
    TrainingDataset,
    config_of_seed,
    recommended_config,
    training_config,
    trial_config,
)
from napari_pose3d.core.models.preflight.preflight import preflight
from napari_pose3d.core.models.preflight.training_copy import make_training_copy
from napari_pose3d.core.models.preflight.training_input import training_input
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import TrainingSettings


def recorded_dataset(config: dict) -> TrainingDataset:
    data = config["data"]
    files = tuple(Path(path) for path in data["csv_file"])
    views, keypoints = tuple(data["view_names"]), tuple(data["keypoint_names"])
    return TrainingDataset(Path(data["data_dir"]), files, views, keypoints, 20, (640, 480))


@pytest.mark.realdata
def test_it_is_what_litpose_recommends(shared_data: Path) -> None:
    recorded = read_config(shared_data / "litpose_run" / "recommend" / "config.yaml")
    assert recommended_config(recorded_dataset(recorded)) == recorded


@pytest.mark.parametrize(
    ("memory", "size", "n_frames", "batch", "side", "epochs"),
    [
        (24 << 30, (640, 480), 1000, 56, 256, 300),
        (24 << 30, (640, 480), 100, 8, 256, 300),
        (16 << 30, (1600, 1200), 600, 16, 384, 300),
        (None, (160, 120), 40, 8, 128, 500),
        (8 << 30, (160, 1200), 700, 8, 384, 300),
    ],
)
def test_sizes_batches_and_epochs(
    memory: int | None, size: tuple[int, int], n_frames: int, batch: int, side: int, epochs: int
) -> None:
    files = tuple(Path(f"/lab/CollectedData_{v}.csv") for v in "abcd")
    dataset = TrainingDataset(Path("/lab"), files, tuple("abcd"), ("nose",), n_frames, size)
    config = recommended_config(dataset, memory)
    assert value_at(config, "training.train_batch_size") == batch
    assert config["data"]["image_resize_dims"] == {"height": side, "width": side}
    assert value_at(config, "training.max_epochs") == epochs


@pytest.mark.parametrize("epochs", [1, 2, 3, 10, 37, 100, 299, 300, 750])
def test_schedules_of_any_length_pass_the_checks(tmp_path: Path, epochs: int) -> None:
    folder = training_project(tmp_path / "lab")
    config = config_of(folder)
    config = training_config(config, TrainingSettings(epochs=epochs), calibrated=True)
    assert preflight(config).errors == ()
    if epochs >= 300:
        assert value_at(config, "callbacks.anneal_weight.freeze_until_epoch") == 60
    acts = reprojection_epochs(config)
    assert acts is not None
    assert acts[0] < epochs or epochs < 3


def test_the_loss_in_space_acts_later_and_in_full_later_still() -> None:
    config = {
        "losses": {"supervised_reprojection_heatmap_mse": {"log_weight": 3.0}},
        "callbacks": {"anneal_weight": {"freeze_until_epoch": 60, "increase_factor": 0.01}},
    }
    assert reprojection_epochs(config) == (61, 160)
    assert reprojection_epochs({"losses": {}}) is None
    assert reprojection_epochs({"losses": config["losses"]}) == (0, 0)
    assert schedules_for(150)["callbacks.anneal_weight.freeze_until_epoch"] == 30


def test_going_on_leaves_the_past_behind(tmp_path: Path) -> None:
    config = config_of(training_project(tmp_path / "lab"))
    values = schedules_to_continue(config, 170, 100)
    milestones = "training.lr_scheduler_params.multisteplr.milestones"
    assert values[milestones] == [30, 80]
    assert values["training.optimizer_params.learning_rate"] == pytest.approx(2.5e-5)
    assert values["training.unfreezing_epoch"] == 0
    assert values["training.patch_mask.init_epoch"] == 0
    assert values["training.patch_mask.final_epoch"] == 130
    assert values["training.patch_mask.init_ratio"] == pytest.approx(0.25)
    assert values["callbacks.anneal_weight.init_val"] == 1.0
    assert preflight(with_values(config, values)).errors == ()
    early = schedules_to_continue(config, 10, 5)
    assert early[milestones] == [5]
    assert early["training.unfreezing_epoch"] == 10
    assert early["callbacks.anneal_weight.freeze_until_epoch"] == 50


def test_seeds_and_trial(tmp_path: Path) -> None:
    config = config_of(training_project(tmp_path / "lab"))
    one = config_of_seed(config, 3, "net-seed3")["training"]
    assert (one["rng_seed_data_pt"], one["rng_seed_model_pt"]) == (3, 3)
    same = config_of_seed(config, 3, "net", same_split=True)["training"]
    assert (same["rng_seed_data_pt"], same["rng_seed_model_pt"]) == (0, 3)
    trial = trial_config(config)
    assert preflight(trial).errors == ()
    assert trial["training"]["limit_train_batches"] == 1
    assert config["training"]["max_epochs"] == 500


@pytest.mark.parametrize(
    "wrong",
    [
        {"seeds": ()},
        {"seeds": (1, 1)},
        {"seeds": (-1,)},
        {"epochs": 0},
        {"train_share": 1.0},
        {"workers": -1},
    ],
)
def test_settings_are_checked(wrong: dict) -> None:
    with pytest.raises(PoseDataError):
        TrainingSettings(**wrong)


def test_a_transformer_cannot_do_without_weights(tmp_path: Path) -> None:
    config = config_of(training_project(tmp_path / "lab"))
    with pytest.raises(PoseDataError, match="always begins with pretrained weights"):
        training_config(config, TrainingSettings(pretrained=False), calibrated=True)
    settings = TrainingSettings(model_type="heatmap", backbone="resnet18", pretrained=False)
    convnet = training_config(config, settings, calibrated=True)
    assert convnet["model"]["backbone_pretrained"] is False
    assert convnet["training"]["optimizer"] == "Adam"
    assert preflight(convnet).errors == ()


def test_sizes_of_png_jpeg_and_others(tmp_path: Path) -> None:
    import cv2

    image = np.zeros((30, 50, 3), np.uint8)
    for suffix in ("png", "jpg"):
        path = tmp_path / f"image.{suffix}"
        path.write_bytes(cv2.imencode(f".{suffix}", image)[1].tobytes())
        assert image_size(path) == (50, 30)
    assert image_size(touch(tmp_path / "a.bmp", "BM")) is None
    assert image_size(touch(tmp_path / "empty.png")) is None


# ------------------------------------------------------------------ the training copy


def test_views_with_few_labels_are_filled_in_a_copy(tmp_path: Path) -> None:
    folder = training_project(tmp_path / "lab")
    last = folder / "CollectedData_cam2.csv"
    truth = read_label_csv(last).positions()

    def emptied(rows: list[list[str]]) -> list[list[str]]:
        rows[5][5:] = [""] * len(rows[5][5:])
        return rows

    edited(last, emptied)
    before = {path: path.read_bytes() for path in folder.glob("*.csv")}
    given = training_input(config_of(folder))
    copy = make_training_copy(given, tmp_path / "net")
    assert copy.filled == (("cam2", "labeled-data/mouse1_day1_cam2/img00000020.png"),)
    assert copy.left_out == ()
    assert {path: path.read_bytes() for path in folder.glob("*.csv")} == before
    table = read_label_csv(copy.files[2])
    cells = table.cells(5)
    assert cells["nose"].visible == 2
    filled = [cells[name] for name in ("ear_right", "neck", "tail")]
    assert [cell.visible for cell in filled] == [0, 0, 0]
    positions = np.array([(cell.x, cell.y) for cell in filled], float)
    np.testing.assert_allclose(positions, truth[2, 2:], atol=0.01)
    config = with_values(given.config, {"data.csv_file": [str(path) for path in copy.files]})
    assert preflight(config, training_copy=False).errors == ()
    # As it was without the column: what nobody labeled is taught as hidden.
    assert [c.visible for c in read_label_csv(copy.files[0]).cells(5).values()] == [2] * 5


def test_frames_that_cannot_be_filled_are_left_out(tmp_path: Path) -> None:
    folder = training_project(tmp_path / "lab")

    def emptied(first: int) -> None:
        def change(rows: list[list[str]]) -> list[list[str]]:
            rows[5][first:] = ["nan"] * len(rows[5][first:])
            return rows

        return change

    edited(folder / "CollectedData_cam2.csv", emptied(1))
    for path in (folder / "calibrations").iterdir():
        text = path.read_text().splitlines()
        # A camera that looks the other way sees none of the points.
        at = [i for i, line in enumerate(text) if line.startswith("translation")][2]
        text[at] = "translation = [ 0.0, 0.0, -90000.0,]"
        path.write_text("\n".join(text) + "\n")
    copy = make_training_copy(training_input(config_of(folder)), tmp_path / "net")
    assert copy.left_out == ("labeled-data/mouse1_day1_cam0/img00000020.png",)
    assert {len(read_label_csv(path).rows) for path in copy.files} == {15}


def test_without_need_there_is_no_copy(tmp_path: Path) -> None:
    folder = training_project(tmp_path / "lab")
    copy = make_training_copy(training_input(config_of(folder)), tmp_path / "net")
    assert copy.files == tuple(folder / f"CollectedData_{view}.csv" for view in VIEWS)
    assert not (tmp_path / "net").exists()
