"""Which line of a log says what went wrong, and which row of the labels is to blame."""

from __future__ import annotations

from pathlib import Path

from tests.support.projects.session_files import touch
from tests.support.projects.training_projects import config_of, edited, training_project

from napari_pose3d.core.models.configuration.config_file import config_text
from napari_pose3d.core.models.runs.failure_messages import failure_of
from napari_pose3d.core.models.runs.training_record import TrainingRecord, write_record
from napari_pose3d.core.models.runs.training_state import State, training_state

NOISE = (
    "Warning: You are sending unauthenticated requests to the HF Hub. Please set a HF_TOKEN",
    "WARNING DALI not installed, falling back to opencv",
    "UserWarning: huggingface_hub cache-system uses symlinks; out of memory is not the matter",
    "Epoch 3: 100%",
)


def test_no_failure() -> None:
    assert failure_of(NOISE) is None


def test_noise_around_an_exception_does_not_mislead() -> None:
    trace = ["Traceback (most recent call last):", '  File "a.py", line 3, in f']
    found = failure_of([*trace, "ValueError: new", *NOISE])
    assert found is not None
    assert "ValueError: new" in found.problem
    # An exception that was dealt with long before is another's.
    old = [*trace, "OSError: We couldn't connect to 'https://huggingface.co'", "going on"]
    found = failure_of([*old, *trace, "ValueError: new", *NOISE])
    assert found is not None
    assert "ValueError: new" in found.problem
    # One that another came from is not.
    chain = "The above exception was the direct cause of the following exception:"
    found = failure_of([*old, chain, *trace, "RuntimeError: new", *NOISE])
    assert found is not None
    assert "pretrained weights" in found.problem


def test_a_failure_of_the_data_names_the_row(tmp_path: Path) -> None:
    project = training_project(tmp_path / "lab")
    config = config_of(project)
    damaged = project / "labeled-data" / "mouse2_day1_cam1" / "img00000020.png"
    damaged.unlink()
    folder = project / "models" / "net-seed0"
    touch(folder / "asked_config.yaml", config_text(config))
    touch(
        folder / "train_stderr.log",
        "RuntimeError: Caught OSError in DataLoader worker process 1.\n"
        "Original Traceback (most recent call last):\nOSError: image file is truncated\n",
    )
    write_record(folder, TrainingRecord("net", 0, ended=1.0, litpose=""))
    state = training_state(folder)
    assert state.state is State.FAILED
    assert state.failure is not None
    assert "An image cannot be read: CollectedData_cam1.csv" in state.failure.problem
    assert "mouse2_day1_cam1/img00000020.png" in state.failure.problem
    assert state.failure.remedy.startswith("Extract them again")
    # A view with too few labels, which the training copy would have filled.
    edited(
        project / "CollectedData_cam2.csv", lambda rows: [*rows[:5], emptied(rows[5]), *rows[6:]]
    )
    damaged.write_bytes((damaged.parent / "img00000007.png").read_bytes())
    other = project / "models" / "net-seed1"
    touch(other / "asked_config.yaml", config_text(config))
    touch(other / "train_stderr.log", "RuntimeError: Fewer than 3 valid keypoints in 3d data\n")
    write_record(other, TrainingRecord("net", 1, ended=1.0, litpose=""))
    failure = training_state(other).failure
    assert failure is not None
    assert "CollectedData_cam2.csv, line 6" in failure.problem
    assert "mouse1_day1_cam2/img00000020.png" in failure.problem


def emptied(row: list[str]) -> list[str]:
    return [row[0], *[""] * len(row[1:])]
