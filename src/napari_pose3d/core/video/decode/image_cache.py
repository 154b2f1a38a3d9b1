"""The decoded pictures of all open films, bounded in bytes and fair between the films."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

from .image_conversion import Stored
from .memory import total_memory

DEFAULT_BYTES = 1 << 30


class PictureCache:
    """Keeps the pictures used last, and takes room from the film that holds most of it.

    So a film that plays for long cannot push out the pictures of the five beside it. Thread-safe.

    Parameters
    ----------
    capacity : int
        Bytes.
    """

    def __init__(self, capacity: int) -> None:
        self._lock = threading.Lock()
        self._films: dict[Hashable, OrderedDict[int, Stored]] = {}
        self._bytes: dict[Hashable, int] = {}
        self._total = 0
        self.capacity = capacity

    @property
    def nbytes(self) -> int:
        """Bytes held by all films."""
        return self._total

    def set_capacity(self, capacity: int) -> None:
        """Change the bound; what is too much is dropped at once."""
        with self._lock:
            self.capacity = capacity
            self._make_room()

    def share(self) -> int:
        """Bytes that a film can count on while all open films are in use."""
        return self.capacity // max(1, len(self._films))

    def add_film(self, film: Hashable) -> None:
        with self._lock:
            self._films[film] = OrderedDict()
            self._bytes[film] = 0

    def drop_film(self, film: Hashable) -> None:
        with self._lock:
            self._films.pop(film, None)
            self._total -= self._bytes.pop(film, 0)

    def get(self, film: Hashable, frame: int) -> Stored | None:
        with self._lock:
            pictures = self._films.get(film)
            if pictures is None or frame not in pictures:
                return None
            pictures.move_to_end(frame)
            return pictures[frame]

    def __contains__(self, key: tuple[Hashable, int]) -> bool:
        film, frame = key
        return frame in self._films.get(film, ())

    def put(self, film: Hashable, frame: int, picture: Stored) -> None:
        with self._lock:
            pictures = self._films.get(film)
            if pictures is None or picture.nbytes > self.capacity:
                return
            if frame in pictures:
                pictures.move_to_end(frame)
                return
            pictures[frame] = picture
            self._count(film, picture.nbytes)
            self._make_room()

    def _make_room(self) -> None:
        while self._total > self.capacity:
            film = max(self._bytes, key=self._bytes.__getitem__)
            _, dropped = self._films[film].popitem(last=False)
            self._count(film, -dropped.nbytes)

    def _count(self, film: Hashable, nbytes: int) -> None:
        self._bytes[film] += nbytes
        self._total += nbytes


_shared: PictureCache | None = None
_shared_lock = threading.Lock()


def shared_cache() -> PictureCache:
    """The cache of this process: one GiB or a quarter of the memory, whichever is smaller."""
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = PictureCache(min(DEFAULT_BYTES, total_memory() // 4))
        return _shared
