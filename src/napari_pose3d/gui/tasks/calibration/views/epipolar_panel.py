"""Epipolar check by hand: hover in one view, see the curve in all others, by one rig or two."""

from __future__ import annotations

import math
from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtGui import QHideEvent
from qtpy.QtWidgets import QComboBox, QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.camera_views.canvas.input_events import Point
from napari_pose3d.gui.camera_views.canvas.tool import REACH, Tool, ToolView
from napari_pose3d.gui.qt.key_bindings import Modifiers
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.session.current_session import CurrentSession

from .rig_shelf import TITLES, RigShelf
from .view_rig import ViewRig, curves_in, distance_to_curve, view_rig
from .views_link import ViewsLink

_NO_RIG = "Open a session with a calibration, or check, make or mend one."
_HOW = (
    "Move the mouse over a point in one view: its curve in the others must pass through the same "
    "point. Near a keypoint, the distances are given here."
)


class EpipolarPanel(QWidget):
    """Chooses the rigs, and draws their curves while its button is down.

    Parameters
    ----------
    viewer : napari viewer
    owner : str
        The panel that this is part of.
    shelf : RigShelf
    current : CurrentSession
    """

    def __init__(
        self,
        viewer: Any,
        owner: str,
        shelf: RigShelf,
        current: CurrentSession,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._shelf, self._current = shelf, current
        self._rigs: list[ViewRig | None] = [None, None]
        self._chosen: list[Rig | None] = [None, None]
        self.first, self.second = QComboBox(), QComboBox()
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        for row, (text, box) in enumerate(
            (("Curves of", self.first), ("and, dashed,", self.second))
        ):
            label = QLabel(text)
            label.setBuddy(box)
            policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            box.setSizeAdjustPolicy(policy)
            box.setMinimumContentsLength(8)
            box.setAccessibleName(f"{text} which calibration")
            grid.addWidget(label, row, 0)
            grid.addWidget(box, row, 1)
        grid.setColumnStretch(1, 1)
        self.button = QPushButton("Show &curves in the camera views")
        self.button.setCheckable(True)
        self.button.toggled.connect(self._toggle)
        self.link = ViewsLink(viewer, owner, self)
        self.link.changed.connect(self._fit_to_views)
        self.link.ended.connect(lambda: self.button.setChecked(False))
        self._text = MessageLabel()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(grid)
        layout.addWidget(self.button)
        layout.addWidget(self._text)
        for box in (self.first, self.second):
            box.currentIndexChanged.connect(self._choose)
        shelf.changed.connect(self._offer)
        self._offer()

    @property
    def text(self) -> str:
        """What the user reads: how far the curves miss."""
        return self._text.message

    def point(self, view: str, at: Point | None, near: str = "") -> None:
        """Draw the curves of a pixel of a view; None takes them away.

        Parameters
        ----------
        near : str
            The keypoint that is there, whose distances are told.
        """
        marks, frame = self.link.marks, self.link.frame
        curves = [
            {} if at is None else curves_in(rig, view, at, frame, others=list(marks))
            for rig in self._rigs
        ]
        for name, mark in marks.items():
            mark.show_curves(*(each.get(name) for each in curves))
            mark.show_mouse(at if name == view else None)
        self.link.draw()
        lines = []
        for name, mark in marks.items():
            there = mark.view.overlays.position(near) if near else None
            distances = [
                distance_to_curve(each[name], there) if there is not None and name in each else None
                for each in curves
            ]
            told = [_px(each) for each in distances if each is not None]
            if told:
                lines.append(f"{name}: {' / '.join(told)}")
        if lines:
            self._text.show_message(f"{near} in {view}; the curves miss it by\n" + "\n".join(lines))
        elif at is not None:
            self._text.show_message(_HOW)

    def hideEvent(self, event: QHideEvent | None) -> None:  # noqa: N802
        """Out of sight, the views belong to others again."""
        if event is not None and not event.spontaneous():
            self.button.setChecked(False)
        super().hideEvent(event)

    # ------------------------------------------------------------------ choices

    def _offer(self) -> None:
        keys = self._shelf.keys
        for box, none, wanted in ((self.first, False, "checked"), (self.second, True, "")):
            before = box.currentData()
            box.blockSignals(True)
            box.clear()
            if none:
                box.addItem("no other", "")
            for key in keys:
                box.addItem(TITLES[key], key)
            at = box.findData(before if before in ("", *keys) else wanted)
            box.setCurrentIndex(max(at, 0) if box.count() else -1)
            box.blockSignals(False)
        self.button.setEnabled(bool(keys))
        self.button.setToolTip(_HOW if keys else _NO_RIG)
        if not keys:
            self.button.setChecked(False)
            self._text.show_message(_NO_RIG)
        self._choose()

    def _choose(self) -> None:
        try:
            self._chosen = [
                self._shelf.rig(str(box.currentData() or "")) for box in (self.first, self.second)
            ]
        except PoseDataError as error:
            self._chosen = [None, None]
            show_error(str(error))
        self._fit_to_views()

    def _fit_to_views(self) -> None:
        opened = self._current.open
        session = None if opened is None else opened.session
        views = list(self.link.marks)
        self._rigs = [
            None if rig is None else view_rig(rig, views, session) for rig in self._chosen
        ]
        if not self.link.is_attached:
            self._text.show_message("" if self._shelf.keys else _NO_RIG)
        elif self._rigs[0] is None:
            names = "" if self._chosen[0] is None else ", ".join(self._chosen[0].names)
            self._text.show_message(
                f"The views {', '.join(views) or '(none)'} have no cameras of these names: {names}."
            )
        else:
            self._text.show_message(_HOW)
        self._text.setVisible(bool(self._text.message))

    def _toggle(self, shown: bool) -> None:
        if shown:
            self.link.attach(_HoverTool(self))
        else:
            self.link.detach()
        self._fit_to_views()


class _HoverTool(Tool):
    """The mouse points, and keypoints attract it."""

    def __init__(self, panel: EpipolarPanel) -> None:
        self._panel = panel

    def on_move(self, view: ToolView, at: Point) -> None:
        """Curves of what is under the mouse."""
        found = view.overlays.nearest(*at, REACH / view.zoom)
        near = "" if found is None else found[0]
        there = view.overlays.position(near) if near else None
        self._panel.point(view.name, there or at, near)

    def on_leave(self, view: ToolView) -> None:
        """No curves."""
        self._panel.point(view.name, None)

    def on_key(self, view: ToolView, key: str, modifiers: Modifiers) -> bool:
        """Escape ends it."""
        if key != "Escape":
            return False
        self._panel.button.setChecked(False)
        return True


def _px(value: float) -> str:
    return f"{value:.1f} px" if math.isfinite(value) else "not seen"
