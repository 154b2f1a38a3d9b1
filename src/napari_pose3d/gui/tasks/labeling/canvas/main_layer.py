"""The labels of the frame in napari's main canvas: shown, not edited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from napari.layers import Points
from qtpy.QtCore import QObject, QTimer

from napari_pose3d.core.labels.store.label import LabelKey, LabelStatus
from napari_pose3d.gui.layers.colours import keypoint_hex
from napari_pose3d.gui.layers.layer_styles import AXES, ROLE_KEY, tiles_of
from napari_pose3d.gui.layers.view_layout import Tile

from ..control.label_controller import LabelController

_NAME = "labels (read-only)"
_WAIT = 120  # ms; while a label is dragged, the main canvas need not keep up
_SIZE = 1 / 50  # of an image's height
_CLEAR = "#00000000"


class MainLayer(QObject):
    """A Points layer with the labels of the current frame that go to the label files.

    There is one place to edit labels, the camera views: what is done to this layer changes no
    label. When the user removes it, it stays away until labeling begins anew.

    Parameters
    ----------
    viewer : napari.Viewer
    control : LabelController
    colours : mapping of keypoint to ``#rrggbb``
        Those that the user chose.
    """

    def __init__(self, viewer: Any, control: LabelController, colours: Mapping[str, str]) -> None:
        super().__init__()
        self._viewer, self._control = viewer, control
        self._colours = keypoint_hex(control.labeling.keypoints, colours)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_WAIT)
        self._timer.timeout.connect(self._fill)
        control.changed.connect(self._on_changed)
        labeling = control.labeling
        self._keys = [
            LabelKey(view, name) for view in labeling.views for name in labeling.keypoints
        ]
        # As many rows as there can be labels, some of them not shown: where rows go away from a
        # hidden layer, napari still looks for them.
        self.layer: Points | None = Points(
            np.zeros((len(self._keys), 4)),
            name=_NAME,
            axis_labels=AXES,
            features={
                "view": [key.view for key in self._keys],
                "keypoint": [key.keypoint for key in self._keys],
                "status": [""] * len(self._keys),
            },
            shown=np.zeros(len(self._keys), bool),
            metadata={ROLE_KEY: "labels"},
            border_width=0.2,
        )
        # Of what the user has chosen, nothing changes.
        selected = set(viewer.layers.selection)
        viewer.add_layer(self.layer)
        viewer.layers.selection = selected
        self._lock()
        # napari makes it editable again when it is shown, or shown in 2-D again.
        self.layer.events.editable.connect(self._lock)
        viewer.layers.events.removed.connect(self._on_removed)
        self._fill()

    def bring_to_front(self) -> None:
        """Lie before the videos, also those that were opened anew."""
        layers = self._viewer.layers
        if self.layer is not None and self.layer in layers and layers[-1] is not self.layer:
            layers.move(layers.index(self.layer), len(layers))

    def close(self) -> None:
        """Take the layer away."""
        self._timer.stop()
        self._control.changed.disconnect(self._on_changed)
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        if self.layer is not None and self.layer in self._viewer.layers:
            self._viewer.layers.remove(self.layer)
        self.layer = None

    def _lock(self, _: Any = None) -> None:
        if self.layer is not None and self.layer.editable:
            self.layer.editable = False

    def _on_removed(self, event: Any) -> None:
        if event.value is self.layer:
            self.layer = None
            self._timer.stop()

    def _on_changed(self) -> None:
        if self.layer is not None and not self._timer.isActive():
            self._timer.start()

    def _fill(self) -> None:
        layer, control = self.layer, self._control
        if layer is None:
            return
        tiles: dict[str, Tile] = tiles_of(self._viewer.layers)
        n = len(self._keys)
        data, size, shown = np.zeros((n, 4)), np.ones(n), np.zeros(n, bool)
        data[:, 0] = max(control.frame, 0)
        faces, rims, status = [_CLEAR] * n, [_CLEAR] * n, [""] * n
        labels = control.labeling.labels(control.frame) if control.frame >= 0 else {}
        for row, key in enumerate(self._keys):
            tile, label = tiles.get(key.view), labels.get(key)
            if tile is None or label is None or label.position is None:
                continue
            if label.status == LabelStatus.PREDICTED:
                continue
            x, y = label.position
            data[row, 2:] = tile.y + y, tile.x + x
            size[row], shown[row] = tile.height * _SIZE, True
            status[row] = label.status.name.lower()
            # As in the camera views: what is only projected is a ring.
            colour, is_ring = self._colours[key.keypoint], label.status == LabelStatus.PROJECTED
            faces[row], rims[row] = (_CLEAR, colour) if is_ring else (colour, "white")
        layer.selected_data = set()
        with layer.events.data.blocker():
            layer.data = data
            layer.features = layer.features.assign(status=status)
            layer.size, layer.shown = size, shown
            layer.face_color, layer.border_color = faces, rims
