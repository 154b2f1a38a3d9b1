"""`models train` and `models list`, with a stand-in for litpose."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.litpose.litpose_programs import litpose_environment
from tests.support.projects.training_projects import training_project

from napari_pose3d.cli import main


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return training_project(tmp_path / "lab")


@pytest.fixture
def train(project: Path, tmp_path: Path) -> list[str]:
    environment = litpose_environment(tmp_path / "lp")
    return ["models", "train", str(project), "--litpose", str(environment), "--epochs", "3"]


def test_networks_are_trained_followed_listed_and_gone_on_with(
    project: Path, train: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*train, "--seeds", "0", "1", "--follow"]) == 0
    said = capsys.readouterr().out
    assert "net-seed1: done; validation error" in said
    assert (project / "napari-pose3d" / "training" / "recommended.yaml").is_file()
    assert main(["models", "list", str(project)]) == 0
    said = capsys.readouterr().out
    assert "net-seed0: done" in said
    assert "heatmap_multiview_transformer, vits_dino, seed 1" in said
    assert "median error in px, 1 validation frame" in said
    assert "ensemble net: net-seed0, net-seed1" in said
    assert main(["models", "list", str(project), "--settings", "--no-errors"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["training.max_epochs", "3", "3"] in rows
    assert ["model.lightning_pose_version", "2.4.3"] in rows
    assert not any(row[:1] == ["*"] for row in rows), "all that was asked for took effect"
    more = [*train, "--continue", "net-seed1", "--name", "more", "--follow"]
    assert main(more) == 0
    assert "more-seed1: done" in capsys.readouterr().out
    # Also there what would fail is found before.
    image = project / "labeled-data" / "mouse1_day1_cam0" / "img00000003.png"
    content = image.read_bytes()
    image.unlink()
    assert main([*more, "--name", "third"]) == 1
    said = capsys.readouterr().out
    assert "1 image is missing" in said
    assert said.rstrip().endswith("not trained")
    assert not (project / "models" / "third-seed1").exists()
    image.write_bytes(content)
    with (project / "CollectedData_cam1.csv").open("a") as stream:
        stream.write("\n")
    assert main(["models", "list", str(project), "--no-errors"]) == 0
    assert "  changed since then: CollectedData_cam1.csv\n" in capsys.readouterr().out
    assert main(more) == 1
    assert "the folder holds something already" in capsys.readouterr().out
    assert main([*train, "--stop", "net-seed0"]) == 0
    assert main([*train, "--stop", "nothing"]) == 2
    # A folder is used once.
    assert main([*train, "--seeds", "3", "0"]) == 1
    said = capsys.readouterr().out
    assert "the folder holds something already" in said
    assert said.rstrip().endswith("not trained")
    # Not even in spite of errors.
    assert main([*train, "--seeds", "0", "--force"]) == 2


def test_errors_are_found_before(
    project: Path, train: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "labeled-data" / "mouse1_day1_cam0" / "img00000003.png").unlink()
    assert main(train) == 1
    assert "not trained" in capsys.readouterr().out
    assert not (project / "models").exists()


def test_a_failed_training_gives_exit_code_1(
    train: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LITPOSE", '{"fail": "CUDA out of memory"}')
    assert main([*train, "--seeds", "0", "--follow"]) == 1
    assert "Take a smaller batch" in capsys.readouterr().out


def test_a_trial_step(project: Path, train: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*train, "--trial"]) == 0
    assert "one step:" in capsys.readouterr().out
    assert not (project / "models").exists()


def test_no_networks(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", str(project)]) == 0
    assert "no networks" in capsys.readouterr().out
