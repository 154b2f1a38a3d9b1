"""The code of docs/models.md runs, in its order, with stand-ins for the other programs."""

from __future__ import annotations

import json
import os
import shlex
import time
from pathlib import Path

import numpy as np
import pytest
from tests.support.documents.doc_blocks import PAGES, block_with, blocks_of
from tests.support.litpose.litpose_programs import litpose_environment
from tests.support.litpose.remote_programs import remote_programs
from tests.support.litpose.spot_networks import spot_network
from tests.support.projects.session_files import touch, video
from tests.support.projects.training_projects import (
    SESSIONS,
    VIEWS,
    config_of,
    smoothed_session,
    training_project,
)
from tests.support.recordings.scenes import arc_rig

from napari_pose3d.cli import main
from napari_pose3d.core.models.configuration.config_file import config_text
from napari_pose3d.core.models.runs.training_state import training_state


def commands() -> list[str]:
    page = next(page for page in PAGES if page.name == "models.md")
    lines = [line for block in blocks_of(page) for line in block.text.splitlines()]
    return [line for line in lines if line.startswith("napari-pose3d ")]


def test_the_commands_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = litpose_environment(tmp_path / "home" / "litpose-env")
    project = training_project(tmp_path / "my_project")
    for view in VIEWS:
        video(project / "videos" / f"{SESSIONS[0]}_{view}.mp4")
    touch(tmp_path / "my_config.yaml", config_text(config_of(project)))
    touch(tmp_path / "gpu.sbatch", "#!/bin/sh\n#SBATCH --job-name=$name\n$command\n")
    programs = remote_programs(tmp_path / "programs")
    values = {
        "PATH": os.pathsep.join([str(programs), str(environment / "bin"), "/usr/bin", "/bin"]),
        "FAKE_LOG": str(tmp_path / "log"),
        "FAKE_HOST": "gpu-server",
        "FAKE_LITPOSE": json.dumps({"epochs": 3}),
        "NAPARI_POSE3D_LITPOSE": str(environment),
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    places = {
        "~": str(tmp_path / "home"),
        "/opt/lp": str(environment),
        "//gpu-server/data": f"//gpu-server{tmp_path / 'far'}",
    }
    given = commands()
    assert len(given) > 15
    for line in given:
        for there, here in places.items():
            line = line.replace(there, here)
        if line.startswith("napari-pose3d models distill"):
            # What the stand-in predicts is of no certainty.
            smoothed_session(project)
        assert main(shlex.split(line)[1:]) == 0, (line, capsys.readouterr())
        for far in (tmp_path / "far").glob("*/models/*"):
            wait_for(far)
        for folder in (project / "models").glob("[!f]*"):
            wait_for(folder)
    names = {folder.name for folder in (project / "models").iterdir()}
    assert {"net-seed2", "more-seed1", "far-seed0", "night-seed0", "pupil-seed0"} <= names
    assert "pupil-seed0: done" in capsys.readouterr().out


def test_a_proposal_in_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    views = ("top", "side")
    spot_network(tmp_path / "my_project" / "models" / "net-seed0", views)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {
        "image_top": np.zeros((96, 128, 3), np.uint8),
        "image_side": np.zeros((96, 128, 3), np.uint8),
        "rig": arc_rig(views, size=(128, 96), focal=100.0),
    }
    exec(block_with("models.md", "propose_frame").text, names)
    assert names["proposal"].views == views  # type: ignore[attr-defined]


def wait_for(folder: Path) -> None:
    """Until a training has ended, here or there."""
    while "COMPLETED" not in _status(folder) and not training_state(folder).state.is_over:
        time.sleep(0.02)


def _status(folder: Path) -> str:
    path = folder / "train_status.json"
    return path.read_text() if path.is_file() else ""
