"""One time axis for all views: images are decoded in threads, and appear together."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from qtpy.QtCore import QObject, Qt, QTimer, Signal

from napari_pose3d.errors import PoseDataError

if TYPE_CHECKING:
    from napari_pose3d.core.video.session_video import SessionVideo
    from napari_pose3d.core.video.video_array import VideoArray

_LATE_MS = 250
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class FrameImage:
    """What a view shows of a frame.

    Attributes
    ----------
    data : (y, x[, 3]) array or None
        None where there is nothing to show.
    problem : str
        Why there is nothing, for the title of the view.
    note : str
        What is special about it, for the title: a shifted view counts its video's frames otherwise.
    """

    data: NDArray[Any] | None
    problem: str = ""
    note: str = ""


class FrameController(QObject):
    """Brings all videos to a frame.

    `ready` is emitted in the main thread with the frame and the images by view, when all of them
    are there; never for a frame that another request has replaced. `late` is emitted when they are
    not there after a quarter of a second. A frame that cannot be decoded, for whatever reason, is a
    `problem` of its view and a line in the log.
    """

    ready = Signal(int, object)
    late = Signal(int)
    _decoded = Signal(int, str, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._videos: dict[str, VideoArray | SessionVideo] = {}
        self._threads: dict[str, ThreadPoolExecutor] = {}
        # Of videos that are not shown any more; they may be in the middle of an image.
        self._retired: list[ThreadPoolExecutor] = []
        self._request = 0
        self._frame = -1
        self._waiting: set[str] = set()
        self._images: dict[str, FrameImage] = {}
        # Queued also where a future is done before its callback is added: that calls it at once.
        self._decoded.connect(self._take, Qt.ConnectionType.QueuedConnection)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_LATE_MS)
        self._timer.timeout.connect(lambda: self.late.emit(self._frame))

    @property
    def is_waiting(self) -> bool:
        """Whether images of the newest request are still missing."""
        return bool(self._waiting)

    @property
    def frame(self) -> int:
        """The newest request."""
        return self._frame

    def set_videos(self, videos: Mapping[str, VideoArray | SessionVideo]) -> None:
        """Decode these from now on, those of the views that are shown; gives up what runs."""
        self._give_up()
        for view in set(self._threads) - set(videos):
            thread = self._threads.pop(view)
            thread.shutdown(wait=False, cancel_futures=True)
            self._retired.append(thread)
        self._videos = dict(videos)
        for view in videos:
            if view not in self._threads:
                self._threads[view] = ThreadPoolExecutor(1, thread_name_prefix=f"video {view}")

    def request(self, frame: int) -> None:
        """Show a frame; requests that came before and are not done are given up."""
        self._request += 1
        self._frame = frame
        self._images = {}
        self._waiting = set(self._videos)
        for view, video in self._videos.items():
            future = self._threads[view].submit(self._decode, self._request, video, frame)
            future.add_done_callback(partial(self._on_decoded, self._request, view, frame))
        if self._waiting:
            self._timer.start()
        else:
            self._finish()

    def close(self) -> None:
        """Give up what runs, and end the threads."""
        self._give_up()
        for thread in (*self._threads.values(), *self._retired):
            thread.shutdown(wait=True, cancel_futures=True)
        self._threads.clear()
        self._retired.clear()
        self._videos.clear()

    def _give_up(self) -> None:
        self._request += 1
        self._timer.stop()
        self._waiting = set()

    def _decode(
        self, request: int, video: VideoArray | SessionVideo, frame: int
    ) -> FrameImage | None:
        """In the video's own thread; None when another frame is wanted by now."""
        if request != self._request:
            return None
        # Of videos in session frames; others count as the session does.
        number = getattr(video, "image_of", lambda given: given)
        if frame >= len(video):
            return FrameImage(None, "the video has ended")
        if number(frame) < 0:
            return FrameImage(None, "no image")
        data = video.frame(frame, lambda: request == self._request)
        if data is None:
            return None
        shifted = number(frame) != frame
        return FrameImage(data, note=f"video frame {number(frame):,}" if shifted else "")

    def _on_decoded(
        self, request: int, view: str, frame: int, future: Future[FrameImage | None]
    ) -> None:
        """In the video's own thread: whatever ended the decoding, the view shows it."""
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            image = future.result()
        else:
            known = isinstance(error, PoseDataError | OSError)
            _LOG.error(
                "Frame %d of view %s cannot be shown: %s",
                frame,
                view,
                error,
                exc_info=None if known else error,
            )
            image = FrameImage(None, f"cannot be read: {str(error) or type(error).__name__}")
        if image is not None:
            self._decoded.emit(request, view, image)

    def _take(self, request: int, view: str, image: FrameImage) -> None:
        if request != self._request:
            return
        self._images[view] = image
        self._waiting.discard(view)
        if not self._waiting:
            self._finish()

    def _finish(self) -> None:
        self._timer.stop()
        self.ready.emit(self._frame, self._images)
