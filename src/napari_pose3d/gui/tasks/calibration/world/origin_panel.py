"""Where the world begins: by the board, by clicked points, by keypoints, by a floor."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_error
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_pose3d.core.calibration.origin import cameras_below, turned_over, with_origin
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.session.current_session import CurrentSession
from napari_pose3d.gui.workspace.job_bar import JobBar

from . import rig_scene as work
from .board_page import BoardPage
from .keypoint_page import KeypointPage
from .picking_page import PickingPage
from .point_picks import THREE
from .rig_view import RigWindow
from .space_contents import SpaceContents, animal_of, space_contents

if TYPE_CHECKING:
    from napari_pose3d.core.calibration.rig_calibration import Calibration

_NO_RIG = "Make or check a calibration first."


class OriginPanel(QWidget):
    """`placed` is emitted with the rig in the world that was taken.

    Parameters
    ----------
    viewer : napari viewer
        Whose camera views are clicked in.
    owner : str
        The panel that this is part of.
    jobs : JobBar
    current : CurrentSession
    images : callable
        Gives an image of each camera for its frustum.
    """

    placed = Signal(object)

    def __init__(
        self,
        viewer: Any,
        owner: str,
        jobs: JobBar,
        current: CurrentSession,
        images: Callable[[], dict[str, Any]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._images, self._jobs, self._current = images, jobs, current
        self._contents: SpaceContents | None = None
        current.changed.connect(self._forget_contents)
        self._rig: Rig | None = None
        self._calibration: Calibration | None = None
        self._candidates: list[Rig] = []
        self.window_3d = RigWindow(self)
        self.window_3d.taken.connect(self._take)
        self._state = MessageLabel(_NO_RIG)
        self.board = BoardPage()
        self.three = PickingPage(viewer, owner, current, THREE)
        self.floor = PickingPage(viewer, owner, current)

        self.keypoints = KeypointPage(jobs, current, self._frame, three=True)
        self.feet = KeypointPage(jobs, current, self._frame, three=False)
        self._pages: dict[str, tuple[str, Any]] = {
            "board": ("the board in one frame", self.board),
            "three": ("three points, clicked in the views", self.three),
            "floor": ("points on the floor, clicked", self.floor),
            "keypoints": ("three labeled points", self.keypoints),
            "feet": ("a floor under keypoints, as feet", self.feet),
        }
        self.method = QComboBox()
        policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.method.setSizeAdjustPolicy(policy)
        self.method.setMinimumContentsLength(8)
        label = QLabel("The world begins at")
        label.setBuddy(self.method)
        self.propose_button = QPushButton("Show both &worlds…")
        self.propose_button.setToolTip(
            "The new world with z to either side, in 3-D; one of them is taken there."
        )
        self.propose_button.clicked.connect(self.propose)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._state)
        layout.addWidget(label)
        layout.addWidget(self.method)
        for key, (title, page) in self._pages.items():
            self.method.addItem(title, key)
            layout.addWidget(page)
            page.complete.connect(self._refresh)
        layout.addWidget(self.propose_button)
        self.method.currentIndexChanged.connect(self._show_page)
        self._show_page()

    def _frame(self) -> int:
        """The frame that the viewer shows."""
        dims = self._viewer.dims
        return int(dims.current_step[max(dims.ndim - 4, 0)])

    def _forget_contents(self) -> None:
        self._contents = None

    @property
    def state(self) -> str:
        """What the user reads."""
        return self._state.message

    def choose(self, method: str) -> None:
        """One of "board", "three", "floor", "keypoints", "feet"."""
        self.method.setCurrentIndex(self.method.findData(method))

    def show_rig(self, rig: Rig, calibration: Calibration | None = None) -> None:
        """The rig that is to be placed; the board's poses are known of one just made."""
        self._rig, self._calibration = rig, calibration
        origin = _origin_of(rig)
        self._say(rig, f"The world begins at {origin}." if origin else "")
        self.board.show_calibration(calibration)
        for page in (self.three, self.floor, self.keypoints, self.feet):
            page.show_rig(rig)
        if calibration is None and self.method.currentData() == "board":
            self.choose("three")
        self._refresh()

    def show_space(self) -> None:
        """Open the rig in 3-D."""
        if self._rig is not None:
            self._when_read(self._open_space)

    def _open_space(self) -> None:
        rig = self._rig
        if rig is not None:
            scene = self._scene(rig)
            far = "" if len(scene.axes) else " The origin is far away, and not drawn."
            self.window_3d.show_scenes({"The rig": scene}, self._hint(rig) + far, choose=False)

    def _when_read(self, then: Callable[[], None]) -> None:
        """Read images and animal of the open session, in a thread, where nothing else is shown."""
        opened = self._current.open
        if self._calibration is not None or opened is None or self._contents is not None:
            then()
            return

        def keep(contents: SpaceContents) -> None:
            self._contents = contents
            self._jobs.say(f"Not shown: {contents.note}." if contents.note else "")
            then()

        self._jobs.start(partial(space_contents, opened, self._frame()), "reading images", keep)

    def propose(self) -> None:
        """Show both orientations of the world that is chosen, of which the user takes one."""
        rig, method = self._rig, str(self.method.currentData())
        if rig is None:
            return
        try:
            first, origin = self._made(method, rig)
        except PoseDataError as error:
            self._state.show_message(str(error))
            show_error(str(error))
            return
        self._candidates = [
            with_origin(first, origin),
            with_origin(turned_over(first), f"{origin}, turned over"),
        ]
        self._when_read(self._show_candidates)

    def _show_candidates(self) -> None:
        names = ("Take this one: z to most cameras", "Take this one: z to the other side")
        scenes = {name: self._scene(rig) for name, rig in zip(names, self._candidates, strict=True)}
        hint = "The same origin and x axis, and z to either side. Drag to turn, wheel to zoom."
        self.window_3d.show_scenes(scenes, hint, choose=True)

    def _made(self, method: str, rig: Rig) -> tuple[Rig, str]:
        """The new world, and what it begins at in words."""
        if method == "board":
            assert self._calibration is not None
            frame = self.board.frame
            return work.world_of_board(rig, self._calibration, frame), f"the board in frame {frame}"
        page = self._pages[method][1]
        if isinstance(page, KeypointPage):
            placed = page.place(rig)
            return placed, _origin_of(placed)
        points = np.asarray(page.points())
        if method == "three":
            return work.world_of_points(rig, points), "three points"
        placed, distance = work.world_of_floor(rig, points)
        return placed, f"a floor through {len(points)} points (median {distance:.3g} off it)"

    def _take(self, number: int) -> None:
        self._rig = rig = self._candidates[number]
        self.window_3d.close()
        for page in (self.three, self.floor):
            page.stop()
        self.placed.emit(rig)

    def _scene(self, rig: Rig) -> work.RigScene:
        if self._calibration is not None:
            boards = work.board_outlines(rig, self._calibration)
            return work.rig_scene(rig, boards, self._images())
        contents, opened = self._contents or SpaceContents(), self._current.open
        session = None if opened is None else opened.session
        animal = animal_of(rig, contents, session)
        named = rig if session is None else rig.renamed(session.cameras)
        return work.rig_scene(named, None, contents.images, animal)

    @staticmethod
    def _hint(rig: Rig) -> str:
        units = rig.units or "units"
        return f"{len(rig.cameras)} cameras; lengths in {units}. Drag to turn, wheel to zoom."

    def _say(self, rig: Rig, text: str) -> None:
        below = cameras_below(rig)
        if below:
            text += f" Below the floor: {', '.join(below)}."
        self._state.show_message(text.strip() or f"{', '.join(rig.names)}.")

    def _show_page(self) -> None:
        chosen = str(self.method.currentData())
        for key, (_, page) in self._pages.items():
            page.setVisible(key == chosen)
            if key != chosen and isinstance(page, PickingPage):
                page.stop()
        self._refresh()

    def _refresh(self) -> None:
        page = self._pages[str(self.method.currentData())][1]
        self.propose_button.setEnabled(self._rig is not None and page.is_complete)


def _origin_of(rig: Rig) -> str:
    """What the world of a rig begins at; "" where its file does not say."""
    metadata = rig.extra.get("metadata")
    return str(metadata.get("origin", "")) if isinstance(metadata, dict) else ""
