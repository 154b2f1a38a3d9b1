"""A training stopped so that its weights so far can be used."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import psutil

from napari_pose3d.errors import PoseDataError

from .training_record import STOP_FILE, read_record

_SECONDS_TO_FINISH = 30.0
_SECONDS_TO_END = 10.0


def stop_training(
    folder: Path,
    *,
    seconds: float = _SECONDS_TO_FINISH,
    seconds_to_end: float = _SECONDS_TO_END,
) -> bool:
    """Stop a training, or take it out of the queue where it has not begun.

    ``litpose`` is interrupted as by Ctrl+C, and keeps the best weights so far. What does not end
    then is terminated with all its processes.

    Parameters
    ----------
    folder : Path
        Of the network.
    seconds, seconds_to_end : float
        How long to wait for an end by itself, and after it was terminated.

    Returns
    -------
    bool
        Whether it ran.

    Raises
    ------
    PoseDataError
        We did not start it, or it runs on another machine.
    """
    record = read_record(folder)
    if record is None:
        raise PoseDataError(
            "this training was not started from here",
            file=folder,
            todo="Stop it where it was started",
        )
    if record.place:
        raise PoseDataError(
            f"the training runs at {record.place}", file=folder, todo="Stop it there"
        )
    identity = record.process
    if identity is not None and not identity.is_here and not record.ended:
        raise PoseDataError(
            f"the training runs on {identity.host}", file=folder, todo="Stop it there"
        )
    process = None if identity is None else identity.process()
    if process is None and record.ended:
        return False
    (folder / STOP_FILE).touch()
    if process is None:
        return False
    try:
        family = [process, *process.children(recursive=True)]
        process.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGINT)
    except psutil.NoSuchProcess:
        return True
    _, alive = psutil.wait_procs([process], timeout=seconds)
    if alive:
        _signal(family, process.pid, signal.SIGTERM)
        _, alive = psutil.wait_procs(family, timeout=seconds_to_end)
        for each in alive:
            if each.is_running():
                each.kill()
    return True


def _signal(family: list[psutil.Process], pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that leads its group, and so to all in it."""
    if sys.platform != "win32":
        try:
            os.killpg(pid, number)
            return
        except OSError:
            # It has ended in this moment, or leads no group.
            pass
    for each in family:
        try:
            each.send_signal(number)
        except psutil.NoSuchProcess:
            continue
