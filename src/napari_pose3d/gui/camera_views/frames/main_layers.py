"""The main viewer's layers while the camera views show them: hidden, watched, and given back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari_pose3d.gui.layers.layer_poses import poses_of
from napari_pose3d.gui.layers.layer_styles import ROLE_KEY

from .view_source import Scene, shows_poses


class MainLayers:
    """Hides our layers in the main viewer, and tells when they come, go or get other poses.

    What is drawn in the camera views need not be sliced and drawn twice.

    Parameters
    ----------
    viewer : napari viewer
    changed : callable
        Called when the layers have to be gathered anew.
    """

    def __init__(self, viewer: Any, changed: Callable[[], Any]) -> None:
        self._viewer = viewer
        self._changed = changed
        self._hidden: list[Any] = []
        self._met: list[Any] = []
        self._watched: list[Any] = []
        self._scene = Scene([])
        viewer.layers.events.inserted.connect(self._on_layers)
        viewer.layers.events.removed.connect(self._on_layers)

    def take_over(self, scene: Scene) -> None:
        """Hide the layers that a scene was made of, and watch them."""
        self._scene = scene
        for layer in self._viewer.layers:
            ours = poses_of(layer.metadata) is not None or ROLE_KEY in layer.metadata
            # Once only: who makes a layer visible again wants to see it.
            if ours and layer.visible and not any(layer is each for each in self._met):
                layer.visible = False
                self._hidden.append(layer)
        self._met = list(self._viewer.layers)
        self._hidden = [layer for layer in self._hidden if layer in self._viewer.layers]
        self._unwatch()
        # A smoother run again gives layers new poses without replacing the layers.
        self._watched = [layer for layer in self._viewer.layers if shows_poses(layer)]
        for layer in self._watched:
            layer.events.set_data.connect(self._on_set_data)

    def hide_again(self) -> None:
        """Hide our layers that a program has just shown: they are seen in the camera views."""
        for layer in self._viewer.layers:
            ours = poses_of(layer.metadata) is not None or ROLE_KEY in layer.metadata
            if ours and layer.visible:
                layer.visible = False
                if not any(layer is each for each in self._hidden):
                    self._hidden.append(layer)

    def give_back(self) -> None:
        """Show what was hidden, and watch no more."""
        self._viewer.layers.events.inserted.disconnect(self._on_layers)
        self._viewer.layers.events.removed.disconnect(self._on_layers)
        self._unwatch()
        for layer in self._hidden:
            if layer in self._viewer.layers:
                layer.visible = True
        self._hidden, self._met, self._scene = [], [], Scene([])

    def _unwatch(self) -> None:
        for layer in self._watched:
            layer.events.set_data.disconnect(self._on_set_data)
        self._watched = []

    def _on_layers(self, _: Any = None) -> None:
        self._changed()

    def _on_set_data(self, _: Any = None) -> None:
        now = {
            id(poses.positions)
            for layer in self._watched
            if (poses := poses_of(layer.metadata)) is not None
        }
        shown = [each for source in self._scene.views for each in source.poses]
        shown += [each for each in (self._scene.space, self._scene.raw_space) if each is not None]
        if not {id(poses.positions) for poses in shown} <= now:
            self._changed()
