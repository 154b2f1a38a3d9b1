"""Decodes the thumbnails of the chosen event in a thread; the newest event wins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from qtpy.QtCore import QObject

from napari_pose3d.core.review.events.events import Event
from napari_pose3d.errors import Cancelled
from napari_pose3d.gui.layers.colours import keypoint_hex
from napari_pose3d.gui.layers.layer_styles import ROLE_KEY
from napari_pose3d.gui.layers.video_layers import VIDEO, VideoLayerData
from napari_pose3d.gui.qt.jobs import Job, JobSlot
from napari_pose3d.gui.tasks.review.review_model import ReviewModel
from napari_pose3d.settings import IsCancelled, Progress

from .cutout import Cutout, FrameVideo, PointMark, cutouts, marks_of
from .thumbnail_row import ThumbnailRow


class ThumbnailFeed(QObject):
    """Shows the worst frame of the chosen event in a `ThumbnailRow`.

    Parameters
    ----------
    viewer : napari viewer
        Whose videos are decoded: they are open, and what was decoded is kept with them.
    model : ReviewModel
    row : ThumbnailRow
    """

    def __init__(self, viewer: Any, model: ReviewModel, row: ThumbnailRow) -> None:
        super().__init__(row)
        self._viewer, self._model, self._row = viewer, model, row
        self._running = JobSlot()
        model.found.connect(self._on_found)
        model.event_changed.connect(self._on_event)
        row.destroyed.connect(self._running.abandon)
        row.hide()

    def renew(self) -> None:
        """Positions were corrected."""
        if self._model.current is not None:
            self._on_event(self._model.current)

    def stop(self) -> None:
        """Decode no more."""
        self._running.abandon()

    def _on_found(self) -> None:
        review, opened = self._model.review, self._model.opened
        if review is None or opened is None:
            self._running.abandon()
            self._row.hide()
            return
        poses = review.result.poses2d
        self._row.set_views(poses.views, keypoint_hex(poses.keypoints, opened.session.colours))

    def _on_event(self, event: Event | None) -> None:
        review, opened = self._model.review, self._model.opened
        self._running.abandon()
        if event is None or review is None or opened is None:
            self._row.hide()
            return
        marks = marks_of(review, opened.session, event, event.peak)
        self._row.show_cutouts(None)
        self._row.show()
        job = Job(partial(_decode, self._videos(), marks, event, event.peak))
        job.succeeded.connect(self._row.show_cutouts)
        job.failed.connect(self._on_failed)
        self._running.start(job)

    def _on_failed(self, message: str) -> None:
        event = self._model.current
        if event is not None:
            views = [each.view for each in self._row.thumbnails]
            self._row.show_cutouts(
                [Cutout(v, event.peak, None, (0, 0), (), v in event.views, message) for v in views]
            )

    def _videos(self) -> dict[str, FrameVideo]:
        return {
            layer.metadata["view"]: layer.data.video
            for layer in self._viewer.layers
            if layer.metadata.get(ROLE_KEY) == VIDEO and isinstance(layer.data, VideoLayerData)
        }


def _decode(
    videos: Mapping[str, FrameVideo],
    marks: Mapping[str, Sequence[PointMark]],
    event: Event,
    frame: int,
    _progress: Progress,
    cancelled: IsCancelled,
) -> list[Cutout]:
    is_wanted: Callable[[], bool] = lambda: not cancelled()  # noqa: E731
    found = cutouts(videos, marks, event, frame, is_wanted)
    if found is None:
        raise Cancelled
    return found
