"""Kernels are compiled in a process of their own, which never outlives the program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from napari_pose3d.core.pipeline import warm_up
from napari_pose3d.core.pipeline.warm_up import KernelCompilation
from napari_pose3d.errors import Cancelled

SLEEPS = (sys.executable, "-c", "import sys; sys.stdin.read()")
ENDS = (sys.executable, "-c", "pass")


def test_waiting_ends_with_the_process() -> None:
    compilation = KernelCompilation(ENDS)
    compilation.wait(lambda: False)
    assert not compilation.is_running
    compilation.end()


def test_waiting_can_be_cancelled_and_the_process_ended() -> None:
    compilation = KernelCompilation(SLEEPS)
    with pytest.raises(Cancelled):
        compilation.wait(lambda: True)
    assert compilation.is_running
    compilation.end()
    assert not compilation.is_running
    compilation.end()


def test_the_process_ends_with_a_program_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from napari_pose3d.core.pipeline.warm_up import KernelCompilation\n"
        "print(KernelCompilation()._process.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Empty, so that it would compile for long.
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    # Nobody kills it: it notices by itself.
    _, alive = psutil.wait_procs([child], timeout=60)
    assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]


def test_the_process_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program of the process is this module, which calls `warm_up`."""
    called: list[object] = []
    monkeypatch.setattr(warm_up, "warm_up", lambda: called.append("compiled"))
    monkeypatch.setattr(warm_up.os, "_exit", called.append)
    monkeypatch.setattr(warm_up.threading.Thread, "start", lambda self: None)
    warm_up._main()
    assert called == ["compiled", 0]
