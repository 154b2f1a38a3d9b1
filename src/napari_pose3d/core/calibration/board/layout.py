"""Which layout of a board a recording shows: inverted or not, old or new, and its back.

Notes
-----
A print in white on black, the layout of OpenCV before 4.6, and the back of a board printed on both
sides have the same numbers of squares and markers, and nothing is found where one is taken for
another. So a few frames are looked at, with the layout that was given first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.video.video_array import open_video

from .board import Board
from .detection import detector_of

Image = NDArray[np.uint8]

_FRAMES = 12  # of each view
UNKNOWN_THICKNESS = 0.001
"""mm: of a board whose back is seen and whose thickness was not given."""


def recognise_board(
    videos: Mapping[str, str | os.PathLike[str]],
    board: Board,
    check: Callable[[], None] = lambda: None,
) -> tuple[Board, tuple[str, ...]]:
    """The board as the videos show it, and notes on what differs from the one that was given.

    Parameters
    ----------
    videos : mapping of view to path
    board : Board
    check : callable
        Called for each frame; may raise `Cancelled`.

    Raises
    ------
    PoseDataError
        When a video cannot be read, or OpenCV lacks the dictionary.
    """
    return recognised(_sampled(videos, check), board, check)


def sampled_corners(
    videos: Mapping[str, str | os.PathLike[str]],
    board: Board,
    check: Callable[[], None] = lambda: None,
) -> dict[str, int]:
    """Corners of a board in a few frames of each video, by view; see `recognise_board`."""
    return _counts(board, _sampled(videos, check), check)


def _sampled(
    videos: Mapping[str, str | os.PathLike[str]], check: Callable[[], None]
) -> dict[str, list[Image]]:
    """A few frames from all over each video."""
    images: dict[str, list[Image]] = {}
    for view, path in videos.items():
        with open_video(path, color="grey") as video:
            found = []
            n = len(video)
            for frame in sorted(set(np.linspace(0, n - 1, min(n, _FRAMES)).astype(int).tolist())):
                check()
                image = video.frame(frame)
                if image is not None:
                    if image.dtype != np.uint8:
                        image = (image >> (video.bits - 8)).astype(np.uint8)
                    found.append(np.ascontiguousarray(image))
            images[view] = found
    return images


def recognised(
    images: Mapping[str, Sequence[Image]],
    board: Board,
    check: Callable[[], None] = lambda: None,
) -> tuple[Board, tuple[str, ...]]:
    """The same from images: grey, ``(height, width)`` uint8, by view."""
    if not board.has_markers:
        return board, ()
    front = _counts(board, images, check)
    if all(front.values()):
        return board, ()
    notes = []
    best, back = board, dict.fromkeys(images, 0)
    if not any(front.values()) and not board.thickness:
        layouts = [board.legacy]
        if board.kind == "charuco" and board.rows % 2 == 0:
            layouts.append(not board.legacy)
        most = 0
        for inverted, legacy in product((board.inverted, not board.inverted), layouts):
            trial = replace(board, inverted=inverted, legacy=legacy)
            faces = [_counts(trial, images, check), _counts(trial, _mirrored(images), check)]
            total = sum(sum(face.values()) for face in faces)
            if total > most:
                most, best, (front, back) = total, trial, faces
        if best.inverted != board.inverted:
            notes.append(
                f"the board is printed {'white on black' if best.inverted else 'normally'}"
            )
        if best.legacy != board.legacy:
            age = "before 4.6" if best.legacy else "from 4.6 on"
            notes.append(f"the board has the layout of OpenCV {age}")
    if best.thickness:
        return best, tuple(notes)
    blind = {view: images[view] for view, count in front.items() if not count}
    if not any(back.values()):
        back = _counts(best, _mirrored(blind), check)
    views = [view for view in blind if back.get(view)]
    if views:
        notes.append(
            f"view {', '.join(views)} shows the board only as in a mirror: taken for its back"
        )
        best = replace(best, thickness=UNKNOWN_THICKNESS)
    return best, tuple(notes)


def _counts(
    board: Board, images: Mapping[str, Sequence[Image]], check: Callable[[], None]
) -> dict[str, int]:
    """Corners that are found in each view."""
    corners_in = detector_of(board)
    counts = {}
    for view, each in images.items():
        total = 0
        for image in each:
            check()
            total += int(np.isfinite(corners_in(image)[:, 0]).sum())
        counts[view] = total
    return counts


def _mirrored(images: Mapping[str, Sequence[Image]]) -> dict[str, list[Image]]:
    return {
        view: [np.ascontiguousarray(image[:, ::-1]) for image in each]
        for view, each in images.items()
    }
