"""Draws what was corrected, and what is being dragged, in all camera views."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from qtpy.QtCore import QObject, QTimer

from napari_pose3d.gui.camera_views.canvas.camera_view import CameraView
from napari_pose3d.gui.camera_views.canvas.tool_layers import Marks
from napari_pose3d.gui.camera_views.panel_link import PanelLink
from napari_pose3d.gui.camera_views.views_panel import ViewsPanel
from napari_pose3d.gui.layers.colours import keypoint_rgba, palette_of

from ..review_model import ReviewModel
from .correction_controller import CorrectionController, Point
from .correction_tool import CorrectionTool

# px of the screen
_DIAMOND, _DRAGGED = 13.0, 15.0
_WHITE = (1.0, 1.0, 1.0, 1.0)


class CorrectionDrawing(QObject):
    """Ties the tool to the camera views, and keeps its marks up to date.

    Parameters
    ----------
    model : ReviewModel
    link : PanelLink
    control : CorrectionController
    is_active : callable
        Whether the panel Review is in front.
    act : callable
        Does what keys of `REVIEW_KEYS` stand for.
    """

    def __init__(
        self,
        model: ReviewModel,
        link: PanelLink,
        control: CorrectionController,
        is_active: Callable[[], bool],
        act: Callable[[str], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._model, self._link, self._control = model, link, control
        self._panel: ViewsPanel | None = None
        self._marks: dict[str, tuple[CameraView, Marks]] = {}
        self._dragged: tuple[str, str, Point] | None = None
        self.tool = CorrectionTool(control, is_active, self._preferred, self._size_of, act)
        self.tool.on_moved = self._on_moved
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.draw)
        control.changed.connect(self._timer.start)
        link.attached.connect(self._attach)
        link.left.connect(self._detach)
        self._attach()

    def stop(self) -> None:
        """Take everything off the views."""
        self._timer.stop()
        self._detach()

    def draw(self) -> None:
        """Draw the frame that the views show."""
        self._timer.stop()
        panel, names = self._panel, self._control.keypoints
        if panel is None:
            return
        wanted = [name for name in panel.grid.seen if name in panel.views] if names else []
        for name in [each for each in self._marks if each not in panel.views]:
            # The view has gone, and its layers with it.
            del self._marks[name]
        for name in wanted:
            view = panel.views[name]
            at = np.full((len(names) + 1, 2), np.nan)
            positions = self._control.positions(name, view.frame)
            for keypoint in self._control.corrected(name, view.frame):
                at[names.index(keypoint)] = positions.get(keypoint, (np.nan, np.nan))
            if self._dragged is not None and self._dragged[0] == name:
                at[-1] = self._dragged[2]
            if np.isfinite(at).any() or name in self._marks:
                self._marks_of(view, names).show(at, face=self._colours(names))

    # ------------------------------------------------------------------ inside

    def _marks_of(self, view: CameraView, names: tuple[str, ...]) -> Marks:
        held = self._marks.get(view.name)
        if held is not None and held[0] is view and held[1].count == len(names) + 1:
            return held[1]
        if held is not None and held[0] is view:
            held[1].remove()
        size = np.full(len(names) + 1, _DIAMOND)
        size[-1] = _DRAGGED
        marks = Marks(view, "corrections", size)
        nothing = np.full((len(size), 2), np.nan)
        border = np.tile(_WHITE, (len(size), 1))
        marks.show(
            nothing,
            face=self._colours(names),
            border=border,
            border_width=np.full(len(size), 0.16),
            symbol=["diamond"] * len(size),
        )
        self._marks[view.name] = (view, marks)
        return marks

    def _colours(self, names: tuple[str, ...]) -> np.ndarray:
        opened = self._model.opened
        chosen = {} if opened is None else opened.session.colours
        rgba = np.array(keypoint_rgba(palette_of(names, chosen)), np.float64)
        held = self._dragged
        last = rgba[names.index(held[1])] if held is not None else np.ones(4)
        return np.concatenate([rgba, last[None]])

    def _preferred(self) -> tuple[str, ...]:
        event = self._model.current
        return () if event is None else event.keypoints

    def _size_of(self, view: str) -> tuple[float, float]:
        assert self._panel is not None
        return self._panel.views[view].source.size

    def _on_moved(self, view: str, keypoint: str, at: Point | None) -> None:
        self._dragged = None if at is None else (view, keypoint, at)
        self.draw()

    def _attach(self) -> None:
        panel = self._panel = self._link.panel
        if panel is not None:
            panel.add_tool(self.tool)
            panel.shown.connect(self._later)
            panel.rebuilt.connect(self._later)
            self._later()

    def _detach(self) -> None:
        panel, self._panel = self._panel, None
        if panel is None:
            return
        panel.remove_tool(self.tool)
        panel.shown.disconnect(self._later)
        panel.rebuilt.disconnect(self._later)
        for name, (view, marks) in self._marks.items():
            if panel.views.get(name) is view:
                marks.remove()
        self._marks.clear()

    def _later(self, _: object = None) -> None:
        self._timer.start()
