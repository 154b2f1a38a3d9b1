"""The networks of a project as a table: one line each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qtpy.QtCore import QModelIndex, Qt, Signal
from qtpy.QtWidgets import QWidget

from napari_pose3d.core.models.listing.model_list import Network
from napari_pose3d.core.models.predictions.prediction_plan import network_views
from napari_pose3d.core.models.runs.training_state import State
from napari_pose3d.gui.qt.record_table import RecordModel, RecordTable

_COLUMNS = ("network", "state", "px", "sessions")
_HINTS = (
    "",
    "What became of its training",
    "Median error on labeled frames that it was not trained on (validation), px",
    "Sessions that it has predicted",
)
_HEIGHT = 64
_LINES = 2, 10


class _Networks(RecordModel):
    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text and tooltip of a cell."""
        network: Network = self.records[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return _cells(network)[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{network.name}: {network.state.describe()}"
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() > 1:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None


class NetworkTable(RecordTable):
    """Lists networks; several can be selected. ``chosen`` is emitted when others are."""

    chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            _Networks(None, _COLUMNS, _HINTS), "Networks", parent, wide=0, height=_HEIGHT
        )
        for column, text in ((1, "unfinished"), (2, "99.9"), (3, "sessions")):
            self.set_width(column, text, 14)
        # Names differ at their end.
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        selection = self.selectionModel()
        if selection is not None:
            selection.selectionChanged.connect(lambda *_: self.chosen.emit())

    def show_networks(self, networks: Sequence[Network]) -> None:
        """List others; what was selected stays so."""
        before = {network.name for network in self.selected}
        self.blockSignals(True)
        self._lines.show_records(networks)
        self.fit_rows(*_LINES)
        self.select(before)
        self.blockSignals(False)
        self.chosen.emit()

    def select(self, names: set[str]) -> None:
        """Select networks by name."""
        selection = self.selectionModel()
        if selection is None:
            return
        flags = selection.SelectionFlag
        for row, network in enumerate(self.records):
            if network.name in names:
                index = self._lines.index(row, 0)
                selection.select(index, flags.Select | flags.Rows)


def overall_error(network: Network, which: str = "validation") -> float:
    """Median over keypoints and views of their median errors, px; NaN where none is known."""
    table = network.error_table(which)
    known = table[np.isfinite(table)]
    return float(np.median(known)) if known.size else float("nan")


def _cells(network: Network) -> tuple[str, ...]:
    error = overall_error(network)
    if error != error:
        error = overall_error(network, "train") if network.state.state is State.DONE else error
    views = len(network_views(network))
    n = len(network.sessions) // views
    state = "damaged" if network.problem else network.state.state.value
    return (network.name, state, "" if error != error else f"{error:.1f}", f"{n}" if n else "")
