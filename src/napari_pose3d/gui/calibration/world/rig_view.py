"""The rig in 3-D, in a window of its own: one world, or two to choose from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_pose3d.gui.camera_views.canvas.canvas_frame import CanvasFrame
from napari_pose3d.gui.layers.colours import NEUTRAL
from napari_pose3d.gui.layers.layer_styles import vectors_of
from napari_pose3d.gui.qt.message_text import MessageLabel

from .rig_scene import RigScene

# Of x, y and z, told apart by the colour-blind, too; the letters stand beside them.
_AXES = ("#d55e00", "#009e73", "#56b4e9")
_BOARD = "#e69f00"
_RIGHT_HANDED = ("away", "down", "right")


class RigCanvas(CanvasFrame):
    """Cameras with their images, boards, floor and axes."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, n_displayed=3, parent=parent)
        self.model.scene.camera.orientation = _RIGHT_HANDED
        self.title.hide()
        self.setAcceptDrops(False)

    def show_scene(self, scene: RigScene) -> None:
        """Draw another scene."""
        self.model.layers.clear()
        reach = float(np.linalg.norm(np.ptp(scene.cameras.reshape(-1, 3), axis=0))) or 1.0
        for name, lines, colour, width in (
            ("floor", scene.floor, NEUTRAL, 0.0015),
            ("boards", scene.boards, _BOARD, 0.002),
            ("cameras", scene.cameras, NEUTRAL, 0.0035),
        ):
            if len(lines):
                self._lines(name, lines, colour, width * reach)
        for letter, line, colour in zip("xyz", scene.axes, _AXES, strict=True):
            self._lines(letter, line[None], colour, 0.008 * reach)
        for name, (corners, image) in scene.images.items():
            # Texture coordinates count from the lower left.
            uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0.0]])
            self._keep(
                self.model.add_surface(
                    (corners[:, ::-1], np.array([[0, 1, 2], [0, 2, 3]])),
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
                face_color=[NEUTRAL] * len(scene.apexes) + list(_AXES),
                border_width=0.0,
                features={"text": [*scene.names, "x", "y", "z"]},
                text={"string": "{text}", "color": NEUTRAL, "size": 11, "anchor": "upper_left"},
            )
        )
        self.fit()

    def fit(self) -> None:
        """Everything in view, from one side and above; z points up."""
        camera = self.model.scene.camera
        camera.set_view_direction((-0.55, 0.75, 1.0), (1.0, 0.0, 0.0))
        self.model.fit_to_view(margin=0.08)
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

    @staticmethod
    def _keep(layer: Any) -> None:
        layer.editable = False


class RigWindow(QWidget):
    """`taken` is emitted with the number of the world that was chosen."""

    taken = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle("The rig in 3-D")
        self.resize(1000, 640)
        self._hint = MessageLabel()
        self._row = QHBoxLayout()
        layout = QVBoxLayout(self)
        layout.addWidget(self._hint)
        layout.addLayout(self._row, 1)
        self.canvases: list[RigCanvas] = []
        self.buttons: list[QPushButton] = []
        self._columns: list[QWidget] = []

    def show_scenes(self, scenes: Mapping[str, RigScene], hint: str, choose: bool) -> None:
        """Show worlds side by side.

        Parameters
        ----------
        scenes : mapping of str to RigScene
            By what their buttons say.
        choose : bool
            Whether one of them is to be taken.
        """
        self._clear()
        self._hint.show_message(hint)
        self._hint.setVisible(bool(hint))
        for i, (name, scene) in enumerate(scenes.items()):
            column = QWidget()
            rows = QVBoxLayout(column)
            rows.setContentsMargins(0, 0, 0, 0)
            canvas = RigCanvas(name)
            rows.addWidget(canvas, 1)
            if choose:
                button = QPushButton(name)
                button.clicked.connect(lambda _=False, i=i: self.taken.emit(i))
                rows.addWidget(button)
                self.buttons.append(button)
            self._row.addWidget(column)
            self._columns.append(column)
            self.canvases.append(canvas)
            canvas.show_scene(scene)
        self.show()
        self.raise_()
        self.activateWindow()

    def closeEvent(self, event: Any) -> None:  # noqa: N802
        """Canvases hold memory of the graphics card."""
        self._clear()
        super().closeEvent(event)

    def shut_down(self) -> None:
        """Free the canvases; the window is of no use afterwards."""
        self._clear()
        self.close()

    def _clear(self) -> None:
        canvases: Sequence[RigCanvas] = self.canvases
        for canvas in canvases:
            canvas.shut_down()
        for column in self._columns:
            self._row.removeWidget(column)
            column.deleteLater()
        self.canvases, self.buttons, self._columns = [], [], []
