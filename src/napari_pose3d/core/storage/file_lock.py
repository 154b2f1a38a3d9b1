"""Locks that end with the process that holds them.

Notes
-----
The system's own locks are used (``flock``; ``LockFileEx`` on Windows): they vanish with the
process, however it ends. Some network file systems have none. There the holder writes who it is
(host, process, when that began) into a file, and another process takes over when the holder is
gone: at once on the same host, after `FOREIGN_SECONDS` where it ran on another.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import socket
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import ClassVar

from napari_pose3d.errors import PoseDataError

from .regular_files import open_regular

FOREIGN_SECONDS = 600.0
"""How long a holder on another host may be silent before its lock is taken over."""

_PAUSE = 0.01  # s between two tries
_WRITING_SECONDS = 10.0  # within this time a holder has written who it is

if sys.platform == "win32":
    import msvcrt

    # Far behind the end, so that the text can be read by others.
    _LOCK_AT = 1 << 30

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _LOCK_AT, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


_HELD_BY_ANOTHER = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}


def try_lock(descriptor: int) -> bool | None:
    """Take the lock of an open file; it ends when the file is closed.

    Returns
    -------
    bool or None
        False where another holds it, None where the file system has no locks.
    """
    try:
        _lock(descriptor)
    except OSError as error:
        return False if error.errno in _HELD_BY_ANOTHER else None
    return True


def owner_text() -> str:
    """This process, as one line of JSON."""
    pid = os.getpid()
    return json.dumps({"host": socket.gethostname(), "pid": pid, "began": _began(pid)})


def owner_lives(text: str, modified: float, *, foreign_seconds: float = FOREIGN_SECONDS) -> bool:
    """Whether the process that wrote `owner_text` may still be there.

    Parameters
    ----------
    text : str
        What it wrote; damaged text is of a process that is gone, once it had time to write it.
    modified : float
        When, s since 1970.
    foreign_seconds : float
        How long a process on another host may be silent.
    """
    age = time.time() - modified
    try:
        owner = json.loads(text)
        host, pid, began = owner["host"], int(owner["pid"]), owner["began"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return age < _WRITING_SECONDS
    if host != socket.gethostname() or sys.platform == "win32":
        return age < foreign_seconds
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError, ValueError):
        return False
    except PermissionError:
        return True
    return _began(pid) == began


def _began(pid: int) -> str:
    """When a process began, where the system tells: numbers of processes are used again."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return fields[19] if len(fields) > 19 else ""


class FileLock:
    """One process, and one thread of it, at a time; may be taken again by who holds it.

    Parameters
    ----------
    path : Path
        The file that is locked. It is made where it is missing, and stays.
    seconds : float
        How long to wait for another holder.

    Attributes
    ----------
    has_system_locks : bool
        False after a lock was taken on a file system without locks.
    """

    _all: ClassVar[dict[str, _Held]] = {}
    _all_lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, path: Path, *, seconds: float = 30.0) -> None:
        self.path, self._seconds = path, seconds
        self.has_system_locks = True
        with FileLock._all_lock:
            self._held = FileLock._all.setdefault(os.path.realpath(path), _Held())

    def __enter__(self) -> FileLock:
        until = time.monotonic() + self._seconds
        held = self._held
        if not held.thread.acquire(timeout=self._seconds):
            raise self._busy()
        with contextlib.ExitStack() as undo:
            undo.callback(held.thread.release)
            try:
                if not held.depth:
                    self._take(until)
            except OSError as error:
                raise PoseDataError(
                    f"cannot be written ({error.strerror or error})",
                    file=self.path,
                    todo="Ask for the right to write there",
                ) from error
            held.depth += 1
            undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        held = self._held
        held.depth -= 1
        if not held.depth:
            if held.owner_file is not None:
                # One that stays holds nobody up once this process is gone.
                with contextlib.suppress(OSError):
                    held.owner_file.unlink(missing_ok=True)
                held.owner_file = None
            if held.descriptor is not None:
                os.close(held.descriptor)
                held.descriptor = None
        held.thread.release()

    def _take(self, until: float) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = open_regular(self.path, os.O_RDWR | os.O_CREAT)
        with contextlib.ExitStack() as undo:
            undo.callback(os.close, descriptor)
            while (got := try_lock(descriptor)) is False:
                if time.monotonic() > until:
                    raise self._busy()
                time.sleep(_PAUSE)
            if got is None:
                self.has_system_locks = False
                self._held.owner_file = self._take_by_name(until)
            undo.pop_all()
        self._held.descriptor = descriptor

    def _take_by_name(self, until: float) -> Path:
        """Without locks of the system: a file that only one can create."""
        owner_file = self.path.with_name(f"{self.path.name}.owner")
        while not _created(owner_file):
            with contextlib.suppress(FileNotFoundError):
                text, modified = _read_owner(owner_file)
                if not owner_lives(text, modified):
                    _remove_dead(owner_file, text)
                    continue
            if time.monotonic() > until:
                raise self._busy()
            time.sleep(_PAUSE)
        return owner_file

    def _busy(self) -> PoseDataError:
        return PoseDataError(
            f"another program has been writing here for {self._seconds:g} s",
            file=self.path.parent,
            todo="Try again when it has finished",
        )


class _Held:
    """What a process holds of one lock."""

    def __init__(self) -> None:
        self.thread = threading.RLock()
        self.depth = 0
        self.descriptor: int | None = None
        self.owner_file: Path | None = None


def _created(path: Path) -> bool:
    """Make a file that says who we are, unless there is one."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    except FileExistsError:
        return False
    try:
        os.write(descriptor, owner_text().encode())
    finally:
        os.close(descriptor)
    return True


def _read_owner(path: Path) -> tuple[str, float]:
    descriptor = open_regular(path, os.O_RDONLY)
    try:
        return os.read(descriptor, 4096).decode(errors="replace"), os.fstat(descriptor).st_mtime
    finally:
        os.close(descriptor)


def _remove_dead(path: Path, text: str) -> None:
    """Remove the file of a dead holder; of several who try, one does."""
    aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    guard = path.with_name(f"{path.name}.taking")
    if not _created(guard):
        with contextlib.suppress(FileNotFoundError):
            of_guard, modified = _read_owner(guard)
            if not owner_lives(of_guard, modified):
                guard.unlink(missing_ok=True)
        time.sleep(_PAUSE)
        return
    try:
        # Nobody but who holds the guard removes it, so that this is still the file that was read.
        with contextlib.suppress(FileNotFoundError):
            if _read_owner(path)[0] == text:
                os.replace(path, aside)
                aside.unlink()
    finally:
        guard.unlink(missing_ok=True)
