"""Noticing that somebody else changed a file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from napari_pose3d.core.errors import PoseDataError


@dataclass(frozen=True)
class FileStamp:
    """What a file was like when it was read; ``size`` is -1 for one that was not there."""

    size: int
    time: int
    digest: str

    def is_current(self, path: Path) -> bool:
        """Whether the file still holds what it held then."""
        try:
            found = path.stat()
        except FileNotFoundError:
            return self.size < 0
        if (found.st_size, found.st_mtime_ns) == (self.size, self.time):
            return True
        # Copying and syncing programs change times without changing anything else.
        return found.st_size == self.size and _digest(path.read_bytes()) == self.digest


ABSENT = FileStamp(-1, 0, "")


def read_stamped(path: Path) -> tuple[bytes | None, FileStamp]:
    """The content of a file (None where there is none) and its stamp.

    Raises
    ------
    PoseDataError
        When it is there and cannot be read.
    """
    try:
        found = path.stat()
        content = path.read_bytes()
    except FileNotFoundError:
        return None, ABSENT
    except OSError as error:
        raise PoseDataError(f"cannot be read ({error.strerror or error})", file=path) from error
    return content, FileStamp(len(content), found.st_mtime_ns, _digest(content))


def stamp_of(path: Path, content: bytes) -> FileStamp:
    """The stamp of a file that was just written."""
    return FileStamp(len(content), path.stat().st_mtime_ns, _digest(content))


def _digest(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
