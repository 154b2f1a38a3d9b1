"""One long job in a background thread: progress, cancelling, and an end that is always reported.

Notes
-----
Jobs do not run in the thread pool of Qt, as napari's workers do. It has as many threads as there
are processors, so that a job would wait for one that was abandoned; napari waits for its workers
without end when it is closed; and a worker that is alive when Python ends aborts the process. Here
the jobs are asked to stop when the application quits, and Python's end waits for them for some
seconds. What ignores that is given up with the process: files are put in place as a whole, so none
is torn by it.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

from qtpy.QtCore import QCoreApplication, QObject, Qt, Signal

from napari_pose3d.errors import Cancelled, PoseDataError, error_text
from napari_pose3d.settings import IsCancelled, Progress

# Progress that comes faster than it can be seen only costs the main thread time.
_SHORTEST_INTERVAL = 0.05
_LONGEST_WAIT = 5.0  # seconds, at the end of Python
_LOG = logging.getLogger(__name__)

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
    _done = Signal(str, object)
    succeeded = Signal(object)
    failed = Signal(str)
    stopped = Signal()

    def __init__(self, work: Work) -> None:
        super().__init__()
        self._work = work
        self._cancel = threading.Event()
        self._abandoned = False
        self._last_progress = ("", 0.0)
        self._thread = threading.Thread(target=self._run, name="napari-pose3d job", daemon=True)
        self._ended = threading.Event()
        self._end: tuple[str, Any] = ("", None)
        # From the thread to the main thread, where alone it is known what was abandoned.
        self._reported.connect(self._on_reported, Qt.ConnectionType.QueuedConnection)
        self._done.connect(self._on_done, Qt.ConnectionType.QueuedConnection)

    def start(self) -> None:
        """Start the thread; called once."""
        _stop_jobs_at_the_end()
        _running.add(self)
        self._thread.start()

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

    def join(self, seconds: float) -> bool:
        """Whether the thread ends within so many seconds."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        """In the thread."""
        how, value = _FAULT, None
        try:
            how, value = self._end = self._outcome()
        finally:
            if how == _FAULT:
                # The error goes on, to whoever listens to errors of threads: napari.
                kind, error, _ = sys.exc_info()
                value = "" if kind is None else f"{kind.__name__}: {error}"
            self._ended.set()
            self._done.emit(how, value)

    def _outcome(self) -> tuple[str, Any]:
        try:
            return "succeeded", self._work(self._report, self._cancel.is_set)
        except Cancelled:
            return "stopped", None
        except (PoseDataError, OSError) as error:
            return "failed", error_text(error)
        except RuntimeError:
            # When Python ends, pools of threads take no more work.
            if threading.main_thread().is_alive():
                raise
            return "stopped", None

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

    def _on_done(self, how: str, value: Any) -> None:
        _running.discard(self)
        # Whoever holds the job does not hold what it made: that may be videos and whole recordings.
        self._end = ("", None)
        if self._abandoned:
            return
        # Work that ended before it noticed the request to stop still counts as stopped.
        if how == _FAULT:
            self.failed.emit(value)
        elif how == "stopped" or self._cancel.is_set():
            self.stopped.emit()
        elif how == "failed":
            self.failed.emit(value)
        else:
            self.succeeded.emit(value)


_FAULT = "fault"
# Those whose end was not reported yet; they are held, or Qt's part of them would go before.
_running: set[Job] = set()


@cache
def _stop_jobs_at_the_end() -> None:
    """Ask the jobs to stop when the application quits, and wait for them when Python ends."""
    application = QCoreApplication.instance()
    if application is not None:
        application.aboutToQuit.connect(_abandon_all)
    # A script may end without its application. Python waits for pools of threads before it calls
    # what is registered to be called at its end; a thread of ours asks the jobs before that.
    threading.Thread(target=_abandon_after_main_thread, daemon=True).start()
    atexit.register(_wait_for_all)


def _abandon_after_main_thread() -> None:
    threading.main_thread().join()
    _abandon_all()


def _abandon_all() -> None:
    """Ask all jobs to stop."""
    for job in tuple(_running):
        job.abandon()


def _wait_for_all() -> None:
    _abandon_all()
    end = time.monotonic() + _LONGEST_WAIT
    if all(job.join(max(end - time.monotonic(), 0.0)) for job in tuple(_running)):
        return
    _LOG.error("A job did not stop and is given up.")
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    # Python cannot end beside a thread that works: it would abort, or wait for ever.
    os._exit(int(getattr(sys, "last_value", None) is not None))


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
