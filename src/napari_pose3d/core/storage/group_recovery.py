"""What becomes of groups of files whose process was killed; see `group_record`."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from napari_pose3d import own_python

from .file_lock import owner_lives, try_lock
from .group_record import (
    BACK,
    FOLDER,
    FORWARD,
    HIDDEN,
    MARKER,
    Plan,
    back,
    forward,
    is_trace,
    marker_name,
    path_in,
)
from .regular_files import flush_folder, is_regular, is_same, open_regular, read_all, remove_regular

_LOG = logging.getLogger(__name__)

# Processes that tidy up, kept until they have ended.
_HELPERS: list[subprocess.Popen[bytes]] = []
_PATIENCE_SECONDS = 60.0
_OLD_SECONDS = 86_400.0
_COMMIT_SECONDS = 10.0  # how long somebody's renames are waited for
_MOST_BYTES = 1 << 28
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}
# The disk takes nothing more at the moment; anything else does not change by waiting.
_FOR_NOW = {errno.ENOSPC, errno.EFBIG, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC)}


def recover(folder: Path) -> OSError | None:
    """Bring groups to an end that were killed in a folder, and remove what they left there.

    Nothing is changed that is of a living process; renames of one are waited for, for
    `_COMMIT_SECONDS` in all. In a folder that cannot be written to, everything stays as it is.

    Returns
    -------
    OSError or None
        Why a group could not be brought to its end for now: the disk is full, or fails.
    """
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if is_trace(entry.name)]
    except OSError:
        return None
    return recover_named(folder, names) if names else None


def recover_elsewhere(folder: Path) -> None:
    """Start a process that does what `recover` does, and goes on where this one ends.

    Raises
    ------
    OSError
        It cannot be started; the next look into the folder does it.
    """
    # Those that have ended are reaped.
    _HELPERS[:] = [each for each in _HELPERS if each.poll() is None]
    _HELPERS.append(
        subprocess.Popen(
            own_python.command(__name__, str(folder)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=own_python.environment(),
            **own_python.apart(),
        )
    )


def recover_named(folder: Path, names: Iterable[str]) -> OSError | None:
    """The same, where the folder has been listed already; `names` are those of `is_trace`."""
    names = list(names)
    tokens = [match[1] for name in names if (match := MARKER.fullmatch(name))]
    until = time.monotonic() + _COMMIT_SECONDS
    failure = None
    for token in tokens:
        try:
            _finish(folder, token, until)
        except OSError as error:
            _LOG.warning("cannot bring an interrupted change to an end in %s: %s", folder, error)
            if error.errno in _FOR_NOW:
                failure = error
    for name in names:
        match = HIDDEN.fullmatch(name)
        if not MARKER.fullmatch(name) and (match is None or match[1] not in tokens):
            with contextlib.suppress(OSError):
                if time.time() - (folder / name).lstat().st_mtime > _OLD_SECONDS:
                    remove_regular(folder / name)
    return failure


def _finish(folder: Path, token: str, until: float) -> None:
    path = folder / marker_name(token)
    with _Dead(path, until) as marker:
        if not marker.is_dead:
            return
        main = marker.main
        if main == folder:
            _settle(token, marker)
            return
    with _Dead(main / marker_name(token), until) as of_main:
        if of_main.is_dead:
            _settle(token, of_main)
        if of_main.exists:
            return
    # Without the first marker there is nothing left to do but here.
    with _Dead(path, until) as marker:
        if marker.is_dead:
            _clean(token, marker)


def _settle(token: str, marker: _Dead) -> None:
    plan, direction = marker.plan()
    # A folder without marker of this group is none of its own.
    others = [
        each
        for each in dict.fromkeys(marker.others)
        if is_regular(each / marker_name(token)) and not os.path.samefile(each, marker.folder)
    ]
    if plan is not None:
        own = _own_part(plan, token, {marker.folder, *others})
        if direction == FORWARD:
            forward(own, of_another=True)
        else:
            back(own)
        for each in (marker.folder, *others):
            flush_folder(each)
    # The record goes last. Folders within others come after these in the list.
    for each in reversed(others):
        with _Dead(each / marker_name(token), until=0) as other:
            if other.is_dead:
                _clean(token, other)
    _clean(token, marker)


def _own_part(plan: Plan, token: str, folders: set[Path]) -> Plan:
    """What a group may do: rename its own hidden files beside its markers, and nothing else."""

    def is_own(hidden: Path | None, target: Path) -> bool:
        beside = target.parent in folders and not os.path.islink(target)
        if hidden is None:
            return beside
        match = HIDDEN.fullmatch(hidden.name)
        own = match is not None and match[1] == token
        return beside and own and hidden.parent == target.parent

    return Plan(
        [m for m in plan.moves if is_own(m[0], m[1]) and is_own(m[2], m[1])],
        [r for r in plan.removals if is_own(r[1], r[0])],
        [a for a in plan.additions if is_own(None, a[0])],
    )


def _clean(token: str, marker: _Dead) -> None:
    """Remove a group's drafts and backups from a folder, then its marker."""
    folder = marker.folder
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries]
    for name in names:
        match = HIDDEN.fullmatch(name)
        if match is not None and match[1] == token:
            remove_regular(folder / name)
    marker.remove()
    # Folders that were made for it and hold nothing.
    for _ in range(marker.made):
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


class _Dead:
    """Somebody's marker, locked by us if its owner is gone.

    Attributes
    ----------
    exists, is_dead : bool
    folder : Path
        Its own.
    main : Path
        The folder of the group's first marker.
    others : list of Path
        Where that is this one: the other folders of the group.
    made : int
        How many folders were made for it.

    Parameters
    ----------
    until : float
        How long somebody's renames are waited for, on the clock `time.monotonic`.
    """

    def __init__(self, path: Path, until: float) -> None:
        self.path, self.folder, self._until = path, path.parent, until
        self.exists = self.is_dead = False
        self._content = b""
        self._descriptor: int | None = None

    def __enter__(self) -> _Dead:
        while not self._try():
            # Renames take a moment: who opens the files meanwhile would see half of them.
            if self.plan()[0] is None or time.monotonic() > self._until:
                break
            time.sleep(0.01)
        head = self._head()
        made = head.get("made", 0)
        self.made = made if isinstance(made, int) and 0 <= made < 50 else 0
        self.main = self._path(head.get("main", "."))
        lines = [line for line in self._content.split(b"\n")[1:] if line.startswith(FOLDER)]
        self.others = [self._path(_json(line[1:])) for line in lines]
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def remove(self) -> None:
        """Remove it, once everything else of its group is gone from its folder."""
        if os.name != "posix":
            self.__exit__()  # open files cannot be removed there
        remove_regular(self.path)

    def plan(self) -> tuple[Plan | None, bytes]:
        """The record and its direction; None where there is no whole one."""
        for line in self._content.split(b"\n")[1:-1]:
            direction, digest, body = line[:1], line[1:41], line[42:]
            if direction in (FORWARD, BACK):
                if hashlib.sha1(body, usedforsecurity=False).hexdigest().encode() != digest:
                    return None, b""
                try:
                    return Plan.from_json(_json(body), self.folder), direction
                except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError):
                    return None, b""
        return None, b""

    def _try(self) -> bool:
        """Read it, and lock it if that can be; True when it is settled who it belongs to."""
        self.__exit__()
        self.is_dead = False
        try:
            descriptor = open_regular(self.path, os.O_RDWR)
        except OSError as error:
            if error.errno not in _ABSENT:
                raise
            self.exists = False
            return True
        self.exists, self._descriptor = True, descriptor
        locked = try_lock(descriptor)
        size = os.fstat(descriptor).st_size
        self._content = b"" if size > _MOST_BYTES else read_all(descriptor, size)
        if locked is None:
            owner = str(self._head().get("owner", ""))
            locked = not owner_lives(owner, os.fstat(descriptor).st_mtime)
        # Another who looks may have finished and removed it before we got the lock.
        self.is_dead = bool(locked) and is_same(self.path, descriptor)
        return self.is_dead

    def _head(self) -> dict[str, Any]:
        head = _json(self._content.partition(b"\n")[0])
        return head if isinstance(head, dict) else {}

    def _path(self, name: Any) -> Path:
        try:
            return path_in(self.folder, name)
        except ValueError:
            return self.folder


def _json(text: bytes) -> Any:
    """What a text holds; None where it is damaged."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _recover_patiently(folder: Path) -> None:
    """Wait for the end of the process that left the groups."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        recover(folder)
        try:
            if not any(is_trace(name) for name in os.listdir(folder)):
                return
        except OSError:
            return  # it was made for the group, and is gone with it
        time.sleep(0.1)


if __name__ == "__main__":
    _recover_patiently(Path(sys.argv[1]))
