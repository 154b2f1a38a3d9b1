"""A monitor of which of our layers a viewer has, and which poses they show."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from .layer_poses import LayerPoses, poses_of

_TOGETHER_MS = 50


class PosesMonitor(QObject):
    """Emits `changed` when layers with poses come, go, or get other poses; once for many.

    Parameters
    ----------
    viewer : napari viewer
    """

    changed = Signal()

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layers: list[Any] = []
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_TOGETHER_MS)
        self._timer.timeout.connect(self._look)
        self._known: list[int] = []
        events = viewer.layers.events
        events.inserted.connect(self._later)
        events.removed.connect(self._later)
        self._watch()

    @property
    def poses(self) -> list[LayerPoses]:
        """What the Points layers show, from back to front."""
        return [
            poses
            for layer in self._viewer.layers
            if type(layer).__name__ == "Points" and (poses := poses_of(layer.metadata)) is not None
        ]

    def stop(self) -> None:
        """Let go of the viewer."""
        self._timer.stop()
        events = self._viewer.layers.events
        events.inserted.disconnect(self._later)
        events.removed.disconnect(self._later)
        self._unwatch()

    def _later(self, _: Any = None) -> None:
        self._timer.start()

    def _look(self) -> None:
        self._watch()
        self.changed.emit()

    def _watch(self) -> None:
        self._unwatch()
        self._layers = [
            layer for layer in self._viewer.layers if poses_of(layer.metadata) is not None
        ]
        for layer in self._layers:
            layer.events.set_data.connect(self._on_set_data)
        self._known = [id(each.positions) for each in self.poses]

    def _unwatch(self) -> None:
        for layer in self._layers:
            layer.events.set_data.disconnect(self._on_set_data)
        self._layers = []

    def _on_set_data(self) -> None:
        # Long recordings get another window every now and then; that is nothing new.
        if [id(each.positions) for each in self.poses] != self._known:
            self._timer.start()
