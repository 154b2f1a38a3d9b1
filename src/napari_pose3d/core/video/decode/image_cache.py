"""The decoded images of all open videos, bounded in bytes and fair between the videos."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

from .image_conversion import Stored
from .memory import total_memory

DEFAULT_BYTES = 1 << 30


class ImageCache:
    """Keeps the images used last, and takes room from the video that holds most of it.

    So a video that plays for long cannot push out the images of the five beside it. Thread-safe.

    Parameters
    ----------
    capacity : int
        Bytes.
    """

    def __init__(self, capacity: int) -> None:
        self._lock = threading.Lock()
        self._videos: dict[Hashable, OrderedDict[int, Stored]] = {}
        self._bytes: dict[Hashable, int] = {}
        self._total = 0
        self.capacity = capacity

    @property
    def nbytes(self) -> int:
        """Bytes held by all videos."""
        return self._total

    def set_capacity(self, capacity: int) -> None:
        """Change the bound; what is too much is dropped at once."""
        with self._lock:
            self.capacity = capacity
            self._make_room()

    def share(self) -> int:
        """Bytes that a video can count on while all open videos are in use."""
        return self.capacity // max(1, len(self._videos))

    def add_video(self, video: Hashable) -> None:
        with self._lock:
            self._videos[video] = OrderedDict()
            self._bytes[video] = 0

    def drop_video(self, video: Hashable) -> None:
        with self._lock:
            self._videos.pop(video, None)
            self._total -= self._bytes.pop(video, 0)

    def get(self, video: Hashable, frame: int) -> Stored | None:
        with self._lock:
            images = self._videos.get(video)
            if images is None or frame not in images:
                return None
            images.move_to_end(frame)
            return images[frame]

    def __contains__(self, key: tuple[Hashable, int]) -> bool:
        video, frame = key
        return frame in self._videos.get(video, ())

    def put(self, video: Hashable, frame: int, image: Stored) -> None:
        with self._lock:
            images = self._videos.get(video)
            if images is None or image.nbytes > self.capacity:
                return
            if frame in images:
                images.move_to_end(frame)
                return
            images[frame] = image
            self._count(video, image.nbytes)
            self._make_room()

    def _make_room(self) -> None:
        while self._total > self.capacity:
            video = max(self._bytes, key=self._bytes.__getitem__)
            _, dropped = self._videos[video].popitem(last=False)
            self._count(video, -dropped.nbytes)

    def _count(self, video: Hashable, nbytes: int) -> None:
        self._bytes[video] += nbytes
        self._total += nbytes


_shared: ImageCache | None = None
_shared_lock = threading.Lock()


def shared_cache() -> ImageCache:
    """The cache of this process: one GiB or a quarter of the memory, whichever is smaller."""
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = ImageCache(min(DEFAULT_BYTES, total_memory() // 4))
        return _shared
