"""The section that chooses the network that proposes labels while one labels."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.gui.qt.forms import let_shrink
from napari_pose3d.gui.qt.key_bindings import LABEL_KEYS
from napari_pose3d.gui.qt.message_text import MessageLabel, short_path
from napari_pose3d.gui.qt.task_layout import SectionPart
from napari_pose3d.gui.session.proposal_network import ProposalNetwork, exported_files

from ..project_models import ProjectModels

_KEY = next(key.label for key in LABEL_KEYS if key.action == "propose")
_HINT = (
    f"In Label, {_KEY} proposes the keypoints of the frame that is shown, in all views and "
    "agreeing in 3-D. Proposals are not saved before they are confirmed."
)
_NONE = (
    "There is no exported network: select a network in Models and export it to ONNX, or choose a "
    "file (its weights in .onnx.data and config.yaml beside it)."
)
_NO_RUNTIME = 'It needs the package onnxruntime: pip install "napari-pose3d[onnx]"'


class ProposalsPanel(SectionPart):
    """``label_wanted`` is emitted when the user wants to label.

    Parameters
    ----------
    models : ProjectModels
    choice : ProposalNetwork
    """

    label_wanted = Signal()

    def __init__(
        self, models: ProjectModels, choice: ProposalNetwork, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._models, self._choice = models, choice
        self.networks = QComboBox()
        self.networks.setAccessibleName("Network that proposes")
        self.networks.setPlaceholderText("no exported network")
        let_shrink(self.networks)
        self.networks.activated.connect(self._on_chosen)
        self.file = QPushButton("Fi&le…")
        self.file.setToolTip("An exported network that lies elsewhere.")
        self.file.clicked.connect(self._ask_file)
        self.label = QPushButton("Go to &Label")
        self.label.clicked.connect(self.label_wanted)
        self.text = MessageLabel()
        self.problem = MessageLabel()
        row = QHBoxLayout()
        row.addWidget(self.networks, 1)
        row.addWidget(self.file)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.text)
        column.addWidget(self.problem)
        column.addWidget(self.label)
        models.networks_changed.connect(self.show_networks)
        choice.changed.connect(self.show_networks)
        self.show_networks()

    def show_networks(self) -> None:
        """Offer the exports that there are now."""
        project = self._models.folder
        files = [] if project is None else exported_files(project)
        chosen = self._choice.chosen
        if chosen is not None and chosen not in files and chosen.is_file():
            files.append(chosen)
        used = None if project is None else self._choice.file(project)
        self.networks.clear()
        for path in files:
            self.networks.addItem(_name_of(path, project), path)
            self.networks.setItemData(self.networks.count() - 1, str(path), 3)
        if used in files:
            self.networks.setCurrentIndex(files.index(used))
        self.networks.setEnabled(bool(files))
        self.file.setEnabled(project is not None)
        self.label.setEnabled(used is not None)
        self.label.setToolTip("" if used is not None else "There is no network that could propose.")
        self.text.show_message(self._models.obstacle or (_HINT if used is not None else _NONE))
        lacks = importlib.util.find_spec("onnxruntime") is None
        self.problem.show_message(_NO_RUNTIME if lacks else "")
        self.problem.setVisible(lacks)

    def _on_chosen(self, _: int) -> None:
        self._choice.choose(self.networks.currentData())

    def _ask_file(self) -> None:
        start = str(self._models.root or "")
        path, _ = QFileDialog.getOpenFileName(
            self, "Exported network", start, "Exported networks (*.onnx)"
        )
        if path:
            self._choice.choose(Path(path))


def _name_of(path: Path, project: Path | None) -> str:
    if project is not None and path.is_relative_to(project / "models"):
        return path.parent.parent.relative_to(project / "models").as_posix()
    return short_path(path)
