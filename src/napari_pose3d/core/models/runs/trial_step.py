"""One step on one batch: an honest test of memory and of most faults, under a minute."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import IsCancelled

from ..configuration.config_file import Config, config_text
from ..configuration.training_config import trial_config, with_label_files
from ..installation.litpose_process import run_litpose
from ..installation.litpose_search import Installation
from ..preflight.training_copy import make_training_copy
from ..preflight.training_input import training_input
from .failure_messages import failure_of, with_row
from .model_folder import ERROR_LOG, OUT_LOG, checkpoints, log_tail, read_status
from .queue_worker import train_command
from .training_record import ASKED_CONFIG


@dataclass(frozen=True)
class TrialStep:
    """What a step took: ``seconds`` with starting, ``memory`` in bytes of the computer at most."""

    seconds: float
    memory: int


def trial_step(
    config: Config, installation: Installation, cancelled: IsCancelled | None = None
) -> TrialStep:
    """Train one step in a folder that is removed afterwards.

    Raises
    ------
    PoseDataError
        It fails; with what is known of why.
    Cancelled
        `cancelled` returned True.
    """
    folder = Path(tempfile.mkdtemp(prefix="napari-pose3d-trial-"))
    try:
        copy = make_training_copy(training_input(config), folder)
        text = config_text(trial_config(with_label_files(config, copy.files, copy.boxes)))
        (folder / ASKED_CONFIG).write_text(text, encoding="utf-8")
        return _run(folder, installation, cancelled)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path, installation: Installation, cancelled: IsCancelled | None) -> TrialStep:
    begun, most = time.monotonic(), 0

    def watch(pid: int) -> None:
        nonlocal most
        most = max(most, _memory_of(pid))

    command = train_command(str(installation.executable), folder)
    with (folder / OUT_LOG).open("wb") as out, (folder / ERROR_LOG).open("wb") as error:
        run_litpose(command, folder, out, error, watch=watch, cancelled=cancelled)
    status = read_status(folder)
    if status is None or status.status != "COMPLETED" or not checkpoints(folder):
        lines = (*log_tail(folder / OUT_LOG, 60), *log_tail(folder / ERROR_LOG, 200))
        failure = failure_of(lines)
        if failure is not None:
            failure = with_row(failure, folder / ASKED_CONFIG)
        raise PoseDataError(
            "the trial step failed: " + (failure.problem if failure else "without a message"),
            todo=failure.remedy if failure else None,
        )
    return TrialStep(time.monotonic() - begun, most)


def _memory_of(pid: int) -> int:
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(int(each.memory_info().rss) for each in family)
    except psutil.Error:
        return 0
