"""The journal: every command is on the disk before the next one.

Notes
-----
A journal is a file of JSON lines in ``napari-pose3d/journal/``. Its first line says what it belongs
to; then follow the commands as they changed the labels, and which frames were saved. It goes when
everything in it was saved and the labels are closed. One that is left over and that no living
process holds is of a run that ended badly: its unsaved changes can be taken over. What cannot be
read in it is passed over and counted, and such a journal is never removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any

from napari_pose3d.core.projects.project_toml import OWN_FOLDER
from napari_pose3d.core.storage.file_lock import owner_lives, owner_text, try_lock
from napari_pose3d.core.storage.regular_files import (
    is_regular,
    is_same,
    open_regular,
    write_all,
)
from napari_pose3d.core.storage.user_folders import user_data_folder
from napari_pose3d.errors import PoseDataError

from .commands import Change, Command
from .label import FrameKey, Label, LabelKey

_FOLDER = "journal"
_VERSION = 1
_MOST_BYTES = 1 << 26  # of a line
_MOST_FRAMES = 1 << 40
# Where the file system has no locks: so long the journal of another host is left alone.
_FOREIGN_SECONDS = 86_400.0
# How long a journal that does not name its owner may be one that is just being made.
_UNBORN_SECONDS = 60.0


class Journal:
    """Takes down commands as they are made.

    Parameters
    ----------
    project : Path
        Where it cannot be written to, the journal lies in the user's data folder.
    key : str
        Of the label files, such as ``CollectedData``.

    Attributes
    ----------
    problem : PoseDataError or None
        Why the newest commands could not be taken down, or the file not removed; commands are tried
        again with the next one and at the end.
    """

    def __init__(self, project: Path, key: str) -> None:
        self.problem: PoseDataError | None = None
        self.path: Path | None = None
        self._project, self._key = project, key
        self._pending: list[str] = []
        self._file: FileIO | None = None
        self._length = 0  # of the whole lines in it, bytes

    def add(self, command: Command) -> None:
        """Take down a command that was done, undone or redone."""
        changes = [
            [*change.frame, *change.label_key, change.before.to_json(), change.after.to_json()]
            for change in command.changes
        ]
        self._write({"do": command.text, "changes": changes})

    def saved(self, frames: Iterable[FrameKey]) -> None:
        """The labels of these frames are in the label files now."""
        if self.path is not None or self._pending:
            self._write({"saved": [list(frame) for frame in frames]})

    def close(self, *, keep: bool) -> None:
        """End the journal; `problem` says what the disk did not allow; nothing is raised.

        Parameters
        ----------
        keep : bool
            Whether there is something in it that was not saved.
        """
        if keep:
            self._put_down()
        else:
            # All is saved: what could not be taken down matters no more.
            self._pending.clear()
            self.problem = None
        file, path = self._file, self.path
        self._file = self.path = None
        gone = keep or path is None
        if not gone and os.name == "posix":
            # Before it is unlocked, so that nobody takes it for one that was left.
            self._remove(path)
            gone = True
        _close(file)
        if not gone:
            self._remove(path)

    def _remove(self, path: Path | None) -> None:
        assert path is not None
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            self.problem = PoseDataError(
                f"the journal of labels cannot be removed ({error.strerror or error})",
                file=path,
                todo="Remove it by hand; all labels in it are saved",
            )

    def _write(self, entry: dict[str, Any]) -> None:
        self._pending.append(json.dumps(entry, separators=(",", ":")))
        self._put_down()

    def _put_down(self) -> None:
        """Write what is pending, where that is possible."""
        try:
            if self._file is not None:
                self._begin_again_if_removed()
            if not self._pending:
                return
            if self._file is None:
                self._begin(b"")
            assert self._file is not None
            descriptor = self._file.fileno()
            if self.problem is not None:
                # A line that a full disk tore off.
                os.ftruncate(descriptor, self._length)
            os.lseek(descriptor, self._length, os.SEEK_SET)
            content = "".join(f"{line}\n" for line in self._pending).encode()
            write_all(descriptor, content)
            os.fsync(descriptor)
        except OSError as error:
            self.problem = PoseDataError(
                f"the journal of labels cannot be written ({error.strerror or error})",
                file=self.path or journal_folders(self._project)[0],
                todo="Free some space and save; until then a crash would lose the newest labels",
            )
            return
        self._length += len(content)
        self.problem = None
        self._pending.clear()

    def _begin_again_if_removed(self) -> None:
        """Somebody removed the file or its folder: what is in it is written anew."""
        assert self._file is not None
        assert self.path is not None
        if is_same(self.path, self._file.fileno()):
            return
        self._file.seek(0)
        written = self._file.read(self._length)
        old = self._file
        self._begin(written)
        _close(old)

    def _begin(self, written: bytes) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        name = f"{self._key}-{stamp}-{secrets.token_hex(3)}.jsonl"
        head = {
            "journal": _VERSION,
            "key": self._key,
            "project": str(self._project),
            "owner": owner_text(),
        }
        start = written or json.dumps(head).encode() + b"\n"
        failure: OSError | None = None
        for folder in journal_folders(self._project):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                self._file, self.path = _held_file(folder / name, start), folder / name
                self._length = len(start)
                return
            except OSError as error:
                failure = error
        assert failure is not None
        raise failure


def _held_file(path: Path, start: bytes) -> FileIO:
    """Make a journal that is locked before anybody sees it under its name."""
    # Windows does not rename open files; nobody can remove them either.
    hidden = path if os.name == "nt" else path.with_name(f".{path.name}.new")
    # Without a buffer: it would be written again when the file is closed.
    file = FileIO(open_regular(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL), "r+")
    with contextlib.ExitStack() as undo:
        undo.callback(_remove, hidden)
        undo.callback(_close, file)
        try_lock(file.fileno())
        write_all(file.fileno(), start)
        if hidden != path:
            os.rename(hidden, path)
        undo.pop_all()
    return file


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def _close(file: FileIO | None) -> None:
    if file is not None:
        # What was written has been flushed: there is nothing left to fail but the network.
        with contextlib.suppress(OSError):
            file.close()


def journal_folders(project: Path) -> tuple[Path, Path]:
    """Where the journals of a project lie: in it, or in the user's folder where it is read-only."""
    mark = hashlib.sha1(os.fsencode(project.absolute()), usedforsecurity=False).hexdigest()[:12]
    return project / OWN_FOLDER / _FOLDER, user_data_folder() / _FOLDER / f"{project.name}-{mark}"


@dataclass(frozen=True)
class JournalContent:
    """What a journal holds.

    Attributes
    ----------
    path : Path
    unsaved : Command or None
        All that was not saved, as one command.
    n_skipped : int
        Lines and changes that cannot be read.
    """

    path: Path
    unsaved: Command | None
    n_skipped: int


def left_journals(project: Path, key: str) -> list[JournalContent]:
    """Journals of runs that ended without closing them and that hold something, oldest first.

    Those that were read to the last line and hold nothing unsaved are removed. One that cannot be
    opened counts as one line that cannot be read.
    """
    found = []
    for folder in journal_folders(project):
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        for name in names:
            path = folder / name
            if not name.lstrip(".").startswith(f"{key}-") or not is_regular(path):
                continue
            if name.startswith(".") and name.endswith(".jsonl.new"):
                _remove_unborn(path)
            if name.startswith(".") or path.suffix != ".jsonl" or is_held(path):
                continue
            try:
                content = read_journal(path)
            except PoseDataError:
                content = JournalContent(path, None, 1)
            if content.unsaved is None and not content.n_skipped:
                with contextlib.suppress(OSError):
                    # In a read-only project it stays, and matters to nobody.
                    path.unlink()
                continue
            found.append(content)
    return found


def set_aside(path: Path) -> None:
    """Keep a journal for a person, and do not offer it again."""
    with contextlib.suppress(OSError):
        path.rename(path.with_suffix(".kept"))


def read_journal(path: Path) -> JournalContent:
    """Read a journal, and pass over what is damaged.

    Raises
    ------
    PoseDataError
        When the file cannot be read at all.
    """
    net: dict[tuple[FrameKey, LabelKey], tuple[Label, Label]] = {}
    skipped = understood = 0
    for entry in _entries(path):
        if not isinstance(entry, dict):
            skipped += 1
            continue
        understood += 1
        for change in _listed(entry, "changes"):
            try:
                at, before, after = _change_of(change)
            except ValueError:
                skipped += 1
                continue
            net[at] = (net[at][0] if at in net else before, after)
        gone = set()
        for frame in _listed(entry, "saved"):
            try:
                gone.add(_frame_of(frame))
            except ValueError:
                skipped += 1
        if gone:
            net = {at: labels for at, labels in net.items() if at[0] not in gone}
    changes = tuple(
        Change(frame, label_key, before, after)
        for (frame, label_key), (before, after) in net.items()
        if before != after
    )
    command = Command("recover unsaved labels", changes) if changes else None
    # An empty file is one that nothing was written into, or whose content is gone.
    return JournalContent(path, command, skipped or int(not understood))


def is_held(path: Path) -> bool:
    """Whether a living process writes a journal."""
    try:
        descriptor = open_regular(path, os.O_RDWR)
    except PermissionError:
        return _is_held_unseen(path)
    except OSError:
        return False
    with os.fdopen(descriptor, "rb") as file:
        free = try_lock(file.fileno())
        if free is None:
            # No locks here: it says who writes it.
            head = _parsed(file.readline(1 << 16))
            owner = str(head.get("owner", "")) if isinstance(head, dict) else ""
            modified = os.fstat(file.fileno()).st_mtime
            return owner_lives(owner, modified, foreign_seconds=_FOREIGN_SECONDS)
        return not free


def _is_held_unseen(path: Path) -> bool:
    """The same in a project that is read-only to us."""
    try:
        descriptor = open_regular(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return try_lock(descriptor) is False
    finally:
        os.close(descriptor)


def _remove_unborn(path: Path) -> None:
    """Remove a journal whose process was killed before it had its name."""
    with contextlib.suppress(OSError):
        modified = path.lstat().st_mtime
        if is_held(path):
            return
        # Between its creation and its lock nobody holds it either; from then on it names its owner.
        head = next(iter(_entries(path)), None)
        owner = head.get("owner") if isinstance(head, dict) else None
        is_left = isinstance(owner, str) and not owner_lives(owner, modified)
        if is_left or time.time() - modified > _UNBORN_SECONDS:
            path.unlink()


# ---------------------------------------------------------------------- lines


def _entries(path: Path) -> Iterator[Any]:
    """What the lines hold; None for one that is damaged."""
    try:
        with os.fdopen(open_regular(path, os.O_RDONLY), "rb") as file:
            while line := file.readline(_MOST_BYTES):
                if len(line) == _MOST_BYTES and not line.endswith(b"\n"):
                    while (rest := file.readline(_MOST_BYTES)) and not rest.endswith(b"\n"):
                        pass
                    yield None
                elif line.strip():
                    entry = _parsed(line)
                    # The last line may be what the process was writing when it ended.
                    if entry is not None or line.endswith(b"\n"):
                        yield entry
    except OSError as error:
        raise PoseDataError(
            f"cannot be read ({error.strerror or error})", file=path, todo="Check its permissions"
        ) from error


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _listed(entry: dict[str, Any], name: str) -> list[Any]:
    value = entry.get(name, [])
    # Anything else is one thing that cannot be read.
    return value if isinstance(value, list) else [None]


def _change_of(change: Any) -> tuple[tuple[FrameKey, LabelKey], Label, Label]:
    if not isinstance(change, list) or len(change) != 6:
        raise ValueError("no change of a label")
    session, frame, view, keypoint, before, after = change
    if not isinstance(view, str) or not isinstance(keypoint, str):
        raise ValueError("no label")
    at = _frame_of([session, frame]), LabelKey(view, keypoint)
    return at, Label.from_json(before), Label.from_json(after)


def _frame_of(value: Any) -> FrameKey:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("no frame")
    session, frame = value
    if not isinstance(session, str) or type(frame) is not int or not 0 <= frame < _MOST_FRAMES:
        raise ValueError("no frame")
    return FrameKey(session, frame)
