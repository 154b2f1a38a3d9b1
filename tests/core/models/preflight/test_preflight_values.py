"""A configuration that a person wrote: odd values are named, none ends the checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.projects.training_projects import checked, config_of, training_project

from napari_pose3d.core.models.configuration.config_file import config_text, read_config
from napari_pose3d.core.models.preflight.preflight import Preflight, preflight

MILESTONES = "training__lr_scheduler_params__multisteplr__milestones"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training_project(tmp_path_factory.mktemp("values") / "lab")


def said(found: Preflight, severity: str = "error") -> str:
    return "\n".join(str(each) for each in found.findings if each.severity == severity)


# What becomes of a configuration that a person wrote: each value is named, with what to write.
VALUES: dict[str, tuple[dict[str, Any], str]] = {
    "word for a number": (
        {"training__check_val_every_n_epoch": "five"},
        "training.check_val_every_n_epoch: it must be a whole number from 1 (it is five). Write 5.",
    ),
    "batch": ({"training__train_batch_size": "auto"}, "train_batch_size: it must be a whole"),
    "no batch": ({"training__val_batch_size": None}, "val_batch_size: it is empty"),
    "share": ({"training__train_prob": "x"}, "it must be a number from 0 to 1 (it is x)"),
    "share above 1": ({"training__val_prob": 5}, "it must be a number from 0 to 1 (it is 5)"),
    "milestones": ({MILESTONES: "150"}, "it must be a list of whole numbers (it is 150)"),
    "words as milestones": ({MILESTONES: ["a"]}, "it must be a list of whole numbers"),
    "no section": ({"data__image_resize_dims": 256}, "it must be a section of keys (it is 256)"),
    "side": ({"data__image_resize_dims__height": "x"}, "whole number from 1 (it is x). Write 256"),
    "no side": ({"data__image_resize_dims__width": [256]}, "it must be a whole number from 1"),
    "endless side": ({"data__image_resize_dims__width": float("inf")}, "a whole number from 1"),
    "backbones": ({"model__backbone": ["vits_dino"]}, "model.backbone: it must be a name"),
    "endless": (
        {"callbacks__anneal_weight__init_val": float("inf")},
        "number from 0 (it is inf)",
    ),
    "losses": ({"losses": None}, "losses: it must be a section of keys"),
    "no epochs": ({"training__max_epochs": None}, "training.max_epochs: it is empty"),
    "half an epoch": ({"training__max_epochs": 99.5}, "it must be a whole number from 1"),
    "never validated": ({"training__check_val_every_n_epoch": 0}, "whole number from 1 (it is 0)"),
    "kept": ({"training__ckpt_every_n_epochs": "5 "}, "it must be a whole number from 1"),
    "losses as text": ({"model__losses_to_use": "temporal"}, "it must be a list of names"),
    "unknown loss": ({"model__losses_to_use": ["tempral"]}, "no loss on videos called tempral"),
    "loss without section": (
        {"model__losses_to_use": ["temporal_heatmap_kl"]},
        "the section losses says nothing of temporal_heatmap_kl",
    ),
    "optimizer": ({"training__optimizer": "SGD"}, "it must be one of Adam, AdamW (it is SGD)"),
    "scheduler": ({"training__lr_scheduler": "cosine"}, "one of multisteplr, multistep_lr"),
    "downsampling": ({"data__downsample_factor": 5}, "one of 1, 2, 3 (it is 5). Write 2."),
    "checkpoint": ({"model__checkpoint": "/nowhere/a.ckpt"}, "there is no such file"),
    "folder": ({"model__checkpoint": "/nowhere"}, "no weights (.ckpt) are found in this folder"),
    "relative": ({"model__checkpoint": "a.ckpt"}, "the path is not absolute"),
    "masking": ({"training__patch_mask": 3}, "training.patch_mask: it must be a section"),
    "3-D loss": ({"callbacks__anneal_weight__freeze_until_epoch": "x"}, "whole number from 0"),
    "no ratio": ({"training__patch_mask__final_ratio": None}, "final_ratio: it is empty"),
    "no epoch": ({"callbacks__anneal_weight__freeze_until_epoch": None}, "epoch: it is empty"),
    "views": ({"data__view_names": "cam0"}, "data.view_names: it must be a list of names"),
    "label files": ({"data__csv_file": 7}, "it must be a path, or a list with one"),
    "itself": ({"training__max_epochs": "${training.max_epochs}"}, "it must be a whole number"),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_that_cannot_be(project: Path, name: str) -> None:
    values, text = VALUES[name]
    found = checked(project, **values)
    assert text in said(found)
    assert all(each.remedy for each in found.errors)


ODD: dict[str, tuple[dict[str, Any], str]] = {
    "name": ({"model__model_name": "a=b"}, "does not find the weights of a network with ="),
    "one seed": ({"training__rng_seed_data_pt": 3}, "only one of the two seeds is varied"),
    "unknown loss": ({"losses__tempral__log_weight": 3.0}, "knows no loss called tempral"),
}


@pytest.mark.parametrize("name", ODD)
def test_values_that_are_passed_over(project: Path, name: str) -> None:
    values, text = ODD[name]
    found = checked(project, **values)
    assert text in said(found, "warning")
    assert found.errors == ()
    assert all(each.remedy for each in found.findings if each.severity == "warning")


def test_numbers_and_references_as_litpose_reads_them(project: Path, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    text = config_text(config_of(project))
    text = text.replace("max_epochs: 500", "max_epochs: ${training.min_epochs}")
    text = text.replace("learning_rate: 5.0e-05", "learning_rate: 5e-5")
    path.write_text(text.replace("log_weight: 3.0", "log_weight: 3e0"))
    config = read_config(path)
    assert config["training"]["optimizer_params"]["learning_rate"] == "5e-5"
    assert config["training"]["max_epochs"] == "${training.min_epochs}"
    assert preflight(config).errors == ()
