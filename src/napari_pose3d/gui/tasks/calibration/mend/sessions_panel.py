"""The calibrations of all sessions of a project, each mended from its own points."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QPushButton, QWidget

from napari_pose3d.gui.session.current_session import CurrentSession, OpenSession
from napari_pose3d.gui.workspace.job_bar import JobBar
from napari_pose3d.settings import RefinementSettings

from ..result.table_view import TableView
from . import mend_job as work
from .mend_tables import sessions_table

if TYPE_CHECKING:
    from napari_pose3d.core.pipeline.rigs.rig_refinement import SessionOutcome


class SessionsPanel(QWidget):
    """Looks at each session first, and writes only when that is wanted.

    `written` is emitted when calibrations of the project were replaced.

    Parameters
    ----------
    jobs : JobBar
    current : CurrentSession
    settings : callable
        Gives what is wanted; None where that is invalid.
    """

    written = Signal()

    def __init__(
        self,
        jobs: JobBar,
        current: CurrentSession,
        settings: Callable[[], RefinementSettings | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._jobs, self._current, self._settings = jobs, current, settings
        self._of: OpenSession | None = None
        self._outcomes: list[SessionOutcome] = []
        self.look = QPushButton("&All sessions of the project…")
        self.look.clicked.connect(self.look_at_all)
        self.use = QPushButton("Use for these sessions")
        self.use.setToolTip("Where it says better; calibrations that were there are kept beside.")
        self.use.clicked.connect(self.write)
        self.table = TableView()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.look, 0, 0)
        grid.addWidget(self.table, 1, 0)
        grid.addWidget(self.use, 2, 0)
        jobs.changed.connect(self._refresh)
        current.changed.connect(self._on_session)
        self._refresh()

    def look_at_all(self) -> None:
        """Refine each session's calibration, in a thread; nothing is written."""
        opened, settings = self._current.open, self._settings()
        if opened is not None and settings is not None:
            self._jobs.start(
                partial(work.mend_sessions, opened, settings),
                "refining each session",
                partial(self._show, opened),
            )

    def write(self) -> None:
        """Write those that are better."""
        opened = self._of
        if opened is None:
            return
        self._outcomes = work.write_sessions(opened, self._outcomes)
        self.table.show_table(sessions_table(self._outcomes))
        n = sum(each.path is not None for each in self._outcomes)
        self._jobs.say(f"Wrote the calibrations of {n} of {len(self._outcomes)} sessions.")
        self._of = None
        self._refresh()
        self.written.emit()

    def _show(self, opened: OpenSession, outcomes: list[SessionOutcome]) -> None:
        now = self._current.open
        if now is None or now.project.folder != opened.project.folder:
            self._jobs.say("Their project is no longer open; nothing was changed.", "")
            return
        self._of, self._outcomes = opened, outcomes
        self.table.show_table(sessions_table(outcomes))
        n = self._n_better()
        self._jobs.say(f"{n} of {len(outcomes)} sessions would become better; nothing is written.")
        self._refresh()

    def _n_better(self) -> int:
        return sum(each.refinement is not None for each in self._outcomes)

    def _on_session(self) -> None:
        opened, of = self._current.open, self._of
        if of is not None and (opened is None or opened.project.folder != of.project.folder):
            self._of, self._outcomes = None, []
            self.table.hide()
        self._refresh()

    def _refresh(self) -> None:
        opened, busy = self._current.open, self._jobs.is_busy
        n = 0 if opened is None else len(opened.project.sessions)
        self.look.setVisible(n > 1)
        self.look.setEnabled(n > 1 and not busy)
        self.look.setToolTip(f"Mend each of the {n} sessions from its own points.")
        self.use.setVisible(self._of is not None and bool(self._n_better()))
        self.use.setEnabled(not busy)
