"""Lenses from videos of a board that each camera recorded by itself, at another time."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import PoseDataError

from ..evaluation import residuals_alone
from ..solve.intrinsics import MOST_IMAGES, camera_intrinsics
from ..solve.rig_state import RigState
from .board import Board
from .detection import detect_corners
from .observations import BoardObservations

Float64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Lens:
    """Intrinsics of a camera, and how well its own images of the board fit them.

    Attributes
    ----------
    view : str
    size : (width, height)
        px of its images.
    intrinsics : (9,) float64
        See `solve.lens`.
    n_images : int
        In which the board was seen.
    residual : float
        Median distance of the corners from the board's pose, px.
    """

    view: str
    size: tuple[int, int]
    intrinsics: Float64
    n_images: int
    residual: float

    def __str__(self) -> str:
        used = min(self.n_images, MOST_IMAGES)
        return (
            f"the lens of camera {self.view} is from its own video: {used} of {self.n_images} "
            f"images of the board, residual {self.residual:.2f} px"
        )


def lenses_of_videos(
    videos: Mapping[str, str | os.PathLike[str]],
    board: Board,
    *,
    fisheye: bool = False,
    every: int = 1,
    progress: Callable[[str, int, int], None] = lambda view, done, total: None,
    check: Callable[[], None] = lambda: None,
) -> tuple[Lens, ...]:
    """Lenses of cameras, each from a video of the board that no other camera has to share.

    Parameters
    ----------
    videos : mapping of view to path
        Some cameras, or all.
    board : Board
    fisheye : bool
    every : int
        Only every n-th frame is looked at.
    progress : callable
        Called with (view, frames done, frames in all).
    check : callable
        Called often; may raise `Cancelled`.

    Raises
    ------
    PoseDataError
        When a video cannot be read, or shows too little of the board.
    """
    if not videos:
        return ()
    found = detect_corners(videos, board, every=every, progress=progress, check=check)
    lenses = []
    for view, path in videos.items():
        try:
            lenses.append(lens_of(found, view, fisheye=fisheye, check=check))
        except PoseDataError as error:
            raise error.located(file=Path(path)) from None
    return tuple(lenses)


def lens_of(
    observations: BoardObservations,
    view: str,
    *,
    fisheye: bool = False,
    check: Callable[[], None] = lambda: None,
) -> Lens:
    """The lens of one camera from its own images of the board.

    Raises
    ------
    PoseDataError
        See `camera_intrinsics`.
    """
    own = observations.of_views([view])
    intrinsics = camera_intrinsics(own, 0, fisheye, check)
    alone = RigState(
        rotations=np.eye(3)[None],
        translations=np.zeros((1, 3)),
        intrinsics=intrinsics[None],
        clocks=np.zeros(1),
        fisheye=fisheye,
        board_rotations=np.eye(3)[None],
        board_translations=np.zeros((1, 3)),
    )
    (residual,) = residuals_alone(alone, own, check)
    n_images = int((own.n_observed[0] > 0).sum())
    return Lens(view, own.sizes[0], intrinsics, n_images, residual)


def with_lenses(
    known: Float64 | None, lenses: Sequence[Lens], observations: BoardObservations
) -> Float64 | None:
    """Known intrinsics ``(view, 9)`` with those of some lenses; NaN where nothing is known.

    Raises
    ------
    PoseDataError
        When a lens is of no view, or of images of another size.
    """
    if not lenses:
        return known
    views = observations.views
    out = np.full((len(views), len(lenses[0].intrinsics)), np.nan) if known is None else known
    out = out.copy()
    for lens in lenses:
        if lens.view not in views:
            raise PoseDataError(
                f"there is a video for the lens of {lens.view}, but none of the rig",
                expected=f"lenses of {', '.join(views)}",
            )
        index = views.index(lens.view)
        if lens.size != observations.sizes[index]:
            width, height = observations.sizes[index]
            raise PoseDataError(
                f"the video for the lens of {lens.view} has {lens.size[0]} x {lens.size[1]} px, "
                f"that for the rig {width} x {height}",
                expected="videos of one size",
                todo="Record both with the same settings of the camera",
            )
        out[index] = lens.intrinsics
    return out
