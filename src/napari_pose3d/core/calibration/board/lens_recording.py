"""Lenses from videos of a board that each camera recorded by itself, at another time."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.video.video_array import open_video
from napari_pose3d.errors import PoseDataError

from ..evaluation import residuals_alone
from ..solve.intrinsics import FEWEST_CORNERS, MOST_IMAGES, intrinsics_with_errors
from ..solve.lens import FX
from ..solve.rig_state import RigState
from .board import Board
from .detection import detect_corners
from .observations import BoardObservations

Float64 = NDArray[np.float64]

FEWEST_IMAGES = 8
"""Images of the board below which a lens is not found: held as known, a wrong one bends the rig."""

_CERTAIN = 0.02  # of the focal length, its standard error


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
        That show enough of the board.
    residual : float
        Median distance of the corners from the board's pose, px.
    sd : (9,) float64
        Standard errors of the intrinsics.
    """

    view: str
    size: tuple[int, int]
    intrinsics: Float64
    n_images: int
    residual: float
    sd: Float64

    def __str__(self) -> str:
        used = min(self.n_images, MOST_IMAGES)
        return (
            f"the lens of camera {self.view} is from its own video: {used} of {self.n_images} "
            f"images of the board, focal length {self.intrinsics[FX]:.1f} +- {self.sd[FX]:.1f} px, "
            f"residual {self.residual:.2f} px"
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
        When too few images show enough of the board, or they do not tell the focal length.
    """
    own = observations.of_views([view]).without_sparse(FEWEST_CORNERS)
    n_images = len(own.frames)
    advice = "Record the board large, tilted to all sides, near and far, all over the image"
    if n_images < FEWEST_IMAGES:
        raise PoseDataError(
            f"{n_images} images of view {view} show enough of the board to find its lens",
            expected=f"{FEWEST_IMAGES} or more, of {FEWEST_CORNERS} corners each",
            todo=advice,
        )
    intrinsics, sd = intrinsics_with_errors(own, 0, fisheye, check)
    if not sd[FX] < _CERTAIN * intrinsics[FX]:
        raise PoseDataError(
            f"the images of view {view} do not tell its focal length: "
            f"{intrinsics[FX]:.0f} +- {sd[FX]:.0f} px",
            expected=f"a standard error below {100 * _CERTAIN:.0f} %",
            todo=advice,
        )
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
    return Lens(view, own.sizes[0], intrinsics, n_images, residual, sd)


def refuse_foreign(
    lens_videos: Mapping[str, str | os.PathLike[str]],
    videos: Mapping[str, str | os.PathLike[str]],
) -> None:
    """Refuse videos for lenses that cannot be those of a rig's cameras, before any is searched.

    Parameters
    ----------
    lens_videos, videos : mapping of view to path
        Those for lenses, and those of all cameras together.

    Raises
    ------
    PoseDataError
        When one is of no camera, has images of another size, or cannot be read.
    """
    for view, path in lens_videos.items():
        _refuse_unknown(view, tuple(videos), Path(path))
        sizes = []
        for each in (path, videos[view]):
            with open_video(each) as video:
                sizes.append((video.shape[2], video.shape[1]))
        _refuse_size(view, sizes[0], sizes[1], Path(path))


def _refuse_unknown(view: str, views: Sequence[str], path: Path | None = None) -> None:
    if view not in views:
        raise PoseDataError(
            f"there is a video for the lens of {view}, but none of the rig",
            file=path,
            expected=f"lenses of {', '.join(views)}",
        )


def _refuse_size(
    view: str, size: tuple[int, int], wanted: tuple[int, int], path: Path | None = None
) -> None:
    if size != wanted:
        raise PoseDataError(
            f"the video for the lens of {view} has {size[0]} x {size[1]} px, "
            f"that for the rig {wanted[0]} x {wanted[1]}",
            file=path,
            expected="videos of one size",
            todo="Record both with the same settings of the camera",
        )


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
        _refuse_unknown(lens.view, views)
        index = views.index(lens.view)
        _refuse_size(lens.view, lens.size, observations.sizes[index])
        out[index] = lens.intrinsics
    return out
