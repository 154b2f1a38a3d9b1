"""Writing files so that nobody ever meets half of one.

A file is written beside its place under a hidden name, flushed to the disk and then renamed.
Files that belong together are renamed only when all of them are complete, and if that is
interrupted, the old ones are put back.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TextIO

from napari_pose3d.core.errors import PoseDataError

_DISK_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def refuse_existing(paths: Iterable[Path]) -> None:
    """Raise `PoseDataError` when one of the files exists."""
    for path in paths:
        if path.exists():
            raise PoseDataError(
                "this file exists already and was not replaced",
                file=path,
                todo="Choose another folder with --out, or allow replacing it with --force",
            )


class FileGroup:
    """Files that appear together or not at all.

    Use it as a context manager, and write each file to the path that `path` gives or to the
    stream that `open` gives. When the block ends, all files are put in place; when it is left by
    an error, a cancellation or Ctrl-C, nothing has changed: no new file, no new folder, and the
    files that were there before are untouched.

    Parameters
    ----------
    overwrite : bool
        Whether files that are already there may be replaced.

    Raises
    ------
    PoseDataError
        When a target exists and `overwrite` is False, or a place cannot be written to.
    """

    def __init__(self, *, overwrite: bool = False) -> None:
        self._overwrite = overwrite
        self._drafts: dict[Path, Path] = {}
        self._backups: dict[Path, Path] = {}
        self._begun: list[Path] = []
        self._leaving: list[Path] = []
        self._streams: list[TextIO] = []
        self._new_folders: list[Path] = []

    @property
    def targets(self) -> tuple[Path, ...]:
        """The files of the group, in the order in which they were asked for."""
        return tuple(self._drafts)

    def path(self, target: str | os.PathLike[str]) -> Path:
        """Where to write the file that is to become `target` (same suffix, hidden name)."""
        # A link stays a link: it is the file it points to that is replaced.
        final = Path(os.path.realpath(target))
        if final in self._drafts:
            raise PoseDataError("the same file would be written twice", file=final)
        self._refuse_existing(final)
        try:
            self._make_folder(final.parent)
            self._drafts[final] = draft = _hidden_beside(final, "part")
            # Created at once, so that a place that cannot be written to shows before the work.
            os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except OSError as error:
            self._drafts.pop(final, None)
            raise cannot_write(final, error) from error
        return draft

    def open(self, target: str | os.PathLike[str]) -> TextIO:
        """Open the text file that is to become `target` for writing; the group closes it."""
        stream = self.path(target).open("w", encoding="utf-8", newline="")
        self._streams.append(stream)
        return stream

    def remove(self, target: str | os.PathLike[str]) -> None:
        """Let a file go when the others appear; one that is not there is no error."""
        self._leaving.append(Path(os.path.realpath(target)))

    def __enter__(self) -> FileGroup:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            try:
                self._put_in_place()
            except BaseException as failure:
                self._put_back()
                if isinstance(failure, OSError):
                    raise cannot_write(self._any_target(), failure) from failure
                raise
            self._discard_backups()
            return
        self._put_back()
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            raise cannot_write(self._any_target(), error) from error

    def _put_in_place(self) -> None:
        for stream in self._streams:
            stream.close()
        for target, draft in self._drafts.items():
            self._refuse_existing(target)
            _flush_to_disk(draft)
        for target, draft in self._drafts.items():
            if target.exists():
                shutil.copymode(target, draft)
                # Noted before it exists, so that an interruption in between leaves nothing.
                self._backups[target] = backup = _hidden_beside(target, "old")
                _second_name(target, backup)
            self._begun.append(target)
            os.replace(draft, target)
        for target in self._leaving:
            if target.exists():
                self._backups[target] = backup = _hidden_beside(target, "old")
                os.replace(target, backup)
        for folder in {target.parent for target in self._drafts}:
            _flush_to_disk(folder)

    def _put_back(self) -> None:
        for stream in self._streams:
            try:
                stream.close()
            except OSError as error:
                # A full disk shows again when closing flushes the buffer.
                if error.errno not in _DISK_FULL:
                    raise
        for target in self._begun:
            if self._drafts[target].exists():
                continue  # interrupted just before the rename
            if target in self._backups:
                os.replace(self._backups[target], target)
            else:
                target.unlink(missing_ok=True)
        for target in self._leaving:
            if target in self._backups and not target.exists():
                os.replace(self._backups[target], target)
        for draft in self._drafts.values():
            draft.unlink(missing_ok=True)
        self._discard_backups()
        for folder in reversed(self._new_folders):
            try:
                folder.rmdir()
            except OSError as error:
                # Somebody else put a file there in the meantime: the folder is theirs now.
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                    raise

    def _discard_backups(self) -> None:
        for backup in self._backups.values():
            backup.unlink(missing_ok=True)

    def _refuse_existing(self, target: Path) -> None:
        if target.is_dir():
            raise PoseDataError("a folder has the name of the file to be written", file=target)
        if not self._overwrite:
            refuse_existing([target])

    def _make_folder(self, folder: Path) -> None:
        absent = []
        while not folder.exists():
            absent.append(folder)
            folder = folder.parent
        for each in reversed(absent):
            each.mkdir(exist_ok=True)
            self._new_folders.append(each)

    def _any_target(self) -> Path | None:
        return next(iter(self._drafts), None)


def _hidden_beside(target: Path, purpose: str) -> Path:
    # Cut, because most file systems end at 255 bytes.
    stem = target.stem.encode()[:180].decode(errors="ignore")
    return target.with_name(f".{stem}.{secrets.token_hex(4)}.{purpose}{target.suffix}")


def _second_name(target: Path, backup: Path) -> None:
    try:
        os.link(target, backup)
    except OSError:
        # Not every file system (USB sticks, some network shares) knows hard links.
        shutil.copy2(target, backup)


def _flush_to_disk(path: Path) -> None:
    if path.is_dir():
        if os.name != "posix":
            return  # only POSIX lets a folder be opened
        handle = os.open(path, os.O_RDONLY)
    else:
        handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network file systems do not offer it; the rename is still atomic there.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise
    finally:
        os.close(handle)


def cannot_write(path: str | Path | None, error: OSError) -> PoseDataError:
    """What to raise when a file cannot be written."""
    if error.errno in _DISK_FULL:
        problem, todo = (
            "the disk is full; nothing was written",
            "Free some space or write elsewhere",
        )
    else:
        problem = f"cannot be written ({error.strerror or error})"
        todo = "Choose another folder, or ask for the right to write there"
    return PoseDataError(problem, file=path, todo=todo)
