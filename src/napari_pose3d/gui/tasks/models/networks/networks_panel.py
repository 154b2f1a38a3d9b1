"""The section of networks: their list, what is known of one, exporting, predicting."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from napari.utils.notifications import show_error
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_pose3d.core.models.installation.litpose_search import Installation
from napari_pose3d.core.models.listing.model_list import Network
from napari_pose3d.core.models.proposals.network_export import export_network
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.qt.task_layout import SectionPart
from napari_pose3d.gui.workspace.job_bar import JobBar
from napari_pose3d.settings import IsCancelled, Progress

from ..project_models import FINISHED_STAYS, NO_PROGRAM, ProjectModels
from .network_details import NetworkDetails
from .network_table import NetworkTable
from .predict_panel import PredictPanel
from .settings_dialog import SettingsDialog

_NONE = "This project has no networks yet."


class NetworksPanel(SectionPart):
    """Lists the networks of the project.

    ``exported`` is emitted with the file of a network that was exported.

    Parameters
    ----------
    models : ProjectModels
    jobs : JobBar
    """

    exported = Signal(object)

    def __init__(self, models: ProjectModels, jobs: JobBar, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._models, self._jobs = models, jobs
        self.nothing = MessageLabel(_NONE)
        self.table = NetworkTable()
        self.details = NetworkDetails()
        self.export = QPushButton("E&xport to ONNX")
        self.export.clicked.connect(self.export_chosen)
        self.settings = QPushButton("Settings…")
        self.settings.clicked.connect(self.show_settings)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.settings)
        row.addWidget(self.export)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.nothing)
        column.addWidget(self.table)
        column.addLayout(row)
        column.addWidget(self.details)
        self.predict = PredictPanel(models, jobs, lambda: self.chosen)
        column.addWidget(self.predict)
        self.table.chosen.connect(self._on_chosen)
        models.networks_changed.connect(self.show_networks)
        models.program_changed.connect(self._on_chosen)
        jobs.changed.connect(self._on_chosen)
        self.show_networks()

    @property
    def chosen(self) -> tuple[Network, ...]:
        """The networks that are selected."""
        return tuple(self.table.selected)

    def show_networks(self) -> None:
        """List those that there are now."""
        networks = self._models.networks
        self.nothing.show_message(self._models.obstacle or _NONE)
        self.nothing.setVisible(not networks)
        for part in (self.table, self.settings, self.export, self.predict):
            part.setVisible(bool(networks))
        self.table.show_networks(networks)
        if networks and not self.chosen:
            self.table.select({networks[0].name})

    def show_settings(self) -> None:
        """Show what the first network that is selected was trained with."""
        if not self.chosen:
            return
        network = self.chosen[0]
        try:
            settings = network.settings()
        except PoseDataError as error:
            self._jobs.say(str(error), "attention")
            show_error(str(error))
            return
        SettingsDialog(network.name, settings, self).exec()

    def export_chosen(self) -> None:
        """Export the networks that are selected, in a thread."""
        program = self._models.program
        if program is None or program.installation is None or not self.chosen:
            return
        work = partial(_export, program.installation, [each.folder for each in self.chosen])
        self._jobs.start(work, "exporting", self._on_exported, left=FINISHED_STAYS)

    def _on_exported(self, files: list[Path]) -> None:
        names = ", ".join(path.parent.parent.name for path in files)
        self._jobs.say(f"Exported: {names}.")
        self._models.refresh()
        self.exported.emit(files[-1])

    def _on_chosen(self) -> None:
        chosen = self.chosen
        self.details.show_network(chosen[0] if chosen else None, self._models.ensembles)
        self.predict.refresh()
        self.settings.setEnabled(bool(chosen))
        self.settings.setToolTip(
            "What it was trained with, beside what was asked for."
            if chosen
            else "Select a network."
        )
        program = self._models.program
        why = ""
        if program is None or not program.works:
            why = NO_PROGRAM
        elif not any(each.state.checkpoint is not None for each in chosen):
            why = "Select a network that has weights."
        elif self._jobs.is_busy:
            why = "A job is running."
        self.export.setEnabled(not why)
        self.export.setToolTip(
            why or "Write a file that predicts without torch, in Label and for whole sessions."
        )


def _export(
    installation: Installation,
    folders: Sequence[Path],
    progress: Progress,
    cancelled: IsCancelled,
) -> list[Path]:
    files = []
    for n, folder in enumerate(folders):
        progress(f"exporting {folder.name}", n, len(folders))
        if cancelled():
            raise Cancelled
        files.append(export_network(installation, folder))
    return files
