"""The batch that runs in a viewer, or ran last: it goes on while its panel is closed."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from qtpy.QtCore import QObject, Qt, Signal

from napari_pose3d.core.pipeline.batch.batch_plan import SessionOutcome
from napari_pose3d.core.pipeline.batch.batch_summary import BatchSummary
from napari_pose3d.gui.qt.jobs import Job, JobSlot
from napari_pose3d.gui.qt.napari_private import AnnouncedWork
from napari_pose3d.gui.workspace.docking import unwrapped
from napari_pose3d.gui.workspace.panel_plan import Mark

from .batch_job import BatchRequest, Event, run_batch

Status = Literal["waiting", "running", "done", "not needed", "failed", "stopped"]
_WORDS: dict[Status, str] = {"done": "done", "not needed": "done before", "failed": "failed"}
_DASHBOARD = "dashboard: "
_MOST_LINES = 2_000


@dataclass(frozen=True)
class SessionState:
    """Where a session of the batch is.

    Attributes
    ----------
    status : str
    words : str
        What the user reads.
    why : str
        What went wrong, and notes.
    """

    status: Status = "waiting"
    words: str = "waiting"
    why: str = ""


class BatchRunner(QObject):
    """Runs one batch at a time.

    ``changed`` is emitted when a batch begins or ends, ``stepped`` with the name of a session
    whose state is another one, ``logged`` with a line of the log.

    Parameters
    ----------
    viewer : napari.Viewer
        Asks before it closes while a batch runs.
    """

    changed = Signal()
    stepped = Signal(str)
    logged = Signal(str)
    _told = Signal(object)

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self._slot = JobSlot()
        self._announced: AnnouncedWork | None = None
        self.request: BatchRequest | None = None
        """What runs, or ran last."""
        self.states: dict[str, SessionState] = {}
        self.log: list[str] = []
        self.dashboard = ""
        """Address of the cluster's page; "" where there is none."""
        self.summary: BatchSummary | None = None
        """Of the last batch, where it came to its end."""
        self.status = ""
        """How the last batch ended; "" while one runs."""
        self.mark: Mark = ""
        self.is_cancelling = False
        self._told.connect(self._on_told, Qt.ConnectionType.QueuedConnection)

    @property
    def is_running(self) -> bool:
        return self._slot.job is not None

    @property
    def n_ended(self) -> int:
        """How many sessions were done or have failed."""
        return sum(each.status in _WORDS for each in self.states.values())

    @property
    def failures(self) -> tuple[tuple[str, str], ...]:
        """Sessions that failed, and why."""
        return tuple(
            (name, each.why) for name, each in self.states.items() if each.status == "failed"
        )

    def start(self, request: BatchRequest) -> None:
        """Run a batch, unless one runs."""
        if self.is_running:
            return
        self.request, self.summary, self.status, self.dashboard = request, None, "", ""
        self.states = {name: SessionState() for name in request.sessions}
        self.log = []
        self.is_cancelling, self.mark = False, "running"
        job = Job(partial(run_batch, request, self._told.emit))
        job.succeeded.connect(self._succeed)
        job.failed.connect(self._fail)
        job.stopped.connect(self._stop)
        viewer = self._viewer()
        if viewer is not None:
            self._announced = AnnouncedWork(viewer, self._in_words(), _weak_cancel(self))
        self._slot.start(job)
        self.changed.emit()

    def cancel(self) -> None:
        """Stop; sessions that were done stay."""
        job = self._slot.job
        if isinstance(job, Job):
            self.is_cancelling = True
            job.cancel()
            self.changed.emit()

    def _on_told(self, event: Event) -> None:
        if isinstance(event, str):
            if event.startswith(_DASHBOARD):
                self.dashboard = event.removeprefix(_DASHBOARD)
                self.changed.emit()
        elif isinstance(event, SessionOutcome):
            self._note(event)
        else:
            task, stage, done, total = event
            if task.session in self.states and self.is_running:
                # What a narrow column cuts off is the end.
                share = f"{100 * done // total} % " if total else ""
                self._set(task.session, SessionState("running", f"{share}{stage}"))

    def _note(self, outcome: SessionOutcome) -> None:
        name = outcome.task.session
        notes = [note for step in outcome.steps for note in step.notes]
        why = outcome.why.strip() or "\n".join(notes)
        status: Status = outcome.status
        failed = [step.step for step in outcome.steps if step.status == "failed"]
        words = " ".join([*failed, _WORDS[status]])
        self._set(name, SessionState(status, words, why))
        head = f"{name}: {words}, {outcome.seconds:.1f} s"
        self._write("\n  ".join([head, *(why.splitlines() if why else ())]))
        if self._announced is not None:
            self._announced.update(self._in_words())

    def _set(self, name: str, state: SessionState) -> None:
        self.states[name] = state
        self.stepped.emit(name)

    def _write(self, text: str) -> None:
        self.log = [*self.log[1 - _MOST_LINES :], text]
        self.logged.emit(text)

    def _succeed(self, summary: BatchSummary) -> None:
        # What the thread told before its end was delivered before it.
        self.summary = summary
        self._end(f"{summary.counts()}.", "attention" if summary.failed else "done")

    def _fail(self, message: str) -> None:
        self._end(message, "attention")

    def _stop(self) -> None:
        done = self.n_ended
        self._end(
            f"Cancelled; of {len(self.states)} sessions {done} had been done, which stay. Run "
            "goes on with the others.",
            "",
        )

    def _end(self, status: str, mark: Mark) -> None:
        self._slot.abandon()
        self.is_cancelling = False
        if self._announced is not None:
            self._announced.end()
            self._announced = None
        for name, each in list(self.states.items()):
            if each.status in ("waiting", "running"):
                self._set(name, SessionState("stopped", "not done"))
        self.status, self.mark = status, mark
        self._write(status)
        self.changed.emit()

    def _in_words(self) -> str:
        folder = "" if self.request is None else self.request.folder.name
        return f"{self.n_ended} of {len(self.states)} sessions of {folder} are done"


def _weak_cancel(runner: BatchRunner) -> Any:
    found = weakref.WeakMethod(runner.cancel)

    def cancel() -> bool:
        method = found()
        if method is not None:
            method()
        return True

    return cancel


_RUNNERS: weakref.WeakKeyDictionary[Any, BatchRunner] = weakref.WeakKeyDictionary()


def batch_runner(viewer: Any) -> BatchRunner:
    """The one `BatchRunner` of a viewer."""
    viewer = unwrapped(viewer)
    found = _RUNNERS.get(viewer)
    if found is None:
        found = _RUNNERS[viewer] = BatchRunner(viewer)
    return found
