"""A board to print: a PDF of vector rectangles at true size, with a ruler to check the print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np

from napari_pose3d.errors import PoseDataError

from .board import Board
from .detection import dictionary_of

Page = Literal["fit", "A4", "A3", "A2", "A1", "A0", "letter"]

PAGES: dict[Page, tuple[float, float]] = {
    "A4": (210.0, 297.0),
    "A3": (297.0, 420.0),
    "A2": (420.0, 594.0),
    "A1": (594.0, 841.0),
    "A0": (841.0, 1189.0),
    "letter": (215.9, 279.4),
}
"""Width and height in mm, upright."""

_POINTS = 72 / 25.4  # of PDF, in a mm
_MARGIN = 8.0  # mm: what printers leave white
_FOOT = 16.0  # mm below the board, for ruler and text
_LONGEST_RULER = 100.0
_TEXT = 2.6  # mm


class Box(NamedTuple):
    """A black rectangle, mm from the top left corner of the print, y downwards."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Print:
    """What is printed of one face.

    Attributes
    ----------
    width, height : float
        Of the paper that the board needs, mm.
    boxes : tuple of Box
        What is black.
    first_corner : (x, y)
        Where the corner lies that is the origin of the board, mm.
    """

    width: float
    height: float
    boxes: tuple[Box, ...]
    first_corner: tuple[float, float]


def print_of(board: Board) -> Print:
    """The rectangles of a board's face, seen from its front.

    Raises
    ------
    PoseDataError
        For a dictionary that OpenCV does not have, or that is too small.
    """
    side = board.square
    if board.kind == "aruco":
        # A gap all around, so that each marker has white about it.
        gap = side - board.marker
        width, height = board.columns * side + gap, board.rows * side + gap
        places = [
            (gap + column * side, gap + row * side)
            for row in range(board.rows)
            for column in range(board.columns)
        ]
        boxes, first = [], (gap, gap)
    else:
        width, height = board.columns * side, board.rows * side
        # OpenCV before 4.6 began with white where the number of rows is even.
        odd = int(board.legacy and board.rows % 2 == 0)
        cells = [(row, column) for row in range(board.rows) for column in range(board.columns)]
        boxes = [Box(c * side, r * side, side, side) for r, c in cells if (r + c + odd) % 2 == 0]
        inset = (side - board.marker) / 2
        places = [(c * side + inset, r * side + inset) for r, c in cells if (r + c + odd) % 2 == 1]
        first = (side, side)
    if board.has_markers:
        dictionary = dictionary_of(board)
        for number, (x, y) in enumerate(places):
            boxes += _marker(dictionary, number, x, y, board.marker)
    if board.inverted:
        boxes = _inverted(boxes, width, height)
    return Print(width, height, tuple(boxes), first)


def board_pdf(board: Board, page: Page = "fit") -> bytes:
    """The board as a PDF at true size; a second page holds the back of a two-sided one.

    Parameters
    ----------
    page : str
        Size of the paper, upright or turned, whichever the board fits; "fit": the smallest of A4 to
        A0 that it fits, else paper of its own size.

    Raises
    ------
    PoseDataError
        When the board does not fit the page.
    """
    face = print_of(board)
    width, height = _paper(face, page)
    faces = [face]
    if board.thickness:
        # Turned about the upright edge, the corners of the back lie behind those of the front.
        mirrored = tuple(
            Box(face.width - box.x - box.width, box.y, box.width, box.height) for box in face.boxes
        )
        faces.append(Print(face.width, face.height, mirrored, face.first_corner))
    names = ("front", "back") if board.thickness else ("",)
    pages = [
        _page(each, board.describe() + (f" - {name}" if name else ""), width, height)
        for each, name in zip(faces, names, strict=True)
    ]
    return _pdf(pages, width, height)


def _marker(dictionary: object, number: int, x: float, y: float, side: float) -> list[Box]:
    """The black cells of a marker, joined along rows."""
    bits = int(dictionary.markerSize)  # type: ignore[attr-defined]
    cells = bits + 2
    image = dictionary.generateImageMarker(number, cells, None, 1)  # type: ignore[attr-defined]
    black = np.asarray(image) < 128
    cell = side / cells
    boxes = []
    for row in range(cells):
        column = 0
        while column < cells:
            if not black[row, column]:
                column += 1
                continue
            end = column
            while end < cells and black[row, end]:
                end += 1
            boxes.append(Box(x + column * cell, y + row * cell, (end - column) * cell, cell))
            column = end
    return boxes


def _inverted(boxes: Sequence[Box], width: float, height: float) -> list[Box]:
    """Black where it was white: between the edges of all boxes, row by row."""
    ys = sorted({0.0, height, *(b.y for b in boxes), *(b.y + b.height for b in boxes)})
    out = []
    for top, bottom in pairwise(ys):
        if bottom - top < 1e-9:
            continue
        middle = (top + bottom) / 2
        spans = sorted((b.x, b.x + b.width) for b in boxes if b.y < middle < b.y + b.height)
        at = 0.0
        for left, right in [*spans, (width, width)]:
            if left - at > 1e-9:
                out.append(Box(at, top, left - at, bottom - top))
            at = max(at, right)
    return out


def _paper(face: Print, page: Page) -> tuple[float, float]:
    """Width and height of the paper, mm."""
    needed = (face.width + 2 * _MARGIN, face.height + 2 * _MARGIN + _FOOT)
    if page != "fit" and page not in PAGES:
        raise PoseDataError(
            f"there is no page '{page}'", expected=f"one of fit, {', '.join(PAGES)}"
        )
    for name in [page] if page != "fit" else ["A4", "A3", "A2", "A1", "A0"]:
        short, long = PAGES[name]  # type: ignore[index]
        for width, height in ((short, long), (long, short)):
            if needed[0] <= width and needed[1] <= height:
                return width, height
    if page == "fit":
        return needed
    raise PoseDataError(
        f"the board is {face.width:g} x {face.height:g} mm and does not fit {page}",
        expected=f"paper of {needed[0]:.0f} x {needed[1]:.0f} mm or more",
        todo="Take larger paper, or smaller or fewer squares",
    )


def _page(face: Print, text: str, width: float, height: float) -> str:
    """The drawing of one page in PDF's operators, y upwards."""
    left, top = (width - face.width) / 2, (height - _FOOT - face.height) / 2
    lines = ["0 g"]

    def box(x: float, y: float, across: float, down: float) -> None:
        lines.append(
            f"{x * _POINTS:.5f} {(height - y - down) * _POINTS:.5f} "
            f"{across * _POINTS:.5f} {down * _POINTS:.5f} re"
        )

    for each in face.boxes:
        box(left + each.x, top + each.y, each.width, each.height)
    lines.append("f")
    length = min(_LONGEST_RULER, 10 * ((width - 2 * _MARGIN) // 10))
    foot = height - _MARGIN - _FOOT + 5
    box(_MARGIN, foot, length, 0.2)
    for mm in range(int(length) + 1):
        tick = 4.0 if mm % 10 == 0 else 2.5 if mm % 5 == 0 else 1.5
        box(_MARGIN + mm - 0.05, foot, 0.1, tick)
    lines.append("f")
    note = f"Print at 100 %, not fitted to the page: the ruler is {length:g} mm long."
    for row, words in enumerate((text, note)):
        y = (height - foot - 7.5 - 3.2 * row) * _POINTS
        shown = words.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        size, x = _TEXT * _POINTS, _MARGIN * _POINTS
        lines.append(f"BT /F1 {size:.2f} Tf {x:.3f} {y:.3f} Td ({shown}) Tj ET")
    return "\n".join(lines)


def _pdf(pages: Sequence[str], width: float, height: float) -> bytes:
    """A PDF file of pages of one size in mm."""
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(pages)))
    box = f"[0 0 {width * _POINTS:.5f} {height * _POINTS:.5f}]"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R /ViewerPreferences << /PrintScaling /None >> >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for i, drawing in enumerate(pages):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox {box} /Contents {5 + 2 * i} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        size = len(drawing.encode("latin-1"))
        objects.append(f"<< /Length {size} >>\nstream\n{drawing}\nendstream")
    out = b"%PDF-1.4\n"
    places = []
    for number, each in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{each}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    n = len(objects) + 1
    return out + (
        f"xref\n0 {n}\n0000000000 65535 f \n{table}"
        f"trailer\n<< /Size {n} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    ).encode("latin-1")
