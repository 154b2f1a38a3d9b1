"""The folder of a network: what ``litpose`` writes there, and where."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from napari_pose3d.core.storage.input_files import input_errors, open_input, read_text
from napari_pose3d.errors import PoseDataError

STATUS = "train_status.json"
OUT_LOG, ERROR_LOG = "train_stdout.log", "train_stderr.log"
_CHECKPOINT = re.compile(r"epoch=(\d+)-step=(\d+)(.*)\.ckpt$")
_EVENTS = "events.out.tfevents."
_TAIL = 20_000
_LARGEST = 1e11


@dataclass(frozen=True)
class TrainStatus:
    """``train_status.json``: how far ``litpose`` says it is.

    Attributes
    ----------
    status : str
        TRAINING, EVALUATING, COMPLETED, ...; it stays when the process dies.
    completed, total : int
        Epochs; 0 where unknown.
    seconds : float
        When that was, since 1970; 0 where unknown.
    """

    status: str
    completed: int = 0
    total: int = 0
    seconds: float = 0.0


def read_status(folder: Path) -> TrainStatus | None:
    """The status of a network; None where there is no such file, or it cannot be understood."""
    path = folder / STATUS
    try:
        text = read_text(path, largest=1 << 20)
        with input_errors(path):
            content = json.loads(text)
    except PoseDataError:
        return None
    if not isinstance(content, dict) or not isinstance(content.get("status"), str):
        return None
    progress = content.get("progress")
    progress = progress if isinstance(progress, dict) else {}

    def number(key: str) -> float:
        value = progress.get(key, 0)
        known = isinstance(value, int | float) and not isinstance(value, bool)
        # Nothing is NaN, infinite, or later than all calendars.
        return value if known and abs(value) < _LARGEST else 0

    return TrainStatus(
        content["status"],
        int(number("completed")),
        int(number("total")),
        float(number("timestamp")),
    )


def checkpoints(folder: Path) -> tuple[Path, ...]:
    """Weights that were kept: the best of the last version first, then the latest."""
    found = []
    for path in (folder / "tb_logs").rglob("*.ckpt"):
        match = _CHECKPOINT.match(path.name)
        if match:
            best = "best" in match[3]
            found.append((path.parent.parent.name, best, int(match[1]), path))
    return tuple(each[-1] for each in sorted(found, reverse=True))


def checkpoint_epochs(checkpoint: Path) -> int:
    """How many epochs weights have seen, by the name of their file; 0 where it does not say."""
    match = _CHECKPOINT.match(checkpoint.name)
    return int(match[1]) + 1 if match else 0


def event_files(folder: Path) -> tuple[Path, ...]:
    """Event files, oldest first."""
    found = (folder / "tb_logs").rglob(f"{_EVENTS}*")
    return tuple(sorted(found, key=lambda path: (path.parent.name, path.name)))


def log_tail(path: Path, n_lines: int = 30) -> tuple[str, ...]:
    """The last lines of a log, of a progress bar only its last state; empty where none is there."""
    try:
        with open_input(path) as stream, input_errors(path):
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - _TAIL))
            text = stream.read(_TAIL).decode("utf-8", errors="replace")
    except PoseDataError:
        return ()
    lines = [line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n")]
    return tuple(line for line in lines if line.strip())[-n_lines:]
