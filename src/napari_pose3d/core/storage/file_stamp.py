"""Noticing that somebody else changed a file."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, replace
from pathlib import Path

from .input_files import check_regular, read_bytes

# Some file systems keep times to two seconds, and two writers may fall into one.
_SETTLED_NS = 3_000_000_000


@dataclass(frozen=True)
class FileStamp:
    """What a file was like when it was read.

    Attributes
    ----------
    size : int
        In bytes; -1 for one that was not there.
    time : int
        Of the last change, ns.
    digest : str
        Of the content.
    is_settled : bool
        Whether the last change was so long ago that another would show in the time.
    """

    size: int
    time: int
    digest: str
    is_settled: bool = False

    def is_current(self, path: Path) -> bool:
        """Whether the file still holds what it held then.

        Raises
        ------
        PoseDataError
            When something is there that cannot be read.
        """
        try:
            found = path.stat()
        except FileNotFoundError:
            return self.size < 0
        except OSError:
            found = None
        if found is not None:
            if found.st_size != self.size:
                return False
            if self.is_settled and found.st_mtime_ns == self.time:
                return True
        # Copying and syncing programs change times without changing anything else.
        return _digest(read_bytes(path)) == self.digest


ABSENT = FileStamp(-1, 0, "")


def read_stamped(path: Path) -> tuple[bytes | None, FileStamp]:
    """The content of a file (None where there is none) and its stamp.

    Raises
    ------
    PoseDataError
        When it is there and cannot be read.
    """
    try:
        if not path.is_symlink() and not path.exists():
            return None, ABSENT
        found = path.stat()
    except (OSError, ValueError):
        check_regular(path)
        raise
    content = read_bytes(path)
    return content, _stamp(found.st_mtime_ns, content)


def stamp_of(path: Path, content: bytes) -> FileStamp:
    """The stamp of a file that was just written, whatever became of it since."""
    try:
        modified = path.stat().st_mtime_ns
    except OSError:
        modified = 0
    return replace(_stamp(modified, content), is_settled=False)


def _stamp(modified: int, content: bytes) -> FileStamp:
    settled = abs(time.time_ns() - modified) > _SETTLED_NS
    return FileStamp(len(content), modified, _digest(content), settled)


def _digest(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
