"""Frames of one video on demand: from the cache, or decoded on one of the video's lanes."""

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

from napari_pose3d.core.errors import PoseDataError

from ..index.frame_index import FrameIndex
from .cursor import Emit, Lane, Superseded, Trouble, Wanted
from .damage import examine
from .decoder import Decoder, IndexMismatch
from .image_cache import ImageCache
from .image_conversion import Array, ImageMaker, Stored
from .prefetch import ReadAhead

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

_MOST_THREADS = 8
# A video that was not asked for a frame for so long (seconds) leaves its cores to the others.
_IDLE = 3.0
_KEPT_LANES = 2
_TRIES = 12
_in_use: weakref.WeakSet[Reader] = weakref.WeakSet()


@dataclass(eq=False)
class _Stretch:
    """Many frames that are being read: the keyframes of its first and its last one."""

    groups: tuple[int, int]


class Reader:
    """The images of one video. Thread-safe.

    There is one lane for single frames, which goes on from where it stands whenever that is the
    shorter way, and others for long stretches, which are made when needed: so that somebody who
    averages the whole video does not move the place from which it plays.

    Parameters
    ----------
    path : path
    index : FrameIndex
    maker : ImageMaker
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
        maker: ImageMaker,
        cache: ImageCache,
        *,
        lenient: bool = False,
        unreadable: Set[int] = frozenset(),
    ) -> None:
        self._path, self.index, self.maker = Path(path), index, maker
        self._cache, self._lenient = cache, lenient
        self._lock = threading.Lock()
        self._show_lock = threading.Lock()
        self._state_lock = threading.Lock()
        self._lanes_changed = threading.Condition()
        self._stretches: list[_Stretch] = []
        self._n_waiting = 0
        self._lane: Lane | None = None
        self._spare: list[Lane] = []
        self._closed = False
        self._key = object()
        self._examined: set[int] = set()
        self.unreadable = frozenset(unreadable)
        """Frames that cannot be read, as far as is known; replaced, never changed."""
        self._told = self.unreadable
        self.on_damage: Callable[[], None] | None = None
        """Called by whoever was given a frame when there are more unreadable ones than before."""
        self._last_use = 0.0
        self.n_decoded = 0
        """Images that came out of the decoder for single frames so far."""
        cache.add_video(self._key)
        # Also when nobody closes the video.
        weakref.finalize(self, cache.drop_video, self._key)
        self._ahead = ReadAhead(self)
        _in_use.add(self)

    # ---------------------------------------------------------------- what users ask for

    def frame(self, number: int, wanted: Wanted | None = None) -> Array | None:
        """One frame; None when `wanted` said no before it was there."""
        self._last_use = time.monotonic()
        stored = None if number in self.unreadable else self._cache.get(self._key, number)
        if stored is None:
            try:
                with self._turn(wanted):
                    stored = self._stored(number, wanted)
            except Superseded:
                return None
        if stored is None:
            array = self.maker.hatched()
        else:
            with self._show_lock:
                array = self.maker.show(stored)
        self._ahead.asked_for(number)
        self._tell_damage()
        return array

    def frames(self, numbers: Sequence[int]) -> Iterator[tuple[int, Array]]:
        """Many frames in ascending order, decoded in one go and not kept: ``(number, array)``.

        Whoever begins must go on to the end: others wait for it.
        """
        if not numbers:
            return

        def keep_those_before(number: int, image: VideoFrame) -> None:
            # Somebody who reads the group from its end will ask for them next.
            if number < numbers[0]:
                self._keep(number, image)

        with self._borrowed_lane(numbers) as lane:
            for number in numbers:
                self._last_use = time.monotonic()
                stored = self._cache.get(self._key, number)
                if stored is not None and number not in self.unreadable:
                    with self._show_lock:
                        array = self.maker.show(stored)
                else:
                    image = self._decoded(lane, number, keep_those_before, None)
                    array = (
                        self.maker.hatched()
                        if image is None
                        else self.maker.show(self.maker.store(image))
                    )
                yield number, array
        self._tell_damage()

    def close(self) -> None:
        """Give back the file, the threads and the memory; afterwards no frame can be read."""
        self._ahead.stop()
        with self._lock:
            self._closed = True
            lanes = [self._lane] if self._lane else []
            self._lane = None
        with self._lanes_changed:
            lanes += self._spare
            self._spare = []
        for lane in lanes:
            lane.close()
        self._cache.drop_video(self._key)
        _in_use.discard(self)

    # ---------------------------------------------------------------- for reading ahead

    @property
    def somebody_waits(self) -> bool:
        return self._n_waiting > 0

    @property
    def closed(self) -> bool:
        return self._closed

    def room(self) -> int:
        """How many images of this video the cache can hold beside those of the other videos."""
        nbytes = self.maker.nbytes_stored
        return self._cache.share() // max(1, nbytes)

    def is_cached(self, number: int) -> bool:
        return (self._key, number) in self._cache or number in self.unreadable

    def keep(self, number: int, image: VideoFrame) -> None:
        """Put an image into the cache."""
        if self.maker.fits(image) and number not in self.unreadable:
            self._cache.put(self._key, number, self.maker.store(image))

    def prefetch(self, number: int, wanted: Wanted) -> None:
        """Decode a frame into the cache; `Superseded` as soon as anybody waits for another."""
        with self._lock:
            self._stored(number, lambda: wanted() and not self.somebody_waits)

    # ---------------------------------------------------------------- inside

    def _tell_damage(self) -> None:
        # Not where it is found: nothing is locked here, so that the listener may do as it likes.
        if self.unreadable is not self._told:
            self._told = self.unreadable
            if self.on_damage is not None:
                self.on_damage()

    @contextlib.contextmanager
    def _turn(self, wanted: Wanted | None) -> Iterator[None]:
        with self._state_lock:
            self._n_waiting += 1
        try:
            while not self._lock.acquire(timeout=0.005 if wanted else -1):
                if wanted is not None and not wanted():
                    raise Superseded
        finally:
            with self._state_lock:
                self._n_waiting -= 1
        try:
            yield
        finally:
            self._lock.release()

    def _stored(self, number: int, wanted: Wanted | None) -> Stored | None:
        """A frame for the cache; None where it is unreadable. Call it with the lock held."""
        if number in self.unreadable:
            return None
        stored = self._cache.get(self._key, number)
        if stored is not None:
            return stored
        self._lane = self._ready(self._lane, number)
        image = self._decoded(self._lane, number, self._keep, wanted)
        if image is None:
            return None
        stored = self.maker.store(image)
        self.n_decoded += 1
        self._cache.put(self._key, number, stored)
        return stored

    def _keep(self, number: int, image: VideoFrame) -> None:
        self.n_decoded += 1
        self.keep(number, image)

    def _decoded(
        self, lane: Lane, number: int, emit: Emit | None, wanted: Wanted | None
    ) -> VideoFrame | None:
        for _ in range(_TRIES):
            if number in self.unreadable:
                return None
            try:
                image = lane.image(number, emit, wanted)
            except Trouble as trouble:
                if trouble.entry not in self._examined:
                    self._examine(trouble.entry)
                    continue
                # All that can come out of this group is known, and the frame is not among it.
                break
            except IndexMismatch:
                raise PoseDataError(
                    "what the file holds is not what its index says, or it was changed while it "
                    "was open",
                    file=self._path,
                    todo="Open it again; if that does not help, copy it with 'ffmpeg -i FILE -c "
                    "copy NEW.mkv'",
                ) from None
            if self.maker.fits(image):
                return image
            self.unreadable = self.unreadable | {number}
        self.unreadable = self.unreadable | {number}
        return None

    def _examine(self, entry: int) -> None:
        found = examine(
            self._path, self.index, entry, lenient=self._lenient, keep=max(8, self.room() // 2)
        )
        for number, image in found.images.items():
            if self.maker.fits(image):
                self._cache.put(self._key, number, self.maker.store(image))
        if self.index.key[entry]:
            self.unreadable = self.unreadable | found.unreadable
            self._examined.add(entry)

    def _ready(self, lane: Lane | None, number: int) -> Lane:
        """An open lane with as many threads as this video may take at the moment."""
        if self._closed:
            raise PoseDataError("the video was closed", file=self._path, todo="Open it again")
        threads = _threads_now()
        if lane is not None and lane.decoder.threads != threads and not lane.continues(number):
            lane.close()
            lane = None
        if lane is None:
            decoder = Decoder(self._path, self.index, threads, lenient=self._lenient)
            lane = Lane(decoder, self.index, self._examined)
        return lane

    @contextlib.contextmanager
    def _borrowed_lane(self, numbers: Sequence[int]) -> Iterator[Lane]:
        entry = self.index.entry
        stretch = _Stretch((entry(numbers[0]), entry(numbers[-1])))
        with self._lanes_changed:
            # Two parts of one group of images at the same time would be decoded twice. One after
            # the other, the second goes on where the first ends, or finds its images in the
            # cache where the first passed them on the way.
            self._stretches.append(stretch)
            while self._must_wait(stretch):
                self._lanes_changed.wait()
            lane = self._take_spare(numbers[0])
        whole = False
        try:
            with self._lock:
                lane = self._ready(lane, numbers[0])
            yield lane
            whole = True
        finally:
            with self._lanes_changed:
                self._stretches.remove(stretch)
                self._lanes_changed.notify_all()
                # One that was left in the midst of a stretch is of no more use.
                if lane is not None and whole:
                    self._spare.append(lane)
                    lane = self._spare.pop(0) if self._too_many_lanes() else None
            if lane is not None:
                lane.close()

    def _take_spare(self, number: int) -> Lane | None:
        if not self._spare:
            return None
        spare = next((each for each in self._spare if each.continues(number)), self._spare[0])
        self._spare.remove(spare)
        return spare

    def _too_many_lanes(self) -> bool:
        return self._closed or len(self._spare) > _KEPT_LANES

    def _must_wait(self, stretch: _Stretch) -> bool:
        """Whether somebody who came before is decoding a part of the same group of images."""
        begin, end = stretch.groups
        for other in self._stretches:
            if other is stretch:
                return False
            if other.groups[0] <= end and begin <= other.groups[1]:
                return True
        return False


def _threads_now() -> int:
    """The cores divided among the videos in use: more threads than cores only get in the way."""
    now = time.monotonic()
    videos = sum(now - reader._last_use < _IDLE for reader in list(_in_use))
    return max(1, min(_MOST_THREADS, cores() // max(1, videos)))


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
