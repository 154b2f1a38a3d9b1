"""The labels of the frame in napari's main canvas: to be looked at, not to be edited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from napari.layers import Points
from qtpy.QtCore import QObject, QTimer

from napari_pose3d.core.labels.store.status import LabelStatus
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
        self.layer: Points | None = Points(
            np.empty((0, 4)),
            ndim=4,
            name=_NAME,
            axis_labels=AXES,
            features={"view": [], "keypoint": [], "status": []},
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
        rows, faces, rims, sizes = [], [], [], []
        features: dict[str, list[str]] = {"view": [], "keypoint": [], "status": []}
        labels = control.labeling.labels(control.frame) if control.frame >= 0 else {}
        for label_key, label in labels.items():
            tile = tiles.get(label_key.view)
            if tile is None or label.position is None or label.status == LabelStatus.PREDICTED:
                continue
            x, y = label.position
            rows.append((control.frame, 0.0, tile.y + y, tile.x + x))
            colour = self._colours[label_key.keypoint]
            # As in the camera views: what is only projected is a ring.
            is_ring = label.status == LabelStatus.PROJECTED
            faces.append(_CLEAR if is_ring else colour)
            rims.append(colour if is_ring else "white")
            sizes.append(tile.height * _SIZE)
            for name, value in zip(
                features,
                (label_key.view, label_key.keypoint, label.status.name.lower()),
                strict=True,
            ):
                features[name].append(value)
        layer.selected_data = set()
        with layer.events.data.blocker():
            layer.data = np.array(rows, float).reshape(-1, 4)
            layer.features = features
            if rows:
                layer.size = sizes
                layer.face_color, layer.border_color = faces, rims
