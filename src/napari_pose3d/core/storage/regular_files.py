"""Regular files: opened as nothing else, flushed to the disk, distinguished by their stamps."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

Stamp = tuple[int, int]
"""Size in bytes and time of the last change in ns."""


def open_regular(path: Path, flags: int, mode: int = 0o666) -> int:
    """Open a file that must not be a link, a device or a pipe; gives its descriptor.

    Raises
    ------
    OSError
        Also where it is none of the regular files.
    """
    # A pipe without writer would block; Windows has neither flag.
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    flags |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, mode)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return descriptor


def is_regular(path: Path) -> bool:
    """Whether a path is a regular file, and no link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def size_and_time(path: Path) -> Stamp | None:
    """Size and time of a file; None where there is none."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns


def flush(descriptor: int) -> None:
    """Wait until a file is on the disk."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems do not offer it; the rename is still atomic there.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise


def flush_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    if os.name != "posix":
        return  # only POSIX lets a folder be opened
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        flush(descriptor)
    finally:
        os.close(descriptor)


def read_all(descriptor: int, size: int) -> bytes:
    """So many bytes of an open file, or what there is."""
    parts = []
    while size > 0 and (part := os.read(descriptor, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of it; a disk that is almost full takes a part of it without an error.

    Raises
    ------
    OSError
        When there is no room for the rest; a part of it may stand in the file then.
    """
    rest = memoryview(content)
    while rest:
        written = os.write(descriptor, rest)
        if not written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rest = rest[written:]


def is_same(path: Path, descriptor: int) -> bool:
    """Whether a path still leads to an open file."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def remove_regular(path: Path) -> None:
    """Remove a regular file; anything else stays."""
    if is_regular(path):
        path.unlink()
