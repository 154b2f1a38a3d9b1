"""Camera views that are zoomed in show the event that was chosen, not the place of the last one."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QObject

from napari_pose3d.core.review.events.events import Event
from napari_pose3d.gui.camera_views.panel_link import PanelLink
from napari_pose3d.gui.camera_views.views_panel import ViewsPanel

from ..review_model import ReviewModel
from .thumbnails.cutout import PointMark, marks_of


class EventSight(QObject):
    """Moves zoomed views that show nothing of a chosen event to it; their zoom stays.

    Parameters
    ----------
    model : ReviewModel
    link : PanelLink
    """

    def __init__(self, model: ReviewModel, link: PanelLink, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model, self._link = model, link
        self._panel: ViewsPanel | None = None
        self._wanted: Event | None = None
        model.event_changed.connect(self._on_event)
        link.attached.connect(self._attach)
        link.left.connect(self._detach)
        self._attach()

    def _attach(self) -> None:
        panel = self._panel = self._link.panel
        if panel is not None:
            panel.shown.connect(self._look)

    def _detach(self) -> None:
        panel, self._panel = self._panel, None
        if panel is not None:
            panel.shown.disconnect(self._look)

    def _on_event(self, event: Event | None) -> None:
        self._wanted = event
        self._look()

    def _look(self, _: object = None) -> None:
        """As soon as its frame is shown."""
        panel, event = self._panel, self._wanted
        review, opened = self._model.review, self._model.opened
        if panel is None or event is None or review is None or opened is None:
            return
        if panel.frame != event.peak:
            return
        self._wanted = None
        if panel.state.follow:
            # A keypoint is kept in the middle.
            return
        for name, marks in marks_of(review, opened.session, event, event.peak).items():
            view = panel.views.get(name)
            points = _places(marks)
            if view is None or view.is_fitted or not len(points):
                continue
            left, top, right, bottom = view.seen_rectangle
            x, y = points.T
            if not ((x > left) & (x < right) & (y > top) & (y < bottom)).any():
                at = np.median(points, axis=0)
                view.zoom_to((float(at[0]), float(at[1])), view.zoom)


def _places(marks: tuple[PointMark, ...]) -> np.ndarray:
    """Smoothed positions, raw ones where there are none, ``(n, 2)``."""
    for points in ([each.smoothed for each in marks], [each.raw for each in marks]):
        known = np.array(points, np.float64).reshape(-1, 2)
        known = known[np.isfinite(known).all(axis=1)]
        if len(known):
            return known
    return np.empty((0, 2))
