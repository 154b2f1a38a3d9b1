"""How many threads each open video may decode with."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Hashable

_MOST_THREADS = 8
# A video that was not asked for a frame for so long (seconds) leaves its cores to the others.
_IDLE = 3.0


class DecoderThreads:
    """Divides the cores among the videos in use: more threads than cores get in each other's way.

    Thread-safe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_use: dict[Hashable, float] = {}
        self._abandoned: deque[Hashable] = deque()

    def note_use(self, video: Hashable) -> None:
        """A video was asked for a frame."""
        with self._lock:
            self._last_use[video] = time.monotonic()

    def drop(self, video: Hashable) -> None:
        """A video was closed."""
        with self._lock:
            self._last_use.pop(video, None)

    def abandon(self, video: Hashable) -> None:
        """As `drop`, without taking the lock, for finalizers."""
        self._abandoned.append(video)

    def share(self) -> int:
        """Threads for one of the videos in use."""
        now = time.monotonic()
        with self._lock:
            while self._abandoned:
                self._last_use.pop(self._abandoned.popleft(), None)
            n_videos = sum(now - last < _IDLE for last in self._last_use.values())
        return max(1, min(_MOST_THREADS, cores() // max(1, n_videos)))


DECODER_THREADS = DecoderThreads()
"""Those of this process."""


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
