"""``napari-pose3d/labels/<key>.csv``: who placed which label when, and what kind it is.

Lightning Pose has no place for this. The table is tidy, a line for each label of a keypoint in a
view and frame. Lines are only ever added, and the last line about a label holds, so that saving a
frame costs the same however many there are.

The position stands in it as it was written to the label file. Where that file says something else
now, another program changed it, and the line holds no longer.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from napari_pose3d.core.storage.input_files import input_errors, read_text
from napari_pose3d.errors import PoseDataError

FIELDS = (
    "session",
    "frame",
    "view",
    "keypoint",
    "x",
    "y",
    "status",
    "visibility",
    "labeler",
    "time",
    "residual",
)
LARGEST = 1 << 31
_EXPECTED = "the table of labels that napari-pose3d keeps; positions are in the label files"
_MOST_DIGITS = 12

Row = Mapping[str, str]


class Provenance:
    """The lines of the table by session and frame; a frame's lines are read when it is asked for.

    Parameters
    ----------
    path : path
        A file that is not there is empty.

    Raises
    ------
    PoseDataError
        When it cannot be read, or its columns are others.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._lines: dict[tuple[str, str], list[str]] = {}
        self._fields: tuple[str, ...] = FIELDS
        text = self._read()
        # A line that was torn off by a crash has no end.
        lines = text.split("\n")[:-1]
        if lines:
            with input_errors(self.path, expected=_EXPECTED):
                self._fields = tuple(next(csv.reader([lines[0]]), ()))
            lacking = [name for name in FIELDS if name not in self._fields]
            if lacking or self._fields[:2] != FIELDS[:2]:
                raise PoseDataError(
                    "these are not the columns of a table of labels",
                    file=self.path,
                    place="line 1",
                    expected=", ".join(FIELDS),
                    todo="Move the file away; positions are kept in the label files",
                )
        for line in lines[1:]:
            self._lines.setdefault(_frame_of(line), []).append(line)

    def rows(self, session: str, frame: int) -> dict[tuple[str, str], Row]:
        """The newest line about each (view, keypoint) of a frame."""
        found: dict[tuple[str, str], Row] = {}
        for line in self._lines.get((session, str(frame)), []):
            row = dict(zip(self._fields, _cells(line), strict=False))
            if len(row) == len(self._fields):
                found[row["view"], row["keypoint"]] = row
        return found

    @property
    def frames(self) -> list[tuple[str, int]]:
        """Frames that the table mentions."""
        return [(session, int(frame)) for session, frame in self._lines if _is_frame(frame)]

    def addition(self, rows: Iterable[Row]) -> tuple[int, str]:
        """What is to be appended to the file for new rows.

        Returns
        -------
        length, text : int, str
            Where the last whole line of the file ends, in bytes, and what comes there.

        Raises
        ------
        PoseDataError
            When the file cannot be read.
        """
        stream = io.StringIO()
        writer = csv.DictWriter(stream, self._fields, lineterminator="\n", restval="")
        # One line each: a name of a person may hold anything.
        writer.writerows({k: " ".join(v.splitlines()) for k, v in row.items()} for row in rows)
        with input_errors(self.path, expected=_EXPECTED):
            length = _end_of_whole_lines(self.path)
        head = "" if length else f"{','.join(self._fields)}\n"
        return length, head + stream.getvalue()

    def note_added(self, text: str) -> None:
        """The text of an `addition` is in the file now."""
        for line in text.split("\n")[:-1]:
            if not line.startswith(FIELDS[0] + ","):
                self._lines.setdefault(_frame_of(line), []).append(line)

    def renamed(self, keypoints: Mapping[str, str]) -> str:
        """The text of the file as it is now, after keypoints got other names."""
        self.__init__(self.path)  # type: ignore[misc]  # others may have added lines
        stream = io.StringIO()
        writer = csv.DictWriter(stream, self._fields, lineterminator="\n")
        writer.writeheader()
        for session, frame in self._lines:
            for row in self.rows(session, int(frame)).values() if _is_frame(frame) else ():
                name = row["keypoint"]
                writer.writerow({**row, "keypoint": keypoints.get(name, name)})
        return stream.getvalue()

    def _read(self) -> str:
        if not os.path.lexists(self.path):
            return ""
        return read_text(self.path, largest=LARGEST, expected=_EXPECTED)


def _frame_of(line: str) -> tuple[str, str]:
    if line.startswith('"'):
        cells = [*_cells(line), "", ""]
        return cells[0], cells[1]
    session, _, rest = line.partition(",")
    return session, rest.partition(",")[0]


def _cells(line: str) -> list[str]:
    """The cells of a line; none where it is damaged."""
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def _is_frame(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS


def _end_of_whole_lines(path: Path) -> int:
    """Where the last whole line ends."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return 0
    with file:
        at = file.seek(0, os.SEEK_END)
        while at:
            start = max(at - 65_536, 0)
            file.seek(start)
            found = file.read(at - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            at = start
    return 0
