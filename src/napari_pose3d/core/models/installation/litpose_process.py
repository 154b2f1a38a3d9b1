"""``litpose`` as a process that is waited for: started apart from ours, ended with all its own."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import psutil

from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled

from .litpose_search import litpose_variables

_PAUSE = 0.1
# Who cancels does not wait: what it writes is thrown away.
_SECONDS_TO_END = 0.15


def run_litpose(
    command: Sequence[str],
    folder: Path,
    out: IO[bytes],
    error: IO[bytes] | None = None,
    *,
    watch: Callable[[int], None] | None = None,
    cancelled: IsCancelled | None = None,
    seconds: float = math.inf,
) -> int:
    """Run a command to its end. Where this is left early, it ends with all that it has started.

    Parameters
    ----------
    command : sequence of str
    folder : Path
        Where it works; ``litpose`` renames folders called ``outputs/<date>`` there.
    out, error : binary files
        Without `error`, both of its streams go to `out`.
    watch : callable, optional
        Called with the number of the process some ten times per second.
    cancelled : callable, optional
    seconds : float
        How long it may take.

    Returns
    -------
    int
        The exit code, which does not tell what became of a training or of predictions.

    Raises
    ------
    PoseDataError
        It cannot be run, or takes longer.
    Cancelled
        `cancelled` returned True.
    """
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT if error is None else error,
            env=litpose_variables(),
            cwd=folder,
            start_new_session=True,
        )
    except OSError as problem:
        raise PoseDataError(
            f"litpose cannot be run ({problem.strerror or problem})",
            file=command[0],
            todo="Check the installation (models doctor)",
        ) from problem
    begun = time.monotonic()
    try:
        while process.poll() is None:
            if cancelled is not None and cancelled():
                raise Cancelled
            if time.monotonic() - begun > seconds:
                raise PoseDataError(
                    f"litpose did not end within {seconds:g} s",
                    file=command[0],
                    todo="Check the installation (models doctor)",
                )
            if watch is not None:
                watch(process.pid)
            time.sleep(_PAUSE)
    finally:
        if process.poll() is None:
            end_process(process)
    return process.returncode


def end_process(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads its group, with all that it has started."""
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        family = []
    if sys.platform != "win32":
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS_TO_END)
        # Those that ignored it, and those that the first left behind.
        _signal_group(process.pid, signal.SIGKILL)
    for each in family:
        with contextlib.suppress(psutil.Error):
            each.kill()
    process.kill()
    process.wait()
    # What they still write would come back into a folder that is removed next.
    psutil.wait_procs(family, timeout=_SECONDS_TO_END)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(OSError):
        os.killpg(pid, number)
