"""The decoded images of all open videos, bounded in bytes and fair between the videos."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

import psutil

from .image_conversion import CachedImage

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
        self._videos: dict[Hashable, OrderedDict[int, CachedImage]] = {}
        self._bytes: dict[Hashable, int] = {}
        self._total = 0
        self._abandoned: deque[Hashable] = deque()
        self.capacity = capacity

    @property
    def nbytes(self) -> int:
        """Bytes held by all videos."""
        with self._locked():
            return self._total

    def set_capacity(self, capacity: int) -> None:
        """Change the bound; what is too much is dropped at once."""
        with self._locked():
            self.capacity = capacity
            self._make_room()

    def share(self) -> int:
        """Bytes that a video can count on while all open videos are in use."""
        with self._locked():
            return self.capacity // max(1, len(self._videos))

    def add_video(self, video: Hashable) -> None:
        """Make room for the images of a video."""
        with self._locked():
            self._videos[video] = OrderedDict()
            self._bytes[video] = 0

    def drop_video(self, video: Hashable) -> None:
        """Forget a video and its images."""
        with self._locked():
            self._drop(video)

    def abandon_video(self, video: Hashable) -> None:
        """Have whoever uses the cache next forget a video; takes no lock, for finalizers.

        The garbage collector can run a finalizer in a thread that holds the lock.
        """
        self._abandoned.append(video)

    def get(self, video: Hashable, frame: int) -> CachedImage | None:
        """An image, which then counts as used last; None where there is none."""
        with self._locked():
            images = self._videos.get(video)
            if images is None or frame not in images:
                return None
            images.move_to_end(frame)
            return images[frame]

    def __contains__(self, key: tuple[Hashable, int]) -> bool:
        video, frame = key
        with self._locked():
            return frame in self._videos.get(video, ())

    def put(self, video: Hashable, frame: int, image: CachedImage) -> None:
        """Keep an image, unless the video was dropped."""
        with self._locked():
            images = self._videos.get(video)
            if images is None or image.nbytes > self.capacity:
                return
            if frame in images:
                images.move_to_end(frame)
                return
            images[frame] = image
            self._count(video, image.nbytes)
            self._make_room()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock:
            while self._abandoned:
                self._drop(self._abandoned.popleft())
            yield

    def _drop(self, video: Hashable) -> None:
        self._videos.pop(video, None)
        self._total -= self._bytes.pop(video, 0)

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
    """The cache of this process, at first of the `usual_capacity`."""
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = ImageCache(usual_capacity())
        return _shared


def usual_capacity() -> int:
    """One GiB or a quarter of the memory, whichever is smaller, in bytes."""
    return min(DEFAULT_BYTES, total_memory() // 4)


def total_memory() -> int:
    """Bytes of main memory."""
    return int(psutil.virtual_memory().total)
