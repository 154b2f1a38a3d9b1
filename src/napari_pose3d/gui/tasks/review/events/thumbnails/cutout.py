"""Parts of images around some keypoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.review.events.events import Event
from napari_pose3d.core.review.measures.measures import raw_positions
from napari_pose3d.core.review.session_review import SessionReview
from napari_pose3d.errors import PoseDataError

Point = tuple[float, float]

# A cutout is so many times as large as what it is about, and at least this part of the image.
_AROUND = 1.6
_LEAST_PART = 0.14
_LEAST_PX = 24.0


@dataclass(frozen=True)
class PointMark:
    """A keypoint in one view: raw and smoothed, px of the view's video; NaN where unknown."""

    keypoint: str
    raw: Point
    smoothed: Point


@dataclass(frozen=True, eq=False)
class Cutout:
    """A square part of an image.

    Attributes
    ----------
    view : str
    frame : int
    pixels : (y, x[, 3]) uint8 or None
        None where there is no image; ``problem`` says why.
    corner : (x, y)
        px of the video, of the centre of the first pixel.
    marks : tuple of PointMark
    named : bool
        Whether the event names this view.
    problem : str
    """

    view: str
    frame: int
    pixels: NDArray[np.uint8] | None
    corner: tuple[int, int]
    marks: tuple[PointMark, ...]
    named: bool
    problem: str = ""


class FrameVideo(Protocol):
    """A video that counts the session's frames."""

    @property
    def bits(self) -> int: ...

    def __len__(self) -> int: ...

    def frame(
        self, number: int, is_wanted: Callable[[], bool] | None = None
    ) -> NDArray[Any] | None: ...


def marks_of(
    review: SessionReview, session: Session, event: Event, frame: int
) -> dict[str, tuple[PointMark, ...]]:
    """The keypoints of an event in a frame, by view, px of the videos."""
    poses = review.result.poses2d
    raw = raw_positions(poses)
    places = [poses.keypoints.index(name) for name in event.keypoints]
    found = {}
    for v, view in enumerate(poses.views):
        at = np.stack([raw[v, frame, places], poses.xy[v, frame, places]]).astype(np.float64)
        video = int(session.to_video(view, frame))
        at = session.to_video_pixels(view, at, np.full(at.shape[:-1], max(video, 0)))
        found[view] = tuple(
            PointMark(name, (float(r[0]), float(r[1])), (float(s[0]), float(s[1])))
            for name, r, s in zip(event.keypoints, at[0], at[1], strict=True)
        )
    return found


def cut_out(
    view: str,
    frame: int,
    video: FrameVideo | None,
    marks: Sequence[PointMark],
    named: bool,
    is_wanted: Callable[[], bool],
) -> Cutout | None:
    """Decode a frame of a view and cut out what is around the keypoints.

    Returns
    -------
    Cutout or None
        None when it is not wanted any more.
    """
    nothing = Cutout(view, frame, None, (0, 0), tuple(marks), named)
    if video is None:
        return _with(nothing, "no video")
    if not 0 <= frame < len(video):
        return _with(nothing, "no frame")
    try:
        image = video.frame(frame, is_wanted)
    except PoseDataError as error:
        return _with(nothing, error.problem)
    if image is None:
        return None
    x, y, side = square_around(image.shape[:2], marks)
    part = image[max(y, 0) : y + side, max(x, 0) : x + side]
    if part.dtype != np.uint8:
        part = part >> max(video.bits - 8, 0)
    out = np.zeros((side, side, *image.shape[2:]), np.uint8)
    top, left = max(-y, 0), max(-x, 0)
    out[top : top + part.shape[0], left : left + part.shape[1]] = part
    return Cutout(view, frame, out, (x, y), tuple(marks), named)


def square_around(size: tuple[int, ...], marks: Sequence[PointMark]) -> tuple[int, int, int]:
    """Left, top and side of the square around the marks; the whole image where there are none.

    Parameters
    ----------
    size : (height, width)
        Of the image.
    """
    height, width = size
    known = [at for mark in marks for at in (mark.raw, mark.smoothed) if np.isfinite(at).all()]
    if not known:
        side = max(height, width)
        return (width - side) // 2, (height - side) // 2, side
    # A mark far outside says nothing about the image.
    places = np.clip(np.array(known), (0, 0), (width - 1, height - 1))
    low, high = places.min(axis=0), places.max(axis=0)
    centre = (low + high) / 2
    wanted = max(_AROUND * float((high - low).max()), _LEAST_PART * max(size), _LEAST_PX)
    side = min(round(wanted), max(size))
    x, y = (round(float(c) - side / 2) for c in centre)
    return x, y, side


def _with(cutout: Cutout, problem: str) -> Cutout:
    return Cutout(cutout.view, cutout.frame, None, (0, 0), cutout.marks, cutout.named, problem)


def cutouts(
    videos: Mapping[str, FrameVideo],
    marks: Mapping[str, Sequence[PointMark]],
    event: Event,
    frame: int,
    is_wanted: Callable[[], bool],
) -> list[Cutout] | None:
    """All views of a frame; None when they are not wanted any more."""
    found = []
    for view, mine in marks.items():
        one = cut_out(view, frame, videos.get(view), mine, view in event.views, is_wanted)
        if one is None:
            return None
        found.append(one)
    return found
