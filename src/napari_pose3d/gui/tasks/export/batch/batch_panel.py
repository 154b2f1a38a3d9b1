"""The section "Many sessions": which sessions of the project, which steps, by whom."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.qt.jobs import Job, JobSlot
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.qt.task_layout import SectionPart
from napari_pose3d.gui.session.current_session import NO_SESSION, CurrentSession, OpenSession
from napari_pose3d.gui.session.smoothing_choice import SmoothingChoice
from napari_pose3d.settings import BatchSettings
from napari_pose3d.wording import counted

from .batch_job import BatchRequest, ListedSession, list_sessions
from .batch_runner import BatchRunner
from .batch_view import BatchView
from .session_table import SessionTable
from .steps_panel import StepsPanel
from .workers_panel import WorkersPanel

_ABOUT = (
    "Steps that were done with the same inputs and settings are not done again; a session that "
    "fails does not stop the others."
)
_FILES = "These files lie in no folder of their own: open a project or a folder."


class BatchPanel(SectionPart):
    """Runs a batch over the sessions of the project that is open.

    Parameters
    ----------
    current : CurrentSession
    runner : BatchRunner
    choice : SmoothingChoice
    """

    def __init__(
        self,
        current: CurrentSession,
        runner: BatchRunner,
        choice: SmoothingChoice,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._current, self._runner = current, runner
        self._folder: Path | None = None
        self._listing = JobSlot()
        self.hint = MessageLabel()
        self.every, self.new, self.none = (
            QPushButton("All"),
            QPushButton("Not done"),
            QPushButton("None"),
        )
        self.new.setToolTip("Those that lack results of a step that is checked below.")
        self.table = SessionTable()
        self.steps = StepsPanel(choice)
        self.workers = WorkersPanel()
        self.button = QPushButton()
        self.view = BatchView(runner)
        self._lay_out()
        self._connect()
        self._on_session()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(QLabel("Sessions"), 1)
        for button in (self.every, self.new, self.none):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(MessageLabel(_ABOUT))
        column.addLayout(row)
        for part in (self.table, self.steps, self.workers, self.hint, self.button, self.view):
            column.addWidget(part)

    def _connect(self) -> None:
        self.every.clicked.connect(lambda: self._check(lambda _: True))
        self.none.clicked.connect(lambda: self._check(lambda _: False))
        self.new.clicked.connect(lambda: self._check(self._is_new))
        self.table.toggled.connect(self._refresh)
        self.steps.changed.connect(self._refresh)
        self.workers.changed.connect(self._refresh)
        self.button.clicked.connect(self.run)
        self._current.changed.connect(self._on_session)
        self._runner.changed.connect(self._on_runner)
        self._runner.stepped.connect(self.table.step)
        self.destroyed.connect(self._listing.abandon)

    @property
    def folder(self) -> Path | None:
        """The project that is open; None where there is none."""
        return self._folder

    @property
    def is_listing(self) -> bool:
        """Whether the sessions are looked for."""
        return self._listing.job is not None

    @property
    def words(self) -> str:
        """How the batch stands, in a few words."""
        runner = self._runner
        if runner.is_running:
            return f"{runner.n_ended} of {len(runner.states)} done"
        return f"{n} failed" if (n := len(runner.failures)) else ""

    def look(self) -> None:
        """List the sessions as they are on disk now."""
        if self._folder is None:
            return
        job = Job(partial(list_sessions, self._folder))
        job.succeeded.connect(self._show)
        job.failed.connect(self._show_problem)
        self._listing.start(job)
        self._refresh()

    def request(self) -> BatchRequest:
        """What is chosen.

        Raises
        ------
        PoseDataError
            A field holds what cannot be read.
        """
        assert self._folder is not None
        smoothing, reading = self.steps.smoothing()
        return BatchRequest(
            self._folder,
            self.table.checked,
            BatchSettings(**self.steps.values(), **self.workers.values()),
            smoothing,
            reading,
            self.steps.export_settings(),
            self.steps.render_settings(),
            self.workers.cluster,
        )

    def run(self) -> None:
        """Do what is chosen, beside whatever the user goes on with."""
        try:
            request = self.request()
        except PoseDataError as error:
            self.hint.show_message(str(error))
            self.hint.show()
            show_error(str(error))
            return
        self._runner.start(request)

    def _check(self, wanted: Any) -> None:
        self.table.check([each.name for each in self.table.records if wanted(each)])

    def _is_new(self, session: ListedSession) -> bool:
        return not set(self.steps.steps) <= set(session.finished)

    def _on_session(self) -> None:
        folder = _folder_of(self._current.open)
        if folder != self._folder:
            self._folder = folder
            self._listing.abandon()
            self.table.forget()
        self.view.show_project(folder)
        self.look()
        self._refresh()

    def _on_runner(self) -> None:
        if self._runner.is_running:
            self.table.show_states(self._states())
        else:
            self.look()
        self._refresh()

    def _show(self, sessions: tuple[ListedSession, ...]) -> None:
        self._listing.abandon()
        self.table.show_sessions(sessions, self._states())
        self._refresh()

    def _show_problem(self, message: str) -> None:
        self._listing.abandon()
        self.table.forget()
        self.hint.show_message(message)

    def _states(self) -> Any:
        """Those of the batch that runs or ran last, where it is one of this project."""
        request = self._runner.request
        return self._runner.states if request and request.folder == self._folder else {}

    def _obstacle(self) -> str:
        if self._current.open is None:
            return NO_SESSION
        if self._folder is None:
            return _FILES
        if self.is_listing and not self.table.records:
            return "Looking for sessions…"
        if not self.table.records:
            return "No session of this project has predictions."
        if not self.table.checked:
            return "Check a session."
        return self.steps.obstacle() or self.workers.obstacle()

    def _refresh(self, _: object = None) -> None:
        obstacle, running = self._obstacle(), self._runner.is_running
        n = len(self.table.checked)
        self.button.setText(f"Ru&n {counted(n, 'session')}" if n else "Ru&n")
        self.button.setEnabled(not obstacle and not running)
        self.button.setToolTip("A batch is running." if running else obstacle)
        self.hint.show_message(obstacle)
        self.hint.setVisible(bool(obstacle))


def _folder_of(opened: OpenSession | None) -> Path | None:
    if opened is None or opened.project.kind == "files":
        return None
    return opened.project.folder
