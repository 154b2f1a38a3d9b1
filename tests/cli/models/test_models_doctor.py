"""`models doctor` says what is there and how to install it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.litpose.litpose_programs import litpose_environment

from napari_pose3d.cli import main
from napari_pose3d.core.models.installation import litpose_search


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litpose_search, "user_data_folder", lambda: tmp_path / "user-data")
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setenv("PATH", "/bin")
    for name in (litpose_search.VARIABLE, "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_EXE"):
        monkeypatch.delenv(name, raising=False)


def test_what_is_there_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environment = litpose_environment(tmp_path / "lp")
    assert main(["models", "doctor", "--litpose", str(environment)]) == 0
    said = capsys.readouterr().out
    assert "lightning-pose 2.4.3, torch 2.13.0" in said
    assert "torch sees no GPU" in said
    assert "pip install" not in said


def test_a_remembered_environment_is_found_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = litpose_environment(tmp_path / "lp")
    assert main(["models", "doctor", "--litpose", str(environment), "--remember"]) == 0
    assert main(["models", "doctor"]) == 0
    assert "(remembered)" in capsys.readouterr().out
    assert main(["models", "doctor", "--remember"]) == 2


def test_without_any_the_commands_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "doctor"]) == 1
    said = capsys.readouterr().out
    assert "With an NVIDIA GPU:" in said
    assert "~/litpose-env/bin/pip install --no-deps lightning-pose==2.4.3" in said


def test_an_environment_that_holds_none_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "doctor", "--litpose", str(tmp_path)]) == 2
    assert "there is no litpose here" in capsys.readouterr().err
