"""A configuration is what litpose recommends, with settings, and schedules that fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.support.paths import RECORDED_LITPOSE
from tests.support.projects.session_files import touch
from tests.support.projects.training_projects import VIEWS, config_of, edited, training_project

from napari_pose3d.core.formats.labels.label_csv import read_label_csv
from napari_pose3d.core.models.configuration.config_file import (
    leaves,
    read_config,
    value_at,
    with_values,
)
from napari_pose3d.core.models.configuration.image_size import image_size
from napari_pose3d.core.models.configuration.loss_schedules import (
    schedules_for,
    schedules_to_continue,
)
from napari_pose3d.core.models.configuration.multiview_training import (
    annealing_values,
    multiview_obstacles,
    multiview_training,
    reprojection_epochs,
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
from napari_pose3d.core.models.training_plan import plan_training
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import TrainingSettings


def recorded_dataset(config: dict) -> TrainingDataset:
    data = config["data"]
    files = tuple(Path(path) for path in data["csv_file"])
    views, keypoints = tuple(data["view_names"]), tuple(data["keypoint_names"])
    return TrainingDataset(Path(data["data_dir"]), files, views, keypoints, 20, (640, 480))


def test_it_is_what_litpose_recommends() -> None:
    recorded = read_config(RECORDED_LITPOSE / "recommended.yaml")
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


@pytest.mark.parametrize(("first", "full"), [(61, 160), (0, 0), (0, 9), (5, 5), (1, 300)])
def test_the_loss_acts_from_the_epochs_that_are_asked_for(first: int, full: int) -> None:
    config = with_values(
        {"losses": {"supervised_reprojection_heatmap_mse": {"log_weight": 3.0}}},
        annealing_values(first, full),
    )
    assert reprojection_epochs(config) == (first, full)
    # As litpose 2.4.3 computes the weight of an epoch.
    given = config["callbacks"]["anneal_weight"]
    weight, weights = given["init_val"], []
    for epoch in range(full + 2):
        if epoch > given["freeze_until_epoch"]:
            grown = (epoch - given["freeze_until_epoch"]) * given["increase_factor"]
            weight = min(given["init_val"] + grown, given["final_val"])
        weights.append(weight)
    assert next(epoch for epoch, each in enumerate(weights) if each > 0) == first
    assert weights[full] == pytest.approx(1, abs=1e-3)
    assert full == first or weights[full - 1] < weights[full] - 1e-3


def in_space(folder: Path, **settings: object) -> dict:
    return plan_training(folder, TrainingSettings(**settings)).config  # type: ignore[arg-type]


def test_epochs_of_the_loss_and_of_masking_are_put_in(tmp_path: Path) -> None:
    folder = training_project(tmp_path / "lab")
    usual = multiview_training(in_space(folder, epochs=300))
    assert (usual.loss_from, usual.loss_full, usual.loss_reached) == (61, 160, 1.0)
    assert (usual.mask_from, usual.mask_full, usual.mask_share) == (40, 300, 0.5)
    assert usual.augmentation
    given = multiview_training(
        in_space(
            folder, epochs=200, reprojection_from=20, mask_share=0.25, mask_from=10, mask_full=110
        )
    )
    # Later by as much, as it grew before.
    assert (given.loss_from, given.loss_full) == (20, 20 + 107 - 41)
    assert (given.mask_from, given.mask_full, given.mask_reached) == (10, 110, 0.25)
    given = multiview_training(in_space(folder, reprojection_from=3, reprojection_full=7))
    assert (given.loss_from, given.loss_full) == (3, 7)
    given = multiview_training(in_space(folder, reprojection_full=30))
    assert (given.loss_from, given.loss_full) == (30, 30)
    none = multiview_training(in_space(folder, mask_share=0.0, reprojection_loss="off"))
    assert none.lines() == [
        "no 3-D loss",
        "views are varied in space only",
        "no patches are hidden",
    ]
    one_by_one = in_space(folder, augmentation_3d="off")
    assert value_at(one_by_one, "training.imgaug_3d") is False
    assert multiview_training(one_by_one).loss_from is None, "the loss needs it"


def test_what_is_not_possible_is_refused_with_what_it_needs(tmp_path: Path) -> None:
    folder = training_project(tmp_path / "lab")
    config = in_space(folder)
    assert multiview_obstacles(config, calibrated=True) == {}
    assert set(multiview_obstacles(config, calibrated=False)) == {"loss", "augmentation"}
    heatmap = with_values(config, {"model.model_type": "heatmap"})
    needed = "it needs the model heatmap_multiview_transformer"
    assert set(multiview_obstacles(heatmap, calibrated=True).values()) == {needed}
    single = with_values(config, {"data.view_names": None})
    assert len(multiview_obstacles(single, calibrated=True)) == 3
    turned = with_values(config, {"training.imgaug": "dlc-top-down"})
    assert multiview_obstacles(turned, calibrated=True) == {
        "loss": "it needs the augmentation dlc, not dlc-top-down"
    }
    convnet = {"model_type": "heatmap", "backbone": "resnet50"}
    for settings, words in (
        ({"reprojection_loss": "on", "augmentation_3d": "off"}, "needs 3-D augmentation"),
        ({"augmentation_3d": "on", "augmentation": "default"}, "3-D augmentation is not possible"),
        ({"reprojection_loss": "off", "reprojection_from": 3}, "epochs of the 3-D loss are given"),
        ({"mask_from": 400, "mask_full": 400}, "expected the second to be later"),
        ({**convnet, "mask_share": 0.5}, "masking of patches is not possible here: it needs"),
        ({**convnet, "reprojection_from": 3}, "it is off"),
    ):
        with pytest.raises(PoseDataError, match=f"(?i){words}"):
            in_space(folder, **settings)
    for wrong in (
        {"reprojection_from": -1},
        {"reprojection_from": 9, "reprojection_full": 8},
        {"mask_share": 1.0},
        {"mask_from": 9, "mask_full": 8},
        {"mask_full": 0},
    ):
        with pytest.raises(PoseDataError):
            TrainingSettings(**wrong)  # type: ignore[arg-type]
    (folder / "calibrations").rename(folder / "elsewhere")
    with pytest.raises(PoseDataError, match="a calibration for each labeled session"):
        in_space(folder, augmentation_3d="on")


def test_in_a_configuration_of_ones_own_only_what_is_given_changes(tmp_path: Path) -> None:
    folder = training_project(tmp_path / "lab")
    own = with_values(in_space(folder), {"training.imgaug_3d": False, "training.max_epochs": 400})
    own = with_values(own, {"losses.supervised_reprojection_heatmap_mse.log_weight": None})

    def changed(**settings: object) -> set[str]:
        plan = plan_training(
            folder,
            TrainingSettings(**settings),  # type: ignore[arg-type]
            base=own,
            given=set(settings),
        )
        before, now = dict(leaves(own)), dict(leaves(plan.config))
        return {key.split(".")[-1] for key in now if now[key] != before.get(key)}

    assert changed() == set()
    assert changed(augmentation_3d="on") == {"imgaug_3d"}
    assert changed(mask_share=0.1) == {"final_ratio"}
    assert changed(reprojection_loss="on") == {"imgaug_3d", "log_weight"}
    with pytest.raises(PoseDataError, match="it is off"):
        changed(reprojection_from=20)
    own = with_values(own, {"training.patch_mask.final_ratio": 0.0})
    with pytest.raises(PoseDataError, match="no patches are hidden"):
        changed(mask_from=20)
    assert changed(mask_from=20, mask_share=0.1) == {"init_epoch", "final_ratio"}


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
        {"epochs": 10**400},
        {"image_size": 10_000_000},
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
        whole = path.read_bytes()
        for end in range(0, len(whole), 3):
            path.write_bytes(whole[:end])
            assert image_size(path) in (None, (50, 30))
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
