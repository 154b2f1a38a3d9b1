"""Memory for the pictures that the cache keeps, several pictures to a block."""

from __future__ import annotations

import contextlib
import mmap
import threading

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

_BLOCK = 8 << 20
_WORTHWHILE = 1 << 17  # bytes; smaller pieces come from memory that is in use already
_ALIGNED = 64  # what the converters' fastest loops want


class Blocks:
    """Hands out memory, piece after piece from one block until it is used up. Thread-safe.

    A block is given back to the system when nobody holds a piece of it any more.

    Parameters
    ----------
    room : int
        Bytes that the cache may hold: blocks are a small part of it.
    """

    def __init__(self, room: int) -> None:
        self._lock = threading.Lock()
        self._room = room // 8
        self._size = min(_BLOCK, self._room)
        self._block: Bytes = np.empty(0, np.uint8)
        self._used = 0

    def suit(self, nbytes: int) -> bool:
        """Whether memory of this size is better taken from a block."""
        return _WORTHWHILE <= nbytes <= self._room

    def take(self, nbytes: int) -> tuple[Bytes, Bytes]:
        """Memory that is nobody else's, ``(nbytes,)``, and the block that it is a part of."""
        with self._lock:
            begin = self._used + -(self._block.ctypes.data + self._used) % _ALIGNED
            if begin + nbytes > self._block.nbytes:
                # Pictures of a film are of one size: no room is left over behind the last one.
                step = nbytes + -nbytes % _ALIGNED
                count = max(1, self._size // step)
                self._block = _fresh(count * step + _ALIGNED)
                begin = -self._block.ctypes.data % _ALIGNED
            self._used = begin + nbytes
            return self._block[begin : self._used], self._block


def _fresh(nbytes: int) -> Bytes:
    """Memory straight from the system, which gets it back as soon as it is let go.

    In huge pages, where there are any: in small ones, the first use of a large picture's memory
    costs more than a millisecond. So would the decoder's own buffers, were they kept.
    """
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return np.empty(nbytes, np.uint8)
    memory = mmap.mmap(-1, nbytes, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    # A system without huge pages says no, which does not matter.
    with contextlib.suppress(OSError):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, np.uint8)
