"""Where each view lies in a rendered image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from napari_pose3d.errors import PoseDataError

# Not given a scale, images are made smaller until all of them fit here, and never larger.
_USUAL_WIDTH, _USUAL_HEIGHT = 1920, 1080
# What players and graphics cards decode of H.264.
_LARGEST = 4096
_SMALLEST_CELL = 64
# The line of text below, as a share of the height, and at least px.
_STRIP, _LEAST_STRIP = 0.035, 22


@dataclass(frozen=True)
class Cell:
    """A rectangle of the rendered image, in its px."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Tiling:
    """The views side by side in rows, and a line of text below.

    Attributes
    ----------
    width, height : int
        Of the rendered image, px; even.
    scale : float
        Px of the rendered image for each px of a video.
    images : mapping of view to Cell
        Where its image lies: in the middle of the view's cell.
    space : Cell or None
        Where the 3-D view lies.
    strip : Cell
        Where the text lies.
    """

    width: int
    height: int
    scale: float
    images: Mapping[str, Cell]
    space: Cell | None
    strip: Cell


def tile(sizes: Mapping[str, tuple[int, int]], space: bool, scale: float | None = None) -> Tiling:
    """Lay out images of the given (width, height), and the 3-D view after them.

    Parameters
    ----------
    sizes : mapping of view to (int, int)
    space : bool
        Whether there is a 3-D view.
    scale : float, optional
        Px of the rendered image for each px of a video. Not given: 1, or less where the whole
        would not fit into 1920 x 1080.

    Raises
    ------
    PoseDataError
        The result would be larger than players show, or too small to see anything.
    """
    widest = max(width for width, _ in sizes.values())
    highest = max(height for _, height in sizes.values())
    count = len(sizes) + space

    def fitting(columns: int) -> float:
        rows = ceil(count / columns)
        room = _USUAL_HEIGHT - max(_LEAST_STRIP, round(_STRIP * _USUAL_HEIGHT)) - 2
        return min(_USUAL_WIDTH / (columns * widest), room / (rows * highest))

    columns = max(range(1, count + 1), key=fitting)
    rows = ceil(count / columns)
    if scale is None:
        scale = min(1.0, fitting(columns))
    wide, high = max(int(widest * scale), 1), max(int(highest * scale), 1)
    strip = max(_LEAST_STRIP, round(_STRIP * rows * high))
    # Chroma is kept for every second pixel, in both directions.
    width, height = _even(columns * wide), _even(rows * high + strip)
    if max(width, height) > _LARGEST or max(wide, high) < _SMALLEST_CELL:
        problem = f"at the scale {scale:g} the video would have {width} x {height} px"
        raise PoseDataError(
            problem,
            expected=f"at most {_LARGEST} x {_LARGEST}, and {_SMALLEST_CELL} for each view",
            todo="Choose another scale, or fewer views",
        )
    cells = [Cell(i % columns * wide, i // columns * high, wide, high) for i in range(count)]
    # Room that the last row leaves is the 3-D view's.
    last = cells[-1]
    cells[-1] = Cell(last.x, last.y, columns * wide - last.x, high) if space else last
    images = {}
    for cell, (view, size) in zip(cells, sizes.items(), strict=False):
        w, h = min(max(round(size[0] * scale), 1), wide), min(max(round(size[1] * scale), 1), high)
        images[view] = Cell(cell.x + (wide - w) // 2, cell.y + (high - h) // 2, w, h)
    return Tiling(
        width,
        height,
        scale,
        images,
        cells[-1] if space else None,
        Cell(0, height - strip, width, strip),
    )


def _even(n: int) -> int:
    return n + n % 2
