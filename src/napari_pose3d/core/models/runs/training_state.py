"""What became of a training, by evidence: an exit code does not tell."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from .failure_messages import Failure, failure_of, with_row
from .model_folder import (
    ERROR_LOG,
    OUT_LOG,
    TrainStatus,
    checkpoints,
    event_files,
    log_tail,
    read_status,
)
from .training_record import ASKED_CONFIG, STOP_FILE, TrainingRecord, read_record

_SILENT_SECONDS = 1800
"""How long a training elsewhere may write nothing before it is taken for ended."""


class State(Enum):
    """Of a training."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNFINISHED = "unfinished"

    @property
    def is_over(self) -> bool:
        return self not in (State.WAITING, State.RUNNING)


@dataclass(frozen=True)
class TrainingState:
    """What became of a training.

    Attributes
    ----------
    state : State
        DONE only with the status COMPLETED and a checkpoint; STOPPED where a person asked for it;
        UNFINISHED for one that others started and that ended, or was left, before its end.
    status : TrainStatus or None
        As ``litpose`` wrote it.
    checkpoint : Path or None
        The best weights; also of a training that did not end well, and usable then.
    failure : Failure or None
    """

    state: State
    status: TrainStatus | None = None
    checkpoint: Path | None = None
    failure: Failure | None = None

    def describe(self) -> str:
        """In a few words."""
        words = self.state.value
        if self.status is not None and self.status.total and self.state is not State.DONE:
            words += f", epoch {self.status.completed} of {self.status.total}"
        if self.state in (State.STOPPED, State.FAILED, State.UNFINISHED):
            words += ", usable" if self.checkpoint is not None else ", no weights"
        return words


def training_state(folder: Path, *, now: float | None = None) -> TrainingState:
    """What became of the training in a folder.

    Parameters
    ----------
    folder : Path
        Of the network.
    now : float, optional
        Seconds since 1970.

    Raises
    ------
    PoseDataError
        Our record there is damaged.
    """
    record, status = read_record(folder), read_status(folder)
    kept = checkpoints(folder)
    checkpoint = kept[0] if kept else None
    # A finished training says so before its process has ended.
    if status is not None and status.status == "COMPLETED" and checkpoint is not None:
        if record is None or record.process is None or not record.process.lives:
            return TrainingState(State.DONE, status, checkpoint)
        return TrainingState(State.RUNNING, status, checkpoint)
    asked_to_stop = (folder / STOP_FILE).exists()
    if record is None:
        running = _wrote_lately(folder, time.time() if now is None else now)
        if status is None and checkpoint is None:
            return TrainingState(State.UNFINISHED)
        return TrainingState(State.RUNNING if running else State.UNFINISHED, status, checkpoint)
    if record.place:
        if status is None:
            return TrainingState(State.WAITING)
        running = _wrote_lately(folder, time.time() if now is None else now)
        if running:
            return TrainingState(State.RUNNING, status, checkpoint)
        failed = _failure_in_logs(folder)
        state = State.FAILED if failed else State.UNFINISHED
        return TrainingState(state, status, checkpoint, failed)
    if record.process is None:
        if asked_to_stop:
            return TrainingState(State.CANCELLED)
        if record.ended:
            return TrainingState(State.FAILED, failure=_failure(folder))
        waits = record.queue is not None and (record.queue.lives or not record.queue.is_here)
        return TrainingState(State.WAITING if waits else State.UNFINISHED)
    if _lives(record, folder, now):
        return TrainingState(State.RUNNING, status, checkpoint)
    if asked_to_stop:
        return TrainingState(State.STOPPED, status, checkpoint)
    return TrainingState(State.FAILED, status, checkpoint, _failure(folder))


def _lives(record: TrainingRecord, folder: Path, now: float | None) -> bool:
    if record.process is None or record.ended:
        return False
    if record.process.is_here:
        return record.process.lives
    return _wrote_lately(folder, time.time() if now is None else now)


def _wrote_lately(folder: Path, now: float) -> bool:
    last = 0.0
    for path in (*event_files(folder), folder / "train_status.json", folder / OUT_LOG):
        try:
            last = max(last, path.stat().st_mtime)
        except OSError:
            continue
    return now - last < _SILENT_SECONDS


def _failure_in_logs(folder: Path) -> Failure | None:
    found = failure_of((*log_tail(folder / OUT_LOG, 60), *log_tail(folder / ERROR_LOG, 200)))
    return None if found is None else with_row(found, folder / ASKED_CONFIG)


def _failure(folder: Path) -> Failure:
    found = _failure_in_logs(folder)
    if found is not None:
        return found
    return Failure(
        "litpose ended before its end without a message: it was killed, or the machine went down",
        "Look whether memory ran out, and go on from its weights",
    )
