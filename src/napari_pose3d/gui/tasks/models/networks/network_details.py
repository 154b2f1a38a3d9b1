"""What is known of one network: its errors by keypoint and view, what it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtWidgets import QComboBox, QVBoxLayout, QWidget

from napari_pose3d.core.models.configuration.config_file import value_at
from napari_pose3d.core.models.listing.model_list import Network, NetworkEnsemble
from napari_pose3d.core.models.proposals.exported_network import EXPORTS
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.wording import counted

from .error_table import NumberTable, show_errors

_SETS = (
    ("validation frames", "validation"),
    ("frames trained on", "train"),
    ("held-out frames", "held-out"),
)


class NetworkDetails(QWidget):
    """Shows one network, or that none is chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._network: Network | None = None
        self.text = MessageLabel()
        self.which = QComboBox()
        self.which.setAccessibleName("Errors on which frames")
        self.which.setToolTip("Median distance of predictions from labels, px.")
        for text, key in _SETS:
            self.which.addItem(f"Error on {text}", key)
        self.which.currentIndexChanged.connect(self._show_errors)
        self.table = NumberTable("Errors by keypoint and view")
        self.note = MessageLabel()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for part in (self.text, self.which, self.table, self.note):
            column.addWidget(part)
        self.show_network(None, ())

    def show_network(self, network: Network | None, ensembles: Sequence[NetworkEnsemble]) -> None:
        """Show another one."""
        self._network = network
        self.setVisible(network is not None)
        if network is not None:
            self.text.show_message("\n".join(detail_lines(network, ensembles)))
            self._show_errors()

    def _show_errors(self) -> None:
        network = self._network
        if network is None:
            return
        which = self.which.currentData()
        held_out = which == "held-out"
        tables = network.held_out if held_out else network.errors
        self.which.setVisible(bool(network.errors or network.held_out))
        self.table.setVisible(bool(tables))
        if not tables:
            known = bool(network.errors or network.held_out)
            self.note.show_message("No label files were held out." if known else "")
        else:
            show_errors(self.table, tables, None if held_out else which)
            first = next(iter(tables.values()))
            n = len(first.images) if held_out else first.n_images(which)
            frames = "1 frame" if n == 1 else f"{n} frames"
            few = ": too few to go by" if n < 5 else ""
            self.note.show_message(f"Median of {frames}, px{few}.")
        self.note.setVisible(bool(self.note.message))


def detail_lines(network: Network, ensembles: Sequence[NetworkEnsemble]) -> list[str]:
    """What is known of a network, a line each."""
    if network.problem:
        return [network.problem]
    config, record = network.config, network.record
    kind, backbone = value_at(config, "model.model_type"), value_at(config, "model.backbone")
    lines = [f"{network.name}: {network.state.describe()}"]
    if kind:
        seed = value_at(config, "training.rng_seed_model_pt")
        lines.append(f"{kind}, {backbone}, seed {seed}")
    if record is not None:
        lines.append(
            f"Trained on {record.n_frames} frames of {counted(len(record.labels), 'label file')}"
            + (f" ({record.created[:10]})" if record.created else "")
        )
        if record.filled:
            lines.append(f"{record.filled} views of frames had projected positions, not learned")
        if record.left_out:
            lines.append(f"{counted(record.left_out, 'frame')} could not be trained on")
        if record.continued_from:
            lines.append(f"Continued from {Path(record.continued_from).name}")
        if record.place:
            lines.append(f"Runs at {record.place}")
    for ensemble in ensembles:
        if network.name in ensemble.members and len(ensemble.members) > 1:
            lines.append(f"In the ensemble {ensemble.name} ({len(ensemble.members)} networks)")
    try:
        for key, (asked, effective) in network.changed_settings().items():
            lines.append(f"{key} was asked to be {asked} and is {effective}")
    except PoseDataError as error:
        lines.append(str(error))
    if network.state.failure is not None:
        lines.append(str(network.state.failure))
    if any((network.folder / EXPORTS).glob("*.onnx")):
        lines.append("Exported to ONNX")
    return lines
