"""The journal: every command is on the disk before the next one, so that a crash loses nothing.

A journal is a file of JSON lines in ``napari-pose3d/journal/``. Its first line says what it belongs
to; then follow the commands as they changed the labels, and which frames were saved. It goes when
everything in it was saved and the labels are closed. One that is left over and that no living
process holds is of a run that ended badly: its unsaved changes can be taken over.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from napari_pose3d.core.errors import PoseDataError
from napari_pose3d.core.projects.project_toml import OWN_FOLDER
from napari_pose3d.core.storage.user_folders import user_data_folder

from .commands import Change, Command
from .label import FrameKey, Label, LabelKey

_FOLDER = "journal"
_VERSION = 1


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
        Why the newest commands could not be taken down; they are tried again with the next one.
    """

    def __init__(self, project: Path, key: str) -> None:
        self.problem: PoseDataError | None = None
        self.path: Path | None = None
        self._project, self._key = project, key
        self._pending: list[str] = []
        self._file: IO[str] | None = None

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
        """End the journal.

        Parameters
        ----------
        keep : bool
            Whether there is something in it that was not saved.
        """
        if self._file is not None:
            self._file.close()
            self._file = None
        if self.path is not None and not keep:
            self.path.unlink(missing_ok=True)
        self.path = None

    def _write(self, entry: dict[str, Any]) -> None:
        self._pending.append(json.dumps(entry, separators=(",", ":"), ensure_ascii=False))
        try:
            if self._file is None:
                self._begin()
            assert self._file is not None
            # A line that a full disk tore off ends here, and is passed over when it is read.
            torn = "" if self.problem is None else "\n"
            self._file.write(torn + "".join(f"{line}\n" for line in self._pending))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            self.problem = PoseDataError(
                f"the journal of labels cannot be written ({error.strerror or error})",
                file=self.path or journal_folders(self._project)[0],
                todo="Free some space and save; until then a crash would lose the newest labels",
            )
            return
        self.problem = None
        self._pending.clear()

    def _begin(self) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        name = f"{self._key}-{stamp}-{secrets.token_hex(3)}.jsonl"
        failure: OSError | None = None
        for folder in journal_folders(self._project):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                file = (folder / name).open("x", encoding="utf-8")
            except OSError as error:
                failure = error
                continue
            _hold(file)
            self._file, self.path = file, folder / name
            self._pending.insert(
                0,
                json.dumps({"journal": _VERSION, "key": self._key, "project": str(self._project)}),
            )
            return
        assert failure is not None
        raise failure


def journal_folders(project: Path) -> tuple[Path, Path]:
    """Where the journals of a project lie: in it, or in the user's folder where it is read-only."""
    mark = hashlib.sha1(str(project.absolute()).encode(), usedforsecurity=False).hexdigest()[:12]
    return project / OWN_FOLDER / _FOLDER, user_data_folder() / _FOLDER / f"{project.name}-{mark}"


def leftover_journals(project: Path, key: str) -> list[Path]:
    """Journals of runs that ended without closing them, oldest first.

    Those that hold nothing unsaved are removed.
    """
    found = []
    for folder in journal_folders(project):
        for path in sorted(folder.glob(f"{key}-*.jsonl")) if folder.is_dir() else ():
            if is_held(path):
                continue
            if unsaved_in(path) is None:
                with contextlib.suppress(
                    OSError
                ):  # a read-only project: it stays, and says nothing
                    path.unlink()
                continue
            found.append(path)
    return found


def unsaved_in(path: Path) -> Command | None:
    """What a journal holds that was not saved, as one command; None for nothing.

    A last line that was torn off is passed over.

    Raises
    ------
    PoseDataError
        When it cannot be read.
    """
    net: dict[tuple[FrameKey, LabelKey], tuple[Label, Label]] = {}
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        raise PoseDataError(f"cannot be read ({error.strerror or error})", file=path) from error
    for line in lines:
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue
        for session, frame, view, keypoint, before, after in entry.get("changes", ()):
            place = (FrameKey(session, int(frame)), LabelKey(view, keypoint))
            first = net[place][0] if place in net else Label.from_json(before)
            net[place] = (first, Label.from_json(after))
        gone = {FrameKey(session, int(frame)) for session, frame in entry.get("saved", ())}
        if gone:
            net = {place: labels for place, labels in net.items() if place[0] not in gone}
    changes = tuple(
        Change(frame, label_key, before, after)
        for (frame, label_key), (before, after) in net.items()
        if before != after
    )
    return Command("recover unsaved labels", changes) if changes else None


if sys.platform == "win32":
    import msvcrt

    # Far behind the end, so that the text can be read by others.
    _LOCK_AT = 1 << 30

    def _hold(file: IO[str]) -> None:
        file.seek(_LOCK_AT)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)

    def is_held(path: Path) -> bool:
        """Whether a living process writes a journal."""
        with path.open("r+", encoding="utf-8") as file:
            file.seek(_LOCK_AT)
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            except OSError:
                return True
            file.seek(_LOCK_AT)
            msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
        return False

else:
    import fcntl

    def _hold(file: IO[str]) -> None:
        # Some network file systems know no locks; the journal is as good without.
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def is_held(path: Path) -> bool:
        """Whether a living process writes a journal."""
        with path.open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            except OSError:
                return False
        return False
