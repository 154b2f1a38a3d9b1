"""Killing a process at every step that it takes on the disk."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

# What changes a disk. Python's own file objects do not write by these, but their files are flushed
# and put in place by them.
STEPS = (
    "open",
    "write",
    "fsync",
    "link",
    "replace",
    "rename",
    "unlink",
    "ftruncate",
    "mkdir",
    "rmdir",
)
_OPEN = os.open


def killed_everywhere(
    folder: Path, scratch: Path, action: Callable[[Path], Callable[[], object]]
) -> Iterator[tuple[int, Path]]:
    """Do something to copies of a folder, killed before the first step, the second, and so on.

    Parameters
    ----------
    folder : Path
    scratch : Path
        Where the copies are made.
    action : callable
        Gets a copy and gets ready; what it returns is done and killed.

    Yields
    ------
    step, copy : int, Path
        After the kill. The last one was not killed any more.
    """
    step, killed = 0, True
    while killed:
        step += 1
        copy = scratch / f"killed-{step}"
        shutil.copytree(folder, copy, symlinks=True)
        killed = _killed(action, copy, step)
        yield step, copy
        shutil.rmtree(copy)


def _killed(action: Callable[[Path], Callable[[], object]], folder: Path, step: int) -> bool:
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            return True
        assert os.waitstatus_to_exitcode(status) == 0, "the action itself failed"
        return False
    code = 1
    try:
        run = action(folder)
        _kill_before(step)
        run()
        code = 0
    finally:
        os._exit(code)


def _kill_before(step: int) -> None:
    taken = 0

    def counted(function: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **named: object) -> object:
            nonlocal taken
            only_reads = function is _OPEN and not int(args[1]) & os.O_CREAT  # type: ignore[call-overload]
            taken += not only_reads
            if taken == step and not only_reads:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **named)

        return call

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))


def traces(folder: Path) -> list[str]:
    """Hidden files that are left in a folder and below."""
    names = (p.name for p in folder.rglob("*") if p.is_file())
    return sorted(name for name in names if name.startswith("."))
