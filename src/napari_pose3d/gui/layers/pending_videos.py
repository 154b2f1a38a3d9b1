"""Videos whose frames are still being looked for: their layers show the first image meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Layer
from napari.utils.notifications import show_error
from qtpy.QtCore import QObject

from .layer_styles import ROLE_KEY
from .video_layers import VIDEO, video_layer, warn_of_videos

if TYPE_CHECKING:
    from napari_pose3d.core.video.reader_factory import FirstImage
    from napari_pose3d.core.video.video_array import VideoArray
    from napari_pose3d.gui.qt.jobs import Job

# Nobody else holds them while they wait.
_WAITING: set[PendingVideo] = set()


class PendingVideo(QObject):
    """Gives a layer its video when the video is open.

    The layer's name shows how far the work is; removing the layer stops it. When it fails, an error
    is shown and the layer stays as it is.

    Parameters
    ----------
    viewer : napari viewer
    path : Path
    first : FirstImage
        What the layer shows until then.
    job : Job
        It opens the video and may be at work already.
    """

    def __init__(self, viewer: Any, path: Path, first: FirstImage, job: Job) -> None:
        super().__init__()
        self._viewer, self._path, self._first, self._job = viewer, path, first, job
        self._video: VideoArray | None = None
        self._name = ""
        _WAITING.add(self)
        job.progressed.connect(self._show_progress)
        job.succeeded.connect(self._take)
        job.failed.connect(self._fail)
        job.stopped.connect(self._end)
        viewer.layers.events.inserted.connect(self._fill)
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def _layer(self) -> Any | None:
        """The layer that waits; None before napari has made it."""
        return next((each for each in self._viewer.layers if self._is_mine(each)), None)

    def _is_mine(self, layer: Any) -> bool:
        if layer.metadata.get(ROLE_KEY) != VIDEO or not isinstance(layer.data, np.ndarray):
            return False
        return np.may_share_memory(layer.data, self._first.array)

    def _show_progress(self, _: str, done: int, total: int) -> None:
        self._rename(f"looking for its frames, {100 * done // max(total, 1)} %")

    def _take(self, video: VideoArray) -> None:
        self._video = video
        self._fill()

    def _fill(self, _: Any = None) -> None:
        layer, video = self._layer, self._video
        if layer is None or video is None:
            return
        self._end()
        self._rename("")
        session, view = layer.metadata["session"], layer.metadata["view"]
        data, attributes, kind = video_layer(self._path, session, view, video)
        warn_of_videos([(self._path, session, view, video)], self._viewer.layers)
        layer.metadata.update(attributes["metadata"])
        if layer.rgb == attributes["rgb"]:
            layer.data = data
            return
        # The video begins without colour and has some later on, to which a layer cannot change.
        attributes |= {"translate": layer.translate, "metadata": layer.metadata}
        new = Layer.create(data, attributes, kind)
        self._viewer.add_layer(new)
        self._viewer.layers.remove(layer)
        new.name = layer.name

    def _fail(self, message: str) -> None:
        self._rename("first image only")
        self._end()
        show_error(message)

    def _on_removed(self, event: Any) -> None:
        if self._is_mine(event.value):
            self._job.abandon()
            self._end()

    def _end(self) -> None:
        self._viewer.layers.events.inserted.disconnect(self._fill)
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        _WAITING.discard(self)

    def _rename(self, state: str) -> None:
        """Add a state to the layer's name, unless the user has renamed it."""
        layer = self._layer
        if layer is None:
            return
        if not self._name:
            self._name = layer.name
        if layer.name.startswith(self._name):
            layer.name = f"{self._name} ({state})" if state else self._name
