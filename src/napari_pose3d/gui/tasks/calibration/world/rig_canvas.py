"""A canvas with a rig in 3-D: cameras, boards or the animal, what cameras see, floor and axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.utils.theme import get_theme
from qtpy.QtWidgets import QWidget

from napari_pose3d.gui.camera_views.canvas.canvas_frame import CanvasFrame
from napari_pose3d.gui.layers.colours import NEUTRAL
from napari_pose3d.gui.layers.layer_styles import vectors_of

from .rig_scene import RigScene, seen_surface

# Of x, y and z, told apart by the colour-blind, too; the letters stand beside them.
AXES = ("#d55e00", "#009e73", "#56b4e9")
_BOARD, _ANIMAL, _SEEN = "#e69f00", "#f0e442", "#56b4e9"
_RIGHT_HANDED = ("away", "down", "right")
PARTS = {"content": ("boards", "places", "animal"), "images": ("image ",), "floor": ("floor",)}
"""What can be hidden, and what the names of its layers begin with."""


class RigCanvas(CanvasFrame):
    """Draws a `RigScene`."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, n_displayed=3, parent=parent)
        self.model.scene.camera.orientation = _RIGHT_HANDED
        self.title.hide()
        self.setAcceptDrops(False)
        self._scene: RigScene | None = None

    def show_scene(self, scene: RigScene) -> None:
        """Draw another scene."""
        self.model.layers.clear()
        self._scene = scene
        self._reach = reach = (
            float(np.linalg.norm(np.ptp(scene.cameras.reshape(-1, 3), axis=0))) or 1
        )
        for name, lines, colour, width in (
            ("floor", scene.floor, NEUTRAL, 0.0015),
            ("boards", scene.boards, _BOARD, 0.0015),
            ("cameras", scene.cameras, NEUTRAL, 0.0035),
        ):
            if len(lines):
                self._lines(name, lines, colour, width * reach)
        if scene.animal is not None:
            self._points("places", scene.animal.places, 0.003 * reach, opacity=0.5)
            if len(scene.animal.bones):
                self._lines("animal", scene.animal.bones, _ANIMAL, 0.003 * reach)
        axes = AXES[: len(scene.axes)]
        for letter, line, colour in zip("xyz", scene.axes, axes, strict=False):
            self._lines(letter, line[None], colour, 0.008 * reach)
        for name, (corners, image) in scene.images.items():
            # Texture coordinates count from the lower left.
            uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0.0]])
            faces = np.array([[0, 1, 2], [0, 2, 3]])
            self._keep(
                self.model.add_surface(
                    (corners[:, ::-1], faces),
                    texture=image,
                    texcoords=uv,
                    name=f"image {name}",
                    shading="none",
                )
            )
        ends = np.concatenate([scene.apexes, scene.axes[:, 1]])
        self._keep(
            self.model.add_points(
                ends[:, ::-1],
                name="names",
                size=0.014 * reach,
                face_color=[NEUTRAL] * len(scene.apexes) + list(axes),
                border_width=0.0,
                blending="translucent_no_depth",
                features={"text": [*scene.names, *"xyz"[: len(axes)]]},
                text={
                    "string": "{text}",
                    "color": get_theme(self.model.theme).text.as_hex(),
                    "size": 12,
                    "anchor": "upper_left",
                    "blending": "translucent_no_depth",
                },
            )
        )
        self.fit()

    def show_seen(self, n: int) -> float:
        """Draw the space that at least `n` cameras see; 0 draws none.

        Returns
        -------
        float
            Its content, cubic rig units.
        """
        if "seen" in self.model.layers:
            self.model.layers.remove("seen")
        scene = self._scene
        if scene is None or n == 0:
            return 0.0
        vertices, triangles, content = seen_surface(scene, n)
        if len(vertices):
            layer = self.model.add_surface(
                (vertices[:, ::-1], triangles, np.ones(len(vertices))),
                name="seen",
                colormap=[_SEEN, _SEEN],
                contrast_limits=(0, 1),
                opacity=0.3,
                blending="translucent_no_depth",
                shading="smooth",
            )
            # What it would hide is drawn after it.
            self.model.layers.move(self.model.layers.index(layer), 0)
            self._keep(layer)
        return content

    def show_part(self, part: str, shown: bool) -> None:
        """Show or hide one of `PARTS`."""
        for layer in self.model.layers:
            if layer.name.startswith(PARTS[part]):
                layer.visible = shown

    def fit(self) -> None:
        """Everything in view, from one side and above; z points up."""
        camera = self.model.scene.camera
        camera.set_view_direction((-0.55, 0.75, 1.0), (1.0, 0.0, 0.0))
        self.model.fit_to_view(margin=0.15)
        self._fitted = True

    def _lines(self, name: str, lines: Any, colour: str, width: float) -> None:
        self._keep(
            self.model.add_vectors(
                vectors_of(lines),
                name=name,
                vector_style="line",
                edge_color=colour,
                edge_width=width,
                opacity=1.0,
            )
        )

    def _points(self, name: str, places: Any, size: float, opacity: float) -> None:
        self._keep(
            self.model.add_points(
                places[:, ::-1],
                name=name,
                size=size,
                face_color=_ANIMAL,
                border_width=0.0,
                opacity=opacity,
            )
        )

    @staticmethod
    def _keep(layer: Any) -> None:
        layer.editable = False
