"""Sessions in processes on this machine, with nothing to be installed for it."""

from __future__ import annotations

import contextlib
import pickle
import queue
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

from napari_pose3d import own_python
from napari_pose3d.core.storage.group_recovery import recover
from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import IsCancelled

from .batch_plan import BatchPlan, SessionOutcome, SessionTask
from .session_steps import output_folders

OnStage = Callable[[SessionTask, str, int, int], None]
"""Called with a session, the stage of its work, how much is done and of how much."""

ATTEMPTS = 3
_TICK_SECONDS = 0.1
# A cancelled worker tidies up, and is killed after so long.
_GRACE_SECONDS = 0.15


class LocalWorkers:
    """Processes that do sessions; a context manager, at whose end no process is left.

    A process that dies is replaced, and its session is done again, `ATTEMPTS` times in all. One
    that takes more memory than it may is killed, and its session has failed.

    Parameters
    ----------
    plan : BatchPlan
    n_workers : int
    memory : int
        Bytes that each of them may take.
    on_stage : callable, optional
    """

    def __init__(
        self,
        plan: BatchPlan,
        n_workers: int,
        memory: int,
        on_stage: OnStage | None = None,
    ) -> None:
        self._plan, self._n_workers, self._memory = plan, n_workers, memory
        self._on_stage = on_stage
        self._events: queue.SimpleQueue[tuple[_Process, tuple[Any, ...]]] = queue.SimpleQueue()
        self._processes: list[_Process] = []

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the processes that there are."""
        return tuple(each.pid for each in self._processes)

    def __enter__(self) -> LocalWorkers:
        return self

    def __exit__(self, *_: object) -> None:
        processes, self._processes = self._processes, []
        for each in processes:
            each.send("cancel")
        until = time.monotonic() + _GRACE_SECONDS
        for each in processes:
            each.end(until)
        for task in (each.task for each in processes if each.task is not None):
            for folder in output_folders(task):
                recover(folder)

    def outcomes(
        self, tasks: Sequence[SessionTask], cancelled: IsCancelled
    ) -> Iterator[SessionOutcome]:
        """Do the sessions, and give each when it is done.

        Raises
        ------
        Cancelled
            `cancelled` returned True.
        """
        waiting = deque((task, 1) for task in tasks)
        n_open = len(tasks)
        while n_open:
            if cancelled():
                raise Cancelled
            self._employ(waiting)
            for outcome in self._next_outcomes(waiting):
                n_open -= 1
                yield outcome

    def _employ(self, waiting: deque[tuple[SessionTask, int]]) -> None:
        """Give sessions to processes that have none, and start those that are missing."""
        busy = sum(each.task is not None for each in self._processes)
        wanted = min(self._n_workers, busy + len(waiting))
        while len(self._processes) < wanted:
            self._processes.append(_Process(self._plan, self._events, self._plan.smoothing.threads))
        for each in self._processes:
            if waiting and each.task is None:
                each.begin(*waiting.popleft())

    def _next_outcomes(self, waiting: deque[tuple[SessionTask, int]]) -> Iterator[SessionOutcome]:
        """What happened in a moment."""
        try:
            process, (kind, *values) = self._events.get(timeout=_TICK_SECONDS)
        except queue.Empty:
            yield from self._greedy()
            return
        task = process.task
        if process not in self._processes:
            return
        if kind != "ended":
            process.heard()
        if task is None:
            if kind == "ended":
                self._drop(process)
        elif kind == "progress" and self._on_stage is not None:
            self._on_stage(task, *values)
        elif kind == "outcome":
            yield replace(values[0], attempts=process.attempt)
            process.task = None
        elif kind == "fault":
            # The same would happen again.
            self._drop(process)
            last = values[0].strip().splitlines()[-1]
            yield SessionOutcome(
                task,
                message=f"a fault of the program: {last}\n{values[0]}",
                attempts=process.attempt,
            )
        elif kind == "ended":
            how = process.last_words()
            self._drop(process)
            if not process.has_begun:
                waiting.appendleft((task, process.attempt))
            elif process.attempt < ATTEMPTS:
                waiting.appendleft((task, process.attempt + 1))
            else:
                yield SessionOutcome(
                    task,
                    message=f"its worker ended {ATTEMPTS} times{how}",
                    attempts=process.attempt,
                )

    def _drop(self, process: _Process) -> None:
        self._processes.remove(process)
        process.end(0.0)

    def _greedy(self) -> Iterator[SessionOutcome]:
        """End the processes that take too much memory."""
        for process in [each for each in self._processes if each.task is not None]:
            taken = process.memory()
            if taken > self._memory:
                self._drop(process)
                task = process.task
                assert task is not None
                for folder in output_folders(task):
                    recover(folder)
                yield SessionOutcome(
                    task,
                    message=f"it took {taken / 1e9:.1f} GB of memory, and a worker may take "
                    f"{self._memory / 1e9:.1f} GB; use fewer workers, or allow each more",
                    attempts=process.attempt,
                )


class _Process:
    """One process, and the session that it does."""

    def __init__(
        self,
        plan: BatchPlan,
        events: queue.SimpleQueue[tuple[_Process, tuple[Any, ...]]],
        threads: int | None,
    ) -> None:
        self.task: SessionTask | None = None
        self.attempt = 0
        self.has_begun = self._answers = False
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        environment = own_python.environment()
        if threads is not None:
            for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
                environment[name] = str(threads)
        # After a Ctrl+C at the terminal this program says what becomes of its processes.
        self._process = subprocess.Popen(
            own_python.command(f"{__package__}.worker_process"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
            **own_python.apart(),
        )
        self.send("plan", plan)
        threading.Thread(target=self._listen, args=(events,), daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def begin(self, task: SessionTask, attempt: int) -> None:
        """Do a session."""
        self.task, self.attempt = task, attempt
        # Killed while it had none, it is given one before its end is noticed: that is no attempt.
        # Of a process that never answered, it is one: the next would end as this did.
        self.has_begun = not self._answers
        self.send("task", task)

    def heard(self) -> None:
        """It answered."""
        self._answers = self.has_begun = True

    def send(self, *message: Any) -> None:
        """Send a command; a process that is no longer there will be noticed anyway."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError, ValueError, OSError):
            pickle.dump(message, self._process.stdin)
            self._process.stdin.flush()

    def end(self, until: float) -> None:
        """Kill the process unless it ends by itself in time, and wait for its end."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(until - time.monotonic(), 0.0))
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        self._errors.close()

    def memory(self) -> int:
        """Bytes that the process takes; 0 where that cannot be known."""
        import psutil

        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except psutil.Error:
            return 0

    def last_words(self) -> str:
        """How the process ended, and the last line that it wrote."""
        code = self._process.wait()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f" ({how}{': ' + lines[-1] if lines else ''})"

    def _listen(self, events: queue.SimpleQueue[tuple[_Process, tuple[Any, ...]]]) -> None:
        stream = self._process.stdout
        assert stream is not None
        kind: Literal["ended"] = "ended"
        while True:
            try:
                events.put((self, pickle.load(stream)))
            except (EOFError, pickle.UnpicklingError, ValueError, OSError):
                break
        events.put((self, (kind,)))
        stream.close()
