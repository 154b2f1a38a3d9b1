"""Trainings elsewhere: plain commands of ssh, rsync and sbatch, with stand-ins for them on PATH."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from tests.support.litpose.litpose_programs import litpose_environment
from tests.support.litpose.remote_programs import remote_programs
from tests.support.projects.session_files import touch
from tests.support.projects.training_projects import edited, training_project

from napari_pose3d.cli import main
from napari_pose3d.core.models.configuration.config_file import read_config
from napari_pose3d.core.models.remote.remote_files import needed_files, remote_config
from napari_pose3d.core.models.remote.remote_place import RemotePlace, parse_place
from napari_pose3d.core.models.remote.remote_training import (
    fetch_steps,
    run_steps,
    slurm_script,
)
from napari_pose3d.core.models.runs.continuation import continued_config
from napari_pose3d.core.models.runs.training_state import State, training_state
from napari_pose3d.core.models.runs.training_stop import stop_training
from napari_pose3d.errors import PoseDataError


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return training_project(tmp_path / "lab")


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs on PATH that note how they were called."""
    programs = remote_programs(tmp_path / "programs")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("FAKE_LITPOSE", json.dumps({"pause": 0.01}))
    return tmp_path / "log"


def test_a_training_on_another_machine(
    project: Path, tmp_path: Path, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    far = tmp_path / "far" / "lab"
    program = litpose_environment(tmp_path / "lp") / "bin" / "litpose"
    train = ["models", "train", str(project)]
    options = ["--on", f"ssh://far{far}", "--remote-litpose", str(program), "--epochs", "3"]
    assert main([*train, *options, "--seeds", "0", "1"]) == 0
    said = capsys.readouterr().out
    assert "$ ssh -o BatchMode=yes far 'mkdir -p" in said
    assert "$ rsync -az -e 'ssh -o BatchMode=yes' --files-from=" in said
    folder = project / "models" / "net-seed1"
    assert training_state(folder).state is State.WAITING
    with pytest.raises(PoseDataError, match="runs at ssh://far"):
        stop_training(folder)
    there = far / "models" / "net-seed1"
    while training_state(there).status is None or training_state(there).checkpoint is None:
        time.sleep(0.02)
    while "COMPLETED" not in (there / "train_status.json").read_text():
        time.sleep(0.02)
    data = read_config(there / "config.yaml")["data"]
    assert data["data_dir"] == str(far)
    assert all(path.startswith(str(far)) for path in data["csv_file"])
    # No video goes there.
    assert not list(far.rglob("*.mp4"))
    assert (far / "labeled-data" / "mouse1_day1_cam0" / "img00000003.png").is_file()
    assert main([*train, "--fetch", "net-seed0", "net-seed1"]) == 0
    assert "net-seed1: done" in capsys.readouterr().out
    assert training_state(folder).state is State.DONE
    # It is gone on with here, with the paths of here.
    assert continued_config(folder, 5)["data"]["data_dir"] == str(project)
    assert main(["models", "list", str(project), "--no-errors"]) == 0
    assert "was asked to be" not in capsys.readouterr().out


def test_fetching_while_the_training_goes_on(
    tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far, here = tmp_path / "far", tmp_path / "lab"
    weights = far / "models" / "net" / "tb_logs" / "test" / "version_0" / "checkpoints"
    touch(weights / "epoch=0-step=1-best.ckpt")
    status = touch(weights.parents[3] / "train_status.json", '{"status": "RUNNING"}')
    folder = here / "models" / "net"
    state, rest = fetch_steps(here, folder, RemotePlace("far", str(far)))
    run_steps([state], lambda step: None)
    assert training_state(folder).status.status == "RUNNING"
    # It ends between the two commands, and its weights are others.
    status.write_text('{"status": "COMPLETED"}')
    touch(weights / "epoch=2-step=3-best.ckpt")
    (weights / "epoch=0-step=1-best.ckpt").unlink()
    run_steps([rest], lambda step: None)
    assert training_state(folder).state is not State.DONE
    assert training_state(folder).checkpoint is not None
    # A file that vanishes is no failure.
    monkeypatch.setenv("FAKE_RSYNC_LISTS", "tb_logs/test/version_0/checkpoints/gone.ckpt")
    run_steps([state, rest], lambda step: None)
    assert training_state(folder).state is State.DONE
    assert training_state(folder).checkpoint.name == "epoch=2-step=3-best.ckpt"


def test_a_connection_that_fails_leaves_nothing_behind(
    project: Path, log: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_SSH_FAILS", "1")
    train = ["models", "train", str(project), "--on", "ssh://far/lab"]
    assert main(train) == 2
    assert "Permission denied" in capsys.readouterr().err
    assert not (project / "models" / "net-seed0").exists()
    assert "rsync" not in log.read_text()
    monkeypatch.setenv("PATH", "")
    assert main(train) == 2
    assert "the program ssh is not installed here" in capsys.readouterr().err


def test_a_job_of_slurm(
    project: Path, tmp_path: Path, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = touch(
        tmp_path / "gpu.sbatch",
        "#!/bin/sh\n#SBATCH --job-name=$name\n#SBATCH --gres=gpu:1\nexport A=$$HOME\n$command\n",
    )
    program = litpose_environment(tmp_path / "lp") / "bin" / "litpose"
    train = ["models", "train", str(project), "--slurm", str(template), "--seeds", "0"]
    assert main([*train, "--remote-litpose", str(program), "--epochs", "2"]) == 0
    said = capsys.readouterr().out
    assert "Submitted batch job 42" in said
    folder = project / "models" / "net-seed0"
    script = (folder / "train.sbatch").read_text()
    assert "#SBATCH --job-name=net-seed0" in script
    assert "export A=$HOME" in script
    assert training_state(folder).state is State.DONE
    assert main(["models", "train", str(project), "--fetch", "net-seed0"]) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("#!/bin/sh\n", "no \\$command"),
        ("$command $gpus\n", "\\$gpus is not known"),
        ("$command $ 5\n", "no \\$command|not known"),
    ],
)
def test_templates_that_do_not_fit(tmp_path: Path, text: str, words: str) -> None:
    template = touch(tmp_path / "t", text)
    with pytest.raises(PoseDataError, match=words):
        slurm_script(template, "/lab", [tmp_path / "net"], "litpose")


@pytest.mark.parametrize(
    "text",
    [
        "host:/folder",
        "ssh://host",
        "ssh://-oProxyCommand=x/folder",
        "ssh://host/a b",
        "ssh://host/a;rm",
        "ssh://host/$(x)",
        "ssh://host/../x",
        "ssh://host:x/lab",
        "ssh://host:lab",
        "ssh://host::/lab",
        "ssh://:/lab",
    ],
)
def test_what_is_no_place(text: str) -> None:
    with pytest.raises(PoseDataError, match="no place on another machine"):
        parse_place(text)


def test_places() -> None:
    assert parse_place("ssh://me@gpu.lab:2222/data/lab/") == RemotePlace(
        "me@gpu.lab", "/data/lab", 2222
    )
    assert str(parse_place("ssh://gpu/data")) == "ssh://gpu/data"
    # As scp and rsync write it.
    assert parse_place("ssh://gpu:/data") == parse_place("ssh://gpu/data")
    assert parse_place("ssh://me@gpu:22/data") == RemotePlace("me@gpu", "/data", 22)


def test_names_with_quotes_are_quoted(tmp_path: Path) -> None:
    template = touch(tmp_path / "t", "$command\n")
    text = slurm_script(template, "/a b", [tmp_path / "it's"], "/opt/my env/litpose")
    done = subprocess.run(["sh", "-n"], input=text, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "'/opt/my env/litpose' train" in text


def test_files_and_paths_there(project: Path) -> None:
    from tests.support.projects.training_projects import config_of

    config = config_of(project)
    there = remote_config(config, project, "/far/lab")
    assert there["data"]["video_dir"] == "/far/lab/videos"
    assert there["eval"]["test_videos_directory"] == "${data.video_dir}"
    assert there["training"] == config["training"]


def test_the_copy_of_the_labels_goes_along(
    project: Path, tmp_path: Path, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def emptied(rows: list[list[str]]) -> list[list[str]]:
        rows[5][3:] = [""] * len(rows[5][3:])
        return rows

    edited(project / "CollectedData_cam2.csv", emptied)
    far = tmp_path / "far"
    program = litpose_environment(tmp_path / "lp") / "bin" / "litpose"
    options = ["--on", f"ssh://far{far}", "--remote-litpose", str(program), "--seeds", "0"]
    assert main(["models", "train", str(project), *options]) == 0
    files = needed_files(project, project / "models" / "net-seed0")
    assert "models/net-seed0/training-labels/CollectedData_cam2.csv" in map(str, files)
    assert (far / "models/net-seed0/training-labels/CollectedData_cam2.csv").is_file()
