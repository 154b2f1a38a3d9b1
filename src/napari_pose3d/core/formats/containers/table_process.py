"""Tables in HDF5 read by a process of its own, so that no damaged file can end this one.

Notes
-----
PyTables and the HDF5 library beneath it trust what a file says: a few changed bytes make them read
foreign memory, which ends the process at once, with all that was not saved. So the process that
reads is another one. It starts with the first file, which takes no longer than importing PyTables
here would, reads one file after the other, and ends after a minute without work and whenever this
process ends. It answers with JSON and plain numbers.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from napari_pose3d import own_python
from napari_pose3d.core.formats.containers.pandas_tables import (
    EXPECTED,
    REMEDY,
    pytables,
    stored_table,
    stored_text,
)
from napari_pose3d.core.formats.containers.stored_table import StoredTable
from napari_pose3d.core.storage.input_files import check_regular
from napari_pose3d.errors import PoseDataError

# Memory may be short, or the minute over, just when a file is asked for; twice, it is the file.
_ATTEMPTS = 2
_IDLE_SECONDS = 60.0
_MOST_SECONDS = 60.0
_BYTES_PER_SECOND = 1e6


def read_stored_table(path: Path, stop: int | None = None) -> StoredTable:
    """The table that pandas stored in a file, or its first rows.

    Of several tables it is the one that DeepLabCut names.

    Raises
    ------
    PoseDataError
        When the file holds no table or several, holds pickled code, is damaged, or reading HDF5
        is not installed.
    """
    if not own_python.can_start():
        return stored_table(path, stop)
    head, numbers = _answer({"stop": stop}, path)
    return StoredTable.from_parts(head, numbers)


def read_stored_text(path: Path) -> bytes:
    """The same table as CSV, in UTF-8; raises as `read_stored_table` does."""
    if not own_python.can_start():
        return stored_text(path)
    _, (text,) = _answer({"as": "text"}, path)
    return bytes(text)


class BrokenOff(Exception):  # noqa: N818 - what happened to a process
    """The process that reads ended before it had answered."""


class TableProcess:
    """A process that reads tables.

    Parameters
    ----------
    command : sequence of str, optional
        Another program than the one that reads, for tests.
    """

    def __init__(self, command: Sequence[str] | None = None) -> None:
        self._process = subprocess.Popen(
            command or own_python.command(__name__),
            # It ends when the pipe is closed, as it is however this process ends.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=own_python.environment(),
            **own_python.apart(),
        )

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it still waits for files."""
        return self._process.poll() is None

    def ask(
        self, request: dict[str, Any], seconds: float
    ) -> tuple[dict[str, Any], list[bytearray]]:
        """What it answers.

        Raises
        ------
        BrokenOff
            It ended before, or did not answer in time and was killed.
        """
        sender, receiver = self._process.stdin, self._process.stdout
        assert sender is not None
        assert receiver is not None
        late = threading.Event()

        def give_up() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(seconds, give_up)
        timer.daemon = True
        timer.start()
        try:
            sender.write(json.dumps({**request, "seconds": seconds}).encode() + b"\n")
            sender.flush()
            return _receive(receiver)
        except (OSError, EOFError, ValueError) as error:
            self.end()
            how = f"it took more than {seconds:.0f} s" if late.is_set() else self._how()
            raise BrokenOff(how) from error
        finally:
            timer.cancel()

    def end(self) -> None:
        """End the process; safe to call again."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()

    def _how(self) -> str:
        code = self._process.returncode
        return f"signal {-code}" if code < 0 else f"exit code {code}"


def _receive(stream: Any) -> tuple[dict[str, Any], list[bytearray]]:
    head = json.loads(stream.readline())
    parts = []
    for size in head.pop("sizes"):
        part = bytearray(size)
        if stream.readinto(part) < size:
            raise EOFError
        parts.append(part)
    return head, parts


_lock = threading.Lock()
_process: TableProcess | None = None


def _answer(request: dict[str, Any], path: Path) -> tuple[dict[str, Any], list[bytearray]]:
    """What the process says about a file; it is started where there is none."""
    size = check_regular(path, expected=EXPECTED)
    # Asked here, because it takes a second there.
    if importlib.util.find_spec("tables") is None:
        pytables(path)
    seconds = _MOST_SECONDS + size / _BYTES_PER_SECOND
    why = ""
    for _ in range(_ATTEMPTS):
        try:
            head, parts = _ask_running({**request, "path": os.path.abspath(path)}, seconds)
        except BrokenOff as error:
            why = str(error)
            continue
        if "problem" in head:
            raise PoseDataError(
                head["problem"],
                file=path,
                place=head["place"],
                expected=head["expected"],
                todo=head["todo"],
            )
        return head, parts
    raise PoseDataError(
        f"the file is damaged: the HDF5 library broke off while it was read ({why})",
        file=path,
        expected=EXPECTED,
        todo=REMEDY,
    )


def _ask_running(request: dict[str, Any], seconds: float) -> tuple[dict[str, Any], list[bytearray]]:
    global _process
    with _lock:
        if _process is None or not _process.is_running:
            _end()
            _process = TableProcess()
        answered = False
        try:
            answer = _process.ask(request, seconds)
            answered = True
        finally:
            # After Ctrl+C the answer is still to come, and would be taken for the next one.
            if not answered:
                _end()
    return answer


def _end() -> None:
    global _process
    if _process is not None:
        _process.end()
        _process = None


def _forget() -> None:
    """The process belongs to the one that this was forked from."""
    global _process, _lock
    _process, _lock = None, threading.Lock()


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _main() -> None:
    """Read what is asked for, until the input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    # What others print must not get among the answers.
    os.dup2(2, 1)

    def on_fault(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        lines = str(error).strip().splitlines()
        _refuse(answers, f"cannot be read ({lines[0][:200] if lines else kind.__name__})")
        os._exit(1)

    sys.excepthook = on_fault
    requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    while True:
        try:
            request = requests.get(timeout=_IDLE_SECONDS)
        except queue.Empty:
            break
        if hasattr(signal, "alarm"):
            # Ends it also where the library goes round in circles and the other process is gone.
            signal.alarm(int(request["seconds"]) + 1)
        try:
            _send(answers, *_read(request))
        except PoseDataError as error:
            _refuse(answers, error.problem, error.place, error.expected, error.todo)
        if hasattr(signal, "alarm"):
            signal.alarm(0)
    os._exit(0)


def _listen(requests: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in sys.stdin.buffer:
        requests.put(json.loads(line))
    os._exit(1)


def _read(request: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    path = Path(request["path"])
    if request.get("as") == "text":
        return {}, [stored_text(path)]
    return stored_table(path, request["stop"]).to_parts()


def _refuse(
    answers: BinaryIO,
    problem: str,
    place: str | None = None,
    expected: str | None = None,
    todo: str | None = None,
) -> None:
    words = {"problem": problem, "place": place, "expected": expected, "todo": todo}
    _send(answers, words, [])


def _send(answers: BinaryIO, head: dict[str, Any], parts: list[Any]) -> None:
    head = {**head, "sizes": [len(part) for part in parts]}
    answers.write(json.dumps(head).encode() + b"\n")
    for part in parts:
        answers.write(part)
    answers.flush()


if __name__ == "__main__":
    _main()
