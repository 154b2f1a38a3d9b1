"""Frames of one video on demand: from the cache, or decoded at one of the video's cursors."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_pose3d.errors import PoseDataError

from ..index.frame_index import FrameIndex
from .cursor import Cursor, Emit, IsWanted, RequestDropped, SuspectGroup
from .damage import examine
from .decoder import Decoder, IndexMismatch
from .decoder_threads import DECODER_THREADS
from .image_cache import ImageCache
from .image_conversion import Array, CachedImage, ImageConverter
from .prefetch import Prefetcher

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

_KEPT_CURSORS = 2
_TRIES = 12
# Seconds without a new frame after which others no longer wait for the reading of a range.
_STALLED = 5.0


@dataclass(eq=False)
class _Range:
    """Frames that are being read in one go.

    Attributes
    ----------
    groups : (int, int)
        The keyframes' packets of its first and its last frame.
    last_step : float
        When its last frame came, in seconds of the monotonic clock.
    """

    groups: tuple[int, int]
    last_step: float


class Reader:
    """The images of one video. Thread-safe.

    One cursor serves single frames: it goes on from where it stands whenever that is the shorter
    way. Ranges of frames have cursors of their own, so that averaging a video does not move the
    place from which it plays.

    Parameters
    ----------
    path : path
    index : FrameIndex
    converter : ImageConverter
    cache : ImageCache
    lenient : bool
        See `Decoder`.
    unreadable : set of int
        Frames that are known to be missing.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        index: FrameIndex,
        converter: ImageConverter,
        cache: ImageCache,
        *,
        lenient: bool = False,
        unreadable: Set[int] = frozenset(),
    ) -> None:
        self._path, self.index, self.converter = Path(path), index, converter
        self._cache, self._lenient = cache, lenient
        self._lock = threading.Lock()
        self._conversion_lock = threading.Lock()
        self._state_lock = threading.Lock()
        self._ranges_changed = threading.Condition()
        self._ranges: list[_Range] = []
        self._n_waiting = 0
        self._cursor: Cursor | None = None
        self._spare: list[Cursor] = []
        self._closed = False
        self._key = object()
        self._examined: set[int] = set()
        self.unreadable = frozenset(unreadable)
        """Frames that cannot be read, as far as is known; replaced, never changed."""
        self._reported = self.unreadable
        self.on_damage: Callable[[], None] | None = None
        """Called by whoever was given a frame when there are more unreadable ones than before."""
        self.n_decoded = 0
        """Images that came out of the decoder for single frames so far."""
        cache.add_video(self._key)
        # Also when nobody closes the video. The collector may run this anywhere, even in a thread
        # that holds the cache's lock.
        weakref.finalize(self, cache.abandon_video, self._key)
        weakref.finalize(self, DECODER_THREADS.abandon, self._key)
        self._prefetcher = Prefetcher(self)

    # ---------------------------------------------------------------- what users ask for

    def frame(self, number: int, is_wanted: IsWanted | None = None) -> Array | None:
        """One frame; None when `is_wanted` returned False before it was decoded."""
        DECODER_THREADS.note_use(self._key)
        cached = None if number in self.unreadable else self._cache.get(self._key, number)
        if cached is None:
            try:
                with self._turn(is_wanted):
                    cached = self._cached(number, is_wanted)
            except RequestDropped:
                return None
        if cached is None:
            array = self.converter.placeholder()
        else:
            with self._conversion_lock:
                array = self.converter.to_array(cached)
        self._prefetcher.note_request(number)
        self._report_damage()
        return array

    def frames(self, numbers: Sequence[int]) -> Iterator[tuple[int, Array]]:
        """Many frames in ascending order, decoded in one go and not kept: ``(number, array)``.

        Others who read a part of the same group of images wait for the end, unless no frame is
        taken for some seconds.
        """
        if not numbers:
            return

        def keep_those_before(number: int, image: VideoFrame) -> None:
            # Somebody who reads the group from its end will ask for them next.
            if number < numbers[0]:
                self._keep(number, image)

        with self._borrowed_cursor(numbers) as (cursor, reading):
            for number in numbers:
                DECODER_THREADS.note_use(self._key)
                reading.last_step = time.monotonic()
                cached = self._cache.get(self._key, number)
                if cached is not None and number not in self.unreadable:
                    with self._conversion_lock:
                        array = self.converter.to_array(cached)
                else:
                    image = self._decoded(cursor, number, keep_those_before, None)
                    array = (
                        self.converter.placeholder()
                        if image is None
                        else self.converter.to_array(self.converter.to_cached(image))
                    )
                yield number, array
        self._report_damage()

    def close(self) -> None:
        """Give back the file, the threads and the memory; afterwards no frame can be read."""
        self._prefetcher.stop()
        with self._lock:
            self._closed = True
            cursors = [self._cursor] if self._cursor else []
            self._cursor = None
        with self._ranges_changed:
            cursors += self._spare
            self._spare = []
        for cursor in cursors:
            cursor.close()
        self._cache.drop_video(self._key)
        DECODER_THREADS.drop(self._key)

    # ---------------------------------------------------------------- for prefetching

    @property
    def closed(self) -> bool:
        return self._closed

    def room(self) -> int:
        """How many images of this video the cache can hold beside those of the other videos."""
        return self._cache.share() // max(1, self.converter.nbytes_cached)

    def is_cached(self, number: int) -> bool:
        """Whether a frame needs no decoding: it is in the cache, or unreadable."""
        return (self._key, number) in self._cache or number in self.unreadable

    def keep(self, number: int, image: VideoFrame) -> None:
        """Put an image into the cache."""
        if self.converter.fits(image) and number not in self.unreadable:
            self._cache.put(self._key, number, self.converter.to_cached(image))

    def prefetch(self, number: int, is_wanted: IsWanted) -> None:
        """Decode a frame into the cache; `RequestDropped` as soon as anybody waits for another."""
        with self._lock:
            self._cached(number, lambda: is_wanted() and not self._n_waiting)

    # ---------------------------------------------------------------- inside

    def _report_damage(self) -> None:
        # Not where it is found: nothing is locked here, so that the listener may do as it likes.
        with self._state_lock:
            is_new = self.unreadable is not self._reported
            self._reported = self.unreadable
        if is_new and self.on_damage is not None:
            self.on_damage()

    def _mark_unreadable(self, numbers: Set[int]) -> None:
        with self._state_lock:
            self.unreadable = self.unreadable | numbers

    @contextlib.contextmanager
    def _turn(self, is_wanted: IsWanted | None) -> Iterator[None]:
        with self._state_lock:
            self._n_waiting += 1
        try:
            while not self._lock.acquire(timeout=0.005 if is_wanted else -1):
                if is_wanted is not None and not is_wanted():
                    raise RequestDropped
        finally:
            with self._state_lock:
                self._n_waiting -= 1
        try:
            yield
        finally:
            self._lock.release()

    def _cached(self, number: int, is_wanted: IsWanted | None) -> CachedImage | None:
        """A frame for the cache; None where it is unreadable. Call it with the lock held."""
        if number in self.unreadable:
            return None
        cached = self._cache.get(self._key, number)
        if cached is not None:
            return cached
        self._cursor = self._ready(self._cursor, number)
        image = self._decoded(self._cursor, number, self._keep, is_wanted)
        if image is None:
            return None
        cached = self.converter.to_cached(image)
        self.n_decoded += 1
        self._cache.put(self._key, number, cached)
        return cached

    def _keep(self, number: int, image: VideoFrame) -> None:
        self.n_decoded += 1
        self.keep(number, image)

    def _decoded(
        self, cursor: Cursor, number: int, emit: Emit | None, is_wanted: IsWanted | None
    ) -> VideoFrame | None:
        try:
            return self._decoded_or_examined(cursor, number, emit, is_wanted)
        except IndexMismatch:
            raise PoseDataError(
                "what the file holds is not what its index says, or it was changed while it "
                "was open",
                file=self._path,
                todo="Open it again; if that does not help, copy it with 'ffmpeg -i FILE -c "
                "copy NEW.mkv'",
            ) from None

    def _decoded_or_examined(
        self, cursor: Cursor, number: int, emit: Emit | None, is_wanted: IsWanted | None
    ) -> VideoFrame | None:
        for _ in range(_TRIES):
            if number in self.unreadable:
                return None
            try:
                image = cursor.image(number, emit, is_wanted)
            except SuspectGroup as suspect:
                if suspect.entry not in self._examined:
                    self._examine(suspect.entry)
                    continue
                # All that can come out of this group is known, and the frame is not among it.
                break
            if self.converter.fits(image):
                return image
            self._mark_unreadable({number})
        self._mark_unreadable({number})
        return None

    def _examine(self, entry: int) -> None:
        found = examine(
            self._path, self.index, entry, lenient=self._lenient, keep=max(8, self.room() // 2)
        )
        for number, image in found.images.items():
            if self.converter.fits(image):
                self._cache.put(self._key, number, self.converter.to_cached(image))
        if self.index.key[entry]:
            self._mark_unreadable(found.unreadable)
            self._examined.add(entry)

    def _ready(self, cursor: Cursor | None, number: int) -> Cursor:
        """An open cursor with as many threads as this video may take at the moment."""
        if self._closed:
            raise PoseDataError("the video was closed", file=self._path, todo="Open it again")
        threads = DECODER_THREADS.share()
        if (
            cursor is not None
            and cursor.decoder.threads != threads
            and not cursor.continues(number)
        ):
            cursor.close()
            cursor = None
        if cursor is None:
            decoder = Decoder(self._path, self.index, threads, lenient=self._lenient)
            cursor = Cursor(decoder, self.index, self._examined)
        return cursor

    @contextlib.contextmanager
    def _borrowed_cursor(self, numbers: Sequence[int]) -> Iterator[tuple[Cursor, _Range]]:
        entry = self.index.entry
        reading = _Range((entry(numbers[0]), entry(numbers[-1])), time.monotonic())
        with self._ranges_changed:
            # Two parts of one group of images at the same time would be decoded twice. One after
            # the other, the second goes on where the first ends, or finds its images in the
            # cache where the first passed them on the way.
            self._ranges.append(reading)
            while self._must_wait(reading):
                self._ranges_changed.wait(_STALLED / 10)
            cursor = self._take_spare(numbers[0])
        is_whole = False
        try:
            reading.last_step = time.monotonic()
            with self._lock:
                cursor = self._ready(cursor, numbers[0])
            yield cursor, reading
            is_whole = True
        finally:
            with self._ranges_changed:
                self._ranges.remove(reading)
                self._ranges_changed.notify_all()
                # One that was left in the midst of a range is of no more use.
                if cursor is not None and is_whole:
                    self._spare.append(cursor)
                    cursor = self._spare.pop(0) if self._too_many_cursors() else None
            if cursor is not None:
                cursor.close()

    def _take_spare(self, number: int) -> Cursor | None:
        if not self._spare:
            return None
        spare = next((each for each in self._spare if each.continues(number)), self._spare[0])
        self._spare.remove(spare)
        return spare

    def _too_many_cursors(self) -> bool:
        return self._closed or len(self._spare) > _KEPT_CURSORS

    def _must_wait(self, reading: _Range) -> bool:
        """Whether somebody who came before is decoding a part of the same group of images."""
        begin, end = reading.groups
        now = time.monotonic()
        for other in tuple(self._ranges):
            if other is reading:
                return False
            overlaps = other.groups[0] <= end and begin <= other.groups[1]
            if overlaps and now - other.last_step < _STALLED:
                return True
        return False
