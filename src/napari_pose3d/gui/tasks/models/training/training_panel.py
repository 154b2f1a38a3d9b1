"""The section that trains: starts, follows, stops and continues."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtGui import QFontDatabase
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.models.listing.model_list import Network
from napari_pose3d.core.models.runs.training_start import PreparedTraining
from napari_pose3d.core.models.runs.training_state import State
from napari_pose3d.gui.qt.forms import let_shrink
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.qt.task_layout import Section, SectionPart
from napari_pose3d.gui.workspace.job_bar import JobBar
from napari_pose3d.wording import counted, verb

from ..check.check_job import CheckedTraining
from ..check.check_panel import CheckPanel
from ..project_models import NO_PROGRAM, ProjectModels
from . import training_job as work
from .training_curves import TrainingCurves
from .training_table import TrainingRow, TrainingTable
from .training_watch import TrainingWatch

NAME = "net"
_HINT = (
    "Checks, then trains a network for each seed. It goes on when napari is closed, and is "
    "followed again when it is opened."
)
_MOST_EPOCHS = 100_000
_STARTING = "litpose is starting; curves are drawn from the first epoch on."


class TrainingPanel(SectionPart):
    """Trains, and shows how trainings stand.

    ``followed`` is emitted when something new is known of trainings.

    Parameters
    ----------
    models : ProjectModels
    jobs : JobBar
    """

    followed = Signal()

    def __init__(self, models: ProjectModels, jobs: JobBar, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._models, self._jobs = models, jobs
        self._check: CheckPanel | None = None
        self.watch = TrainingWatch(self)
        self.name = QLineEdit(NAME)
        self.name.setToolTip("The networks are models/<name>-seed<N>.")
        self.at_once = QSpinBox()
        self.at_once.setRange(1, 16)
        self.at_once.setMaximumWidth(84)
        self.at_once.setToolTip(
            "How many are trained at a time; with several GPUs, on each of them."
        )
        self.in_spite = QCheckBox("Train in spite of errors")
        self.train = QPushButton("&Train")
        self.train.clicked.connect(self.run)
        self.group = QComboBox()
        self.group.setAccessibleName("Trainings that are shown")
        self.group.setToolTip("Networks that were trained together.")
        let_shrink(self.group)
        self.stop = QPushButton("St&op")
        self.stop.clicked.connect(self.stop_chosen)
        self.go_on = QPushButton("Continue…")
        self.go_on.clicked.connect(self.ask_to_go_on)
        self.table = TrainingTable()
        self.obstacle = MessageLabel()
        self.words = MessageLabel()
        self.curves = TrainingCurves()
        self.curves.setToolTip(
            "Thin: training; with dots: validation. The errors are what to look at: the losses of "
            "training and validation are not comparable while the 3-D loss grows."
        )
        self.log = _Log()
        self.log_section = Section("Log", self.log)
        self.shown = QWidget()
        self._lay_out()
        self.group.currentIndexChanged.connect(self._follow)
        self.table.chosen.connect(self._refresh)
        self.watch.looked.connect(self._on_looked)
        models.networks_changed.connect(self._show_groups)
        models.project_changed.connect(self._refresh)
        models.program_changed.connect(self._refresh)
        jobs.changed.connect(self._refresh)
        self._show_groups()
        self._refresh()

    def use_check(self, check: CheckPanel) -> None:
        """What makes the configuration."""
        self._check = check
        check.checked.connect(self._refresh)
        check.name_wanted.connect(self.take_free_name)
        self._refresh()

    def _lay_out(self) -> None:
        first, second, third = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        caption, at_once = QLabel("&Name"), QLabel("at a time")
        caption.setBuddy(self.name)
        at_once.setBuddy(self.at_once)
        first.addWidget(caption)
        first.addWidget(self.name, 1)
        first.addWidget(self.at_once)
        first.addWidget(at_once)
        second.addWidget(self.train)
        third.addWidget(self.group, 1)
        third.addWidget(self.stop)
        third.addWidget(self.go_on)
        inner = QVBoxLayout(self.shown)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addLayout(third)
        for part in (self.table, self.words, self.curves, self.log_section):
            inner.addWidget(part)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.obstacle)
        column.addLayout(first)
        column.addWidget(self.in_spite)
        column.addLayout(second)
        column.addWidget(self.shown)

    # ------------------------------------------------------------------ training

    def run(self) -> None:
        """Check, and train where nothing forbids it."""
        check = self._check
        if check is None or not self.train.isEnabled():
            return
        if check.result is None:
            check.run(self._start)
        else:
            self._start(check.result)

    def take_free_name(self) -> None:
        """Change the name to one that no network has."""
        self.name.setText(self._models.free_name(self.name.text().strip() or NAME))

    def _start(self, checked: CheckedTraining) -> None:
        errors = checked.plan.checked.errors
        if errors and not self.in_spite.isChecked():
            n = len(errors)
            self._jobs.say(
                f"Not trained: {counted(n, 'error')} (see Check and settings).", "attention"
            )
            self.in_spite.show()
            return
        self.begin(checked, self.name.text().strip())

    def begin(self, checked: CheckedTraining, name: str) -> None:
        """Train a network for each seed, without a further look at what was found."""
        program = self._models.program
        if program is None or program.installation is None:
            return
        job = partial(work.start, checked, name, self.at_once.value(), program)
        self._jobs.start(job, "preparing the trainings", self._on_started)

    def _on_started(self, prepared: PreparedTraining) -> None:
        n, filled, gone = len(prepared.folders), prepared.filled, prepared.left_out
        parts = [f"{counted(n, 'network')} {verb(n)} being trained"]
        if filled:
            views = counted(filled, "view of a frame", "views of frames")
            parts.append(f"{views} {verb(filled, 'has', 'have')} projected positions in a copy")
        if gone:
            parts.append(f"{counted(gone, 'frame')} {verb(gone)} left out")
        self._begun_status = "; ".join(parts) + "."
        self._jobs.say(self._begun_status, "running")
        if self._check is not None:
            # The folder is used now.
            self._check.show_result(None)
        self._wanted = prepared.group
        self._models.refresh()

    # ------------------------------------------------------------------ stopping, continuing

    @property
    def chosen(self) -> list[str]:
        """Trainings that are selected; all of those shown where none is."""
        rows = self.table.selected or self.table.records
        return [row.name for row in rows]

    def stop_chosen(self) -> None:
        """Stop them, in a thread; their weights so far are kept."""
        folders = [each.folder for each in self._of_state(False)]
        # Those that wait first, or they would begin meanwhile.
        folders.sort(key=lambda folder: self._state(folder.name) is not State.WAITING)
        self._jobs.start(partial(work.stop, folders), "stopping", self._on_stopped)

    def ask_to_go_on(self) -> None:
        """Ask for how many epochs, and go on from the weights of a training."""
        over = [each for each in self._of_state(True) if each.state.checkpoint is not None]
        program, project = self._models.program, self._models.folder
        if not over or program is None or project is None:
            return
        network = over[0]
        epochs, agreed = QInputDialog.getInt(
            self,
            "Continue from weights",
            f"A new network begins with the best weights of {network.name}.\n"
            "litpose has no resume: optimizer and learning rate begin anew.\n\nEpochs:",
            _left(network),
            1,
            _MOST_EPOCHS,
        )
        if agreed:
            stem = f"{network.group or network.name}-on".replace("/", "-")
            name = self._models.free_name(stem)
            job = partial(work.go_on, project, network.folder, name, epochs, program)
            self._jobs.start(job, "preparing the training", self._on_started)

    def _on_stopped(self, failed: list[str]) -> None:
        if failed:
            self._jobs.say(" ".join(failed), "attention")
        else:
            self._jobs.say("Stopped; the weights so far are kept.", "")
        self._models.refresh()
        self.watch.look()

    def _of_state(self, over: bool) -> list[Network]:
        found = [self._models.network(name) for name in self.chosen]
        return [each for each in found if each is not None and self._is_over(each) == over]

    def _is_over(self, network: Network) -> bool:
        return self._state(network.name).is_over

    def _state(self, name: str) -> State:
        seen = self.watch.progress.get(name)
        network = self._models.network(name)
        if seen is not None:
            return seen.state.state
        return State.UNFINISHED if network is None else network.state.state

    # ------------------------------------------------------------------ following

    # The group to show as soon as it is there, and what the status said when trainings began.
    _wanted = _begun_status = ""

    def _show_groups(self) -> None:
        groups: dict[str, float] = {}
        for network in self._models.networks:
            record = network.record
            name = network.group or network.name
            groups[name] = max(groups.get(name, 0.0), _begun(network, record))
        names = sorted(groups, key=lambda name: (-groups[name], name))
        now = self._wanted if self._wanted in names else self.group.currentData()
        if self._wanted in names:
            self._wanted = ""
        self.group.blockSignals(True)
        self.group.clear()
        for name in names:
            self.group.addItem(name, name)
        if now in names:
            self.group.setCurrentIndex(names.index(now))
        self.group.blockSignals(False)
        self.shown.setVisible(bool(names))
        self._follow()

    def _follow(self, _: int = 0) -> None:
        group = self.group.currentData()
        folders: dict[str, Path] = {
            each.name: each.folder
            for each in self._models.networks
            if group in (each.group, each.name) and not each.problem
        }
        self.watch.follow(folders)

    def _on_looked(self, found: Any) -> None:
        rows = [TrainingRow(name, n, each) for n, (name, each) in enumerate(found.items())]
        self.table.show_rows(rows)
        self.curves.show_progress(found)
        states = {each.name: each.state.state for each in self._models.networks}
        if any(states.get(name) is not each.state.state for name, each in found.items()):
            self._models.refresh()
        self._say_the_end(rows)
        self._refresh()
        self.followed.emit()

    def _say_the_end(self, rows: list[TrainingRow]) -> None:
        """Replace the status of running trainings when all are over."""
        ended = [row.progress.state.state for row in rows]
        if not self._begun_status or not rows or not all(state.is_over for state in ended):
            return
        if self._jobs.status == self._begun_status:
            counts = {state: ended.count(state) for state in ended}
            words = ", ".join(f"{n} {state.value}" for state, n in counts.items())
            self._jobs.say(
                f"Trainings are over: {words}.",
                "attention" if State.FAILED in counts else "done",
            )
        self._begun_status = ""

    def _refresh(self) -> None:
        chosen = self.chosen
        failed: dict[str, list[str]] = {}
        for row in self.table.records:
            failure, damage = row.progress.state.failure, row.progress.damage
            if failure is not None:
                failed.setdefault(f"failed: {failure}", []).append(row.name)
            if damage:
                failed.setdefault(f"may lack part of its curve ({damage})", []).append(row.name)
        lines = [f"{', '.join(names)} {what}" for what, names in failed.items()]
        if any(
            row.progress.state.state is State.RUNNING and not row.progress.curves
            for row in self.table.records
        ):
            lines.append(_STARTING)
        self.words.show_message("\n".join(lines))
        self.words.setVisible(bool(lines))
        seen = self.watch.progress.get(chosen[0]) if chosen else None
        self.log.show_lines(() if seen is None else seen.log)
        busy = "A job is running." if self._jobs.is_busy else ""
        program = self._models.program
        works = program is not None and program.works
        needed = "" if works else NO_PROGRAM
        lacking = self._models.obstacle or ("" if self._models.is_asking else needed)
        self.obstacle.show_message(lacking)
        self.obstacle.setVisible(bool(lacking))
        why = self._models.obstacle or busy or needed
        self.train.setEnabled(not why)
        self.train.setToolTip(why or _HINT)
        running, over = self._of_state(False), self._of_state(True)
        why = busy or ("" if running else "None of them is being trained.")
        self.stop.setEnabled(not why)
        self.stop.setToolTip(why or "Stop what is selected, or all; the best weights are kept.")
        usable = [each for each in over if each.state.checkpoint is not None]
        if not busy and not usable:
            why = "Select a training that is over and has weights."
        else:
            why = busy or ("" if works else NO_PROGRAM)
        self.go_on.setEnabled(not why)
        self.go_on.setToolTip(why or "Train a new network that begins with the weights of this.")
        check = self._check
        bad = check is not None and check.result is not None and check.result.plan.checked.errors
        self.in_spite.setVisible(bool(bad))
        if not bad:
            self.in_spite.setChecked(False)


class _Log(QPlainTextEdit):
    def __init__(self) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.setAccessibleName("Last lines of the log")
        self.setFixedHeight(140)

    def show_lines(self, lines: tuple[str, ...]) -> None:
        """Show others, the last in sight."""
        text = "\n".join(lines)
        if text != self.toPlainText():
            self.setPlainText(text)
            bar = self.verticalScrollBar()
            if bar is not None:
                bar.setValue(bar.maximum())


def _begun(network: Network, record: Any) -> float:
    if record is not None and record.started:
        return float(record.started)
    try:
        return network.folder.stat().st_mtime
    except OSError:
        return 0.0


def _left(network: Network) -> int:
    status = network.state.status
    left = 0 if status is None else status.total - status.completed
    return left if left > 0 else 100
