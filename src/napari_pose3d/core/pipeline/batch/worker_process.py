"""A process that works on one session after the other: ``python -m`` this module.

Notes
-----
It gets pickled commands on its standard input, ``("plan", plan)``, ``("task", task)`` and
``("cancel",)``, and answers on what was its standard output. When the input ends, so does the
process, whatever it is doing: nothing outlives the program that started it.
"""

from __future__ import annotations

import os
import pickle
import queue
import sys
import threading
import time
import traceback
from types import TracebackType
from typing import Any, BinaryIO

from napari_pose3d.core.pipeline.batch.batch_plan import BatchPlan, SessionTask
from napari_pose3d.core.pipeline.batch.session_steps import run_session
from napari_pose3d.errors import Cancelled

# Time to tidy up before the process ends anyway; who cancels a batch ends it sooner.
_GRACE_SECONDS = 3.0
_PROGRESS_SECONDS = 0.2


class _Worker:
    def __init__(self, commands: BinaryIO, answers: BinaryIO) -> None:
        self._commands, self._answers = commands, answers
        self._lock = threading.Lock()
        self._tasks: queue.SimpleQueue[SessionTask | None] = queue.SimpleQueue()
        self._plan: BatchPlan | None = None
        self._cancelled = threading.Event()
        self._reported = 0.0

    def answer(self, *message: Any) -> None:
        """Send a message to the program that started this process."""
        with self._lock:
            pickle.dump(message, self._answers)
            self._answers.flush()

    def listen(self) -> None:
        """Take commands until there are none any more."""
        while True:
            try:
                kind, *values = pickle.load(self._commands)
            except EOFError:
                break
            if kind == "plan":
                self._plan = values[0]
            elif kind == "task":
                self._tasks.put(values[0])
            else:
                self._cancelled.set()
                self._tasks.put(None)
        self._cancelled.set()
        self._tasks.put(None)
        time.sleep(_GRACE_SECONDS)
        os._exit(1)

    def work(self) -> None:
        """Do what is asked for."""
        while (task := self._tasks.get()) is not None:
            assert self._plan is not None
            try:
                outcome = run_session(self._plan, task, self._progress, self._cancelled.is_set)
            except Cancelled:
                break
            self.answer("outcome", outcome)

    def _progress(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._reported > _PROGRESS_SECONDS:
            self._reported = now
            self.answer("progress", stage, done, total)


def main() -> None:
    """Work until the input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    # What others print must not get among the answers.
    os.dup2(2, 1)
    worker = _Worker(sys.stdin.buffer, answers)

    def on_fault(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        worker.answer("fault", "".join(traceback.format_exception(kind, error, trace)))
        os._exit(1)

    sys.excepthook = on_fault
    threading.Thread(target=worker.listen, daemon=True).start()
    worker.answer("ready")
    worker.work()
    sys.stdout.flush()
    # Threads that compute what nobody wants any more are not waited for.
    os._exit(0)


if __name__ == "__main__":
    main()
