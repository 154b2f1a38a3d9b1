"""One time axis for all views: images are decoded beside the window, and appear together."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_pose3d.core.errors import PoseDataError

if TYPE_CHECKING:
    from napari_pose3d.core.video.session_video import SessionVideo
    from napari_pose3d.core.video.video_array import VideoArray

_LATE_MS = 250


@dataclass(frozen=True, eq=False)
class Image:
    """What a view has for a frame.

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
    are there; never for a frame that was superseded. `late` says that the images of the newest
    request are not there after a quarter of a second.
    """

    ready = Signal(int, object)
    late = Signal(int)
    _decoded = Signal(int, str, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._videos: dict[str, VideoArray | SessionVideo] = {}
        self._threads: dict[str, ThreadPoolExecutor] = {}
        # Of videos that are not seen any more; they may be in the middle of an image.
        self._retired: list[ThreadPoolExecutor] = []
        self._request = 0
        self._frame = -1
        self._waiting: set[str] = set()
        self._images: dict[str, Image] = {}
        self._decoded.connect(self._take)
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
        """Decode these from now on, those of the views that are seen; gives up what runs."""
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
            self._threads[view].submit(self._decode, self._request, view, video, frame)
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
        self, request: int, view: str, video: VideoArray | SessionVideo, frame: int
    ) -> None:
        """In the video's own thread."""
        if request != self._request:
            return
        # Of videos in session frames; others count as the session does.
        number = getattr(video, "image_of", lambda given: given)
        if frame >= len(video):
            found = Image(None, "the video has ended")
        elif number(frame) < 0:
            found = Image(None, "no image")
        else:
            try:
                data = video.frame(frame, lambda: request == self._request)
            except (PoseDataError, OSError, ValueError) as error:
                found = Image(None, f"cannot be read: {error}")
            else:
                if data is None:
                    return
                shifted = number(frame) != frame
                found = Image(data, note=f"video frame {number(frame):,}" if shifted else "")
        self._decoded.emit(request, view, found)

    def _take(self, request: int, view: str, image: Image) -> None:
        if request != self._request:
            return
        self._images[view] = image
        self._waiting.discard(view)
        if not self._waiting:
            self._finish()

    def _finish(self) -> None:
        self._timer.stop()
        self.ready.emit(self._frame, self._images)
