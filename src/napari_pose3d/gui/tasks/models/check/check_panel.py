"""The section that makes the configuration, and says what would go wrong with it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from napari.utils.notifications import show_error
from qtpy.QtCore import Signal
from qtpy.QtGui import QFontDatabase, QShowEvent
from qtpy.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.models.configuration.config_file import config_text
from napari_pose3d.core.models.preflight.label_coverage import ENOUGH, LabelCoverage
from napari_pose3d.core.models.preflight.training_finding import listed
from napari_pose3d.core.models.runs.trial_step import TrialStep
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.qt.jobs import Job, JobSlot
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.workspace.job_bar import JobBar
from napari_pose3d.wording import counted

from ..networks.error_table import NumberTable
from ..project_models import NO_PROGRAM, ProjectModels
from .check_job import CheckedTraining, check, effective_lines, try_step
from .finding_list import CALIBRATE, LABEL, RENAME, SPLIT, TRY, FindingList
from .training_form import TrainingForm
from .training_possibilities import TrainingPossibilities, training_possibilities

_SHARE = 0.9
# The kind of finding about when it acts.
_LOSS = "3-D loss"
_CHANGED = "The settings are others now: check again."
_OTHER_PROJECT = "The project that was checked is no longer open; nothing was trained."


class CheckPanel(QWidget):
    """Checks the project before hours are spent on it.

    Signals: ``checked`` when there is another `result`, or none; ``panel_wanted`` with the name of
    a panel in which something can be mended; ``name_wanted`` when another name is needed.

    Parameters
    ----------
    models : ProjectModels
    jobs : JobBar
    name : callable
        Gives the name of the networks that would be trained.
    """

    checked = Signal()
    panel_wanted = Signal(str)
    name_wanted = Signal()

    def __init__(
        self, models: ProjectModels, jobs: JobBar, name: Any, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._models, self._jobs, self._name = models, jobs, name
        self.result: CheckedTraining | None = None
        self._possible: TrainingPossibilities | None = None
        self._reading = JobSlot()
        self.destroyed.connect(self._reading.abandon)
        self.form = TrainingForm()
        self.check = QPushButton("Chec&k")
        self.check.clicked.connect(lambda: self.run())
        self.trial = QPushButton("&Trial step")
        self.trial.clicked.connect(self.run_trial)
        self.show_config = QPushButton("Confi&guration…")
        self.show_config.clicked.connect(self._show_config)
        self.obstacle = MessageLabel()
        self.summary = MessageLabel()
        self.findings = FindingList()
        self.labels_title = MessageLabel()
        self.labels = NumberTable("Labels by keypoint and view")
        row = QHBoxLayout()
        for button in (self.check, self.trial, self.show_config):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.obstacle)
        column.addWidget(self.form)
        column.addLayout(row)
        for part in (self.summary, self.findings, self.labels_title, self.labels):
            column.addWidget(part)
        self.form.changed.connect(self._on_changed)
        self.findings.remedy_wanted.connect(self._remedy)
        models.project_changed.connect(self._on_project)
        models.program_changed.connect(self._refresh)
        jobs.changed.connect(self._refresh)
        self.show_result(None)

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802
        """Labels and calibrations may be others now."""
        super().showEvent(event)
        self._read_possibilities()

    def run(self, then: Any = None) -> None:
        """Check, in a thread; then go on with something.

        Parameters
        ----------
        then : callable, optional
            Called with the `CheckedTraining`.
        """
        folder = self._models.folder
        if folder is None or self._jobs.is_busy:
            return
        try:
            settings = self.form.settings()
        except PoseDataError as error:
            self._jobs.say(str(error), "attention")
            show_error(str(error))
            return
        work = partial(check, folder, settings, self._name(), self._models.program)
        self._jobs.start(work, "checking", partial(self._on_checked, folder, then))

    def run_trial(self) -> None:
        """Train one step, in a thread."""
        program = self._models.program
        if program is None or program.installation is None:
            return
        if self.result is None:
            self.run(lambda _: self.run_trial())
            return
        work = partial(try_step, self.result.plan.config, program.installation)
        self._jobs.start(work, "training one step", self._on_tried)

    def show_result(self, result: CheckedTraining | None) -> None:
        """Show what was found, or nothing."""
        self.result = result
        for part in (self.findings, self.labels_title, self.labels, self.summary):
            part.setVisible(result is not None)
        self.show_config.setEnabled(result is not None)
        hint = "The whole configuration, as litpose will read it."
        self.show_config.setToolTip("Check first." if result is None else hint)
        if result is not None:
            lines = effective_lines(result.plan.checked.given.config)
            if result.note:
                lines.append(result.note)
            self.summary.show_message("\n".join(f"• {line}" for line in lines))
            # The summary has it already.
            shown = [
                each
                for each in result.plan.checked.findings
                if (each.kind, each.severity) != (_LOSS, "note")
            ]
            split = result.settings.train_share <= _SHARE
            self.findings.show_findings(shown, (SPLIT,) if split else ())
            self._show_coverage(result.plan.checked.coverage)
        self._refresh()
        self.checked.emit()

    # ------------------------------------------------------------------ inside

    def _on_project(self) -> None:
        self.show_result(None)
        # What another project does not allow would be left out of this one's settings.
        self._on_possibilities(None)
        self._read_possibilities()

    def _read_possibilities(self) -> None:
        """Ask, in a thread, what the project allows; what cannot be read a check tells."""
        self._reading.abandon()
        folder = self._models.folder
        if folder is None:
            self._on_possibilities(None)
        elif self.isVisible():
            job = Job(partial(training_possibilities, folder))
            job.succeeded.connect(self._on_possibilities)
            job.failed.connect(lambda _: self._on_possibilities(None))
            self._reading.start(job)

    def _on_possibilities(self, found: TrainingPossibilities | None) -> None:
        self._reading.abandon()
        self._possible = found
        self._show_obstacles()

    def _show_obstacles(self) -> None:
        if self._possible is None:
            self.form.show_obstacles({})
            return
        try:
            obstacles = self._possible.obstacles(self.form.settings())
        except PoseDataError:
            # Half typed, perhaps; a check says what is wrong.
            return
        self.form.show_obstacles(obstacles, self._possible.uncalibrated)

    def _on_checked(self, folder: Path, then: Any, result: CheckedTraining) -> None:
        if folder != self._models.folder:
            self._jobs.say(_OTHER_PROJECT, "")
            return
        self.show_result(result)
        self._read_possibilities()
        findings = result.plan.checked.findings
        n = len(result.plan.checked.errors)
        warnings = sum(each.severity == "warning" for each in findings)
        others = counted(warnings, "warning") if warnings else "no warnings"
        if n:
            self._jobs.say(f"{counted(n, 'error')}: this training would fail.", "attention")
        else:
            self._jobs.say(f"No errors, {others}.")
        if then is not None:
            then(result)

    def _on_tried(self, step: TrialStep) -> None:
        self._jobs.say(
            f"One step worked: {step.seconds:.0f} s with starting, {step.memory / 1e9:.1f} GB of "
            "the computer's memory."
        )

    def _on_changed(self) -> None:
        self._show_obstacles()
        if self.result is not None:
            self.show_result(None)
            self._jobs.say(_CHANGED, "")

    def _refresh(self) -> None:
        self.obstacle.show_message(self._models.obstacle)
        self.obstacle.setVisible(bool(self._models.obstacle))
        busy = "A job is running." if self._jobs.is_busy else ""
        why = self._models.obstacle or busy
        self.check.setEnabled(not why)
        self.check.setToolTip(why or "Find what would go wrong; nothing is trained.")
        program = self._models.program
        if not why and (program is None or not program.works):
            why = NO_PROGRAM
        self.trial.setEnabled(not why)
        self.trial.setToolTip(
            why or "Train on one batch, under a minute: the honest test of memory, and of the rest."
        )

    def _remedy(self, what: str) -> None:
        if what in (LABEL, CALIBRATE):
            self.panel_wanted.emit("Label" if what == LABEL else "Calibration")
        elif what == TRY:
            self.run_trial()
        elif what == SPLIT:
            self.form.more.widget("train_share").value = _SHARE
            self.run()
        elif what == RENAME:
            self.name_wanted.emit()
            self.run()

    def _show_coverage(self, coverage: LabelCoverage | None) -> None:
        for part in (self.labels_title, self.labels):
            part.setVisible(coverage is not None)
        if coverage is None:
            return
        frames = [
            f"{name or 'unknown'} ({counted(n, 'frame')})" for name, n in coverage.sessions.items()
        ]
        self.labels_title.show_message(
            f"Labels with a position, of {listed(frames)}{_of_animals(coverage)}:"
        )
        counts = np.asarray(coverage.counts.T, float)
        self.labels.show_numbers(
            coverage.keypoints, coverage.views, counts, counts < ENOUGH, digits=0
        )

    def _show_config(self) -> None:
        if self.result is not None:
            dialog = ConfigDialog(config_text(self.result.plan.config), self)
            dialog.exec()


def _of_animals(coverage: LabelCoverage) -> str:
    known = [name for name in coverage.animals if name]
    if not known:
        return ""
    guess = ", by the names of the sessions" if coverage.guessed else ""
    return f" ({counted(len(known), 'animal')}{guess})"


class ConfigDialog(QDialog):
    """Shows a configuration; it is made of the form, so it is not edited here."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Configuration of the training")
        self.resize(620, 700)
        self.text = QPlainTextEdit(text)
        self.text.setReadOnly(True)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        close = QPushButton("Close")
        close.clicked.connect(self.accept)
        column = QVBoxLayout(self)
        column.addWidget(self.text)
        column.addWidget(close)
