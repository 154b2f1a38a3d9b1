"""`models check` prints findings with remedies, and fails where a training would."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.litpose_programs import litpose_environment
from tests.support.training_projects import config_of, edited, training_project

from napari_pose3d.cli import main
from napari_pose3d.core.models.configuration.config_file import config_text, with_values

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
