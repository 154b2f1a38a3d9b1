"""Writing files so that nobody ever meets half of one, nor half of a group.

Notes
-----
A file is written beside its place under a hidden name, flushed to the disk and then renamed.
Files that belong together are renamed when all of them are complete, after the list of renames
was written down and flushed. After an error, the old files are put back; after a kill, the next
look into the folder finishes the renames or drops the drafts (see `group_recovery`).
"""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import math
import os
import secrets
import shutil
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TextIO

from napari_pose3d import own_python
from napari_pose3d.errors import Cancelled, PoseDataError, Remedy
from napari_pose3d.settings import IsCancelled, never_cancelled

from .group_record import BACK, DONE, Marker, Move, Plan, back, forward, hidden_name
from .group_recovery import recover, recover_elsewhere
from .regular_files import flush, flush_folder, is_regular, size_and_time

_LOG = logging.getLogger(__name__)

_DISK_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}

# Of thousands of begun files a cancelled job removes only some itself: who cancels does not wait.
_TIDY_SECONDS = 0.2
# So few are removed at once also where the computer pauses: a process takes longer to start.
_FEW_FILES = 20

# The groups of this process that have begun and not ended: token and folder of the first marker.
_AT_WORK: dict[str, Path] = {}
# Those of them that rename files: if the process ended now, the next look would go on with it.
_RENAMING: set[str] = set()


class _Utf8Text(io.TextIOWrapper):
    """A text file that says so where a name of a file is not in UTF-8, as some disks have them."""

    target: Path | None = None

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except UnicodeEncodeError as error:
            around = text[max(0, error.start - 20) : error.end + 20]
            spelled = around.encode("utf-8", "backslashreplace").decode()
            raise PoseDataError(
                f"'{spelled}' is not in UTF-8, as the text of this file is",
                file=self.target,
                todo="Rename the file or folder that is called so",
            ) from error


def groups_rename() -> bool:
    """Whether a group of this process is putting its files in place."""
    return bool(_RENAMING)


def leave_begun_groups() -> None:
    """Let another process tidy up behind the groups of this one, which is about to end."""
    for folder in [*_AT_WORK.values()]:
        with contextlib.suppress(OSError):
            recover_elsewhere(folder)


def refuse_existing(paths: Iterable[Path]) -> None:
    """Raise `PoseDataError` when one of the files exists."""
    for path in paths:
        if os.path.lexists(path):
            raise PoseDataError(
                "this file exists already and was not replaced",
                file=path,
                todo="Choose another folder, or allow replacing it",
                remedy=(Remedy("folder"), Remedy("replace")),
            )


class FileGroup:
    """Files that change together or not at all.

    Use it as a context manager, and write each file to the path that `path` gives or to the
    stream that `open` gives. When the block ends, all files are put in place; when it is left by
    an error, a cancellation or Ctrl-C, nothing has changed: no new file, no new folder, and the
    files that were there before are untouched. When the process is killed, the group is wholly
    old or wholly new after the next `recover` of one of its folders, or the next group there.

    Parameters
    ----------
    overwrite : bool
        Whether files that are already there may be replaced.
    inside : path, optional
        A folder that nothing is written outside of, whatever links lead there.
    cancelled : callable, optional
        Asked while the files are flushed to the disk, which takes long for many: True puts
        everything back and raises `Cancelled`.

    Raises
    ------
    PoseDataError
        When a target exists and `overwrite` is False, is no regular file, lies outside of
        `inside`, or a place cannot be written to.
    """

    def __init__(
        self,
        *,
        overwrite: bool = False,
        inside: str | os.PathLike[str] | None = None,
        cancelled: IsCancelled = never_cancelled,
    ) -> None:
        self._overwrite = overwrite
        self._cancelled = cancelled
        self._inside = None if inside is None else Path(os.path.realpath(inside))
        self._token = secrets.token_hex(8)
        self._drafts: dict[Path, Path] = {}
        self._leaving: list[Path] = []
        self._additions: list[tuple[Path, int, str]] = []
        self._streams: list[TextIO] = []
        self._markers: dict[Path, Marker] = {}
        self._new_folders: list[Path] = []
        self._plan = Plan()
        self._locks = contextlib.ExitStack()

    @property
    def targets(self) -> tuple[Path, ...]:
        """The files of the group, in the order in which they were asked for."""
        return tuple(self._drafts)

    def path(self, target: str | os.PathLike[str]) -> Path:
        """Where to write the file that is to become `target` (same suffix, hidden name)."""
        final = self._final(target)
        if final in self._drafts:
            raise PoseDataError("the same file would be written twice", file=final)
        self._refuse_existing(final)
        try:
            self._mark(final.parent)
            self._drafts[final] = draft = hidden_name(final, self._token, len(self._drafts), "part")
            # Created at once, so that a place that cannot be written to shows before the work.
            os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except OSError as error:
            self._drafts.pop(final, None)
            raise cannot_write(final, error) from error
        return draft

    def open(self, target: str | os.PathLike[str], *, spelled_out: bool = False) -> TextIO:
        """Open the text file that is to become `target` for writing; the group closes it.

        Parameters
        ----------
        spelled_out : bool
            Whether names of files that are not in UTF-8 are written as a terminal shows them, in a
            text for people; writing them is an error otherwise.
        """
        errors = "backslashreplace" if spelled_out else "strict"
        raw = self.path(target).open("wb")
        stream = _Utf8Text(raw, encoding="utf-8", errors=errors, newline="")
        stream.target = Path(target)
        self._streams.append(stream)
        return stream

    def remove(self, target: str | os.PathLike[str]) -> None:
        """Let a file go when the others appear; one that is not there is no error."""
        final = self._final(target)
        if not os.path.lexists(final):
            return
        self._refuse_irregular(final)
        try:
            self._mark(final.parent)
        except OSError as error:
            raise cannot_write(final, error) from error
        self._leaving.append(final)

    def append(self, target: str | os.PathLike[str], length: int, text: str) -> None:
        """Add text to a file when the others appear.

        Parameters
        ----------
        length : int
            Bytes of the file that stay; what follows them, such as a torn line, goes.
        """
        final = self._final(target)
        self._refuse_irregular(final)
        try:
            self._mark(final.parent)
        except OSError as error:
            raise cannot_write(final, error) from error
        self._additions.append((final, length, text))

    def hold(self, lock: AbstractContextManager[object]) -> None:
        """Take a lock, and release it when the files are in place or the group came to nothing."""
        self._locks.enter_context(lock)

    def __enter__(self) -> FileGroup:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            with self._locks:
                self._end(error)
        finally:
            _RENAMING.discard(self._token)
            _AT_WORK.pop(self._token, None)

    def _end(self, error: BaseException | None) -> None:
        if error is None:
            try:
                self._put_in_place()
            except BaseException as failure:
                is_back = self._put_back()
                if isinstance(failure, OSError):
                    raise cannot_write(self._any_target(), failure, is_old=is_back) from failure
                raise
            self._tidy_up()
            return
        is_back = self._put_back()
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            raise cannot_write(self._any_target(), error, is_old=is_back) from error

    def _put_in_place(self) -> None:
        for stream in self._streams:
            stream.close()
        for target, draft in self._drafts.items():
            if self._cancelled():
                raise Cancelled
            self._refuse_existing(target)
            _flush_file(draft)
        plan = self._plan
        for number, (target, draft) in enumerate(self._drafts.items()):
            backup = None
            stamp = size_and_time(target)
            if stamp is not None:
                shutil.copymode(target, draft)
                backup = hidden_name(target, self._token, number, "old")
                _second_name(target, backup)
            plan.moves.append(Move(draft, target, backup, stamp, size_and_time(draft)))
        for number, target in enumerate(self._leaving, len(self._drafts)):
            backup = hidden_name(target, self._token, number, "old")
            plan.removals.append((target, backup, size_and_time(target)))
        plan.additions += self._additions
        if not plan.is_atomic:
            main, *others = self._markers.values()
            for marker in others:
                marker.flush()
            for folder in self._markers:
                flush_folder(folder)
            _RENAMING.add(self._token)
            main.write(plan)
        _RENAMING.add(self._token)
        forward(plan)
        for folder in self._markers:
            flush_folder(folder)

    def _put_back(self) -> bool:
        """Put the old files back; False where the disk does not allow it, or not wholly.

        The record says then what is left to do, and the next look into the folder does it.
        """
        for stream in self._streams:
            # A full disk shows again when closing flushes the buffer; the draft goes anyway.
            with contextlib.suppress(OSError):
                stream.close()
        is_back = False
        try:
            for marker in [*self._markers.values()][:1]:
                marker.turn(BACK)
            back(self._plan)
            is_back = True
            # Where nothing was renamed, a flush would only wait for the drafts to be written.
            for folder in self._markers if self._plan.moves or self._plan.removals else ():
                with contextlib.suppress(OSError):
                    flush_folder(folder)
        except OSError as error:
            _LOG.warning("the files of before cannot be put back for now: %s", error)
        finally:
            if is_back:
                self._tidy_up(_TIDY_SECONDS)
            self._release()
        for folder in reversed(self._new_folders):
            # Somebody else may have put a file there in the meantime: the folder is theirs now.
            with contextlib.suppress(OSError):
                folder.rmdir()
        return is_back

    def _tidy_up(self, seconds: float = math.inf) -> None:
        """Remove all traces, once the files are wholly new or wholly old.

        Whatever fails here changes nothing about that: the next look removes what is left. Of
        many files, what takes longer than `seconds` is left to another process.
        """
        until = time.monotonic() + seconds
        try:
            for marker in [*self._markers.values()][:1]:
                marker.turn(DONE)
            # Backups, then drafts: only a begun rename has lost its draft before that.
            for number, target in enumerate([*self._drafts, *self._leaving]):
                hidden_name(target, self._token, number, "old").unlink(missing_ok=True)
            for number, draft in enumerate(self._drafts.values()):
                if number >= _FEW_FILES and time.monotonic() > until and own_python.can_start():
                    main = next(iter(self._markers))
                    self._release()
                    recover_elsewhere(main)
                    return
                draft.unlink(missing_ok=True)
            # The first leads to the others, and goes last.
            for marker in reversed(self._markers.values()):
                marker.remove()
        except OSError as error:
            _LOG.warning("hidden files of a change stay for now: %s", error)
        finally:
            self._release()

    def _release(self) -> None:
        for marker in self._markers.values():
            marker.release()
        self._markers.clear()

    def _final(self, target: str | os.PathLike[str]) -> Path:
        """The file itself: a link stays a link, and what it points to is replaced."""
        if "\0" in os.fspath(target):
            raise PoseDataError("no file can have such a name", file=repr(os.fspath(target)))
        final = Path(os.path.realpath(target))
        if self._inside is not None and not final.is_relative_to(self._inside):
            raise PoseDataError(
                f"this would be written outside of {self._inside}: it leads to {final}",
                file=target,
                todo="Replace the link by the file or folder itself",
            )
        return final

    def _refuse_existing(self, target: Path) -> None:
        if os.path.isdir(target):
            raise PoseDataError(
                "a folder has the name of the file to be written",
                file=target,
                todo="Choose another name",
            )
        self._refuse_irregular(target)
        if not self._overwrite:
            refuse_existing([target])

    def _refuse_irregular(self, target: Path) -> None:
        if os.path.lexists(target) and not is_regular(target):
            kind = "a link in a circle" if target.is_symlink() else "a device or a pipe"
            raise PoseDataError(
                f"this is {kind}, and only files are replaced",
                file=target,
                todo="Choose another name",
            )

    def _mark(self, folder: Path) -> None:
        """Let a folder show that a group is at work in it."""
        if folder in self._markers:
            return
        _AT_WORK.setdefault(self._token, folder)
        failure = recover(folder)
        if failure is not None:
            # A change before this one is half done.
            raise failure
        main = next(iter(self._markers.values()), None)
        if main is not None:
            main.add_folder(folder)
        of_main = None if main is None else main.folder
        made = self._make_folder(folder)
        try:
            self._markers[folder] = Marker(folder, self._token, of_main, made)
        except FileNotFoundError:
            # Who tidies up behind the group that had made the folder has removed it just now.
            made = self._make_folder(folder)
            self._markers[folder] = Marker(folder, self._token, of_main, made)

    def _make_folder(self, folder: Path) -> int:
        absent = []
        while not folder.exists():
            absent.append(folder)
            folder = folder.parent
        for each in reversed(absent):
            each.mkdir(exist_ok=True)
            self._new_folders.append(each)
        return len(absent)

    def _any_target(self) -> Path | None:
        return next(iter([*self._drafts, *self._leaving]), None)


def _second_name(target: Path, backup: Path) -> None:
    try:
        os.link(target, backup)
    except OSError:
        # Not every file system (USB sticks, some network shares) knows hard links.
        shutil.copy2(target, backup)


def _flush_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        flush(descriptor)
    finally:
        os.close(descriptor)


def cannot_write(path: str | Path | None, error: OSError, *, is_old: bool = True) -> PoseDataError:
    """What to raise when a file cannot be written.

    Parameters
    ----------
    is_old : bool
        Whether everything is as it was before.
    """
    if not is_old:
        problem = (
            f"writing was interrupted ({error.strerror or error}); the files that belong together "
            "will agree again when the folder is opened next"
        )
        todo = "Free some space, open it again, and look what is in it"
    elif error.errno in _DISK_FULL:
        problem, todo = (
            "the disk is full; nothing was written",
            "Free some space or write elsewhere",
        )
    else:
        problem = f"cannot be written ({error.strerror or error})"
        todo = "Choose another folder, or ask for the right to write there"
    return PoseDataError(problem, file=path, todo=todo)
