"""`models check` prints findings with remedies, and fails where a training would."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.support.litpose.litpose_programs import litpose_environment
from tests.support.projects.training_projects import config_of, edited, training_project

from napari_pose3d.cli import main
from napari_pose3d.core.models.configuration.config_file import (
    config_text,
    leaves,
    read_config,
    with_values,
)

Rows = list[list[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return training_project(tmp_path / "lab")


def emptied(rows: Rows) -> Rows:
    rows[5][3:] = [""] * len(rows[5][3:])
    return rows


def test_a_sound_project(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "check", str(project), "--no-litpose"]) == 0
    said = capsys.readouterr().out
    assert ["nose", "16", "16", "16"] in [line.split() for line in said.splitlines()]
    assert "mouse1_day1 8, mouse2_day1 8" in said
    assert "no errors" in said


def test_an_error_gives_exit_code_1(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "labeled-data" / "mouse1_day1_cam0" / "img00000003.png").unlink()
    assert main(["models", "check", str(project), "--no-litpose"]) == 1
    said = capsys.readouterr().out
    assert "error: CollectedData_cam0.csv: 1 image is missing" in said
    assert said.rstrip().endswith("1 error")


def test_numbers_that_cannot_be_are_refused(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option, value, said in (
        ("--at-once", "0", "0 networks at a time"),
        ("--at-once", "9" * 400, "expected from 1 to 1,000"),
        ("--batch-size", "9" * 400, "batch size is more than 1,000,000"),
    ):
        assert main(["models", "check", str(project), "--no-litpose", option, value]) == 2
        assert said.lower() in capsys.readouterr().err.lower()


def test_as_is_means_without_the_training_copy(project: Path) -> None:
    edited(project / "CollectedData_cam2.csv", emptied)
    check = ["models", "check", str(project), "--no-litpose"]
    assert main(check) == 0
    assert main([*check, "--as-is"]) == 1


def test_a_configuration_of_ones_own(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(config_text(with_values(config_of(project), {"training.max_epochs": 100})))
    check = ["models", "check", str(project), "--no-litpose", "--config", str(own)]
    assert main(check) == 1
    assert "3 milestones are after the last epoch" in capsys.readouterr().out


def test_settings_and_the_whole_configuration(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check = ["models", "check", str(project), "--no-litpose", "--show-config"]
    assert main([*check, "--epochs", "100", "--backbone", "vitb_dino", "--image-size", "384"]) == 0
    said = capsys.readouterr().out
    assert "max_epochs: 100" in said
    assert "backbone: vitb_dino" in said
    assert "predict_vids_after_training: false" in said
    assert main([*check, "--epochs", "0"]) == 2


def test_the_environment_of_litpose_is_looked_at(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = litpose_environment(tmp_path / "lp")
    assert main(["models", "check", str(project), "--litpose", str(environment)]) == 0
    assert "without a GPU, an estimated" in capsys.readouterr().out


def test_what_is_no_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "check", str(tmp_path), "--no-litpose"]) == 2
    assert "no project of Lightning Pose" in capsys.readouterr().err


def test_folders_that_networks_could_not_be_written_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = training_project(tmp_path / "lab[1]" / "version_2")
    check = ["models", "check", str(project), "--no-litpose"]
    assert main(check) == 1
    said = capsys.readouterr().out
    assert "one of [ ] * ?" in said
    assert "called version_..." in said
    assert said.rstrip().endswith("2 errors")


def test_the_folder_of_each_seed_has_to_be_new(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    used = project / "models" / "flies-seed1" / "train_status.json"
    used.parent.mkdir(parents=True)
    used.write_text("{}")
    check = ["models", "check", str(project), "--no-litpose"]
    assert main(check) == 0
    assert main([*check, "--name", "flies", "--seeds", "0"]) == 0
    assert main([*check, "--name", "flies"]) == 1
    assert "flies-seed1: the folder holds something already" in capsys.readouterr().out
    assert main([*check, "--name", "a=b"]) == 2


def test_what_is_checked_is_what_would_be_trained(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `litpose recommend` as with a configuration of one's own."""
    environment = litpose_environment(tmp_path / "lp")
    own = tmp_path / "own.yaml"
    values = {
        "model.backbone": "vitb_dino",
        "training.optimizer_params.learning_rate": 0.002,
        "training.imgaug": "dlc-top-down",
        "training.imgaug_3d": False,
        "training.train_prob": 0.7,
        "training.val_prob": 0.2,
        "training.num_workers": 5,
        "training.max_epochs": 3,
        "training.min_epochs": 3,
        "training.unfreezing_epoch": 1,
        "training.check_val_every_n_epoch": 1,
        "training.lr_scheduler_params.multisteplr.milestones": [1],
        "losses.supervised_reprojection_heatmap_mse.log_weight": None,
        "eval.save_vids_after_training": True,
    }
    config = with_values(config_of(project), values)
    own.write_text(config_text(config))
    program = ["--litpose", str(environment), "--seeds", "0"]
    for name, options in {
        "recommended": ["--epochs", "3"],
        "own": ["--config", str(own)],
        "changed": ["--config", str(own), "--train-share", "0.8", "--workers", "1"],
    }.items():
        shared = [str(project), *program, "--name", name, *options]
        assert main(["models", "check", *shared, "--show-config"]) == 0
        shown = yaml.safe_load(capsys.readouterr().out.split("\nLabels with a position")[0])
        assert main(["models", "train", *shared, "--follow"]) == 0
        capsys.readouterr()
        trained = read_config(project / "models" / f"{name}-seed0" / "asked_config.yaml")
        trained["model"]["model_name"] = shown["model"]["model_name"]
        assert trained == shown
        if name == "own":
            assert trained == {**config, "model": trained["model"]}
        if name == "changed":
            before, now = dict(leaves(config)), dict(leaves(trained))
            assert before.keys() == now.keys()
            assert {key: now[key] for key in now if now[key] != before[key]} == {
                "training.train_prob": 0.8,
                "training.num_workers": 1,
            }
    assert (project / "napari-pose3d" / "training" / "recommended.yaml").is_file()


def test_check_asks_litpose_for_its_recommendation(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = litpose_environment(tmp_path / "lp")
    check = ["models", "check", str(project), "--litpose", str(environment)]
    assert main([*check, "--no-recommend"]) == 0
    assert not (project / "napari-pose3d").exists()
    assert main(check) == 0
    assert (project / "napari-pose3d" / "training" / "recommended.yaml").is_file()
    # Where it fails, its rules are followed, and that is stated.
    program = environment / "bin" / "litpose"
    program.write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    capsys.readouterr()
    assert main(check) == 0
    assert "litpose recommend failed (broken)" in capsys.readouterr().out
