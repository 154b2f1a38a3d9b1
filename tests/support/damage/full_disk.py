"""A disk that is full for a while."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

# What may need room. A file object of Python's own does not write by these.
NEEDS_ROOM = ("write", "fsync", "replace", "rename", "link", "mkdir", "ftruncate")
ALL_CALLS = (*NEEDS_ROOM, "unlink", "rmdir")


@contextmanager
def full_disk(first: int, last: int | None, calls: tuple[str, ...] = NEEDS_ROOM) -> Iterator[None]:
    """Let calls that change the disk fail.

    Parameters
    ----------
    first, last : int
        Numbers of the calls that fail, from 1 on, both included; None for no end. The first write
        that fails writes a half of it before.
    calls : tuple of str
        Names in `os`.
    """
    taken = 0

    def failing(name: str, function: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **named: object) -> object:
            nonlocal taken
            taken += 1
            if taken < first or (last is not None and taken > last):
                return function(*args, **named)
            if name == "write" and taken == first and len(args[1]) > 1:  # type: ignore[arg-type]
                return function(args[0], bytes(args[1])[: len(args[1]) // 2])  # type: ignore[call-overload, arg-type]
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        return call

    with patch.multiple(os, **{name: failing(name, getattr(os, name)) for name in calls}):
        yield
