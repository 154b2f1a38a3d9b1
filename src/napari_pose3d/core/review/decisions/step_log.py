"""Steps of a person, kept in a file that only grows, so that they survive and can be undone.

Notes
-----
One line of JSON for each step: ``{"time", "who", "text", "changes": [[key, before, after], ...]}``,
or ``{"time", "who", "undo": true}`` and ``{"time", "who", "redo": true}``, which take back the
newest step and bring it again. The state is what follows from the lines from top to bottom; a
value of null is nothing. A line that a killed process left unfinished at the end does not count.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.file_lock import FileLock
from napari_pose3d.core.storage.group_recovery import recover
from napari_pose3d.core.storage.input_files import read_bytes
from napari_pose3d.errors import PoseDataError

Key = tuple[Any, ...]
Values = Mapping[Key, Any]

_DAMAGE = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    OverflowError,
    RecursionError,
)  # of a line
_LARGEST = 256 << 20


@dataclass(frozen=True)
class Step:
    """What one action of a person changed.

    Attributes
    ----------
    text : str
        What was done, such as "move nose in Cam-A, frame 12".
    changes : tuple of (key, before, after)
        Each key once; None is nothing.
    who : str
    time : str
        ISO 8601, UTC.
    """

    text: str
    changes: tuple[tuple[Key, Any, Any], ...]
    who: str = ""
    time: str = ""

    @property
    def keys(self) -> tuple[Key, ...]:
        return tuple(key for key, _, _ in self.changes)


class StepLog:
    """A file of steps and the state that they lead to.

    Every change is written before the call returns, together with the files that are made from
    the state: all of them, or none. What another process wrote in the meantime is read first;
    undo takes back the newest step of anybody.

    Parameters
    ----------
    path : Path
        Need not exist.
    lock : FileLock
        Held while the file is read and then changed.
    check : callable
        Called with a key and a value that was read; raises ValueError or TypeError where they are
        no such.
    write_others : callable, optional
        Called with a `FileGroup` and the new state, to write what is made from it.

    Attributes
    ----------
    state : dict of key to value
    damaged : int
        Lines of the file that could not be read, and do not count.

    Raises
    ------
    PoseDataError
        The file cannot be read.
    """

    def __init__(
        self,
        path: Path,
        lock: FileLock,
        check: Callable[[Key, Any], None],
        write_others: Callable[[FileGroup, Values], None] | None = None,
    ) -> None:
        self.path, self._lock = path, lock
        self._check, self._write_others = check, write_others
        self.read()

    def read(self) -> None:
        """Read the file again: another process may have written to it."""
        self.state: dict[Key, Any] = {}
        self.damaged = 0
        self._done: list[Step] = []
        self._undone: list[Step] = []
        self._done_at: list[str] = []
        self._undone_at: list[str] = []
        self._length = 0
        if self.path.parent.is_dir():
            recover(self.path.parent)
        if not os.path.lexists(self.path):
            return
        # What follows the last line end is what a process was writing when it was killed.
        for line in read_bytes(self.path, largest=_LARGEST).split(b"\n")[:-1]:
            self._length += len(line) + 1
            try:
                self._take(json.loads(line))
            except _DAMAGE:
                self.damaged += 1

    def _take(self, entry: Any) -> None:
        if entry.get("undo") is True:
            # Where the line of that step is damaged, another must not be undone in its place.
            if self._done and entry.get("of", self._done[-1].time) != self._done[-1].time:
                raise ValueError("undone is a step that cannot be read")
            self._undo(str(entry.get("time", "")))
        elif entry.get("redo") is True:
            self._redo(str(entry.get("time", "")))
        else:
            changes = tuple((_key(key), old, new) for key, old, new in entry["changes"])
            for key, before, after in changes:
                self._check(key, before)
                self._check(key, after)
            step = Step(str(entry["text"]), changes, str(entry["who"]), str(entry["time"]))
            self._apply(step, forward=True)
            self._done.append(step)
            self._done_at.append(step.time)
            self._undone.clear()
            self._undone_at.clear()

    def _apply(self, step: Step, *, forward: bool) -> None:
        for key, before, after in step.changes:
            value = after if forward else before
            if value is None:
                self.state.pop(key, None)
            else:
                self.state[key] = value

    def _undo(self, time: str) -> Step | None:
        if not self._done:
            return None
        step = self._done.pop()
        self._done_at.pop()
        self._undone.append(step)
        self._undone_at.append(time)
        self._apply(step, forward=False)
        return step

    def _redo(self, time: str) -> Step | None:
        if not self._undone:
            return None
        step = self._undone.pop()
        self._undone_at.pop()
        self._done.append(step)
        self._done_at.append(time)
        self._apply(step, forward=True)
        return step

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps that count, the oldest first."""
        return tuple(self._done)

    @property
    def undo_text(self) -> str:
        """What undo would take back; "" for nothing."""
        return self._done[-1].text if self._done else ""

    @property
    def redo_text(self) -> str:
        """What redo would bring again; "" for nothing."""
        return self._undone[-1].text if self._undone else ""

    @property
    def done_at(self) -> str:
        """When what undo would take back was done, or done again; "" for nothing."""
        return self._done_at[-1] if self._done_at else ""

    @property
    def undone_at(self) -> str:
        """When what redo would bring again was undone; "" for nothing."""
        return self._undone_at[-1] if self._undone_at else ""

    def add(self, values: Values, text: str, who: str) -> Step | None:
        """Change values by key, as one step; None, and nothing written, where all are so already.

        Raises
        ------
        PoseDataError
            The file cannot be written; nothing has changed then.
        """
        with self._lock:
            self.read()
            changes = tuple(
                (_key(key), self.state.get(key), value)
                for key, value in values.items()
                if self.state.get(key) != value
            )
            if not changes:
                return None
            step = Step(text, changes, who, self._own_time())
            entry = {
                "time": step.time,
                "who": who,
                "text": text,
                "changes": [[list(key), before, after] for key, before, after in changes],
            }
            self._write(entry)
            return step

    def undo(self, who: str) -> Step | None:
        """Take back the newest step; None where there is none. Errors as for `add`."""
        with self._lock:
            self.read()
            step = self._done[-1] if self._done else None
            if step is not None:
                self._write({"time": now(), "who": who, "undo": True, "of": step.time})
            return step

    def redo(self, who: str) -> Step | None:
        """Bring the step again that was undone last; None where there is none."""
        with self._lock:
            self.read()
            step = self._undone[-1] if self._undone else None
            if step is not None:
                self._write({"time": now(), "who": who, "redo": True})
            return step

    def _own_time(self) -> str:
        """The time, which is no other step's: undo names the step by it."""
        time = now()
        taken = {step.time for step in (*self._done, *self._undone)}
        while time in taken:
            later = datetime.fromisoformat(time) + timedelta(microseconds=1)
            time = later.isoformat(timespec="microseconds")
        return time

    def _write(self, entry: Mapping[str, Any]) -> None:
        line = json.dumps(entry, ensure_ascii=False) + "\n"
        length = self._length
        try:
            with FileGroup(overwrite=True) as group:
                group.append(self.path, length, line)
                self._take(json.loads(line))
                if self._write_others is not None:
                    self._write_others(group, self.state)
        except PoseDataError:
            self.read()
            raise
        self._length = length + len(line.encode())


def _key(values: Any) -> Key:
    """JSON knows no tuples."""
    return tuple(_key(each) if isinstance(each, list) else each for each in values)


def now() -> str:
    """The time, ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
