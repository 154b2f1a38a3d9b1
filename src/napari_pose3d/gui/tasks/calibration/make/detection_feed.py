"""What a search for the board has seen so far, from its threads to the screen."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

_GRID = 5
_INTERVAL = 0.2  # s between two images of a view: more cannot be followed
_WIDEST = 320  # px


@dataclass(frozen=True, eq=False)
class Seen:
    """How far the search is in one view.

    Attributes
    ----------
    image : (height, width) uint8
        The latest image, made small.
    corners : (corner, 2)
        px in this small image.
    frame, n_looked, n_found : int
        Of the latest image; images looked at, and those that showed the board.
    cells : (5, 5) bool
        Parts of the image that a corner was seen in, rows from the top.
    """

    image: NDArray[np.uint8]
    corners: NDArray[np.float64]
    frame: int
    n_looked: int
    n_found: int
    cells: NDArray[np.bool_]


class DetectionFeed(QObject):
    """Counts what is found; `seen` is emitted with a view's name and a `Seen` now and then.

    `look` is called from threads, one at a time.
    """

    seen = Signal(str, object)

    def __init__(self) -> None:
        super().__init__()
        self._cells: dict[str, NDArray[np.bool_]] = {}
        self._looked: dict[str, int] = {}
        self._found: dict[str, int] = {}
        self._last: dict[str, float] = {}

    def look(
        self, view: str, frame: int, image: NDArray[np.uint8], corners: NDArray[np.float64]
    ) -> None:
        """Take note of an image that was looked at."""
        cells = self._cells.setdefault(view, np.zeros((_GRID, _GRID), bool))
        self._looked[view] = self._looked.get(view, 0) + 1
        found = corners[np.isfinite(corners).all(axis=1)]
        if len(found):
            self._found[view] = self._found.get(view, 0) + 1
            height, width = image.shape[:2]
            at = np.clip(found * _GRID // (width, height), 0, _GRID - 1).astype(int)
            cells[at[:, 1], at[:, 0]] = True
        now = time.monotonic()
        # An image with the board says more than one without.
        wait = _INTERVAL if len(found) else 3 * _INTERVAL
        if now - self._last.get(view, 0.0) < wait:
            return
        self._last[view] = now
        step = max(1, image.shape[1] // _WIDEST)
        self.seen.emit(
            view,
            Seen(
                image[::step, ::step].copy(),
                found / step,
                frame,
                self._looked[view],
                self._found.get(view, 0),
                cells.copy(),
            ),
        )
