"""Putting the layers of a run into a viewer, one per turn of the event loop.

napari takes some tenths of a second for each layer. All in one go would freeze the window for
seconds just when the result is there.
"""

from __future__ import annotations

from typing import Any

from napari.layers import Layer
from qtpy.compat import isalive
from qtpy.QtCore import QObject, QTimer, Signal

from napari_pose3d.gui.qt.napari_private import main_canvas

from .frame_window import renew
from .layer_poses import poses_of
from .layer_styles import TILES_KEY, LayerData


class LayerAdder(QObject):
    """Adds layers that take the place of others; all of them or, when abandoned, none.

    They are hidden at first: one that is shown would be drawn again for each one that follows.

    Parameters
    ----------
    viewer : napari viewer
    layers : list of layer data tuples
    replaced : list of Layer
        Removed when all new ones are there, which then get their final names.
    parent : QObject
        Dies with it.
    """

    progressed = Signal(str, int, int)
    succeeded = Signal(object)

    def __init__(
        self, viewer: Any, layers: list[LayerData], replaced: list[Layer], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._waiting = list(layers)
        self._replaced = replaced
        self._added: list[Layer] = []
        self._names: list[str] = []
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._add_next)

    def start(self) -> None:
        """Begin; `succeeded` is emitted with the layers when all are there."""
        self._timer.start()

    def abandon(self) -> None:
        """Take out again what was added so far; not from a window that is being taken apart."""
        self._timer.stop()
        canvas = main_canvas(self._viewer)
        if canvas is not None and isalive(canvas.window()):
            remove_layers(self._viewer, self._added)
        self._added, self._waiting = [], []

    def _add_next(self) -> None:
        total = len(self._added) + len(self._waiting)
        self.progressed.emit("adding the layers", len(self._added), total)
        if self._waiting:
            data, attributes, kind = self._waiting.pop(0)
            layer = Layer.create(data, {**attributes, "visible": False}, kind)
            self._names.append(layer.name)
            self._viewer.add_layer(layer)
            self._added.append(layer)
            return
        self._timer.stop()
        remove_layers(self._viewer, self._replaced)
        for layer, name in zip(self._added, self._names, strict=True):
            # napari changed it where an old layer still had that name.
            layer.name = name
        # They belong to the viewer now; abandoning must not take them away. Those that went must
        # not be held: their videos would stay open.
        layers, self._added, self._replaced = self._added, [], []
        self.succeeded.emit(layers)


def can_renew(viewer: Any, old: list[Layer], new: list[LayerData]) -> bool:
    """Whether layers can take over new data, which is much quicker than adding and removing."""
    return [_identity(layer.name, layer.metadata) for layer in old if layer in viewer.layers] == [
        _identity(attributes["name"], attributes["metadata"]) for _, attributes, _ in new
    ]


def renew_layers(old: list[Layer], new: list[LayerData]) -> None:
    """Give layers new data; `can_renew` has checked that they fit."""
    for layer, (data, attributes, kind) in zip(old, new, strict=True):
        poses = poses_of(attributes["metadata"])
        if poses is None:
            # Frames are the same, or the layers would not fit. Cameras follow the scene.
            if kind != "shapes":
                layer.metadata.update(attributes["metadata"])
                layer.data = data
            continue
        if kind == "tracks":
            layer.colormaps_dict = attributes["colormaps_dict"]
        renew(layer, poses)


def _identity(name: str, metadata: dict[str, Any]) -> tuple[str, Any]:
    # The places of the views say also where all other layers of a run lie.
    return name, metadata.get(TILES_KEY)


def remove_layers(viewer: Any, layers: list[Layer]) -> None:
    """Remove layers together, as far as they are still there."""
    present = [layer for layer in layers if layer in viewer.layers]
    if not present:
        return
    # napari collects garbage and draws anew once, rather than for each of them.
    with viewer.layers.batched_update():
        for layer in present:
            viewer.layers.remove(layer)
