"""``CollectedData_<view>.csv``: the labels of one view, as Lightning Pose and DeepLabCut keep them.

Header rows ``scorer, bodyparts, coords``, then a line for each labeled image that begins with the
image's path. Each keypoint has the columns ``x, y`` and perhaps ``visible``; other columns are
left as they are. The file is kept as its lines, and only cells that change are written anew, so
that everything else stays byte for byte what it was.
"""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.formats.containers.table_process import read_stored_text
from napari_pose3d.core.storage.input_files import input_errors, read_bytes
from napari_pose3d.errors import PoseDataError

from .label_lines import (
    VISIBLE,
    Cell,
    LabelColumns,
    cells_of,
    columns_of,
    ending_of,
    joined,
    name_in,
    number_text,
)

_BOM = "\ufeff"
_ROWS = ("scorer", "bodyparts", "coords")
_SHAPE = "header rows that begin with scorer, bodyparts, coords, and a line for each image"
_MISSING = {"", "nan", "na", "none"}
_LARGEST = 1 << 30
_LARGEST_PIXEL = 1e9
# What pandas calls the cells of a head that are empty.
_UNNAMED = re.compile(r"Unnamed: [0-9]+_level_[0-9]+")


@dataclass(frozen=True, eq=False)
class LabelTable:
    """The lines of a label file, and what they mean.

    Attributes
    ----------
    path : Path
    scorer : str
    columns : mapping of keypoint to LabelColumns
        In file order.
    lines : tuple of str
        All lines without their line feeds.
    rows : tuple of (line, image)
        Number in ``lines`` of each labeled image, and its path as it is written there (index
        cells of newer DeepLabCut files are joined by ``/``).
    """

    path: Path
    scorer: str
    columns: Mapping[str, LabelColumns]
    lines: tuple[str, ...]
    rows: tuple[tuple[int, str], ...]
    _index_cells: int = 1
    _bom: bool = False
    _width: int = field(default=0, repr=False)

    @property
    def keypoints(self) -> tuple[str, ...]:
        return tuple(self.columns)

    @cached_property
    def has_visible(self) -> bool:
        """Whether there is a column ``visible``."""
        return any(each.visible is not None for each in self.columns.values())

    @cached_property
    def image_of(self) -> Mapping[int, str]:
        """The image of each line that is a row."""
        return dict(self.rows)

    def cells(self, line: int) -> dict[str, Cell]:
        """What a line says about each keypoint.

        Raises
        ------
        PoseDataError
            When a cell is invalid; names line and column.
        """
        texts = self._texts(line)
        return {name: self._cell(name, texts, line) for name in self.columns}

    def positions(self, lines: Sequence[int] | None = None) -> NDArray[np.float64]:
        """Positions in the given lines (all rows by default), ``(line, keypoint, 2)`` px."""
        wanted = [line for line, _ in self.rows] if lines is None else lines
        out = np.full((len(wanted), len(self.columns), 2), np.nan)
        for row, line in enumerate(wanted):
            for k, cell in enumerate(self.cells(line).values()):
                if cell.x is not None:
                    out[row, k] = cell.x, cell.y
        return out

    def changed(
        self,
        changes: Mapping[int, Mapping[str, Cell]],
        added: Sequence[tuple[str, Mapping[str, Cell]]] = (),
        removed: Sequence[int] = (),
    ) -> LabelTable:
        """The table with other cells in some lines, with new lines at the end, and without some.

        Parameters
        ----------
        changes : mapping of line to mapping of keypoint to Cell
        added : sequence of (image, mapping of keypoint to Cell)
            Keypoints that are not named stay empty.
        removed : sequence of int
            Lines that go.
        """
        if not (changes or added or removed):
            return self
        lines = list(self.lines)
        for line, cells in changes.items():
            lines[line] = self._line(self._texts(line), cells, ending_of(self.lines[line]))
        rows = self.rows
        if removed:
            gone = set(removed)
            kept = [i for i in range(len(lines)) if i not in gone]
            place = {old: new for new, old in enumerate(kept)}
            rows = tuple((place[line], image) for line, image in rows if line in place)
            lines = [lines[i] for i in kept]
        if added:
            # What follows the last line feed is no line.
            ended = lines[-1] == ""
            if ended:
                lines.pop()
            ending = ending_of(self.lines[0])
            if not ended:
                lines[-1] = lines[-1].removesuffix("\r") + ending
            rows += tuple((len(lines) + i, image) for i, (image, _) in enumerate(added))
            lines += [self._line(self._new_texts(p), cells, ending) for p, cells in added]
            lines.append("")
        return replace(self, lines=tuple(lines), rows=rows)

    def reordered(self, order: Sequence[int], added: Sequence[tuple[int, str]] = ()) -> LabelTable:
        """The table with its rows in another order.

        Parameters
        ----------
        order : sequence of int
            Lines of rows, each at most once; rows that are left out go.
        added : sequence of (place, image)
            Empty rows to be put at a place of the new order.
        """
        ending = ending_of(self.lines[0])
        head = [self.lines[i] for i in range(len(_ROWS))]
        body = [self.lines[i].removesuffix("\r") + ending for i in order]
        images = [self.image_of[i] for i in order]
        for place, image in sorted(added):
            body.insert(place, self._line(self._new_texts(image), {}, ending))
            images.insert(place, image)
        rows = tuple((len(head) + i, image) for i, image in enumerate(images))
        return replace(self, lines=(*head, *body, ""), rows=rows)

    def with_keypoints(self, names: Sequence[tuple[str, str | None]]) -> LabelTable:
        """The table with other keypoints, or in another order.

        Parameters
        ----------
        names : sequence of (name, former name or None)
            None for a keypoint that is new. Those that are not named go, with all their columns.
        """
        taken = [set(self._columns_of(name)) for name in self.columns]
        owned = set().union(*taken) if taken else set()
        others = [i for i in range(self._index_cells, self._width) if i not in owned]
        like = self._columns_of(next(iter(self.columns))) if self.columns else []
        sources: list[tuple[str, list[int] | None]] = [
            (name, None if former is None else self._columns_of(former)) for name, former in names
        ]
        lines = list(self.lines)
        at_rows = {line for line, _ in self.rows}
        for i, text in enumerate(self.lines):
            if i >= len(_ROWS) and i not in at_rows:
                continue
            old = self._texts(i)
            new = old[: self._index_cells]
            for name, columns in sources:
                if columns is None:
                    new += self._new_column(i, name, old, like)
                elif i == 1 and any(name_in(old[column]) != name for column in columns):
                    new += [name] * len(columns)
                else:
                    new += [old[column] for column in columns]
            new += [old[column] for column in others]
            lines[i] = joined(new) + ending_of(text)
        return _parsed(self.path, lines, self._bom)

    def with_visible(self, occluded: Mapping[int, Collection[str]]) -> LabelTable:
        """The table with a column ``visible`` for each keypoint, after its positions.

        Parameters
        ----------
        occluded : mapping of line to keypoints
            Those without position that are occluded: 1. Positions get 2, the others 0.
        """
        if self.has_visible:
            return self
        after = {max(at.x, at.y): name for name, at in self.columns.items()}
        at_rows = {line for line, _ in self.rows}
        lines = list(self.lines)
        for i, text in enumerate(self.lines):
            if i >= len(_ROWS) and i not in at_rows:
                continue
            old = self._texts(i)
            new = []
            for column, cell in enumerate(old):
                new.append(cell)
                name = after.get(column)
                if name is None:
                    continue
                if i < len(_ROWS):
                    new.append(VISIBLE if i == len(_ROWS) - 1 else cell)
                elif self._cell(name, old, i).x is not None:
                    new.append("2")
                else:
                    new.append("1" if name in occluded.get(i, ()) else "0")
            lines[i] = joined(new) + ending_of(text)
        return _parsed(self.path, lines, self._bom)

    def text(self) -> str:
        """The whole file as it is to be written."""
        return (_BOM if self._bom else "") + "\n".join(self.lines)

    # ------------------------------------------------------------------ lines and cells

    def _texts(self, line: int) -> list[str]:
        text = self.lines[line].removesuffix("\r")
        if '"' not in text:
            return text.split(",")
        return next(csv.reader([text]))

    def _cell(self, name: str, texts: Sequence[str], line: int) -> Cell:
        at = self.columns[name]
        x, y = self._number(texts[at.x], line, at.x), self._number(texts[at.y], line, at.y)
        if (x is None) != (y is None):
            raise PoseDataError(
                f"keypoint {name} has {'x' if y is None else 'y'} but not the other",
                file=self.path,
                place=f"line {line + 1}, column {at.x + 1}",
                expected="both or none",
                todo="Empty the cell, or fill in the other",
            )
        visible = None
        if at.visible is not None:
            number = self._number(texts[at.visible], line, at.visible)
            if number is not None and number not in (0, 1, 2):
                raise PoseDataError(
                    f"keypoint {name} has visible = {texts[at.visible]}",
                    file=self.path,
                    place=f"line {line + 1}, column {at.visible + 1}",
                    expected="0 (not labeled), 1 (occluded) or 2 (visible)",
                )
            visible = None if number is None else int(number)
        return Cell(x, y, visible)

    def _number(self, text: str, line: int, column: int) -> float | None:
        stripped = text.strip()
        if stripped.lower() in _MISSING:
            return None
        try:
            number = float(stripped)
        except ValueError:
            number = math.nan
        if not abs(number) < _LARGEST_PIXEL:
            raise PoseDataError(
                f"'{stripped[:40]}' is not a number",
                file=self.path,
                place=f"line {line + 1}, column {column + 1}",
                expected="a position in px, or an empty cell",
            )
        return number

    def _line(self, texts: list[str], cells: Mapping[str, Cell], ending: str) -> str:
        for name, cell in cells.items():
            at = self.columns[name]
            texts[at.x], texts[at.y] = number_text(cell.x), number_text(cell.y)
            if at.visible is not None:
                texts[at.visible] = str(cell.visible or 0)
        return joined(texts) + ending

    def _new_texts(self, image: str) -> list[str]:
        index = [image]
        if self._index_cells > 1:
            index = image.split("/", self._index_cells - 1)
            index += [""] * (self._index_cells - len(index))
        texts = index + [""] * (self._width - self._index_cells)
        for each in self.columns.values():
            if each.visible is not None:
                texts[each.visible] = "0"
        return texts

    def _columns_of(self, name: str) -> list[int]:
        parts = self._texts(1)
        return [i for i in range(self._index_cells, self._width) if name_in(parts[i]) == name]

    def _new_column(self, line: int, name: str, old: list[str], like: list[int]) -> list[str]:
        """The cells of a new keypoint in a line: as many as the first one has."""
        kinds = [self._texts(2)[i] for i in like]
        if line == 0:
            return [old[i] for i in like]
        if line == 1:
            return [name] * len(like)
        if line == 2:
            return kinds
        return ["0" if kind.strip() == VISIBLE else "" for kind in kinds]


def read_label_csv(path: str | os.PathLike[str], data: bytes | None = None) -> LabelTable:
    """Read a label file.

    Parameters
    ----------
    data : bytes, optional
        Its content, where that has been read already.

    Raises
    ------
    PoseDataError
        When it cannot be read or is no table of labels; names the line and column.
    """
    path = Path(path)
    content = read_bytes(path, largest=_LARGEST) if data is None else data
    with input_errors(path):
        text = content.decode("utf-8")
    lines = text.removeprefix(_BOM).split("\n")
    return _parsed(path, lines, text.startswith(_BOM))


def read_label_h5(path: str | os.PathLike[str]) -> LabelTable:
    """Read a label file; it is not to be written again.

    Raises
    ------
    PoseDataError
        When it holds no labels, is damaged, or reading HDF5 is not installed.
    """
    # As text it is what DeepLabCut writes beside it.
    path = Path(path)
    return read_label_csv(path, read_stored_text(path))


def new_label_csv(
    path: str | os.PathLike[str], scorer: str, keypoints: Sequence[str], *, visible: bool = False
) -> LabelTable:
    """An empty table for a view that has no label file yet.

    Parameters
    ----------
    visible : bool
        Whether it has the column ``visible``.
    """
    kinds = ["x", "y", *([VISIBLE] if visible else [])]
    n = len(kinds)
    rows = [
        ["scorer", *[scorer] * (n * len(keypoints))],
        ["bodyparts", *[name for name in keypoints for _ in kinds]],
        ["coords", *kinds * len(keypoints)],
    ]
    return _parsed(Path(path), [*(joined(row) for row in rows), ""], False)


def without_one_individual(data: bytes) -> bytes:
    """The text of a label file without the row ``individuals``, where that names one only.

    An empty line stands below the header in its place, so that lines keep their numbers.
    """
    lines = data.split(b"\n", len(_ROWS) + 1)
    if len(lines) <= len(_ROWS) + 1 or not lines[1].lower().startswith((b"individuals", b'"indiv')):
        return data
    row = next(csv.reader([lines[1].decode("utf-8", "replace")]), [])
    if len(_named(row)) != 1:
        return data
    return b"\n".join([lines[0], *lines[2 : len(_ROWS) + 1], b"", *lines[len(_ROWS) + 1 :]])


def _named(row: Sequence[str]) -> list[str]:
    """The names in a header row, each once."""
    cells = (_UNNAMED.sub("", cell.strip()) for cell in row[1:])
    return list(dict.fromkeys(cell for cell in cells if cell))


def _parsed(path: Path, lines: Sequence[str], bom: bool) -> LabelTable:
    head = [cells_of(path, lines, i) for i in range(min(len(_ROWS), len(lines)))]
    for i, name in enumerate(_ROWS):
        found = head[i][0].strip().lower() if i < len(head) and head[i] else ""
        if found == "individuals":
            named = _named(head[i])
            several = len(named) > 1
            raise PoseDataError(
                f"the labels are of several individuals ({', '.join(named)[:200]})"
                if several
                else f"this row names an individual, {', '.join(named)[:200] or 'without a name'}",
                file=path,
                place=f"line {i + 1}",
                expected="one animal: Lightning Pose has no several",
                todo="Export the labels of one individual" if several else "Take the row out",
            )
        if found != name and len(lines) == 1 and "\r" in lines[0].rstrip("\r"):
            raise PoseDataError(
                "the lines end with carriage returns only, as on an old Mac",
                file=path,
                todo="Save the file again as CSV, with the line ends of Unix or Windows",
            )
        if found.startswith((f"{name};", f"{name}\t")):
            used = "semicolons" if found[len(name)] == ";" else "tabs"
            raise PoseDataError(
                f"the cells are separated by {used}",
                file=path,
                place=f"line {i + 1}",
                expected="commas between cells, and points in numbers",
                todo="Export the file again so, or save it as CSV with these settings",
            )
        if found != name:
            raise PoseDataError(
                f"this is no label file: the line begins with '{found[:40]}'",
                file=path,
                place=f"line {i + 1}",
                expected=_SHAPE,
            )
    scorers, parts, kinds = ([_UNNAMED.sub("", cell.strip()) for cell in row] for row in head)
    width = len(scorers)
    for i, row in enumerate((scorers, parts, kinds)):
        if len(row) != width:
            raise PoseDataError(
                f"this header line has {len(row)} cells, line 1 has {width}",
                file=path,
                place=f"line {i + 1}",
                expected="as many cells in each header line",
            )
    index_cells = next((i for i in range(1, width) if parts[i] or kinds[i]), width)
    columns = columns_of(path, parts, kinds, index_cells)
    scorer = scorers[index_cells] if index_cells < width else ""
    rows = []
    for i in range(len(_ROWS), len(lines)):
        if not lines[i].strip("\r, "):
            continue
        cells = cells_of(path, lines, i)
        if len(cells) != width:
            raise PoseDataError(
                f"the line has {len(cells)} cells, the header has {width}",
                file=path,
                place=f"line {i + 1}",
                todo="The file is damaged: restore it, or correct this line",
            )
        image = "/".join(cell.strip() for cell in cells[:index_cells] if cell.strip())
        rows.append((i, image.replace("\\", "/")))
    return LabelTable(path, scorer, columns, tuple(lines), tuple(rows), index_cells, bom, width)
