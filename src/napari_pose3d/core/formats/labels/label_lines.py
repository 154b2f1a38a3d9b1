"""The lines of a label file: which cells they have, and what stands in them."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from napari_pose3d.core.storage.input_files import input_errors
from napari_pose3d.errors import PoseDataError

VISIBLE = "visible"


class Cell(NamedTuple):
    """What a file says about one keypoint in one image.

    Attributes
    ----------
    x, y : float or None
        px of the image; None where there is no label.
    visible : int or None
        0 not labeled, 1 occluded, 2 visible; None where the file does not say.
    """

    x: float | None
    y: float | None
    visible: int | None = None


@dataclass(frozen=True)
class LabelColumns:
    """Where the cells of each keypoint stand in a line; ``visible`` is None where there is none."""

    x: int
    y: int
    visible: int | None


def number_text(value: float | None) -> str:
    """A position as it is written: a thousandth of a px is finer than anybody can point."""
    return "" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")


def columns_of(
    path: Path, parts: Sequence[str], kinds: Sequence[str], start: int
) -> dict[str, LabelColumns]:
    """Where the cells of each keypoint stand, from the header rows without ``scorer``.

    Raises
    ------
    PoseDataError
        When a column is missing or there twice, or these are no labels.
    """
    places: dict[str, dict[str, int]] = {}
    for i in range(start, len(parts)):
        if not parts[i] or kinds[i] not in ("x", "y", VISIBLE, "likelihood"):
            continue  # a column that somebody else added
        found = places.setdefault(name_in(parts[i]), {})
        if kinds[i] in found:
            raise PoseDataError(
                f"keypoint {parts[i]} is there twice",
                file=path,
                place=f"line 2, columns {found[kinds[i]] + 1} and {i + 1}",
                todo="Rename or remove one of the two",
            )
        found[kinds[i]] = i
    if any("likelihood" in found for found in places.values()):
        raise PoseDataError(
            "these are a network's predictions, no labels", file=path, expected="columns x, y"
        )
    columns = {}
    for name, found in places.items():
        if "x" not in found or "y" not in found:
            raise PoseDataError(
                f"keypoint {name} has no column {'x' if 'y' in found else 'y'}",
                file=path,
                place="line 3",
                expected="x and y of each keypoint",
            )
        columns[name] = LabelColumns(found["x"], found["y"], found.get(VISIBLE))
    with_visible = [name for name, each in columns.items() if each.visible is not None]
    if with_visible and len(with_visible) < len(columns):
        lacking = [name for name in columns if name not in with_visible]
        raise PoseDataError(
            f"the column visible is missing for {', '.join(lacking)}",
            file=path,
            place="line 3",
            expected="it for all keypoints or for none",
        )
    return columns


def name_in(cell: str) -> str:
    """The name of a keypoint in a cell: a Mac stores an umlaut as two characters."""
    return unicodedata.normalize("NFC", cell.strip())


def cells_of(path: Path, lines: Sequence[str], i: int) -> list[str]:
    """The cells of a line; `PoseDataError` where a quotation mark is not closed."""
    text = lines[i].removesuffix("\r")
    if '"' not in text:
        return text.split(",")
    if text.count('"') % 2:
        raise PoseDataError(
            "a quotation mark is not closed",
            file=path,
            place=f"line {i + 1}",
            todo="Close it, or take it out",
        )
    with input_errors(path):
        return next(csv.reader([text]))


def joined(cells: Sequence[str]) -> str:
    """The line of some cells, quoted where it has to be."""
    if not any(mark in cell for cell in cells for mark in ',"'):
        return ",".join(cells)
    stream = io.StringIO()
    csv.writer(stream, lineterminator="").writerow(cells)
    return stream.getvalue()


def ending_of(line: str) -> str:
    """The carriage return of a line, where the file has them."""
    return "\r" if line.endswith("\r") else ""
