"""The header rows that pose tables share: ``scorer``, perhaps ``individuals``, ``bodyparts``,
``coords``; then one line per frame that begins with the frame number.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal

from napari_pose3d.core.storage.input_files import input_errors, open_input
from napari_pose3d.errors import PoseDataError
from napari_pose3d.wording import counted, verb

Kind = Literal["predictions", "labels", "poses3d"]

_FIRST_BITE = 16_384
_LARGEST_HEADER = 4_194_304
_BOM = "\ufeff"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_FIRST_OF_OURS = re.compile(r'scorer(?:["\s]*(?:[;\t\r]|$))')
_SEPARATORS = {";": "semicolons", "\t": "tabs"}
# What pandas makes of the names of a header row that it takes for the only one.
_COUNTED = re.compile(r"\.[0-9]+$")
_SHAPE = "header rows that begin with scorer, bodyparts, coords (or with individuals between)"

POSITION = ("x", "y", "likelihood")
PAIRS = {
    "ensemble_median": ("x_ens_median", "y_ens_median"),
    "ensemble_variance": ("x_ens_var", "y_ens_var"),
    "variance": ("x_posterior_var", "y_posterior_var"),
}
SPACE = ("x", "y", "z")
SPACE_VARIANCE = ("x_posterior_var", "y_posterior_var", "z_posterior_var")
SPACE_COVARIANCE = ("xy_posterior_cov", "xz_posterior_cov", "yz_posterior_cov")
DISPLACEMENT = (
    *("dx_posterior_var", "dy_posterior_var", "dz_posterior_var"),
    *("dxdy_posterior_cov", "dxdz_posterior_cov", "dydz_posterior_cov"),
)
# What a file written before the release has for the latter; it is not read any more.
_PATH_VARIANCE = "path_posterior_var"
_UNNAMED = re.compile(r"Unnamed: [0-9]+_level_[0-9]+")
_IN_SPACE = (SPACE_VARIANCE, SPACE_COVARIANCE, DISPLACEMENT)
_KNOWN = {*POSITION, *SPACE, _PATH_VARIANCE, "visible"}.union(*PAIRS.values(), *_IN_SPACE)


@dataclass(frozen=True)
class TableHeader:
    """What the header rows of a pose table say.

    Attributes
    ----------
    scorer : str
    columns : tuple of (individual, keypoint, coordinate)
        One for each column after the frame number; the individual is "" where there is no such
        row.
    n_rows : int
        Number of header lines.
    has_set_column : bool
        Whether a last column ``set`` (train, validation, test) follows.
    unread : tuple of str
        Names of further tables in the file, which are not read.
    """

    scorer: str
    columns: tuple[tuple[str, str, str], ...]
    n_rows: int
    has_set_column: bool
    unread: tuple[str, ...] = ()

    @property
    def n_cells(self) -> int:
        """Cells of each line: the frame number, the columns, and ``set``."""
        return 1 + len(self.columns) + self.has_set_column

    @cached_property
    def individuals(self) -> tuple[str, ...]:
        """Names of the individuals in file order; empty when there is no such row."""
        return tuple(dict.fromkeys(column[0] for column in self.columns if column[0]))

    @cached_property
    def coordinates(self) -> frozenset[str]:
        """Names of the coordinates that any keypoint has: ``x``, ``y``, ``likelihood``, ..."""
        return frozenset(column[2] for column in self.columns)

    @property
    def kind(self) -> Kind:
        """What the table holds, by its coordinates."""
        if "z" in self.coordinates:
            return "poses3d"
        return "predictions" if "likelihood" in self.coordinates else "labels"

    @property
    def smoothed(self) -> bool:
        """Whether a smoother wrote it: it gives variances of its own."""
        return "x_posterior_var" in self.coordinates

    def keypoints(self, individual: str | None) -> tuple[str, ...]:
        """Names of one individual's keypoints, in file order."""
        return tuple(dict.fromkeys(c[1] for c in self.columns if c[0] == (individual or "")))

    def columns_of(self, individual: str | None, coordinate: str) -> list[int]:
        """Where a coordinate of each keypoint stands, counted without the frame number."""
        # By name: nothing says that a file keeps the order x, y, likelihood.
        place = {
            column[1]: i
            for i, column in enumerate(self.columns)
            if column[0] == (individual or "") and column[2] == coordinate
        }
        return [place[keypoint] for keypoint in self.keypoints(individual)]

    def describe_unread(self) -> str:
        """Which tables of the file are not read; "" where it holds no others."""
        if not self.unread:
            return ""
        names = ", ".join(self.unread[:5]) + (", ..." if len(self.unread) > 5 else "")
        return (
            f"the file holds {len(self.unread) + 1} tables: df_with_missing is read, as in "
            f"DeepLabCut, {names} {'is' if len(self.unread) == 1 else 'are'} not"
        )

    def describe_cell(self, cell: int) -> str:
        """Name a cell of a line (0 is the frame number) for a message."""
        if 1 <= cell <= len(self.columns):
            individual, keypoint, coordinate = self.columns[cell - 1]
            owner = f"{individual}, " if individual else ""
            return f"column {cell + 1} ({owner}keypoint {keypoint}, {coordinate})"
        return f"column {cell + 1}"


def in_file(error: PoseDataError, path: str | os.PathLike[str]) -> PoseDataError:
    """The same error with the name of the file."""
    return error.located(path)


def looks_like_pose_table(path: str | os.PathLike[str]) -> bool:
    """Whether the first line begins with ``scorer``, as all tables of this family do."""
    try:
        with open_input(path) as stream, input_errors(path):
            start = stream.read(64)
    except PoseDataError:
        return False
    if start.startswith(_UTF16):
        return start[2:].decode("utf-16", errors="replace").strip('" ').startswith("scorer")
    first = _first_cell(start.decode("utf-8", errors="replace").removeprefix(_BOM))
    # With other separators it is one that is refused in words.
    return bool(_FIRST_OF_OURS.match(first))


def is_empty(path: str | os.PathLike[str]) -> bool:
    """Whether nothing was written into a file; False where that cannot be known."""
    try:
        return os.stat(path).st_size == 0
    except (OSError, ValueError):
        return False


def kind_of(path: str | os.PathLike[str]) -> Kind | None:
    """What a file holds, judged by its first lines; None for anything else. Never raises."""
    if not looks_like_pose_table(path):
        return None
    try:
        return read_header(path)[0].kind
    except PoseDataError:
        return None


def read_header(path: str | os.PathLike[str]) -> tuple[TableHeader, str]:
    """Read the header rows and the first cell of the first data line ("" without data).

    Only the start of the file is read.

    Raises
    ------
    PoseDataError
        When the file cannot be read or is no pose table; names the line and column.
    """
    lines = _first_lines(Path(path), 5)
    n_rows = 4 if lines[1:2] and _first_cell(lines[1]) == "individuals" else 3
    try:
        header = _parse_lines(tuple(lines[:n_rows]))
    except csv.Error:
        raise PoseDataError("this is no prediction file", file=path, expected=_SHAPE) from None
    except PoseDataError as error:
        raise in_file(error, path) from None
    if broken := [i for i, line in enumerate(lines[:n_rows], 1) if "\ufffd" in line]:
        raise PoseDataError(
            "the text is not in UTF-8",
            file=path,
            place=f"line {broken[0]}",
            todo="Save the file as UTF-8",
        )
    data = lines[n_rows : n_rows + 1]
    return header, data[0].split(",", 1)[0].strip().strip('"') if data else ""


def header_from_rows(rows: Sequence[Sequence[str]], names: Sequence[str]) -> TableHeader:
    """Check header rows and make a `TableHeader` of them.

    Parameters
    ----------
    rows : sequence of rows
        Without the cell of the frame number.
    names : sequence of str
        What each row holds: scorer, individuals (may be absent), bodyparts, coords.

    Raises
    ------
    PoseDataError
        Without file name; names line and column as they are in a CSV.
    """
    by_name = dict(zip(names, rows, strict=True))
    scorers, bodyparts, coords = (by_name[n] for n in ("scorer", "bodyparts", "coords"))
    individuals = by_name.get("individuals")
    width = len(scorers)
    for line, row in enumerate(rows, start=1):
        if len(row) != width:
            raise PoseDataError(
                f"this header line has {len(row) + 1} cells, line 1 has {width + 1}",
                place=f"line {line}",
                todo="The file is damaged: export the predictions again",
            )
    # DeepLabCut's label files hold the path of the image in three cells.
    n_path = next((i for i in range(width) if _is_named(scorers[i], bodyparts[i], coords[i])), 0)
    scorers, bodyparts, coords = scorers[n_path:], bodyparts[n_path:], coords[n_path:]
    individuals = individuals[n_path:] if individuals is not None else None
    width -= n_path

    def heads(i: int) -> tuple[str, str, str]:
        return scorers[i - 1], bodyparts[i - 1], coords[i - 1]

    headed = next((i for i in range(width, 0, -1) if _is_named(*heads(i))), 0)
    is_labels = not {"likelihood", "z"} & {*coords}
    if headed < width and not is_labels:
        raise PoseDataError(
            f"{counted(width - headed, 'column')} at the end {verb(width - headed, 'has', 'have')} "
            "no head",
            place=f"line 1, column {n_path + headed + 2}",
            expected="scorer, bodyparts and coords of each column",
            todo="Take out the empty columns, and the commas at the ends of lines",
        )
    width = headed
    has_set = width > 0 and scorers[width - 1] == "set"
    n = width - has_set
    different = list(dict.fromkeys(_COUNTED.sub("", name) for name in scorers[:n]))
    different = different if len(different) == 1 else list(dict.fromkeys(scorers[:n]))
    if len(different) > 1 and not is_labels:
        raise PoseDataError(
            f"the file holds predictions of several scorers: {', '.join(different)}",
            place="line 1",
            expected="one scorer in each file",
        )
    owners = individuals[:n] if individuals is not None else [""] * n
    columns = tuple(zip(owners, bodyparts[:n], coords[:n], strict=True))
    _check_columns(columns, len(rows), individuals is not None)
    return TableHeader(different[0] if different else "", columns, len(rows), has_set)


def _is_named(*heads: str) -> bool:
    """Whether a column has a head of its own; pandas names those that have none."""
    return any(head and not _UNNAMED.fullmatch(head) for head in heads)


@lru_cache(maxsize=64)  # the files of a project mostly share one header
def _parse_lines(lines: tuple[str, ...]) -> TableHeader:
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines)]
    if not rows or not any(rows[0]):
        raise PoseDataError("the first line is empty", place="line 1", expected=_SHAPE)
    first_cells = [row[0].lower() if row else "" for row in rows]
    if first_cells[0] != "scorer":
        used = next((mark for mark in _SEPARATORS if f"scorer{mark}" in lines[0].lower()), "")
        if used:
            raise PoseDataError(
                f"the cells are separated by {_SEPARATORS[used]}",
                place="line 1",
                expected="commas between cells, and points in numbers",
                todo="Export the file again so, or save it as CSV with these settings",
            )
        raise PoseDataError(
            f"this is no prediction file: the first cell is '{rows[0][0][:40]}'",
            place="line 1",
            expected=_SHAPE,
        )
    names = ["scorer", "bodyparts", "coords"]
    if first_cells[1:2] == ["individuals"]:
        names.insert(1, "individuals")
    for line, name in enumerate(names, start=1):
        if first_cells[line - 1 : line] != [name]:
            found = (
                f"'{rows[line - 1][0][:40]}'" if line <= len(rows) and rows[line - 1] else "none"
            )
            raise PoseDataError(
                f"the header row '{name}' is missing (found {found})",
                place=f"line {line}",
                expected=_SHAPE,
            )
    return header_from_rows([row[1:] for row in rows[: len(names)]], names)


def _first_cell(line: str) -> str:
    return line.split(",", 1)[0].strip().strip('"').lower()


def _check_columns(
    columns: Sequence[tuple[str, str, str]], n_rows: int, has_individuals: bool
) -> None:
    if not columns:
        raise PoseDataError("the table has no keypoints", place="line 1", expected=_SHAPE)
    have: dict[tuple[str, str], dict[str, int]] = {}
    for number, (individual, keypoint, coordinate) in enumerate(columns, start=2):
        at = f"line {n_rows}, column {number}"
        if not keypoint or (has_individuals and not individual):
            what, line = ("keypoint", n_rows - 1) if not keypoint else ("individual", 2)
            raise PoseDataError(
                f"the name of the {what} is empty",
                place=f"line {line}, column {number}",
                expected="a name",
            )
        if coordinate not in _KNOWN:
            raise PoseDataError(
                f"keypoint {keypoint} has a column '{coordinate}'",
                place=at,
                expected="x, y, likelihood, or the nine columns of a smoother "
                f"({', '.join([*POSITION, *(c for pair in PAIRS.values() for c in pair)])})",
            )
        if coordinate in (seen := have.setdefault((individual, keypoint), {})):
            raise PoseDataError(
                f"keypoint {keypoint} is there twice",
                place=f"line {n_rows - 1}, columns {seen[coordinate]} and {number}",
                expected="each keypoint once",
                todo="Rename or remove one of the two",
            )
        seen[coordinate] = number
    _check_complete(have, {column[2] for column in columns}, n_rows)


def _check_complete(
    have: dict[tuple[str, str], dict[str, int]], present: Iterable[str], n_rows: int
) -> None:
    needed = {"x", "y"} | set(present)
    for group in _IN_SPACE if "z" in needed else PAIRS.values():
        if needed & set(group):
            needed |= set(group)
    for (_, keypoint), coordinates in have.items():
        absent = sorted(needed - set(coordinates))
        if absent:
            raise PoseDataError(
                f"keypoint {keypoint} has no column {', '.join(absent)}",
                place=f"line {n_rows}, column {min(coordinates.values())}",
                expected="the same columns for every keypoint",
            )


def _first_lines(path: Path, count: int) -> list[str]:
    """The first lines, without their ends; fewer when the file is shorter."""
    with open_input(path, expected=_SHAPE) as stream, input_errors(path):
        start = stream.read(_FIRST_BITE)
        while start.count(b"\n") < count and len(start) < _LARGEST_HEADER:
            more = stream.read(len(start))
            # A file that cannot be ours is not worth a second look.
            if not more or not start.lstrip(b'\xef\xbb\xbf "').lower().startswith(b"scorer"):
                break
            start += more
    if not start.strip():
        raise PoseDataError("the file is empty", file=path, expected=_SHAPE)
    if start.startswith(_UTF16):
        raise PoseDataError(
            "the text is not in UTF-8 but in UTF-16", file=path, todo="Save it as UTF-8"
        )
    if b"\0" in start:
        raise PoseDataError("this is not a text file", file=path, expected=_SHAPE)
    if b"\r" in start and b"\n" not in start:
        raise PoseDataError(
            "the lines end with carriage returns only, as on an old Mac",
            file=path,
            todo="Save the file again as CSV, with the line ends of Unix or Windows",
        )
    if len(start) >= _LARGEST_HEADER and start.count(b"\n") < count - 1:
        raise PoseDataError(
            f"the header rows have more than {_LARGEST_HEADER / 1e6:.0f} MB",
            file=path,
            expected=f"{_SHAPE}, of some thousand keypoints at most",
        )
    # Letters that are not UTF-8 are distinguished later, when the line is known to matter.
    text = start.decode("utf-8", errors="replace").removeprefix(_BOM)
    return [line.rstrip("\r") for line in text.split("\n")[:count]]
