"""A calibration board: its layout, its corners, and the files that describe it.

Notes
-----
The corners of a board lie in its plane, x along a row and y down a column, the origin at the first
inner corner; z points away from an observer who sees the board as printed, so that x, y, z are
right-handed and the board's pose is a rotation with determinant 1.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.storage.input_files import input_errors, read_text
from napari_pose3d.core.storage.toml_text import toml_values
from napari_pose3d.errors import PoseDataError

Kind = Literal["charuco", "checkerboard", "aruco"]
Float64 = NDArray[np.float64]

_LARGEST = 1 << 20  # bytes of a board file
MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "inch": 25.4}
"""Millimetres in each unit of length that a board file may use."""

_MOST_SQUARES = 200


def _helped(help_: str, default: Any = MISSING) -> Any:
    return field(default=default, metadata={"help": help_})


@dataclass(frozen=True)
class Board:
    """A flat board with a chessboard pattern, or a grid of markers.

    Attributes
    ----------
    columns, rows : int
        Squares in a row and in a column, those at the edge included; of a grid, markers.
    square : float
        Side of a square in mm; of a grid, from one marker to the next (a marker and a gap).
    kind : {"charuco", "checkerboard", "aruco"}
        A ChArUco board has a marker in each white square, so that a part of it can be recognised;
        an ArUco grid has markers with gaps between them and no squares.
    marker : float
        Side of a marker in mm; 0 for a checkerboard.
    dictionary : str
        OpenCV's name of the markers' dictionary, such as ``DICT_4X4_50``.
    inverted : bool
        Printed white on black.
    legacy : bool
        The layout of ChArUco boards of OpenCV before 4.6, which differs for even numbers of rows.
    thickness : float
        In mm; above 0, the same board is printed on the back, seen as in a mirror.

    Raises
    ------
    PoseDataError
        For an invalid value.
    """

    columns: int = _helped("Squares in a row, those at the edge included.")
    rows: int = _helped("Squares in a column, those at the edge included.")
    square: float = _helped("Side of a square in mm, measured on the print: it sets the scale.")
    kind: Kind = field(
        default="charuco",
        metadata={
            "help": "A ChArUco board has a marker in each white square, so that a part of it is "
            "recognised."
        },
    )
    marker: float = _helped("Side of a marker in mm, its black border included.", 0.0)
    dictionary: str = _helped("OpenCV's name of the markers' dictionary.", "DICT_4X4_50")
    inverted: bool = _helped("Printed white on black.", False)
    legacy: bool = _helped(
        "Made by OpenCV before 4.6, which began boards of an even number of rows with white.", False
    )
    thickness: float = _helped(
        "In mm; above 0, the same board is printed on the back, seen as in a mirror.", 0.0
    )

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise PoseDataError(
                f"the kind of board is '{self.kind}'",
                expected=f"one of {', '.join(get_args(Kind))}",
            )
        for name, count in (("columns", self.columns), ("rows", self.rows)):
            fewest = 1 if self.kind == "aruco" else 3
            if not fewest <= count <= _MOST_SQUARES:
                raise PoseDataError(
                    f"the board has {count} {name}",
                    expected=f"squares per row and column, from {fewest} to {_MOST_SQUARES}",
                )
        if not (np.isfinite(self.square) and self.square > 0):
            raise PoseDataError(
                f"the squares are {self.square:g} mm wide", expected="a length above 0"
            )
        if self.has_markers and not 0 < self.marker < self.square:
            raise PoseDataError(
                f"the markers are {self.marker:g} mm wide",
                expected=f"more than 0 and less than a square ({self.square:g} mm)",
            )
        if not (np.isfinite(self.thickness) and self.thickness >= 0):
            raise PoseDataError(
                f"the board is {self.thickness:g} mm thick", expected="0 or a length above it"
            )

    @property
    def has_markers(self) -> bool:
        return self.kind != "checkerboard"

    @property
    def n_markers(self) -> int:
        """Of one face; 0 for a checkerboard."""
        if self.kind == "aruco":
            return self.columns * self.rows
        return self.columns * self.rows // 2 if self.has_markers else 0

    @property
    def grid(self) -> tuple[int, int]:
        """Inner corners per row and per column; of a grid, markers."""
        if self.kind == "aruco":
            return self.columns, self.rows
        return self.columns - 1, self.rows - 1

    @property
    def n_face_corners(self) -> int:
        """Corners of one face."""
        across, down = self.grid
        return across * down * (4 if self.kind == "aruco" else 1)

    @property
    def n_corners(self) -> int:
        """Of both faces, where it is printed on both."""
        return self.n_face_corners * (2 if self.thickness else 1)

    @property
    def points(self) -> Float64:
        """Corners in the board's frame, ``(corner, 3)`` mm, row by row.

        Of a grid, the four of each marker clockwise from the top left. Those of the back follow.
        """
        across, down = self.grid
        x, y = np.meshgrid(np.arange(across), np.arange(down))
        plane = self.square * np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1)
        if self.kind == "aruco":
            corners = self.marker * np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
            plane = (plane[:, None] + corners).reshape(-1, 3)
        if self.thickness:
            plane = np.concatenate([plane, plane + np.array([0, 0, self.thickness])])
        return np.asarray(plane, dtype=np.float64)

    @property
    def neighbours(self) -> NDArray[np.int64]:
        """Pairs of corners of one face that are one square apart, ``(pair, 2)``."""
        across, down = self.grid
        per_place = 4 if self.kind == "aruco" else 1
        index = np.arange(self.n_face_corners).reshape(down, across, per_place)
        right = np.stack([index[:, :-1].ravel(), index[:, 1:].ravel()], axis=1)
        below = np.stack([index[:-1].ravel(), index[1:].ravel()], axis=1)
        pairs = np.concatenate([right, below])
        if self.thickness:
            pairs = np.concatenate([pairs, pairs + self.n_face_corners])
        return np.asarray(pairs, dtype=np.int64)

    def describe(self) -> str:
        """The board in one line."""
        what = "markers every" if self.kind == "aruco" else "squares of"
        parts = [f"{self.kind} board of {self.columns} x {self.rows} {what} {self.square:g} mm"]
        if self.has_markers:
            parts.append(f"markers of {self.marker:g} mm from {self.dictionary}")
        if self.inverted:
            parts.append("white on black")
        if self.thickness:
            parts.append(f"two-sided, {self.thickness:g} mm thick")
        return ", ".join(parts)


def load_board(path: str | os.PathLike[str]) -> Board:
    """Read a board file (TOML): ours, or caliscope's ``charuco.toml``.

    Notes
    -----
    Ours holds ``kind, columns, rows, square, marker, units, dictionary, inverted, legacy,
    thickness``. Caliscope's gives the marker as ``aruco_scale`` (a share of the square) and the
    square as ``square_size_override_cm``.

    Raises
    ------
    PoseDataError
        When it cannot be read, is not TOML, a key is missing, or a value is invalid.
    """
    path = Path(path)
    text = read_text(path, largest=_LARGEST, expected="a board file")
    with input_errors(path, expected="a board file"):
        try:
            document = toml_values(text)
        except tomllib.TOMLDecodeError as error:
            raise PoseDataError(f"the file is not valid TOML ({error})", file=path) from None
    try:
        return _board_from(document)
    except PoseDataError as error:
        raise PoseDataError(
            error.problem, file=path, place=error.place, expected=error.expected
        ) from None


def board_text(board: Board) -> str:
    """The board as the text of a board file."""
    lines = [
        f'kind = "{board.kind}"',
        f"columns = {board.columns}",
        f"rows = {board.rows}",
        f"square = {board.square!r}",
        'units = "mm"',
    ]
    if board.has_markers:
        lines += [f"marker = {board.marker!r}", f'dictionary = "{board.dictionary}"']
        lines.append(f"legacy = {str(board.legacy).lower()}")
    lines.append(f"inverted = {str(board.inverted).lower()}")
    if board.thickness:
        lines.append(f"thickness = {board.thickness!r}")
    return "\n".join(lines) + "\n"


def _board_from(document: Mapping[str, Any]) -> Board:
    caliscope = "square_size_override_cm" in document or "aruco_scale" in document
    kind = document.get("kind", "charuco")
    if caliscope:
        square = 10.0 * _number(document, "square_size_override_cm")
        marker = square * _number(document, "aruco_scale")
    else:
        units = document.get("units", "mm")
        if not isinstance(units, str) or units not in MM:
            raise PoseDataError(
                f"'units' is {units!r}", place="units", expected=f"one of {', '.join(MM)}"
            )
        square = MM[units] * _number(document, "square")
        marker = 0.0 if kind == "checkerboard" else MM[units] * _number(document, "marker")
    board = Board(
        columns=_whole(document, "columns"),
        rows=_whole(document, "rows"),
        square=square,
        kind=kind,
        marker=marker,
        dictionary=str(document.get("dictionary", "DICT_4X4_50")),
        inverted=document.get("inverted") is True,
        legacy=document.get("legacy", document.get("legacy_pattern")) is True,
    )
    if "thickness" in document and not caliscope:
        board = replace(board, thickness=MM[units] * _number(document, "thickness"))
    return board


def _number(document: Mapping[str, Any], key: str) -> float:
    value = document.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    found = "is missing" if value is None else f"is {value!r}"
    raise PoseDataError(f"'{key}' {found}", place=key, expected="a number")


def _whole(document: Mapping[str, Any], key: str) -> int:
    value = _number(document, key)
    if not value.is_integer():
        raise PoseDataError(f"'{key}' is {value:g}", place=key, expected="a whole number")
    return int(value)
