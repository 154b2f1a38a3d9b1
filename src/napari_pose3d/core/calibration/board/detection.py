"""Finding the board's corners in videos.

Notes
-----
OpenCV detects; its own refinement of ChArUco corners is kept as it is, since a second one with a
larger window reaches the markers and doubles the noise. Markers of a grid are refined by us. Every
frame is decoded once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import qt_settings_kept
from napari_pose3d.core.video.video_array import VideoArray, open_video
from napari_pose3d.errors import PoseDataError

from .board import Board
from .marker_corners import refined_corners
from .observations import BoardObservations

Float64 = NDArray[np.float64]
Image = NDArray[np.uint8]

FEWEST_CORNERS = 4
# Coarser than OpenCV's steps of 10: half the time, and as many corners.
_WINDOW_STEP = 20


def detector_of(board: Board) -> Callable[[Image], Float64]:
    """A function from a grey image to the board's corners, ``(corner, 2)`` px, NaN where unseen.

    Raises
    ------
    PoseDataError
        When OpenCV has no such dictionary, or it holds too few markers for the board.
    """
    with qt_settings_kept():
        import cv2

    cv2.setNumThreads(1)
    if board.kind == "checkerboard":
        face = lambda image: _checkerboard(cv2, board, image)  # noqa: E731
    elif board.kind == "aruco":
        face = _marker_detector(cv2, board)
    else:
        face = _charuco_detector(cv2, board)

    def corners_in(image: Image) -> Float64:
        image = 255 - image if board.inverted and board.has_markers else image
        found = face(image)
        if not board.thickness:
            return found
        out = np.full((board.n_corners, 2), np.nan)
        half = board.n_face_corners
        out[:half] = found
        # The back is seen as in a mirror, and never together with the front.
        back = face(np.ascontiguousarray(image[:, ::-1]))
        if np.isfinite(back[:, 0]).sum() > np.isfinite(found[:, 0]).sum():
            out[:half] = np.nan
            out[half:] = back
            out[half:, 0] = image.shape[1] - 1 - back[:, 0]
        return out

    return corners_in


def dictionary_of(board: Board) -> Any:
    """OpenCV's dictionary of a board's markers.

    Raises
    ------
    PoseDataError
        When OpenCV has no such dictionary, or it holds too few markers for the board.
    """
    with qt_settings_kept():
        import cv2

    code = getattr(cv2.aruco, board.dictionary, None)
    if not (board.dictionary.startswith("DICT_") and isinstance(code, int)):
        raise PoseDataError(
            f"there is no dictionary '{board.dictionary}'",
            expected="one of OpenCV's, such as DICT_4X4_50 or DICT_5X5_100",
        )
    dictionary = cv2.aruco.getPredefinedDictionary(code)
    if len(dictionary.bytesList) < board.n_markers:
        raise PoseDataError(
            f"the dictionary {board.dictionary} has {len(dictionary.bytesList)} markers",
            expected=f"{board.n_markers}, for {board.describe()}",
        )
    return dictionary


def _parameters(cv2: Any) -> Any:
    parameters = cv2.aruco.DetectorParameters()
    parameters.adaptiveThreshWinSizeStep = _WINDOW_STEP
    return parameters


def _charuco_detector(cv2: Any, board: Board) -> Callable[[Image], Float64]:
    pattern = cv2.aruco.CharucoBoard(
        (board.columns, board.rows), board.square, board.marker, dictionary_of(board)
    )
    pattern.setLegacyPattern(board.legacy)
    finder = cv2.aruco.CharucoDetector(pattern, cv2.aruco.CharucoParameters(), _parameters(cv2))

    def corners_in(image: Image) -> Float64:
        out = np.full((board.n_face_corners, 2), np.nan)
        found, ids, _, _ = finder.detectBoard(image)
        if ids is not None and len(ids) >= FEWEST_CORNERS:
            out[ids.ravel()] = found.reshape(-1, 2)
        return out

    return corners_in


def _marker_detector(cv2: Any, board: Board) -> Callable[[Image], Float64]:
    dictionary = dictionary_of(board)
    finder = cv2.aruco.ArucoDetector(dictionary, _parameters(cv2))
    n_modules = dictionary.markerSize + 2

    def corners_in(image: Image) -> Float64:
        out = np.full((board.n_markers, 4, 2), np.nan)
        found, ids, _ = finder.detectMarkers(image)
        if ids is not None:
            corners = np.reshape(found, (-1, 4, 2))
            own = ids.ravel() < board.n_markers
            out[ids.ravel()[own]] = refined_corners(cv2, image, corners[own], n_modules)
        return out.reshape(-1, 2)

    return corners_in


def _checkerboard(cv2: Any, board: Board, image: Image) -> Float64:
    found, corners = cv2.findChessboardCornersSB(image, board.grid)
    if not found:
        return np.full((board.n_face_corners, 2), np.nan)
    return np.asarray(corners, dtype=np.float64).reshape(-1, 2)


def _common_numbers(
    view: str, path: Path, n_frames: int, rows: Mapping[str, NDArray[np.int64]] | None
) -> NDArray[np.int64]:
    if rows is None:
        return np.arange(n_frames)
    numbers = np.asarray(rows[view])
    if len(numbers) < n_frames:
        raise PoseDataError(
            f"the video of view {view} has {n_frames} frames, but the table of frames that belong "
            f"together has {len(numbers)} rows of it",
            file=path,
            expected="a row for each frame of the video",
        )
    return numbers[:n_frames]


def detect_corners(
    videos: Mapping[str, str | os.PathLike[str]],
    board: Board,
    *,
    rows: Mapping[str, NDArray[np.int64]] | None = None,
    every: int = 1,
    threads: int | None = None,
    progress: Callable[[str, int, int], None] = lambda view, done, total: None,
    looked: Callable[[str, int, Image, Float64], None] = lambda view, frame, image, corners: None,
    check: Callable[[], None] = lambda: None,
) -> BoardObservations:
    """Find the board in the videos of all views.

    Parameters
    ----------
    videos : mapping of view to path
    board : Board
    rows : mapping of view to (video frame,) int64, optional
        The common frame number of each frame of a view's video, rising, -1 where it has none;
        without it, frames of one number belong together.
    every : int
        Only every n-th frame is decoded, counted by the common number.
    threads : int, optional
        One for each core if not given.
    progress : callable
        Called with (view, frames done, frames in all); from several threads, one at a time.
    looked : callable
        Called with (view, video frame, grey image, corners) for each frame that was looked at, from
        several threads, one at a time; corners are NaN where none were found.
    check : callable
        Called for each frame; may raise `Cancelled`.

    Raises
    ------
    PoseDataError
        When a video cannot be read, has more frames than `rows`, or shows no corner at all; names
        it.
    """
    opened = {view: open_video(path, color="grey") for view, path in videos.items()}
    try:
        return _detect(opened, videos, board, rows, every, threads, progress, looked, check)
    finally:
        for video in opened.values():
            video.close()


def _detect(
    opened: Mapping[str, VideoArray],
    videos: Mapping[str, str | os.PathLike[str]],
    board: Board,
    rows: Mapping[str, NDArray[np.int64]] | None,
    every: int,
    threads: int | None,
    progress: Callable[[str, int, int], None],
    looked: Callable[[str, int, Image, Float64], None],
    check: Callable[[], None],
) -> BoardObservations:
    lock = Lock()
    done = dict.fromkeys(opened, 0)

    def corners_of(view: str, numbers: Sequence[int]) -> Float64:
        corners_in = detector_of(board)
        video = opened[view]
        total = len(chosen[view])
        out = np.full((len(numbers), board.n_corners, 2), np.nan)
        for i, number in enumerate(numbers):
            check()
            image = video.frame(number)
            if image is not None:
                if image.dtype != np.uint8:
                    image = (image >> (video.bits - 8)).astype(np.uint8)
                out[i] = corners_in(np.ascontiguousarray(image))
            with lock:
                done[view] += 1
                progress(view, done[view], total)
                if image is not None:
                    looked(view, number, image, out[i])
        return out

    numbers_of = {
        view: _common_numbers(view, Path(videos[view]), len(video), rows)
        for view, video in opened.items()
    }
    # By the common number: every other frame of views whose numbers differ by one have none common.
    chosen = {
        view: np.flatnonzero((numbers >= 0) & (numbers % every == 0)).tolist()
        for view, numbers in numbers_of.items()
    }
    jobs = []
    parts = 4
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        pieces = {}
        for view, numbers in chosen.items():
            size = max(1, -(-len(numbers) // parts))
            pieces[view] = [numbers[start : start + size] for start in range(0, len(numbers), size)]
        # Threads that work at once read different videos: two places in one would take turns, and
        # decode anew from a keyframe each time.
        for turn in range(parts):
            for view, mine in pieces.items():
                if turn < len(mine):
                    jobs.append((view, mine[turn], pool.submit(corners_of, view, mine[turn])))
        results = [(view, part, job.result()) for view, part, job in jobs]

    frames = np.unique(np.concatenate([numbers_of[view][mine] for view, mine in chosen.items()]))
    xy = np.full((len(opened), len(frames), board.n_corners, 2), np.nan)
    for view, part, corners in results:
        at = np.searchsorted(frames, numbers_of[view][part])
        xy[list(opened).index(view), at] = corners
    for i, view in enumerate(opened):
        if not np.isfinite(xy[i]).any():
            raise PoseDataError(
                f"no corner of the board was found in the video of view {view}",
                file=Path(videos[view]),
                expected=board.describe(),
                todo="In other views it was found: show it to this camera too, sharp and well lit, "
                "or leave this video out"
                if np.isfinite(xy).any()
                else "Check the kind of board, the number of squares, the dictionary, and whether "
                "it is printed white on black",
            )
    sizes = tuple((video.shape[2], video.shape[1]) for video in opened.values())
    return BoardObservations(board, tuple(opened), sizes, frames, xy)
