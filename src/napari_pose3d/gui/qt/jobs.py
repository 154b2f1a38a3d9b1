"""One long job in a background thread: progress, cancelling, and an end that is always reported."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from napari.qt.threading import FunctionWorker, create_worker
from qtpy.QtCore import QObject, Signal

from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled, Progress

# Progress that comes faster than it can be seen only costs the main thread time.
_SHORTEST_INTERVAL = 0.05

Work = Callable[[Progress, IsCancelled], Any]


class Job(QObject):
    """Runs ``work(progress, cancelled)`` in a thread of its own.

    Exactly one of `succeeded`, `failed`, `stopped` is emitted, in the main thread, unless the job
    was abandoned before: then nothing is. Errors that nobody foresaw also reach napari's own
    notification with their traceback.

    Parameters
    ----------
    work : callable
        Gets a progress function and one that says whether it shall stop, upon which it raises
        `Cancelled`.
    """

    progressed = Signal(str, int, int)
    _reported = Signal(str, int, int)
    succeeded = Signal(object)
    failed = Signal(str)
    stopped = Signal()

    def __init__(self, work: Work) -> None:
        super().__init__()
        self._work = work
        self._cancel = threading.Event()
        self._abandoned = False
        self._last_progress = ("", 0.0)
        self._worker: FunctionWorker | None = None
        self._ended = threading.Event()
        self._end: tuple[str, Any] = ("", None)
        # From the thread to the main thread, where alone it is known what was abandoned.
        self._reported.connect(self._on_reported)

    def start(self) -> None:
        """Start the thread; called once."""
        worker = create_worker(self._run, _start_thread=False)
        worker.returned.connect(self._on_returned)
        worker.errored.connect(self._on_errored)
        self._worker = worker
        worker.start()

    def cancel(self) -> None:
        """Ask the work to stop; `stopped` is emitted when it has."""
        self._cancel.set()

    def abandon(self) -> None:
        """Ask the work to stop, and emit nothing any more: nobody waits for its result."""
        self._abandoned = True
        self._cancel.set()

    def take(self, seconds: float) -> tuple[str, Any] | None:
        """How the work ended, if it ends within so many seconds; the window stands still meanwhile.

        Returns
        -------
        (str, object) or None
            The name of the signal that is not emitted then, and its argument. None
            when the work goes on, or failed in a way that nobody foresaw.
        """
        if not self._ended.wait(seconds) or not self._end[0]:
            return None
        self._abandoned = True
        return self._end

    def _run(self) -> tuple[str, Any]:
        # Runs in the thread. Expected ends are returned, so that only faults of ours are errors.
        try:
            self._end = self._outcome()
            return self._end
        finally:
            self._ended.set()

    def _outcome(self) -> tuple[str, Any]:
        try:
            return "succeeded", self._work(self._report, self._is_cancelled)
        except Cancelled:
            return "stopped", None
        except (PoseDataError, OSError) as error:
            return "failed", str(error)

    def _is_cancelled(self) -> bool:
        # napari asks the worker to quit when its window closes.
        return self._cancel.is_set() or (self._worker is not None and self._worker.abort_requested)

    def _report(self, stage: str, done: int, total: int) -> None:
        last_stage, last_time = self._last_progress
        now = time.monotonic()
        ended = total > 0 and done >= total
        if stage == last_stage and not ended and now - last_time < _SHORTEST_INTERVAL:
            return
        self._last_progress = (stage, now)
        self._reported.emit(stage, done, total)

    def _on_reported(self, stage: str, done: int, total: int) -> None:
        if not self._abandoned:
            self.progressed.emit(stage, done, total)

    def _on_returned(self, ended: tuple[str, Any]) -> None:
        # Whoever holds the job does not hold what it made: that may be videos and whole recordings.
        self._end = ("", None)
        if self._abandoned:
            return
        how, value = ended
        # Work that ended before it noticed the request to stop still counts as stopped.
        if how == "stopped" or self._cancel.is_set():
            self.stopped.emit()
        elif how == "failed":
            self.failed.emit(value)
        else:
            self.succeeded.emit(value)

    def _on_errored(self, error: Exception) -> None:
        if not self._abandoned:
            self.failed.emit(f"{type(error).__name__}: {error}")


class Startable(Protocol):
    """What a `JobSlot` holds."""

    def start(self) -> None: ...

    def abandon(self) -> None: ...


class JobSlot:
    """Room for one job: a new one takes the place of the old one, which is abandoned."""

    def __init__(self) -> None:
        self._job: Startable | None = None

    @property
    def job(self) -> Startable | None:
        """The job that was started last, until it is abandoned."""
        return self._job

    def start(self, job: Startable) -> None:
        """Abandon what runs and start another job."""
        self.abandon()
        self._job = job
        job.start()

    def abandon(self, *_: object) -> None:
        """Abandon what runs, if anything does."""
        if self._job is not None:
            self._job.abandon()
        self._job = None
