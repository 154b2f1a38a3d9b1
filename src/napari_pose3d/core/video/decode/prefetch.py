"""Decoding what will probably be asked for next, while nobody waits."""

from __future__ import annotations

import threading
import weakref
from typing import Protocol

from napari_pose3d.errors import PoseDataError

from ..index.frame_index import FrameIndex
from .cursor import IsWanted, RequestDropped

_AHEAD = 8  # frames
_NEAR = 64  # frames; so near to the end of what is decoded, reading ahead begins
_LONGEST_STRIDE = 8  # frames; beyond it, somebody jumps rather than plays
_IDLE = 2.0  # seconds after which the thread ends
_LOOK_AGAIN = (-1, -1)


class Prefetchable(Protocol):
    """What the prefetcher needs of a reader."""

    index: FrameIndex

    @property
    def closed(self) -> bool: ...

    def room(self) -> int:
        """How many images the cache can hold."""

    def is_cached(self, number: int) -> bool:
        """Whether a frame need not be decoded."""

    def prefetch(self, number: int, is_wanted: IsWanted) -> None:
        """Decode a frame into the cache; `RequestDropped` as soon as anybody waits for another."""


class Prefetcher:
    """Watches which frames of a video are asked for and decodes on in the same direction.

    Forward, it stays a few frames ahead. Backward, it decodes the group of images before those
    that are decoded. It begins with the second step of equal length, works only while
    nobody waits for a frame, and stops when the direction changes.
    """

    def __init__(self, reader: Prefetchable) -> None:
        # Weak, so that a video that nobody holds any more is not kept open by its own helper.
        self._reader = weakref.ref(reader)
        self._changed = threading.Condition()
        self._plan: tuple[int, ...] = ()
        self._generation = 0
        self._running = False
        self._stopped = False
        self._last: int | None = None
        self._stride = 0

    def note_request(self, number: int) -> None:
        """Take note of a request; called after it was met."""
        with self._changed:
            stride = 0 if self._last is None else number - self._last
            steady = stride == self._stride and 0 < abs(stride) <= _LONGEST_STRIDE
            self._last = number
            if not stride or self._stopped:
                return
            self._stride = stride
            plan = self._next_frames(number, stride) if steady else ()
            if plan == self._plan:
                return
            if not steady:
                self._generation += 1
            self._plan = plan
            if plan and not self._running:
                self._running = True
                threading.Thread(
                    target=_work, args=(weakref.ref(self),), name="video prefetch", daemon=True
                ).start()
            self._changed.notify()

    def stop(self) -> None:
        """End the thread after the frame that it decodes."""
        with self._changed:
            self._stopped, self._plan = True, ()
            self._generation += 1
            self._changed.notify()

    def _next_frames(self, number: int, stride: int) -> tuple[int, ...]:
        reader = self._reader()
        if reader is None:
            return ()
        if stride > 0:
            count = min(_AHEAD, reader.room() // 4)
            stop = min(len(reader.index), number + stride * count + 1)
            return tuple(range(number + stride, stop, stride))
        # Backward: what is needed is decoded already down to some frame. When that is near, the
        # groups of images before it follow.
        index = reader.index
        low = number
        while low > 0 and number - low < _NEAR and reader.is_cached(low - 1):
            low -= 1
        if low == 0 or number - low >= _NEAR:
            return ()
        begin = max(0, int(index.frame_of[index.entry(max(0, low - _AHEAD))]))
        return tuple(range(begin, low)) if number - begin <= reader.room() else ()

    def _take(self) -> tuple[int, int] | None:
        """The next frame to decode and the generation of the plan; None: there is none."""
        with self._changed:
            reader = self._reader()
            for number in self._plan:
                if reader is not None and not reader.is_cached(number):
                    return number, self._generation
            self._plan = ()
            # Not held while waiting, or a video that nobody uses any more would live on.
            del reader
            if not self._stopped and self._changed.wait(_IDLE) and not self._stopped:
                return _LOOK_AGAIN
            self._running = False
            return None

    def _end(self) -> None:
        with self._changed:
            self._running, self._plan = False, ()

    def _decode(self, number: int, generation: int) -> None:
        reader = self._reader()
        if reader is None or reader.closed:
            return
        try:
            reader.prefetch(number, lambda: self._generation == generation)
        except RequestDropped:
            # Let the one who waits have the lock first.
            threading.Event().wait(0.0005)
        except (PoseDataError, OSError):
            # Whoever asks for the frame gets the error.
            with self._changed:
                self._plan = ()


def _work(mine: weakref.ref[Prefetcher]) -> None:
    while (prefetcher := mine()) is not None:
        task = prefetcher._take()
        if task is None:
            return
        failed = True
        try:
            if task != _LOOK_AGAIN:
                prefetcher._decode(*task)
            failed = False
        finally:
            # Whatever ends the thread, the next request can start another.
            if failed:
                prefetcher._end()
        del prefetcher
