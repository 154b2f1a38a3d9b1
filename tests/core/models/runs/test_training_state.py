"""What became of a training is told by evidence, with the recorded runs."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from tests.support.paths import RECORDED_LITPOSE
from tests.support.projects.session_files import touch

from napari_pose3d.core.models.listing.model_list import (
    list_ensembles,
    list_networks,
    models_folder,
    read_network,
)
from napari_pose3d.core.models.listing.pixel_errors import read_pixel_errors
from napari_pose3d.core.models.runs.failure_messages import failure_of
from napari_pose3d.core.models.runs.model_folder import (
    OUT_LOG,
    TrainStatus,
    checkpoint_epochs,
    checkpoints,
    log_tail,
    read_status,
)
from napari_pose3d.core.models.runs.process_identity import ProcessIdentity
from napari_pose3d.core.models.runs.training_progress import TrainingFollower, duration
from napari_pose3d.core.models.runs.training_record import (
    RECORD,
    STOP_FILE,
    TrainingRecord,
    read_record,
    update_record,
    write_record,
)
from napari_pose3d.core.models.runs.training_state import State, training_state
from napari_pose3d.errors import PoseDataError

VIEWS = ("Cam-A", "Cam-B", "Cam-C", "Cam-D")
GONE = ProcessIdentity(1, 5.0, ProcessIdentity.of(os.getpid()).host)
OWN = ProcessIdentity.of(os.getpid())


def put_status(folder: Path, status: str, done: int = 3, total: int = 6) -> None:
    progress = {"completed": done, "total": total, "timestamp": 1e9}
    touch(folder / "train_status.json", json.dumps({"status": status, "progress": progress}))


def put_checkpoint(folder: Path, epoch: int = 2) -> Path:
    at = folder / "tb_logs" / "net" / "version_0" / "checkpoints"
    return touch(at / f"epoch={epoch}-step={10 * epoch}-best.ckpt", "weights")


def ours(folder: Path, **fields: object) -> None:
    write_record(folder, TrainingRecord("net", 0, "/env/bin/litpose", **fields))  # type: ignore[arg-type]


def test_a_recorded_training_is_done() -> None:
    found = training_state(RECORDED_LITPOSE / "models" / "seed0")
    assert found.state is State.DONE
    assert found.checkpoint is not None
    assert found.checkpoint.name == "epoch=5-step=30-best.ckpt"
    assert checkpoint_epochs(found.checkpoint) == 6


@pytest.mark.parametrize("exit_code", [1, 0])
def test_stops_are_not_done_whatever_the_exit_code(tmp_path: Path, exit_code: int) -> None:
    # As litpose 2.4.3 leaves it after SIGINT, and after SIGTERM.
    put_status(tmp_path, "TRAINING", 3, 60)
    put_checkpoint(tmp_path, 1)
    ours(tmp_path, process=GONE, ended=1.0, exit_code=exit_code)
    assert training_state(tmp_path).state is State.FAILED
    (tmp_path / STOP_FILE).touch()
    found = training_state(tmp_path)
    assert found.state is State.STOPPED
    assert found.describe() == "stopped, epoch 3 of 60, usable"


@pytest.mark.parametrize(
    ("fields", "status", "weights", "stop", "expected"),
    [
        ({"queue": OWN}, None, False, False, State.WAITING),
        ({"queue": GONE}, None, False, False, State.UNFINISHED),
        ({"queue": OWN}, None, False, True, State.CANCELLED),
        ({"process": OWN}, "TRAINING", False, False, State.RUNNING),
        # Status says completed, and the process is about to end.
        ({"process": OWN}, "COMPLETED", True, False, State.RUNNING),
        ({"process": GONE}, "COMPLETED", True, False, State.DONE),
        ({"process": GONE, "exit_code": 1}, "COMPLETED", True, False, State.DONE),
        ({"process": GONE, "exit_code": 0}, "COMPLETED", False, False, State.FAILED),
        ({"process": GONE, "exit_code": 0}, "TRAINING", True, False, State.FAILED),
        ({"process": GONE, "exit_code": 0}, None, False, False, State.FAILED),
        ({"started": 1.0, "ended": 1.0}, None, False, False, State.FAILED),
        (None, "TRAINING", True, False, State.RUNNING),
        (None, None, False, False, State.UNFINISHED),
    ],
)
def test_states(
    tmp_path: Path,
    fields: dict | None,
    status: str | None,
    weights: bool,
    stop: bool,
    expected: State,
) -> None:
    if fields is not None:
        ours(tmp_path, **fields)
    if status:
        put_status(tmp_path, status)
    if weights:
        put_checkpoint(tmp_path)
    if stop:
        (tmp_path / STOP_FILE).touch()
    assert training_state(tmp_path).state is expected


def test_a_training_of_others_that_is_silent_has_ended(tmp_path: Path) -> None:
    put_status(tmp_path, "TRAINING")
    put_checkpoint(tmp_path)
    assert training_state(tmp_path, now=time.time() + 7200).state is State.UNFINISHED


def test_a_training_on_another_machine_lives_while_it_writes(tmp_path: Path) -> None:
    ours(tmp_path, process=ProcessIdentity(1, 5.0, "another-host"))
    put_status(tmp_path, "TRAINING")
    assert training_state(tmp_path).state is State.RUNNING
    assert training_state(tmp_path, now=time.time() + 7200).state is State.FAILED


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", '{"status": 3}', '{"status": "T", "progress": 1}', "[" * 100_000),
        '{"status": "T", "progress": {"completed": NaN, "total": Infinity, "timestamp": 1e99}}',
    ],
)
def test_a_status_that_is_being_written_or_damaged(tmp_path: Path, text: str) -> None:
    touch(tmp_path / "train_status.json", text)
    found = read_status(tmp_path)
    assert found is None or found == TrainStatus("T")


def test_a_record_is_kept_and_checked(tmp_path: Path) -> None:
    ours(tmp_path, process=OWN, labels={"a.csv": "12"})
    assert read_record(tmp_path).process == OWN  # type: ignore[union-attr]
    assert update_record(tmp_path, exit_code=3).exit_code == 3
    assert read_record(tmp_path / "other") is None
    touch(tmp_path / RECORD, '{"schema": 99}')
    with pytest.raises(PoseDataError, match="later version"):
        read_record(tmp_path)
    good = '"schema": 1, "group": "g", "seed": 0, "litpose": "l"'
    touch(tmp_path / RECORD, f"{{{good}}}")
    assert read_record(tmp_path) == TrainingRecord("g", 0, "l")
    for damaged in (
        *("{}", "no", "[]", '{"schema": 1, "strange": 1}', f'{{{good}, "strange": 1}}'),
        *(f'{{{good}, "labels": 3}}', f'{{{good}, "labels": {{"a.csv": []}}}}'),
        *(f'{{{good}, "started": NaN}}', f'{{{good}, "n_frames": {"9" * 40}}}'),
        *(f'{{{good}, "process": 5}}', f'{{{good}, "process": {{"pid": "5"}}}}'),
    ):
        touch(tmp_path / RECORD, damaged)
        with pytest.raises(PoseDataError, match=RECORD):
            read_record(tmp_path)


def test_the_best_of_the_last_version_goes_first(tmp_path: Path) -> None:
    for version, name in (
        (0, "epoch=9-step=90-best"),
        (1, "epoch=1-step=10-best"),
        (1, "epoch=7-step=70"),
    ):
        at = tmp_path / "tb_logs" / "net" / f"version_{version}" / "checkpoints"
        touch(at / f"{name}.ckpt")
    assert [path.stem for path in checkpoints(tmp_path)] == [
        "epoch=1-step=10-best",
        "epoch=7-step=70",
        "epoch=9-step=90-best",
    ]


def test_the_log_shows_the_last_state_of_a_bar() -> None:
    lines = log_tail(RECORDED_LITPOSE / "models" / "seed1" / OUT_LOG, 3)
    assert lines[-1].startswith("Predicting DataLoader 0: 100%")
    assert lines[-1].count("Predicting") == 1


# ------------------------------------------------------------------ following


def test_a_recorded_training_is_followed_as_it_is_written(tmp_path: Path) -> None:
    source = RECORDED_LITPOSE / "models" / "seed1"
    events = next(source.rglob("events.out.tfevents*"))
    data = events.read_bytes()
    timeline = json.loads((RECORDED_LITPOSE / "timeline.json").read_text())
    folder = tmp_path / "net"
    target = folder / events.relative_to(source)
    target.parent.mkdir(parents=True)
    target.touch()

    def replay() -> None:
        for each in timeline:
            touch(folder / "status.new", json.dumps(each["status"]))
            (folder / "status.new").replace(folder / "train_status.json")
            # In two pieces, the first of which ends anywhere.
            begin, end = target.stat().st_size, each["events"]
            for to in ((begin + end) // 2, end):
                with target.open("ab") as stream:
                    stream.write(data[target.stat().st_size : to])
                time.sleep(0.005)
        put_checkpoint(folder, 5)

    follower = TrainingFollower(folder)
    thread = threading.Thread(target=replay)
    thread.start()
    epochs = []
    while thread.is_alive():
        epochs.append(follower.look().epoch)
    thread.join()
    last = follower.look()
    assert epochs == sorted(epochs)
    assert last.epoch == last.epochs == 6
    assert last.state.state is State.DONE
    assert len(last.curves["train_supervised_rmse"]) == 30
    assert last.train_error == last.curves["train_supervised_rmse"][-1].value
    assert last.validation_error is not None
    assert last.seconds_left == 0
    assert last.step == 29
    assert last.damage == ""


def test_time_left_is_told_from_the_epochs_done(tmp_path: Path) -> None:
    import runpy

    from tests.support.litpose.litpose_programs import FAKE

    fake = runpy.run_path(str(FAKE))
    events = tmp_path / "tb_logs" / "n" / "version_0" / "events.out.tfevents.1"
    events.parent.mkdir(parents=True)
    events.write_bytes(fake["record"]("val_supervised_rmse", 1, 12.0))
    begun = TrainingFollower(tmp_path).look().curves["val_supervised_rmse"][0].seconds
    progress = {"completed": 2, "total": 10, "timestamp": begun + 60}
    touch(tmp_path / "train_status.json", json.dumps({"status": "TRAINING", "progress": progress}))
    found = TrainingFollower(tmp_path).look()
    assert found.seconds_left == pytest.approx(240)
    assert "validation error 12.0 px; about 4 min left" in found.describe()


@pytest.mark.parametrize(
    ("seconds", "words"), [(20, "20 s"), (600, "10 min"), (7500, "2 h 05 min")]
)
def test_times_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


# ------------------------------------------------------------------ failures in words

UNKNOWN_ON_PURPOSE = {
    # Refused by litpose in a sentence of its own, and found by models check.
    "milestones_beyond_max",
    "size_not_128",
    "vit_not_square",
    "resnet_with_mvt",
    "heatmap_recommended_losses",
    "imgaug3d_false",
    "folder_without_underscore",
    "camera_params_file_relative",
    "ckpt_not_multiple",
    "regression_mv",
    "imgaug_dlc_topdown",
    "video_dir_missing",
    "camera_params_file_short",
    "no_unfreezing",
}


def test_recorded_failures_get_plain_words() -> None:
    lines = (RECORDED_LITPOSE / "outcomes.jsonl").read_text().splitlines()
    failed = [case for case in map(json.loads, lines) if case["exit_code"]]
    assert len(failed) > 35
    plain = 0
    for case in failed:
        found = failure_of(["Epoch 0: 3%", case["error"], "Epoch 1"])
        assert found is not None, case["case"]
        if case["case"] not in UNKNOWN_ON_PURPOSE:
            assert not found.problem.startswith("litpose ended with"), case["case"]
            assert found.remedy
            plain += 1
    assert plain >= 22


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried", "GPU's memory"),
        ("RuntimeError: DataLoader worker (pid 7) is killed by signal: Killed.", "memory ran out"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("OSError: We couldn't connect to 'https://huggingface.co'", "pretrained weights"),
        ("ModuleNotFoundError: No module named 'onnxscript'", "package onnxscript is missing"),
        (
            "FileNotFoundError: [Errno 2] No such file or directory: '/p/labeled-data/a/i.png'",
            "/p/labeled-data/a/i.png is missing",
        ),
        ("MemoryError", "computer's memory"),
        (
            "RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory: you tried",
            "computer's memory",
        ),
        ("Killed", "memory ran out"),
        ("slurmstepd: error: Detected 1 oom_kill event in StepId=7.batch", "memory ran out"),
        ("RuntimeError: No CUDA GPUs are available", "GPU cannot be used"),
        ("[rank0]: RuntimeError: Pin memory thread exited unexpectedly", "loads images ended"),
        ("RuntimeError: Caught OSError in DataLoader worker process 0.", "ended with OSError"),
        ("IndexError: index 7 is out of bounds for axis 0 with size 5", "does not fit the others"),
        ("ValueError: something new", "litpose ended with: ValueError: something new"),
    ],
)
def test_failures_in_words(line: str, words: str) -> None:
    assert words in str(failure_of([line, "  more"]))


# ------------------------------------------------------------------ the list


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "lab"
    touch(folder / "project.yaml", f"view_names: [{', '.join(VIEWS)}]\nkeypoint_names: [nose]\n")
    shutil.copytree(RECORDED_LITPOSE / "models", folder / "models")
    return folder


def test_networks_are_listed_with_their_errors(project: Path) -> None:
    networks = list_networks(project)
    assert [each.name for each in networks] == ["seed0", "seed1"]
    first = networks[0]
    assert first.state.state is State.DONE
    assert first.views == VIEWS
    assert first.keypoints[0] == "nose"
    assert first.sessions == ("arena_Cam-A",)
    table = first.error_table("validation")
    assert table.shape == (4, 13)
    # One frame of validation: its own errors.
    assert table[0, 2] == pytest.approx(38.147)
    assert np.isnan(table[0, 0])
    assert np.nanmedian(first.error_table("train")) > 10
    assert np.isnan(first.error_table("test")).all()
    assert first.errors["Cam-A"].n_images("train") == 19


def test_groups_ensembles_and_damage(project: Path) -> None:
    root = models_folder(project)
    members = "members: [{id: seed0}, {id: seed1}]\nview_names: []\n"
    touch(root / "both" / "ensemble.yaml", members)
    (root / "group").mkdir()
    (root / "seed1").rename(root / "group" / "seed1")
    touch(root / "broken" / "config.yaml", "data: [")
    for n in range(2):
        (root / f"ours-seed{n}").mkdir()
        ours(root / f"ours-seed{n}", queue=OWN)
    names = [each.name for each in list_networks(project)]
    assert names == ["broken", "group/seed1", "ours-seed0", "ours-seed1", "seed0"]
    assert "config.yaml" in read_network(root / "broken", root).problem
    found = {each.name: each.members for each in list_ensembles(project)}
    assert found == {"both": ("seed0", "seed1"), "net": ("ours-seed0", "ours-seed1")}
    touch(root / "both" / "ensemble.yaml", "members: 3\n")
    assert {each.name: each.members for each in list_ensembles(project)}["both"] == ()
    path = root / "seed0" / "config.yaml"
    lines = path.read_text().splitlines(keepends=True)
    first = next(i for i, line in enumerate(lines) if line.startswith("  view_names:"))
    last = next(i for i in range(first + 1, len(lines)) if not lines[i].startswith("  -"))
    path.write_text("".join([*lines[:first], "  view_names: 3\n", *lines[last:]]))
    assert "'data.view_names' is 3" in read_network(root / "seed0", root).problem


def test_damaged_tables_of_errors(tmp_path: Path) -> None:
    path = tmp_path / "predictions_a_pixel_error.csv"
    assert read_pixel_errors(tmp_path, ["a"]) == {}
    for text in ("", ",set\n", ",nose,set\nimg,1\n", ",nose,set\nimg,x,train\n"):
        touch(path, text)
        with pytest.raises(PoseDataError, match="pixel_error"):
            read_pixel_errors(tmp_path, ["a"])
    touch(path, ",nose,tail,set\nimg,1.5,,train\n")
    assert read_pixel_errors(tmp_path, ["a" * 5_000]) == {}
    errors = read_pixel_errors(tmp_path, ["a"])["a"]
    np.testing.assert_array_equal(errors.median(), [1.5, np.nan])
    with pytest.raises(PoseDataError, match="no project"):
        list_networks(tmp_path)
