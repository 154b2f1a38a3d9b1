"""Sessions predicted by networks, and then smoothed: what is chosen, and the one job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.models.listing.model_list import Network
from napari_pose3d.core.models.predictions.prediction_chain import (
    ChainResult,
    chosen_jobs,
    run_chain,
)
from napari_pose3d.core.models.runs.training_state import State
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.qt.task_layout import SectionPart
from napari_pose3d.gui.session.current_session import OpenSession
from napari_pose3d.gui.workspace.job_bar import JobBar
from napari_pose3d.settings import IsCancelled, Progress, SmoothingSettings

from ..project_models import FINISHED_STAYS, NO_PROGRAM, Program, ProjectModels

_HEIGHT = 96
_MOST_NAMED = 3
_HINT = "Predict the checked sessions with these networks; what is done already is passed over."


class PredictPanel(SectionPart):
    """Predicts with the networks that are selected in the list, or with all that are trained.

    Parameters
    ----------
    models : ProjectModels
    jobs : JobBar
    chosen : callable
        Gives the networks that are selected.

    ``reopened`` is emitted when the open session was opened again, with new predictions.
    """

    reopened = Signal()

    def __init__(
        self,
        models: ProjectModels,
        jobs: JobBar,
        chosen: Callable[[], Sequence[Network]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._models, self._jobs, self._chosen = models, jobs, chosen
        self.title = MessageLabel()
        self.sessions = QListWidget()
        self.sessions.setAccessibleName("Sessions to predict")
        self.sessions.setFixedHeight(_HEIGHT)
        self.sessions.itemChanged.connect(self.refresh)
        self.every, self.new, self.none = (
            QPushButton("All"),
            QPushButton("New"),
            QPushButton("None"),
        )
        self.new.setToolTip("Those that one of the networks has not predicted.")
        self.every.clicked.connect(lambda: self._check(lambda _: True))
        self.none.clicked.connect(lambda: self._check(lambda _: False))
        self.new.clicked.connect(lambda: self._check(self._is_new))
        self.smooth = QCheckBox("Then smooth")
        self.smooth.setChecked(True)
        self.smooth.setToolTip("Smooth and triangulate each session, all its networks together.")
        self.exported = QCheckBox("By exported networks, without litpose")
        self.exported.setToolTip("On the CPU; the networks have to be exported to ONNX.")
        self.exported.toggled.connect(self.refresh)
        self.predict = QPushButton("&Predict")
        self.predict.clicked.connect(self.run)
        row = QHBoxLayout()
        row.addWidget(QLabel("Sessions"), 1)
        for button in (self.every, self.new, self.none):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.title)
        column.addLayout(row)
        for part in (self.sessions, self.smooth, self.exported, self.predict):
            column.addWidget(part)
        models.project_changed.connect(self.show_sessions)
        models.program_changed.connect(self.refresh)
        jobs.changed.connect(self.refresh)
        self.show_sessions()

    @property
    def networks(self) -> tuple[Network, ...]:
        """Those that are selected and have weights; without a selection, all that are done."""
        usable = tuple(n for n in self._chosen() if n.state.checkpoint is not None)
        if usable:
            return usable
        return tuple(n for n in self._models.networks if n.state.state is State.DONE)

    @property
    def checked(self) -> list[str]:
        """The sessions that are checked."""
        items = [self.sessions.item(row) for row in range(self.sessions.count())]
        return [
            item.text()
            for item in items
            if item is not None and item.checkState() == Qt.CheckState.Checked
        ]

    def show_sessions(self) -> None:
        """List the sessions of the project that have videos; the open one is checked."""
        opened = self._models.open
        self.sessions.blockSignals(True)
        self.sessions.clear()
        if opened is not None and self._models.folder is not None:
            for session in opened.project.sessions:
                if session.videos:
                    item = QListWidgetItem(session.name)
                    item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                    on = session.name == opened.session.name
                    item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
                    self.sessions.addItem(item)
        self.sessions.blockSignals(False)
        self.refresh()

    def refresh(self, _: object = None) -> None:
        """Say with what, and whether it can be done."""
        networks = self.networks
        names = ", ".join(n.name for n in networks[:_MOST_NAMED])
        more = f" and {len(networks) - _MOST_NAMED} more" if len(networks) > _MOST_NAMED else ""
        self.title.show_message(f"Predict with {names}{more}:" if networks else "")
        self.title.setVisible(bool(networks))
        program = self._models.program
        works = program is not None and program.works
        if self._jobs.is_busy:
            why = "A job is running."
        elif not networks:
            why = "There is no trained network."
        elif not self.checked:
            why = "Check a session."
        else:
            why = "" if works or self.exported.isChecked() else NO_PROGRAM
        self.predict.setEnabled(not why)
        self.predict.setToolTip(why or _HINT)

    def run(self) -> None:
        """Predict, and smooth, in a thread."""
        folder = self._models.folder
        if folder is None:
            return
        program = None if self.exported.isChecked() else self._models.program
        work = partial(
            _predict, folder, self.networks, self.checked, program, self.smooth.isChecked()
        )
        self._jobs.start(
            work, "looking at the videos", self._on_predicted, whole=True, left=FINISHED_STAYS
        )

    def _on_predicted(self, result: ChainResult) -> None:
        self._jobs.say(describe(result), "attention" if result.failed else "done")
        self._models.refresh()
        opened = self._models.open
        changed = {session for _, session in result.predicted} | result.smoothed.keys()
        if opened is None or opened.session.name not in changed:
            return
        try:
            project = open_project(opened.project.folder)
            session = project.session(opened.session.name)
        except PoseDataError as error:
            self._jobs.say(str(error), "attention")
            return
        # The other panels take the new predictions.
        alike = session.with_alignments(opened.session.alignments)
        self._models.current.set(OpenSession(project, alike))
        self.reopened.emit()

    def _check(self, wanted: Callable[[str], bool]) -> None:
        for row in range(self.sessions.count()):
            item = self.sessions.item(row)
            if item is not None:
                on = wanted(item.text())
                item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)

    def _is_new(self, session: str) -> bool:
        """By the names of tables only; whether videos and weights are the same is asked later."""
        return any(
            not any(name.startswith(f"{session}_") or name == session for name in each.sessions)
            for each in self.networks
        )


def describe(result: ChainResult) -> str:
    """What was done, a line each."""
    lines = []
    if result.predicted:
        lines.append(f"Predicted: {_pairs(result.predicted)}.")
    if result.skipped:
        lines.append(f"Done already: {_pairs(result.skipped)}.")
    if result.kept:
        lines.append(f"Left as they are, not predicted here: {_pairs(result.kept)}.")
    if result.smoothed:
        lines.append(f"Smoothed: {', '.join(result.smoothed)}.")
    lines += [f"{name} failed: {error}" for name, error in result.failed.items()]
    return "\n".join(lines) or "Nothing to predict."


def _pairs(pairs: Sequence[tuple[str, str]]) -> str:
    sessions: dict[str, list[str]] = {}
    for network, session in pairs:
        sessions.setdefault(session, []).append(network)
    return "; ".join(f"{name} by {', '.join(by)}" for name, by in sessions.items())


def _predict(
    folder: Path,
    networks: Sequence[Network],
    sessions: Sequence[str],
    program: Program | None,
    smooth: bool,
    progress: Progress,
    cancelled: IsCancelled,
) -> ChainResult:
    project = open_project(folder)
    jobs = chosen_jobs(project, networks, sessions, exported=program is None)
    return run_chain(
        project,
        jobs,
        None if program is None else program.installation,
        smooth=SmoothingSettings() if smooth else None,
        facts=None if program is None else program.facts,
        progress=progress,
        cancelled=cancelled,
    )
