"""The widget "Models": composes its sections, which share one project, program and job."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QSize
from qtpy.QtWidgets import QWidget

from napari_pose3d.gui.qt.task_layout import lay_out_task
from napari_pose3d.gui.session.current_session import current_session
from napari_pose3d.gui.workspace.job_bar import JobBar
from napari_pose3d.gui.workspace.workspace import workspace

from .networks.networks_panel import NetworksPanel
from .program.program_panel import ProgramPanel
from .project_models import ProjectModels
from .section import Section

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
        self.networks = NetworksPanel(self.models, self.jobs)
        self._sections: dict[str, Section] = {}
        for title, part in (("Program", self.program), ("Models", self.networks)):
            self._sections[title] = Section(title, part)
        self._scroll = lay_out_task(self, tuple(self._sections.values()), (self.jobs,))
        self.jobs.marked.connect(lambda mark: self._workspace.mark(PANEL, mark))
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

    def _on_program(self) -> None:
        """What is missing is shown, and what works needs no room."""
        program = self.models.program
        if program is None or self.models.is_asking:
            return
        section = self.section("Program")
        section.unfold(not program.works or bool(program.problem))
        version = "" if program.facts is None else program.facts.version
        section.say(f"litpose {version}" if version else "not found")
