"""What a group of files writes down before its files change, and what is done after a kill.

Notes
-----
Each folder that a group touches holds a hidden *marker*, locked while the group's process lives.
The marker of the first folder names the others, and becomes the group's *record*: the list of
renames, with a checksum, flushed before the first of them. Whoever opens one of the folders later
and finds the marker without its owner

- removes the drafts, when there is no whole record: the group is wholly old;
- makes the renames that are missing, when there is one: the group is wholly new;
- takes them back, when the owner had begun to do so;
- only tidies up, when the record is marked as done.

Each step may be repeated. A file that somebody changed after the kill is left as it is, so that
what was written later is never taken back. Only
regular files beside a marker of the same group are touched, so that a record that came with
somebody's project reaches nothing outside it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from .file_lock import owner_text, try_lock
from .regular_files import (
    Stamp,
    flush,
    is_regular,
    is_same,
    open_regular,
    read_all,
    size_and_time,
    write_all,
)

_LOG = logging.getLogger(__name__)

MARKER = re.compile(r"\.napari-pose3d-([0-9a-f]{16})\.group")
# Drafts and copies of groups, and those that version 0.1 left behind.
HIDDEN = re.compile(r"\..*\.([0-9a-f]{16})-[0-9]+\.(part|old)(\.[^.]*)?", re.DOTALL)
_OF_0_1 = re.compile(r"\..*\.[0-9a-f]{8}\.(part|old)(\.[^.]*)?", re.DOTALL)
FORWARD, BACK, DONE, FOLDER = b">", b"<", b"=", b"+"
_LONGEST_NAME = 255
_LARGEST_FILE = 1 << 50
_LOCK_SECONDS = 10.0


def marker_name(token: str) -> str:
    """The file name of the marker of a group."""
    return f".napari-pose3d-{token}.group"


def hidden_name(target: Path, token: str, number: int, purpose: str) -> Path:
    """A hidden name beside a target, with its suffix; `purpose` is ``part`` or ``old``."""
    # Cut, because most file systems end at 255 bytes.
    stem = target.stem.encode(errors="surrogateescape")[:160].decode(errors="ignore")
    return target.with_name(f".{stem}.{token}-{number}.{purpose}{target.suffix[:20]}")


def is_trace(name: str) -> bool:
    """Whether a file's name is one of those that a group leaves behind when it is killed."""
    return name.startswith(".") and any(
        pattern.fullmatch(name) for pattern in (MARKER, HIDDEN, _OF_0_1)
    )


def path_in(folder: Path, name: Any) -> Path:
    """A path that a record names relative to a folder.

    Raises
    ------
    ValueError
        When no file can have such a name.
    """
    if not isinstance(name, str) or "\0" in name:
        raise ValueError("no name of a file")
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in name.split("/")):
        raise ValueError("a name that is too long")
    return Path(os.path.normpath(folder / name))


class Move(NamedTuple):
    """One file that is replaced or made.

    Attributes
    ----------
    draft, target : Path
    backup : Path or None
        A second name of the target's old content.
    old, new : Stamp or None
        Of the target before, and of the draft.
    """

    draft: Path
    target: Path
    backup: Path | None
    old: Stamp | None
    new: Stamp | None


@dataclass
class Plan:
    """What a group changes; paths are absolute.

    Attributes
    ----------
    moves : list of Move
    removals : list of (target, backup, stamp)
    additions : list of (target, length, text)
        Text for the end of a file that had this length in bytes.
    """

    moves: list[Move] = field(default_factory=list)
    removals: list[tuple[Path, Path, Stamp | None]] = field(default_factory=list)
    additions: list[tuple[Path, int, str]] = field(default_factory=list)

    @property
    def is_atomic(self) -> bool:
        """Whether it is one step, which needs no record."""
        return len(self.moves) + len(self.removals) + len(self.additions) < 2 and not self.additions

    @property
    def paths(self) -> list[Path]:
        """All files that it names."""
        found = [path for move in self.moves for path in move[:3] if isinstance(path, Path)]
        found += [path for removal in self.removals for path in removal[:2]]
        return found + [addition[0] for addition in self.additions]

    def to_json(self, folder: Path) -> dict[str, Any]:
        """With paths relative to a folder, so that it holds where a project was moved."""

        def name(path: Path | None) -> str | None:
            return None if path is None else Path(os.path.relpath(path, folder)).as_posix()

        return {
            "moves": [[*map(name, move[:3]), *move[3:]] for move in self.moves],
            "removals": [[name(t), name(b), stamp] for t, b, stamp in self.removals],
            "additions": [[name(t), length, text] for t, length, text in self.additions],
        }

    @classmethod
    def from_json(cls, content: dict[str, Any], folder: Path) -> Plan:
        """The inverse of `to_json`.

        Raises
        ------
        ValueError, TypeError, KeyError, IndexError, OverflowError
            When it is damaged.
        """

        def path(name: Any) -> Path:
            return path_in(folder, name)

        def addition(name: Any, length: Any, text: Any) -> tuple[Path, int, str]:
            if type(length) is not int or not 0 <= length < _LARGEST_FILE:
                raise ValueError("no length of a file")
            text.encode()
            return path(name), length, text

        def stamp(value: Any) -> Stamp | None:
            return None if value is None else (int(value[0]), int(value[1]))

        return cls(
            [
                Move(path(d), path(t), None if b is None else path(b), stamp(old), stamp(new))
                for d, t, b, old, new in content["moves"]
            ],
            [(path(t), path(b), stamp(s)) for t, b, s in content["removals"]],
            [addition(*each) for each in content["additions"]],
        )


class Marker:
    """The hidden file of a group in one folder, locked by us.

    Parameters
    ----------
    folder : Path
    token : str
        16 hexadecimal digits, the group's own.
    main : Path or None
        The folder of the group's first marker; None for that one itself.
    made : int
        How many folders were made for it, to be removed when the group comes to nothing.
    """

    def __init__(self, folder: Path, token: str, main: Path | None, made: int) -> None:
        self.folder, self.path = folder, folder / marker_name(token)
        head = {"owner": owner_text(), "made": made}
        if main is not None:
            head["main"] = Path(os.path.relpath(main, folder)).as_posix()
        text = json.dumps(head).encode() + b"\n"
        self._length = len(text)
        self._descriptor: int | None = self._locked()
        with contextlib.ExitStack() as undo:
            undo.callback(self._discard)
            write_all(self._open, text)
            undo.pop_all()

    def _discard(self) -> None:
        with contextlib.suppress(OSError):
            self.remove()
        self.release()

    def add_folder(self, folder: Path) -> None:
        """Note another folder that the group touches, before anything is made there."""
        name = Path(os.path.relpath(folder, self.folder)).as_posix()
        text = FOLDER + json.dumps(name).encode() + b"\n"
        os.lseek(self._open, self._length, os.SEEK_SET)
        write_all(self._open, text)
        self._length += len(text)

    def flush(self) -> None:
        """Write it through to the disk."""
        flush(self._open)

    def write(self, plan: Plan) -> None:
        """Make it the record of the group; from here on the group is new."""
        body = json.dumps(plan.to_json(self.folder)).encode()
        digest = hashlib.sha1(body, usedforsecurity=False).hexdigest().encode()
        os.lseek(self._open, self._length, os.SEEK_SET)
        write_all(self._open, FORWARD + digest + b" " + body + b"\n")
        self.flush()

    def turn(self, direction: bytes) -> None:
        """Note that the renames are being taken back, or are done; needs no space on the disk."""
        if os.fstat(self._open).st_size <= self._length:
            return  # there is no record
        os.lseek(self._open, self._length, os.SEEK_SET)
        write_all(self._open, direction)
        if direction == BACK:
            # What a flush does not bring to the disk, a kill does not lose.
            with contextlib.suppress(OSError):
                self.flush()

    def remove(self) -> None:
        """Remove and unlock it."""
        if os.name == "posix":
            # Before it is unlocked, so that nobody takes it for one that was left.
            self.path.unlink(missing_ok=True)
            self.release()
        else:
            self.release()
            self.path.unlink(missing_ok=True)

    def release(self) -> None:
        """Unlock it: whoever looks next brings the group to its end, in this process as well."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def _open(self) -> int:
        assert self._descriptor is not None
        return self._descriptor

    def _locked(self) -> int:
        # Somebody who looks between creation and lock takes it for one that was left and removes
        # it: once more then.
        until = time.monotonic() + _LOCK_SECONDS
        while True:
            descriptor = open_regular(self.path, os.O_RDWR | os.O_CREAT)
            if try_lock(descriptor) is not False and is_same(self.path, descriptor):
                return descriptor
            os.close(descriptor)
            if time.monotonic() > until:
                raise OSError(errno.EAGAIN, "a hidden file cannot be locked", str(self.path))
            time.sleep(0.001)


def forward(plan: Plan, *, of_another: bool = False) -> None:
    """Make all changes that are not made yet.

    Parameters
    ----------
    of_another : bool
        Whether the plan is of a process that is gone: what was changed since it is left then.
    """
    for draft, target, _, old, _ in plan.moves:
        if not of_another:
            os.replace(draft, target)
        elif is_regular(draft):
            if size_and_time(target) == old:
                os.replace(draft, target)
            else:
                _LOG.warning("%s was changed after a program that wrote it was killed", target)
    for target, backup, stamp in plan.removals:
        if is_regular(target) and (not of_another or size_and_time(target) == stamp):
            os.replace(target, backup)
    for target, length, text in plan.additions:
        _add(target, length, text.encode())


def back(plan: Plan) -> None:
    """Take back all changes that were made, and that nobody has written over since."""
    for draft, target, backup, _, new in plan.moves:
        if is_regular(draft):
            continue  # not begun, or interrupted just before the rename
        # Anything else is there already, or was written later.
        if size_and_time(target) == new:
            if backup is None:
                target.unlink(missing_ok=True)
            elif is_regular(backup):
                os.replace(backup, target)
    for target, backup, _ in plan.removals:
        if is_regular(backup) and not target.exists():
            os.replace(backup, target)
    for target, length, text in plan.additions:
        _take_back(target, length, text.encode())


def _add(target: Path, length: int, text: bytes) -> None:
    descriptor = open_regular(target, os.O_RDWR | os.O_CREAT)
    try:
        size = os.fstat(descriptor).st_size
        length = min(length, size)
        os.lseek(descriptor, length, os.SEEK_SET)
        tail = read_all(descriptor, size - length)
        if tail.startswith(text):
            return
        # What stands there is a part of the text, or a line that was torn off before; whole
        # lines are somebody else's.
        if text.startswith(tail) or b"\n" not in tail:
            os.ftruncate(descriptor, length)
        os.lseek(descriptor, 0, os.SEEK_END)
        write_all(descriptor, text)
        flush(descriptor)
    finally:
        os.close(descriptor)


def _take_back(target: Path, length: int, text: bytes) -> None:
    if not is_regular(target):
        return
    descriptor = open_regular(target, os.O_RDWR)
    try:
        os.lseek(descriptor, length, os.SEEK_SET)
        is_begun = os.fstat(descriptor).st_size >= length
        is_ours = is_begun and text.startswith(read_all(descriptor, len(text) + 1))
        if is_ours:
            os.ftruncate(descriptor, length)
            flush(descriptor)
    finally:
        os.close(descriptor)
    if is_ours and not length:
        target.unlink()
