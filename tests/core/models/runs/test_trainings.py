"""Trainings run in the background and are stopped and gone on with; litpose is a stand-in."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from tests.support.litpose.litpose_programs import litpose_environment
from tests.support.projects.session_files import touch
from tests.support.projects.training_projects import (
    config_of,
    edited,
    end_trainings,
    training_project,
)

from napari_pose3d.core.formats.labels.label_csv import read_label_csv
from napari_pose3d.core.models.configuration import project_dataset
from napari_pose3d.core.models.configuration.config_file import (
    config_text,
    read_config,
    value_at,
    with_values,
)
from napari_pose3d.core.models.configuration.project_dataset import (
    litpose_recommendation,
    project_recommendation,
)
from napari_pose3d.core.models.installation.litpose_search import Installation, find_installations
from napari_pose3d.core.models.listing.effective_settings import EffectiveSetting
from napari_pose3d.core.models.listing.model_list import list_ensembles, list_networks
from napari_pose3d.core.models.runs.continuation import continued_config
from napari_pose3d.core.models.runs.model_folder import OUT_LOG, read_status
from napari_pose3d.core.models.runs.queue_worker import gpu_names
from napari_pose3d.core.models.runs.training_progress import TrainingFollower
from napari_pose3d.core.models.runs.training_record import read_record
from napari_pose3d.core.models.runs.training_start import (
    PreparedTraining,
    prepare_trainings,
    start_trainings,
)
from napari_pose3d.core.models.runs.training_state import State, training_state
from napari_pose3d.core.models.runs.training_stop import stop_training
from napari_pose3d.core.models.runs.trial_step import trial_step
from napari_pose3d.core.models.training_plan import plan_continuation, plan_training
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import TrainingSettings


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return find_installations(litpose_environment(tmp_path / "lp"))[0]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return training_project(tmp_path / "lab")


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> Iterator[None]:
    """Processes that a failed test left behind end with it."""
    yield
    end_trainings(tmp_path)


def until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.02)


def started(
    project: Path,
    installation: Installation,
    *,
    epochs: int = 4,
    seeds: tuple[int, ...] = (0,),
    at_once: int = 1,
    gpus: int = 0,
    name: str = "net",
) -> PreparedTraining:
    config = plan_training(project, TrainingSettings(epochs=epochs)).config
    prepared = prepare_trainings(project, config, name, seeds, installation)
    start_trainings(project, prepared, installation.executable, at_once=at_once, gpus=gpus)
    return prepared


def over(folder: Path) -> bool:
    return training_state(folder).state.is_over


def test_two_networks_are_trained_and_listed(project: Path, installation: Installation) -> None:
    prepared = started(project, installation, seeds=(0, 4))
    assert [folder.name for folder in prepared.folders] == ["net-seed0", "net-seed4"]
    until(lambda: all(over(folder) for folder in prepared.folders))
    for folder in prepared.folders:
        found = TrainingFollower(folder).look()
        assert found.state.state is State.DONE
        assert found.epoch == found.epochs == 4
        assert found.validation_error == pytest.approx(10.0)
        record = read_record(folder)
        assert record is not None
        assert record.n_frames == 16
        assert len(record.labels) == 3
    networks = list_networks(project)
    assert [value_at(n.config, "training.rng_seed_model_pt") for n in networks] == [0, 4]
    assert networks[0].error_table("train").max() == 2.5
    assert networks[0].changed_settings() == ()
    assert list_ensembles(project)[0].members == ("net-seed0", "net-seed4")
    # One after the other.
    first, second = (read_record(folder) for folder in prepared.folders)
    assert first is not None
    assert second is not None
    until(lambda: read_record(prepared.folders[1]).ended > 0)  # type: ignore[union-attr]
    assert second.started >= read_record(prepared.folders[0]).ended  # type: ignore[union-attr]


def test_some_at_a_time(
    project: Path, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LITPOSE", json.dumps({"pause": 0.1}))
    prepared = started(project, installation, epochs=200, seeds=(0, 1, 2), at_once=2)

    def states() -> list[State]:
        return [training_state(folder).state for folder in prepared.folders]

    until(lambda: states()[:2] == [State.RUNNING, State.RUNNING])
    assert states()[2] is State.WAITING
    # Who waits is taken out, and the others are stopped.
    assert stop_training(prepared.folders[2]) is False
    assert states()[2] is State.CANCELLED
    for folder in prepared.folders[:2]:
        assert stop_training(folder) is True
    until(lambda: all(over(folder) for folder in prepared.folders))
    assert states() == [State.STOPPED, State.STOPPED, State.CANCELLED]


def test_each_gpu_has_so_many_at_a_time(
    project: Path, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LITPOSE", json.dumps({"pause": 0.1}))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    prepared = started(project, installation, epochs=200, seeds=(0, 1, 2, 3, 4), at_once=2, gpus=2)
    until(lambda: sum(read_status(folder) is not None for folder in prepared.folders) == 4)
    assert training_state(prepared.folders[4]).state is State.WAITING
    logs = [(folder / OUT_LOG).read_text().split() for folder in prepared.folders[:4]]
    assert [words[words.index("GPU") + 1] for words in logs] == ["3", "5", "3", "5"]
    for folder in reversed(prepared.folders):
        stop_training(folder)
    until(lambda: all(over(folder) for folder in prepared.folders))


def test_names_of_gpus() -> None:
    assert gpu_names(0, {}) == ()
    assert gpu_names(2, {}) == ("0", "1")
    assert gpu_names(2, {"CUDA_VISIBLE_DEVICES": "GPU-1,GPU-2,GPU-3"}) == ("GPU-1", "GPU-2")


def test_a_stopped_training_keeps_its_weights_and_goes_on(
    project: Path, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LITPOSE", json.dumps({"pause": 0.05}))
    folder = started(project, installation, epochs=300).folders[0]
    until(lambda: training_state(folder).checkpoint is not None)
    with pytest.raises(PoseDataError, match="still being trained"):
        continued_config(folder)
    assert stop_training(folder)
    until(lambda: over(folder))
    state = training_state(folder)
    assert state.state is State.STOPPED
    assert state.checkpoint is not None
    status = read_status(folder)
    assert status is not None
    assert status.status == "TRAINING"  # as litpose leaves it
    config = continued_config(folder)
    assert value_at(config, "model.checkpoint") == str(state.checkpoint)
    assert 250 < value_at(config, "training.max_epochs") < 300
    assert "creation_datetime" not in config
    assert continued_config(folder, 7)["training"]["max_epochs"] == 7
    monkeypatch.setenv("FAKE_LITPOSE", "{}")
    prepared = prepare_trainings(
        project,
        continued_config(folder, 7),
        "more",
        (0,),
        installation,
        continued_from={0: folder},
    )
    start_trainings(project, prepared, installation.executable)
    until(lambda: over(prepared.folders[0]))
    assert training_state(prepared.folders[0]).state is State.DONE
    assert read_record(prepared.folders[0]).continued_from == str(folder)  # type: ignore[union-attr]
    assert stop_training(prepared.folders[0]) is False


def test_what_does_not_stop_is_ended(
    project: Path, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LITPOSE", json.dumps({"pause": 0.05, "hang": True}))
    folder = started(project, installation, epochs=10_000).folders[0]
    until(lambda: (status := read_status(folder)) is not None and status.completed > 0)
    assert stop_training(folder, seconds=0.2, seconds_to_end=0.2)
    until(lambda: over(folder))
    assert training_state(folder).state is State.STOPPED


def test_a_terminated_training_failed_though_its_exit_code_is_0(
    project: Path, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LITPOSE", json.dumps({"pause": 0.05}))
    folder = started(project, installation, epochs=10_000).folders[0]
    until(lambda: (status := read_status(folder)) is not None and status.completed > 0)
    record = read_record(folder)
    assert record is not None
    assert record.process is not None
    record.process.process().terminate()  # type: ignore[union-attr]
    until(lambda: read_record(folder).exit_code is not None)  # type: ignore[union-attr]
    assert read_record(folder).exit_code == 0  # type: ignore[union-attr]
    state = training_state(folder)
    assert state.state is State.FAILED
    assert "killed" in str(state.failure)


def test_a_failure_is_told_in_words(
    project: Path, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LITPOSE", json.dumps({"fail": "CUDA out of memory. Tried 2 GiB"}))
    folder = started(project, installation).folders[0]
    until(lambda: over(folder))
    assert "GPU's memory" in TrainingFollower(folder).look().describe()
    with pytest.raises(PoseDataError, match="no weights to go on from"):
        continued_config(folder)


def test_a_program_that_cannot_be_run(project: Path, installation: Installation) -> None:
    config = config_of(project)
    prepared = prepare_trainings(project, config, "net", (0,), installation)
    start_trainings(project, prepared, Path("/nowhere/litpose"))
    until(lambda: over(prepared.folders[0]))
    state = training_state(prepared.folders[0])
    assert state.state is State.FAILED
    assert "/nowhere/litpose cannot be run" in str(state.failure)


def test_the_worker_belongs_to_no_terminal_and_can_be_interrupted(
    project: Path, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    import signal

    monkeypatch.setenv("FAKE_LITPOSE", json.dumps({"pause": 0.05}))
    # As in the background of a shell.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        folder = started(project, installation, epochs=10_000).folders[0]
    finally:
        signal.signal(signal.SIGINT, before)
    until(lambda: training_state(folder).state is State.RUNNING)
    record = read_record(folder)
    assert record is not None
    assert record.queue is not None
    assert record.process is not None
    sessions = {os.getsid(each.pid) for each in (record.queue, record.process)}
    assert os.getsid(0) not in sessions
    assert len(sessions) == 2
    until(lambda: (status := read_status(folder)) is not None and status.completed > 0)
    process = record.process.process()
    assert process is not None
    stop_training(folder, seconds=60)
    until(lambda: read_record(folder).exit_code is not None)  # type: ignore[union-attr]
    # Interrupted, not terminated: then it were 0.
    assert read_record(folder).exit_code == 1  # type: ignore[union-attr]


def test_a_folder_is_used_once(project: Path, installation: Installation) -> None:
    config = config_of(project)
    prepare_trainings(project, config, "net", (0,), installation)
    with pytest.raises(PoseDataError, match="holds something already"):
        prepare_trainings(project, config, "net", (1, 0), installation)
    assert not (project / "models" / "net-seed1").exists()
    for name in ("a[b]", "../x", "a=b", "version_1", ""):
        with pytest.raises(PoseDataError):
            prepare_trainings(project, config, name, (0,), installation)


def test_views_with_few_labels_are_trained_on_from_a_copy(
    project: Path, installation: Installation
) -> None:
    def emptied(rows: list[list[str]]) -> list[list[str]]:
        rows[5][3:] = [""] * len(rows[5][3:])
        return rows

    edited(project / "CollectedData_cam2.csv", emptied)
    prepared = started(project, installation)
    folder = prepared.folders[0]
    assert (prepared.filled, prepared.left_out) == (1, 0)
    until(lambda: over(folder))
    assert training_state(folder).state is State.DONE
    files = read_config(folder / "config.yaml")["data"]["csv_file"]
    assert all(Path(file).parent == folder / "training-labels" for file in files)
    assert read_label_csv(files[2]).has_visible
    # What goes on from it learns from what is labeled by then.
    given = [str(project / f"CollectedData_cam{n}.csv") for n in range(3)]
    assert continued_config(folder, 5)["data"]["csv_file"] == given

    def renamed(rows: list[list[str]]) -> list[list[str]]:
        return [[cell.replace("tail", "tip") for cell in row] for row in rows]

    edited(project / "CollectedData_cam1.csv", renamed)
    plan = plan_continuation(project, folder, 5)
    assert "keypoints of views" in {each.kind for each in plan.checked.errors}
    (project / "CollectedData_cam1.csv").unlink()
    assert continued_config(folder, 5)["data"]["csv_file"] == files


def test_settings_that_did_not_take_effect_are_seen(
    project: Path, installation: Installation
) -> None:
    folder = started(project, installation).folders[0]
    until(lambda: over(folder))
    values = {
        "training.train_batch_size": 2,
        "training.num_workers": True,
        "training.optimizer_params.learning_rate": 5.0e-5,
        "training.patch_mask.init_step": 7,
    }
    effective = with_values(read_config(folder / "config.yaml"), values)
    del effective["training"]["early_stopping"]
    (folder / "config.yaml").write_text(config_text(effective))
    asked = folder / "asked_config.yaml"
    # As a person writes it: a number for litpose, a text by YAML's own rules.
    text = re.sub("learning_rate: .*", "learning_rate: 5e-5", asked.read_text())
    asked.write_text(text.replace("num_workers: 2", "num_workers: 1"))
    network = list_networks(project)[0]
    assert network.changed_settings() == (
        EffectiveSetting("training.train_batch_size", "8", "2", True),
        EffectiveSetting("training.early_stopping", "false", "", True),
        EffectiveSetting("training.num_workers", "1", "true", True),
    )
    rows = {each.key: each for each in network.settings()}
    added = [rows["training.patch_mask.init_step"], rows["model.lightning_pose_version"]]
    assert [(each.asked, each.effective, each.differs) for each in added] == [
        ("", "7", False),
        ("", "2.4.3", False),
    ]
    assert rows["data.view_names"].effective == "[cam0, cam1, cam2]"
    assert rows["model.checkpoint"].asked == "null"
    # Of a training of others nothing is known of what was asked for.
    asked.unlink()
    assert network.changed_settings() == ()
    assert {each.asked for each in network.settings()} == {""}
    asked.write_text("data: [")
    with pytest.raises(PoseDataError, match=r"asked_config\.yaml"):
        network.settings()


def test_a_trial_step(
    project: Path, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(project)
    step = trial_step(config, installation)
    assert step.seconds > 0
    assert not (project / "models").exists()
    monkeypatch.setenv("FAKE_LITPOSE", json.dumps({"fail": "CUDA out of memory"}))
    with pytest.raises(PoseDataError, match="GPU's memory"):
        trial_step(config, installation)
    monkeypatch.setenv("FAKE_LITPOSE", json.dumps({"pause": 60}))
    with pytest.raises(Cancelled):
        trial_step(config, installation, lambda: True)


def test_a_cancelled_trial_step_leaves_no_process(
    project: Path, installation: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mark = f"worker of {tmp_path}"
    monkeypatch.setenv("FAKE_LITPOSE", json.dumps({"pause": 600, "workers": mark}))

    def workers() -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            try:
                if mark in process.cmdline():
                    found.append(process)
            except psutil.Error:
                continue
        return found

    with pytest.raises(Cancelled):
        trial_step(config_of(project), installation, lambda: len(workers()) == 2)
    until(lambda: workers() == [])


def test_what_litpose_recommends(
    project: Path, installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "new" / "config.yaml"
    config = litpose_recommendation(installation, project, output)
    plan = plan_training(project, base=config)
    assert plan.config == plan_training(project).config
    with pytest.raises(PoseDataError, match="recommend failed"):
        litpose_recommendation(installation, tmp_path / "nowhere", tmp_path / "other.yaml")
    # One that hangs does not keep a training from starting.
    hangs = touch(tmp_path / "hangs", "#!/bin/sh\nsleep 600\n")
    hangs.chmod(0o755)
    monkeypatch.setattr(project_dataset, "_SECONDS", 0.2)
    found, note = project_recommendation(replace(installation, executable=hangs), project)
    assert found is None
    assert "did not end within 0.2 s" in note


def test_a_training_of_others_is_not_stopped(tmp_path: Path) -> None:
    touch(tmp_path / "config.yaml")
    with pytest.raises(PoseDataError, match="not started from here"):
        stop_training(tmp_path)
