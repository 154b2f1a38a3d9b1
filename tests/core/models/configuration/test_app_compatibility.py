"""Lightning Pose's own app reads our trainings: by these names, and with nothing that it acts on.

It looks at ``config.yaml``, ``train_status.json`` and two logs; starts every folder whose status is
PENDING; calls a run failed whose ``pid`` does not live on its machine; and lets only what is
COMPLETED predict.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.litpose.litpose_programs import litpose_environment
from tests.support.projects.training_projects import training_project

from napari_pose3d.core.models.installation.litpose_search import find_installations
from napari_pose3d.core.models.runs.training_start import prepare_trainings, start_trainings
from napari_pose3d.core.models.runs.training_state import State, training_state
from napari_pose3d.core.models.runs.training_stop import stop_training
from napari_pose3d.core.models.training_plan import plan_training
from napari_pose3d.settings import TrainingSettings

STATUSES = ("TRAINING", "EVALUATING", "COMPLETED")


def status_of(folder: Path) -> str:
    """As the app reads it; "" where there is none."""
    path = folder / "train_status.json"
    if not path.is_file():
        return ""
    content = json.loads(path.read_text())
    # Nothing that its scheduler would act on.
    assert "pid" not in content
    assert content["status"] in STATUSES
    assert {"completed", "total", "timestamp"} <= content["progress"].keys()
    return str(content["status"])


def state_of(folder: Path) -> State:
    return training_state(folder).state


def until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.02)


def test_what_the_app_finds_of_our_trainings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = training_project(tmp_path / "lab")
    installation = find_installations(litpose_environment(tmp_path / "lp"))[0]

    def start(name: str, epochs: int, seeds: tuple[int, ...] = (0,), **how: object) -> list[Path]:
        monkeypatch.setenv("FAKE_LITPOSE", json.dumps(how))
        config = plan_training(project, TrainingSettings(epochs=epochs)).config
        prepared = prepare_trainings(project, config, name, seeds, installation)
        start_trainings(project, prepared, installation.executable)
        return list(prepared.folders)

    (done,) = start("done", 2)
    until(lambda: state_of(done) is State.DONE)
    assert status_of(done) == "COMPLETED"
    assert (done / "config.yaml").is_file()
    assert "supervised reprojection" in (done / "train_stdout.log").read_text()
    assert (done / "train_stderr.log").is_file()

    (failed,) = start("failed", 2, fail="CUDA out of memory")
    until(lambda: state_of(failed) is State.FAILED)
    assert status_of(failed) == "TRAINING"
    assert "CUDA out of memory" in (failed / "train_stderr.log").read_text()

    stopped, waiting = start("stopped", 200, (0, 1), pause=0.05)
    until(lambda: training_state(stopped).checkpoint is not None)
    assert state_of(waiting) is State.WAITING
    assert status_of(waiting) == ""
    assert not (waiting / "config.yaml").exists()
    stop_training(waiting)
    stop_training(stopped)
    until(lambda: state_of(stopped) is State.STOPPED)
    assert status_of(stopped) == "TRAINING"
    assert "KeyboardInterrupt" in (stopped / "train_stderr.log").read_text()
    assert status_of(waiting) == ""

    config = plan_training(project).config
    place = "ssh://far/data/lab"
    (remote,) = prepare_trainings(project, config, "far", (0,), None, place=place).folders
    assert state_of(remote) is State.WAITING
    assert status_of(remote) == ""
    for folder in (done, failed, stopped, waiting, remote):
        assert (folder / "pid").exists() is False
        assert not (folder / "ensemble.yaml").exists()
