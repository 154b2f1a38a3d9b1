"""Where the fault lies in a pose table that could not be read."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path

from napari_pose3d.core.storage.input_files import open_input
from napari_pose3d.errors import PoseDataError

from .plain_csv import TableShape

MISSING = frozenset({"", "nan", "NaN", "NAN", "-nan", "NA", "N/A", "n/a", "null", "NULL", "None"})

# From here on a number is infinite in single precision. (The largest that is not may be written a
# little larger than it is.)
TOO_LARGE = 2.0**128 - 2.0**103


def longest_line(header: TableShape) -> int:
    """More bytes than a line of numbers can have, however they are written."""
    return 200 * header.n_cells + 100_000


def find_fault(path: Path, header: TableShape) -> None:
    """Go through the file line by line and raise at the first fault; return if there is none.

    Raises
    ------
    PoseDataError
        Names the line and the column.
    """
    frame = 0
    with (
        open_input(path) as raw,
        io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace", newline="") as decoded,
    ):
        stream = _lines(path, decoded, header)
        for _ in range(header.n_rows):
            next(stream)
        reader = csv.reader(stream)
        while True:
            try:
                row = next(reader, None)
            except csv.Error as error:
                place = f"line {header.n_rows + reader.line_num}"
                raise PoseDataError(f"{error}", file=path, place=place) from None
            if row is None:
                return
            if not "".join(row).strip() and len(row) <= 1:
                continue  # a blank line; if it stands for a frame, the next number tells
            line = header.n_rows + reader.line_num
            if len(row) != header.n_cells:
                raise _wrong_width(path, header, len(row), line, not next(stream, ""))
            _check_frame(path, row[0], line, frame)
            for cell, text in enumerate(row[1 : 1 + len(header.columns)], start=1):
                if fault := _fault_in(text.strip(" \t")):
                    raise PoseDataError(
                        f"'{text[:40]}' {fault}",
                        file=path,
                        place=f"line {line}, {header.describe_cell(cell)}",
                        expected="a number, or an empty cell where it is missing",
                    )
            frame += 1


def _lines(path: Path, stream: io.TextIOWrapper, header: TableShape) -> Iterator[str]:
    """The lines of a file; one that is too long to be of this table ends it with an error."""
    limit = longest_line(header)
    number = 0
    while line := stream.readline(limit + 1 if number >= header.n_rows else -1):
        number += 1
        if number > header.n_rows and len(line) > limit:
            raise PoseDataError(
                f"the line has more than {limit} characters",
                file=path,
                place=f"line {number}",
                expected=f"{header.n_cells} cells, as in the header",
                todo="The file is damaged: export it again",
            )
        yield line


def _wrong_width(path: Path, header: TableShape, n: int, line: int, is_last: bool) -> PoseDataError:
    place = f"line {line}"
    problem = f"the line has {n} cells"
    todo = "Mend this line, or export the file again"
    if n < header.n_cells:
        place += f", after {header.describe_cell(n - 1)}"
        problem += " only"
        if is_last:
            problem = f"the last line is cut short: it has {n} cells only"
            todo = "The file was not written or copied to its end: write or copy it again"
    expected = f"{header.n_cells} cells, as in the header"
    return PoseDataError(problem, file=path, place=place, expected=expected, todo=todo)


def _check_frame(path: Path, text: str, line: int, frame: int) -> None:
    text = text.strip()
    if not text:
        problem = "the frame number is missing"
    elif "/" in text or text.lower().endswith((".png", ".jpg", ".jpeg")):
        raise PoseDataError(
            f"the line belongs to a single image ({text[:60]})",
            file=path,
            place=f"line {line}, column 1",
            expected="predictions for every frame of a video, numbered 0, 1, 2, ...",
        )
    elif _fault_in(text) or text in MISSING:
        problem = f"'{text[:40]}' is no frame number"
    elif float(text) != frame:
        problem = f"the frame number is {text}"
    else:
        return
    raise PoseDataError(
        problem,
        file=path,
        place=f"line {line}, column 1",
        expected=f"{frame}: frames are numbered 0, 1, 2, ... without gaps",
        todo=numbering_advice(frame),
    )


def numbering_advice(frame: int) -> str:
    """What to do where a row of the frame `frame` has another number."""
    if frame == 0:
        return (
            "Number the rows from 0 if the first one is of the first image of the video; else "
            "write rows with empty cells for the frames before it"
        )
    return "Write a row with empty cells for a frame without predictions"


def _fault_in(text: str) -> str | None:
    if text in MISSING:
        return None
    # Python reads 1_000 and the digits of all scripts as numbers.
    if "_" in text or not text.isascii():
        return "is not a number"
    try:
        value = float(text)
    except ValueError:
        return "is not a number"
    if math.isfinite(value) and abs(value) < TOO_LARGE:
        return None
    return "is not a finite number"
