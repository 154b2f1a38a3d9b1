"""What is known of one network: its errors by keypoint and view, what it was trained on."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtWidgets import QComboBox, QVBoxLayout, QWidget

from napari_pose3d.core.models.listing.model_list import Network, NetworkEnsemble
from napari_pose3d.core.models.listing.network_report import network_lines
from napari_pose3d.core.models.proposals.exported_network import EXPORTS
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
            self.text.show_message("\n".join(_lines(network, ensembles)))
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
            few = ": too few to go by" if n < 5 else ""
            self.note.show_message(f"Median of {counted(n, 'frame')}, px{few}.")
        self.note.setVisible(bool(self.note.message))


def _lines(network: Network, ensembles: Sequence[NetworkEnsemble]) -> list[str]:
    if network.problem:
        return [network.problem]
    lines = [f"{network.name}: {network.state.describe()}", *network_lines(network, ensembles)]
    if any((network.folder / EXPORTS).glob("*.onnx")):
        lines.append("exported to ONNX")
    first, *more = lines
    return [first, *(f"• {line}" for line in more)]
