"""The one job of a panel that may run at a time: stage, bar, Cancel, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_pose3d.gui.qt.jobs import Job, JobSlot, Work
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.qt.run_bar import ProgressRow

from .panel_plan import Mark


class JobBar(QWidget):
    """Runs jobs for the sections of a panel.

    ``changed`` is emitted when a job starts or ends, ``marked`` with the mark that its end puts on
    the panel's tab.
    """

    changed = Signal()
    marked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._slot = JobSlot()
        self.mark: Mark = ""
        """What was put on the tab last."""
        self._row = ProgressRow()
        self._row.cancel_clicked.connect(self._cancel)
        self._status = MessageLabel()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._row)
        layout.addWidget(self._status)
        self._status.hide()
        self.destroyed.connect(self._slot.abandon)

    @property
    def is_busy(self) -> bool:
        """Whether a job runs."""
        return self._slot.job is not None

    @property
    def status(self) -> str:
        """How the last job ended; "" while one runs."""
        return self._status.message

    @property
    def stage(self) -> str:
        """The stage of the job that runs."""
        return self._row.stage

    def start(
        self,
        work: Work,
        stage: str,
        then: Callable[[Any], None],
        *,
        whole: bool = False,
        left: str = "nothing was changed",
    ) -> None:
        """Run ``work(progress, cancelled)`` in a thread, and hand its result to `then`.

        Parameters
        ----------
        whole : bool
            Whether its progress is that of all its stages together; see `ProgressRow.begin`.
        left : str
            What it leaves behind where it is cancelled.
        """
        if self.is_busy:
            return
        job = Job(work)
        job.progressed.connect(self._row.show_progress)
        job.succeeded.connect(lambda result: self._succeed(then, result))
        job.failed.connect(self._fail)
        job.stopped.connect(lambda: self._stop(left))
        self._status.hide()
        self._status.show_message("")
        self._row.begin(stage, whole=whole)
        self._slot.start(job)
        self._mark("running")
        self.changed.emit()

    def cancel(self) -> None:
        """Click on Cancel."""
        self._row.cancel()

    def say(self, message: str, mark: Mark = "done") -> None:
        """Say how something ended."""
        self._status.show_message(message)
        self._status.setVisible(bool(message))
        self._mark(mark)

    def forget(self) -> None:
        """What was said is of a session that is no longer open; a job goes on."""
        if not self.is_busy:
            self.say("", "")

    def _cancel(self) -> None:
        job = self._slot.job
        if isinstance(job, Job):
            job.cancel()

    def _end(self) -> None:
        self._slot.abandon()
        self._row.finish()

    def _succeed(self, then: Callable[[Any], None], result: Any) -> None:
        self._end()
        self._mark("done")
        then(result)
        self.changed.emit()

    def _fail(self, message: str) -> None:
        self._end()
        self.say(message, "attention")
        show_error(message)
        self.changed.emit()

    def _stop(self, left: str) -> None:
        self._end()
        self.say(f"Cancelled; {left}.", "")
        self.changed.emit()

    def _mark(self, mark: Mark) -> None:
        self.mark = mark
        self.marked.emit(mark)
