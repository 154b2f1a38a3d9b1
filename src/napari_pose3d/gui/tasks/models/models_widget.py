"""The widget "Models": composes its sections, which share one project, program and job."""

from __future__ import annotations

from typing import Any

from napari.utils.theme import get_theme
from qtpy.QtCore import QSize
from qtpy.QtWidgets import QWidget

from napari_pose3d.core.models.runs.training_state import State
from napari_pose3d.gui.qt.task_layout import Section, lay_out_task
from napari_pose3d.gui.session.current_session import current_session
from napari_pose3d.gui.session.proposal_network import proposal_network
from napari_pose3d.gui.workspace.job_bar import JobBar
from napari_pose3d.gui.workspace.panel_plan import Mark
from napari_pose3d.gui.workspace.workspace import workspace
from napari_pose3d.wording import counted

from .check.check_panel import CheckPanel
from .distillation.distillation_panel import DistillationPanel
from .networks.networks_panel import NetworksPanel
from .program.program_panel import ProgramPanel
from .project_models import ProjectModels
from .proposals.proposals_panel import ProposalsPanel
from .training.training_panel import TrainingPanel

PANEL = "Models"
_WIDTH = 340


class ModelsWidget(QWidget):
    """Check, train, predict and propose with networks of Lightning Pose.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._workspace = workspace(napari_viewer)
        self.models = ProjectModels(current_session(napari_viewer), self)
        self.jobs = JobBar()
        self.program = ProgramPanel(self.models)
        self.training = TrainingPanel(self.models, self.jobs)
        self.check = CheckPanel(self.models, self.jobs, self.training.name.text)
        self.training.use_check(self.check)
        self.networks = NetworksPanel(self.models, self.jobs)
        self.distillation = DistillationPanel(self.models, self.jobs, self.check, self.training)
        self.choice = proposal_network(napari_viewer)
        self.proposals = ProposalsPanel(self.models, self.choice)
        self._sections: dict[str, Section] = {}
        # Trainings that were seen to run, by name.
        self._ran: set[str] = set()
        for title, part in (
            ("Program", self.program),
            ("Check and settings", self.check),
            ("Train", self.training),
            ("Models", self.networks),
            ("Distill", self.distillation),
            ("Propose", self.proposals),
        ):
            self._sections[title] = Section(title, part)
        self._scroll = lay_out_task(self, tuple(self._sections.values()), (self.jobs,))
        self.jobs.marked.connect(lambda _: self._mark())
        self.jobs.changed.connect(self._mark)
        self.training.followed.connect(self._mark)
        self.models.networks_changed.connect(self._on_networks)
        self.models.project_changed.connect(self._on_project)
        self.check.checked.connect(self._on_checked)
        self.check.panel_wanted.connect(self._workspace.open)
        # Label comes forward with the session, but the user is here.
        self.networks.predict.reopened.connect(lambda: self._workspace.bring_forward(PANEL))
        self.distillation.trained.connect(lambda: self.section("Train").unfold())
        self.networks.exported.connect(self.choice.choose)
        self.proposals.label_wanted.connect(lambda: self._workspace.open("Label"))
        napari_viewer.events.theme.connect(self._take_colours)
        self._take_colours()
        self.models.program_changed.connect(self._on_program)
        self.section("Models").unfold()
        self._workspace.adopt(self, PANEL)
        self.models.ask_program()

    def sizeHint(self) -> QSize:  # noqa: N802
        """A width that leaves room for the images on a small screen."""
        return QSize(_WIDTH, 700)

    def section(self, name: str) -> Section:
        """One of the sections by its title."""
        return self._sections[name]

    def _take_colours(self, _: Any = None) -> None:
        theme = get_theme(self._viewer.theme)
        self.training.curves.set_colours(theme.background.as_hex(), theme.text.as_hex())

    def _on_program(self) -> None:
        """What is missing is shown, and what works needs no room."""
        program = self.models.program
        if program is None or self.models.is_asking:
            return
        section = self.section("Program")
        section.unfold(not program.works or bool(program.problem))
        version = "" if program.facts is None else program.facts.version
        section.say(f"litpose {version}" if version else "not found")

    def _on_networks(self) -> None:
        networks = self.models.networks
        states = [each.state.state for each in networks]
        running, waiting = states.count(State.RUNNING), states.count(State.WAITING)
        words = f"{running} running" if running else ""
        if waiting:
            words += f"{', ' if words else ''}{waiting} waiting"
        self.section("Train").say(words)
        done = states.count(State.DONE)
        self.section("Models").say(f"{done} of {len(networks)} done" if networks else "")
        self._mark()

    def _on_project(self) -> None:
        self._ran.clear()
        self.jobs.forget()
        self._mark()

    def _on_checked(self) -> None:
        result = self.check.result
        n = 0 if result is None else len(result.plan.checked.errors)
        words = "" if result is None else counted(n, "error") if n else "no errors"
        self.section("Check and settings").say(words)

    def _mark(self) -> None:
        """Running while anything runs; then how trainings that were seen to run have ended."""
        networks = self.models.networks
        running = {n.name for n in networks if not n.state.state.is_over}
        if running and not running & self._ran:
            # How those before ended was seen when these were begun.
            self._ran.clear()
        self._ran |= running
        ended = [n.state.state for n in networks if n.name in self._ran]
        mark: Mark = ""
        if self.jobs.is_busy or running:
            mark = "running"
        elif State.FAILED in ended or self.jobs.mark == "attention":
            mark = "attention"
        elif State.DONE in ended or self.jobs.mark == "done":
            mark = "done"
        self._workspace.mark(PANEL, mark)
