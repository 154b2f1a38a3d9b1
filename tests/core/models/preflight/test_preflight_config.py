"""Faults of a configuration are found before a training, also those litpose never speaks of."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from tests.support.projects.training_projects import (
    KEYPOINTS,
    VIEWS,
    checked,
    config_of,
    training_project,
)

from napari_pose3d.core.models.configuration.config_file import (
    config_text,
    read_config,
    with_values,
)
from napari_pose3d.core.models.installation.litpose_facts import Gpu, LitposeFacts
from napari_pose3d.core.models.preflight.preflight import Preflight, preflight
from napari_pose3d.core.models.training_plan import plan_training
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import TrainingSettings

MILESTONES = "training__lr_scheduler_params__multisteplr__milestones"
REPROJECTION = "losses__supervised_reprojection_heatmap_mse__log_weight"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training_project(tmp_path_factory.mktemp("config") / "lab")


def said(found: Preflight, severity: str = "error") -> str:
    return "\n".join(str(each) for each in found.findings if each.severity == severity)


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "milestones": ({"training__max_epochs": 100}, "3 milestones are after the last epoch, 100"),
    "size": ({"data__image_resize_dims__height": 200}, "multiple of 128"),
    "not square": ({"data__image_resize_dims__height": 384}, "height and width to be equal"),
    "convnet": ({"model__backbone": "resnet18"}, "does not work with this backbone"),
    "backbone": ({"model__backbone": "resnet19"}, "there is no such backbone"),
    "model": ({"model__model_type": "heatmaps"}, "there is no such model"),
    "steps": ({"training__max_steps": 100}, "steps and epochs are mixed"),
    "kept": ({"training__ckpt_every_n_epochs": 7}, "no multiple of check_val_every_n_epoch, 5"),
    "no validation": ({"training__check_val_every_n_epoch": 501}, "no validation before the last"),
    "no videos": ({"data__video_dir": "/nowhere"}, "there is no such folder (it is /nowhere)"),
    "relative": ({"data__data_dir": "lab"}, "the path is not absolute"),
    "evaluation": (
        {"eval__predict_vids_after_training": True, "eval__test_videos_directory": "/nowhere"},
        "would fail after the training",
    ),
    "number": ({"data__num_keypoints": 4}, "it is 4, and the label files have 5 keypoints"),
    "permuted": (
        {"data__keypoint_names": [*KEYPOINTS[1::-1], *KEYPOINTS[2:]]},
        "predictions would have wrong names (number 1 is ear_left, not nose)",
    ),
    "other names": ({"data__keypoint_names": list("abcde")}, "not the keypoints of the label"),
    "view twice": ({"data__view_names": ["cam0", "cam0", "cam2"]}, "a view is there twice"),
    "view lacking": ({"data__view_names": ["cam0", "cam1"]}, "3 label files for 2 views"),
    "augmentation": ({"training__imgaug": "dlc-top-down"}, "needs training.imgaug = dlc"),
    "not in space": ({"training__imgaug_3d": False}, "needs training.imgaug_3d = true"),
    "other model": ({"model__model_type": "heatmap"}, "needs model.model_type"),
    "context": ({"model__model_type": "heatmap_mhcrnn"}, "project has a calibration"),
    "regression": ({"model__model_type": "regression"}, "works with a single view only"),
    "losses": ({"model__losses_to_use": ["temporal"]}, "has no losses on videos"),
    "weight": ({"losses__temporal__log_weight": "11"}, "it is not a number"),
    "shares": ({"training__val_prob": 0.5}, "together more than 1"),
    "no mask": ({"training__patch_mask": None}, "the section is empty, at which litpose ends"),
    "half a mask": (
        {"training__patch_mask": {"init_epoch": 40, "final_ratio": 0.5}},
        "only one of init_epoch and final_epoch",
    ),
    "mask at once": ({"training__patch_mask__final_epoch": 40}, "divides by zero"),
    "no annealing": ({"callbacks": {}}, "by which the weight of the 3-D loss grows"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_of_the_configuration(project: Path, name: str) -> None:
    values, text = FAULTS[name]
    found = checked(project, **values)
    assert text in said(found)
    assert all(each.remedy for each in found.errors)


def test_a_missing_key(project: Path) -> None:
    config = config_of(project)
    del config["training"]["unfreezing_epoch"]
    assert "training.unfreezing_epoch: the key is missing" in said(preflight(config))


WARNINGS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": ({"training__ckpt_every_n_epoch": 5}, "Write training.ckpt_every_n_epochs"),
    "evaluation": ({"eval__predict_vids_after_training": True}, "can take hours"),
    "never in space": (
        {"training__max_epochs": 61, MILESTONES: [30]},
        "the training ends with epoch 60: it never acts",
    ),
    "hardly in space": (
        {"training__max_epochs": 100, MILESTONES: [30]},
        "and in full from 160, and the training ends with epoch 99: it comes to 0.39 of its weight",
    ),
    "views one by one": (
        {"training__imgaug_3d": False, REPROJECTION: None},
        "single views are turned and cut, which contradicts the calibration",
    ),
    "frozen": ({"training__unfreezing_epoch": 500}, "the backbone is never trained"),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_what_would_be_worse_than_it_could_be(project: Path, name: str) -> None:
    values, text = WARNINGS[name]
    found = checked(project, **values)
    assert text in said(found, "warning")
    assert found.errors == ()


def test_the_loss_in_space_needs_a_calibration(tmp_path: Path) -> None:
    folder = training_project(tmp_path / "lab")
    config = config_of(folder)
    (folder / "calibrations").rename(folder / "elsewhere")
    assert "the project has none" in said(preflight(config))
    # It is left out where none is there.
    plan = plan_training(folder)
    assert plan.checked.errors == ()
    assert plan.config["losses"]["supervised_reprojection_heatmap_mse"]["log_weight"] is None
    with pytest.raises(PoseDataError, match="the 3-D loss is not possible"):
        plan_training(folder, TrainingSettings(reprojection_loss="on"))


def test_a_loss_that_does_not_come_to_its_whole_weight(project: Path) -> None:
    found = checked(project, training__max_epochs=136, **{MILESTONES: [30]})
    assert "ends with epoch 135: it comes to 0.75 of its weight" in said(found, "note")
    found = checked(project, training__max_epochs=161, **{MILESTONES: [30]})
    assert "in full from 160. " in said(found, "note")


def test_what_does_nothing_is_noted(tmp_path: Path) -> None:
    folder = training_project(tmp_path / "lab")
    (folder / "calibrations").rename(folder / "elsewhere")
    config = with_values(config_of(folder), {"training.imgaug_3d": True})
    assert "it does nothing without a calibration" in said(preflight(config), "note")
    config = with_values(config, {"model.model_type": "heatmap"})
    assert "only heatmap_multiview_transformer hides patches" in said(preflight(config), "note")
    config = with_values(config, {"training.patch_mask.final_ratio": 0.0})
    assert "hides patches" not in said(preflight(config), "note")


def test_a_configuration_of_another_project(tmp_path: Path) -> None:
    folder, other = training_project(tmp_path / "lab"), training_project(tmp_path / "other")
    plan = plan_training(folder, base=config_of(other), given=())
    words = said(plan.checked, "warning")
    assert f"another project, and the networks would be written to this one (it is {other}" in words
    assert "label files lie outside of this project" in words
    (tmp_path / "link").symlink_to(folder)
    same = plan_training(tmp_path / "link", base=config_of(folder), given=())
    assert "another project" not in {each.kind for each in same.checked.findings}
    labels = folder / "CollectedData_cam1.csv"
    labels.rename(tmp_path / "labels.csv")
    labels.symlink_to(tmp_path / "labels.csv")
    linked = plan_training(folder, base=config_of(folder), given=())
    assert "another project" not in {each.kind for each in linked.checked.findings}


def test_losses_on_videos_need_a_gpu_and_dali(project: Path) -> None:
    config = with_values(
        config_of(project),
        {"model.losses_to_use": ["temporal"], "model.model_type": "heatmap"},
    )
    lacking = LitposeFacts("3.11", {"torch": "2"})
    there = LitposeFacts("3.11", {"torch": "2", "nvidia-dali-cuda110": "1"}, (Gpu("A", 8 << 30),))
    words = "temporal needs an NVIDIA GPU and DALI, which are not both there"
    assert words in said(preflight(config, facts=lacking))
    assert words not in said(preflight(config, facts=there))


def test_memory_and_time_are_estimates(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = with_values(config_of(project), {"training.train_batch_size": 64})
    small = LitposeFacts("3.11", {}, (Gpu("A", 8 << 30),))
    large = LitposeFacts("3.11", {}, (Gpu("A", 80 << 30),))
    assert "an estimated 17.9 GB of 8.6 GB" in said(preflight(config, facts=small), "warning")
    assert "an estimated 17.9 GB of 85.9 GB" in said(preflight(config, facts=large), "note")
    both = said(preflight(config, facts=large, at_once=2), "note")
    assert "an estimated 35.8 GB of 85.9 GB on the GPU, at least (2 networks at a time" in both
    without = said(preflight(config, facts=LitposeFacts("3.11")), "note")
    assert "without a GPU, an estimated" in without
    for gigabytes, found in ((64, False), (32, True)):
        memory = SimpleNamespace(total=gigabytes << 30)
        monkeypatch.setattr(psutil, "virtual_memory", lambda memory=memory: memory)
        warned = said(preflight(config, facts=LitposeFacts("3.11")), "warning")
        assert ("an estimated 33.2 GB of the computer's 34.4 GB, at least" in warned) == found


@pytest.mark.parametrize(
    ("name", "words"),
    [("net[1]", "[ ] * ?"), ("version_3/net", "version_..."), ("used", "holds something")],
)
def test_folders_that_litpose_cannot_use(
    project: Path, tmp_path: Path, name: str, words: str
) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "train_status.json").write_text("{}")
    found = preflight(config_of(project), outputs=[tmp_path / name])
    assert words in said(found)
    assert preflight(config_of(project), outputs=[tmp_path / "new"]).errors == ()


def test_a_written_configuration_is_read_as_it_was(project: Path, tmp_path: Path) -> None:
    config = config_of(project)
    path = tmp_path / "config.yaml"
    path.write_text(config_text(config))
    assert read_config(path) == config
    assert preflight(read_config(path)).errors == ()


@pytest.mark.parametrize("text", ["- a", "data: {}", "a: !!python/object:os.system {}", "a: [", ""])
def test_what_is_no_configuration(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(PoseDataError, match=r"config\.yaml"):
        read_config(path)


def test_a_single_view(tmp_path: Path) -> None:
    folder = training_project(tmp_path / "lab")
    (folder / "project.yaml").write_text(f"view_names: []\nkeypoint_names: {list(KEYPOINTS)}\n")
    (folder / f"CollectedData_{VIEWS[0]}.csv").rename(folder / "CollectedData.csv")
    plan = plan_training(folder)
    assert plan.checked.errors == ()
    assert plan.config["model"]["model_type"] == "heatmap"
    assert "view_names" not in plan.config["data"]
    assert plan.config["data"]["csv_file"] == str(folder / "CollectedData.csv")
