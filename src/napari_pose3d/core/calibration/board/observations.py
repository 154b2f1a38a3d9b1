"""Where the corners of a board were seen: what detection gives and calibration takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import PoseDataError

from .board import Board

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class BoardObservations:
    """Corners of a board in several views.

    Attributes
    ----------
    board : Board
    views : tuple of str
    sizes : tuple of (width, height)
        px of each view's image.
    frames : (frame,) int64
        Frame numbers on the axis that the views share; frames one apart follow each other in time.
        Given in any order, they are put in the rising one, with their corners.
    xy : (view, frame, corner, 2) float64
        px; NaN where a corner was not seen.
    shape : (corner, 3) float64, optional
        How far the corners lie from where a flat, true board has them, mm; None for such a board.
    """

    board: Board
    views: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    frames: NDArray[np.int64]
    xy: Float64
    shape: Float64 | None = None

    def __post_init__(self) -> None:
        expected = (len(self.views), len(self.frames), self.board.n_corners, 2)
        if self.xy.shape != expected or len(self.sizes) != len(self.views):
            raise PoseDataError(
                f"the corners have shape {self.xy.shape}",
                expected=f"{expected}: view, frame, corner, 2",
            )
        order = np.argsort(self.frames, kind="stable")
        if np.any(np.diff(order) != 1):
            object.__setattr__(self, "frames", self.frames[order])
            object.__setattr__(self, "xy", self.xy[:, order])
        # Sums go through memory in order: the same corners give the same bits.
        object.__setattr__(self, "xy", np.ascontiguousarray(self.xy, dtype=np.float64))
        if np.any(np.diff(self.frames) <= 0):
            raise PoseDataError("a frame number is there twice", expected="each frame once")

    @property
    def points(self) -> Float64:
        """Corners in the board's frame, ``(corner, 3)`` mm."""
        flat = self.board.points
        return flat if self.shape is None else flat + self.shape

    @property
    def observed(self) -> Bool:
        """Which corners were seen, ``(view, frame, corner)``."""
        return np.asarray(np.isfinite(self.xy).all(axis=-1))

    @property
    def n_observed(self) -> NDArray[np.int64]:
        """Number of corners seen, ``(view, frame)``."""
        return np.asarray(self.observed.sum(axis=-1))

    def of_frames(self, chosen: Bool) -> BoardObservations:
        """Only the frames of a mask ``(frame,)``."""
        return replace(self, frames=self.frames[chosen], xy=self.xy[:, chosen])

    def of_views(self, names: Sequence[str]) -> BoardObservations:
        """Only the named views, in the order given."""
        index = [self.views.index(name) for name in names]
        return replace(
            self,
            views=tuple(names),
            sizes=tuple(self.sizes[i] for i in index),
            xy=self.xy[index],
        )

    def without_sparse(self, fewest: int) -> BoardObservations:
        """Without images that show fewer than `fewest` corners, and without empty frames."""
        xy = np.where((self.n_observed >= fewest)[..., None, None], self.xy, np.nan)
        kept = np.isfinite(xy).any(axis=(0, 2, 3))
        return replace(self, frames=self.frames[kept], xy=xy[:, kept])
