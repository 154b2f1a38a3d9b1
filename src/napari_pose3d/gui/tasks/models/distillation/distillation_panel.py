"""The section that distills: what certainties let through, the set, a network on it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from napari.utils.notifications import show_error
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.models.distillation.certainty_check import CertaintyCheck
from napari_pose3d.core.models.distillation.distillation_run import (
    CERTAINTIES,
    distilled_labels,
    distilled_sets,
)
from napari_pose3d.core.models.distillation.distillation_set import DistillationSet
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.qt.task_layout import SectionPart
from napari_pose3d.gui.workspace.job_bar import JobBar
from napari_pose3d.settings import DistillationSettings
from napari_pose3d.wording import counted

from ..check.check_job import CheckedTraining, check
from ..check.check_panel import CheckPanel
from ..project_models import NO_PROGRAM, ProjectModels
from ..training.training_panel import TrainingPanel
from . import distillation_job as work
from .certainty_table import CertaintyTable

_HINT = (
    "Certain and different frames of the smoothed sessions become labels for one network. They "
    "are kept apart: your label files are not changed."
)
_LARGER = "Where the networks learned from these labels, errors elsewhere are larger."
_USUAL = DistillationSettings()


class DistillationPanel(SectionPart):
    """Makes distilled sets, and trains a network on one.

    ``trained`` is emitted when a training was begun.

    Parameters
    ----------
    models : ProjectModels
    jobs : JobBar
    check : CheckPanel
        Holds the settings of trainings.
    training : TrainingPanel
    """

    trained = Signal()

    def __init__(
        self,
        models: ProjectModels,
        jobs: JobBar,
        check: CheckPanel,
        training: TrainingPanel,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._models, self._jobs, self._check, self._training = models, jobs, check, training
        self.text = MessageLabel(_HINT)
        self.certainty = QDoubleSpinBox()
        self.certainty.setDecimals(1)
        self.certainty.setRange(0.1, 1000)
        self.certainty.setSingleStep(0.5)
        self.certainty.setValue(_USUAL.certainty)
        self.certainty.setToolTip(
            "Positions with a larger posterior standard deviation are not learned; in a frame "
            f"{_USUAL.share:.0%} have to be certain."
        )
        self.budget = QSpinBox()
        self.budget.setRange(1, 100_000)
        self.budget.setValue(_USUAL.budget)
        self.budget.setToolTip("At most so many frames of a session, of the most different poses.")
        self.compare = QPushButton("Compare with la&bels")
        self.table = CertaintyTable()
        self.larger = MessageLabel(_LARGER)
        self.name = QLineEdit("distilled")
        self.name.setToolTip("The set is napari-pose3d/distillation/<name>/ in the project.")
        self.make = QPushButton("Make &set")
        self.sets = QComboBox()
        self.sets.setAccessibleName("Distilled set")
        self.sets.setPlaceholderText("no set yet")
        self.sets.setToolTip("Sets that were made; a network is trained on one.")
        self.train = QPushButton("Train on it")
        self.errors = MessageLabel()
        self._lay_out()
        self.certainty.valueChanged.connect(self.table.mark)
        self.compare.clicked.connect(self.run_comparison)
        self.make.clicked.connect(self.run)
        self.train.clicked.connect(self.run_training)
        models.project_changed.connect(self._on_project)
        models.networks_changed.connect(self._refresh)
        models.program_changed.connect(self._refresh)
        jobs.changed.connect(self._refresh)
        self._on_project()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow("Certainty, px", self.certainty)
        form.addRow("Frames of a session", self.budget)
        second, third = QHBoxLayout(), QHBoxLayout()
        caption = QLabel("Name")
        caption.setBuddy(self.name)
        second.addWidget(caption)
        second.addWidget(self.name, 1)
        second.addWidget(self.make)
        third.addWidget(self.sets, 1)
        third.addWidget(self.train)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.text)
        column.addLayout(form)
        for part in (self.compare, self.table, self.larger):
            column.addWidget(part)
        column.addLayout(second)
        column.addLayout(third)
        column.addWidget(self.errors)

    @property
    def settings(self) -> DistillationSettings:
        """What the user chose."""
        return replace(_USUAL, certainty=self.certainty.value(), budget=self.budget.value())

    def run_comparison(self) -> None:
        """Compare what certainties let through with the labels, in a thread."""
        if self._models.folder is None:
            return
        certainties = sorted({*CERTAINTIES, self.certainty.value()})
        job = partial(work.compare, self._models.folder, certainties)
        self._jobs.start(job, "reading the smoothed sessions", self._on_compared)

    def run(self) -> None:
        """Write a set, in a thread."""
        if self._models.folder is None:
            return
        job = partial(work.make_set, self._models.folder, self.name.text().strip(), self.settings)
        self._jobs.start(job, "reading the smoothed sessions", self._on_made)

    def run_training(self) -> None:
        """Check the set, and train one network on it where nothing forbids it."""
        folder, chosen = self._models.folder, self.sets.currentText()
        if folder is None or not chosen:
            return
        try:
            settings = self._check.form.settings()
            labels = distilled_labels(folder, chosen)
        except PoseDataError as error:
            self._jobs.say(str(error), "attention")
            show_error(str(error))
            return
        one = replace(settings, seeds=settings.seeds[:1])
        name = self._models.free_name(chosen)
        job = partial(check, folder, one, name, self._models.program, labels=labels)
        self._jobs.start(job, "checking", partial(self._on_checked, name))

    # ------------------------------------------------------------------ inside

    def _on_compared(self, checks: list[CertaintyCheck]) -> None:
        self.table.show_checks(checks, self.certainty.value())
        self._show_table()
        own = next(each for each in checks if each.certainty == self.certainty.value())
        self._jobs.say(f"{own}.")

    def _on_made(self, made: DistillationSet) -> None:
        name = made.files[0].parent.name
        parts = [f"{counted(len(found), 'frame')} of {s}" for s, found in made.frames.items()]
        self._jobs.say(
            f"Set {name}: {', '.join(parts)} with pseudo-labels; "
            f"{counted(made.n_human, 'labeled frame')} to learn from, {made.n_held_out} to judge "
            "by."
        )
        self._show_sets()
        self.sets.setCurrentIndex(self.sets.findText(name))
        self._refresh()

    def _on_checked(self, name: str, checked: CheckedTraining) -> None:
        errors = checked.plan.checked.errors
        self.errors.show_message("\n".join(map(str, errors)))
        self.errors.setVisible(bool(errors))
        if errors:
            self._jobs.say(f"Not trained: {counted(len(errors), 'error')}.", "attention")
            return
        self._training.begin(checked, name)
        self.trained.emit()

    def _on_project(self) -> None:
        self.table.show_checks((), self.certainty.value())
        self.errors.hide()
        self._show_table()
        self._show_sets()
        self._refresh()

    def _show_table(self) -> None:
        for part in (self.table, self.larger):
            part.setVisible(bool(self.table.records))

    def _show_sets(self) -> None:
        folder = self._models.folder
        self.sets.clear()
        self.sets.addItems([] if folder is None else distilled_sets(folder))

    def _refresh(self) -> None:
        self.text.show_message(self._models.obstacle or _HINT)
        why = self._models.obstacle or ("A job is running." if self._jobs.is_busy else "")
        for button, hint in (
            (
                self.compare,
                "How many frames certainties let through, and how far they are from labels.",
            ),
            (self.make, "Write the label files and images of the set; nothing else is changed."),
        ):
            button.setEnabled(not why)
            button.setToolTip(why or hint)
        program = self._models.program
        if not why and not self.sets.count():
            why = "There is no distilled set yet."
        if not why and (program is None or not program.works):
            why = NO_PROGRAM
        self.sets.setEnabled(bool(self.sets.count()))
        self.train.setEnabled(not why)
        self.train.setToolTip(
            why or "Train one network on it, with the first seed of Check and settings."
        )
