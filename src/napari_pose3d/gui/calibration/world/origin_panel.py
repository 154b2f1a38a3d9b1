"""Where the world begins: by the board, by clicked points, by a floor through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_error
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.calibration.origin import (
    cameras_below,
    points_in_space,
    still_frames,
    turned_over,
    with_origin,
)
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.layers.layer_styles import tiles_of
from napari_pose3d.gui.qt.message_text import MessageLabel

from . import rig_scene as work
from .rig_view import RigWindow

if TYPE_CHECKING:
    from napari_pose3d.core.calibration.rig_calibration import Calibration

_NO_RIG = "Make or check a calibration first."
_CLICKS = "points of the world"
_HOW = (
    "Click the same points in two views or more, in one order: the origin, a point along x, one "
    "more on the floor; or any points on the floor."
)


class OriginPanel(QWidget):
    """`placed` is emitted with the rig in the world that was taken.

    Parameters
    ----------
    viewer : napari viewer
        Whose videos are clicked on.
    images : callable
        Gives an image of each camera for its frustum.
    """

    placed = Signal(object)

    def __init__(
        self, viewer: Any, images: Callable[[], dict[str, Any]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer, self._images = viewer, images
        self._rig: Rig | None = None
        self._calibration: Calibration | None = None
        self._candidates: list[Rig] = []
        self.window_3d = RigWindow(self)
        self.window_3d.taken.connect(self._take)
        self._state = MessageLabel(_NO_RIG)
        self._frame = QSpinBox()
        self._frame.setAccessibleName("Frame in which the board lies on the floor")
        self._board = QPushButton("&By board…")
        self._board.setToolTip("The board in this frame is the floor, its first corner the origin.")
        self._board.clicked.connect(self.by_board)
        self._start = QPushButton("&Click points")
        self._start.setToolTip(_HOW)
        self._start.clicked.connect(self.start_clicking)
        self._points = QPushButton("By &three points…")
        self._points.clicked.connect(self.by_points)
        self._floor = QPushButton("Fl&oor…")
        self._floor.setToolTip("The floor goes through most of the clicked points.")
        self._floor.clicked.connect(self.by_floor)
        board = QHBoxLayout()
        board.addWidget(QLabel("Board in frame"))
        board.addWidget(self._frame)
        board.addWidget(self._board, 1)
        points = QGridLayout()
        points.addWidget(self._start, 0, 0, 1, 2)
        points.addWidget(self._points, 1, 0)
        points.addWidget(self._floor, 1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._state)
        layout.addLayout(board)
        layout.addWidget(MessageLabel(_HOW))
        layout.addLayout(points)
        self._refresh()

    @property
    def state(self) -> str:
        """What the user reads."""
        return self._state.message

    def show_rig(self, rig: Rig, calibration: Calibration | None = None) -> None:
        """The rig that is to be placed; the board's poses are known of one just made."""
        self._rig, self._calibration = rig, calibration
        metadata = rig.extra.get("metadata")
        origin = metadata.get("origin") if isinstance(metadata, dict) else None
        self._say(rig, f"The world begins at {origin}." if origin else "")
        if calibration is not None:
            observations = calibration.solution.observations
            frames = observations.frames
            still = still_frames(observations)
            self._frame.setRange(int(frames[0]), int(frames[-1]))
            if len(still):
                self._frame.setValue(int(frames[still[len(still) // 2]]))
        self._refresh()

    def show_space(self) -> None:
        """Open the rig in 3-D."""
        if self._rig is not None:
            scenes = {"The rig": self._scene(self._rig)}
            self.window_3d.show_scenes(scenes, self._hint(self._rig), choose=False)

    def by_board(self) -> None:
        """The world of the board in the chosen frame."""
        frame = self._frame.value()
        self._propose(
            lambda rig: work.world_of_board(rig, self._made(), frame), f"the board in frame {frame}"
        )

    def start_clicking(self) -> None:
        """Make a layer of points in front, ready for clicks."""
        layers = self._viewer.layers
        if _CLICKS in layers:
            layers.selection.active = layers[_CLICKS]
        else:
            layers.selection.active = self._viewer.add_points(
                np.empty((0, 4)), ndim=4, name=_CLICKS, size=9, face_color="#f0e442"
            )
        layers[_CLICKS].mode = "add"

    def by_points(self) -> None:
        """The world of three clicked points."""
        self._propose(lambda rig: work.world_of_points(rig, self._clicked(rig)), "three points")

    def by_floor(self) -> None:
        """The world whose floor goes through the clicked points."""
        self._propose(lambda rig: work.world_of_floor(rig, self._clicked(rig)), "a floor")

    def _made(self) -> Calibration:
        assert self._calibration is not None
        return self._calibration

    def _clicked(self, rig: Rig) -> Any:
        layers = self._viewer.layers
        if _CLICKS not in layers or not len(layers[_CLICKS].data):
            raise PoseDataError(
                "no point was clicked", expected="points in two views", todo=_HOW.rstrip(".")
            )
        clicks = work.clicked_points(np.asarray(layers[_CLICKS].data), tiles_of(layers))
        return points_in_space(rig, clicks)

    def _propose(self, make: Callable[[Rig], Rig], origin: str) -> None:
        """Show both orientations of a world, of which the user takes one."""
        if self._rig is None:
            return
        try:
            first = make(self._rig)
        except PoseDataError as error:
            self._state.show_message(str(error))
            show_error(str(error))
            return
        self._candidates = [
            with_origin(first, origin),
            with_origin(turned_over(first), f"{origin}, turned over"),
        ]
        names = ("Take this one: z to most cameras", "Take this one: z to the other side")
        scenes = {name: self._scene(rig) for name, rig in zip(names, self._candidates, strict=True)}
        hint = "The same origin and x axis, and z to either side. Drag to turn, wheel to zoom."
        self.window_3d.show_scenes(scenes, hint, choose=True)

    def _take(self, number: int) -> None:
        self._rig = rig = self._candidates[number]
        self.window_3d.close()
        self.placed.emit(rig)

    def _scene(self, rig: Rig) -> work.RigScene:
        boards = None
        if self._calibration is not None:
            boards = work.board_outlines(rig, self._calibration)
        return work.rig_scene(rig, boards, self._images())

    @staticmethod
    def _hint(rig: Rig) -> str:
        units = rig.units or "units"
        return f"{len(rig.cameras)} cameras; lengths in {units}. Drag to turn, wheel to zoom."

    def _say(self, rig: Rig, text: str) -> None:
        below = cameras_below(rig)
        if below:
            text += f" Below the floor: {', '.join(below)}."
        self._state.show_message(text.strip() or f"{', '.join(rig.names)}.")

    def _refresh(self) -> None:
        has_rig = self._rig is not None
        self._board.setEnabled(self._calibration is not None)
        self._frame.setEnabled(self._calibration is not None)
        for button in (self._start, self._points, self._floor):
            button.setEnabled(has_rig)
