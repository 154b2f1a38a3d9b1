"""Who does the sessions: processes on this computer, or a Dask cluster."""

from __future__ import annotations

import importlib.util
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QLineEdit, QVBoxLayout, QWidget

from napari_pose3d.gui.qt.forms import SettingsForm, let_shrink
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.settings import BatchSettings

_HERE, _CLUSTER = "On this computer", "On a Dask cluster"
_MISSING = (
    "A cluster needs a library that is not installed. Install it with: "
    "pip install 'napari-pose3d[cluster]'"
)
_ABOUT = "All machines must see the project under the same path."


class WorkersPanel(QWidget):
    """Emits ``changed`` when something else is chosen."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.place = QComboBox()
        self.place.addItems([_HERE, _CLUSTER])
        self.place.setAccessibleName("Where the sessions are done")
        let_shrink(self.place, 12)
        self._form = SettingsForm(
            BatchSettings, {"workers": "Sessions at once", "memory": "GB for each"}
        )
        self._form.widget("workers").native.setPlaceholderText("one per core")
        self._form.widget("memory").native.setPlaceholderText("an equal share")
        self.address = QLineEdit()
        self.address.setPlaceholderText("tcp://node1:8786")
        self.address.setToolTip(
            "Address of a Dask scheduler that runs; local: a cluster on this computer, with a "
            "dashboard."
        )
        self.address.setAccessibleName("Address of the scheduler")
        self.about = MessageLabel()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for part in (self.place, self._form.native, self.address, self.about):
            column.addWidget(part)
        self.place.currentIndexChanged.connect(self._refresh)
        self.address.textChanged.connect(self._refresh)
        self._form.on_change(self.changed.emit)
        self._refresh()

    @property
    def cluster(self) -> str | None:
        """Address of a scheduler; None: processes on this computer."""
        return self.address.text().strip() if self._on_cluster else None

    @property
    def _on_cluster(self) -> bool:
        return self.place.currentText() == _CLUSTER

    def obstacle(self) -> str:
        """Why this cannot be used; "" where it can."""
        if not self._on_cluster:
            return ""
        if importlib.util.find_spec("distributed") is None:
            return _MISSING
        return "" if self.cluster else "Type the address of the scheduler, or: local"

    def values(self) -> dict[str, Any]:
        """Fields of `BatchSettings`; raises `PoseDataError` for a text that cannot be read."""
        return self._form.values()

    def set_workers(self, n: int) -> None:
        """Choose how many, as a user would."""
        self._form.widget("workers").value = str(n)

    def _refresh(self, _: object = None) -> None:
        self.address.setVisible(self._on_cluster)
        # Another machine's workers are there already.
        self._form.native.setVisible(self.cluster in (None, "local"))
        missing = importlib.util.find_spec("distributed") is None
        self.about.show_message(_MISSING if missing else _ABOUT)
        self.about.setVisible(self._on_cluster)
        self.changed.emit()
