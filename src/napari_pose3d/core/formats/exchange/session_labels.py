"""Labels of some frames, in all views, with their images."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig

_MOST_DIGITS = 18


class ImageKey(NamedTuple):
    """The image of a frame in one view; frames count from 0."""

    session: str
    view: str
    frame: int


@dataclass(frozen=True, eq=False)
class SessionLabels:
    """Labels of one or more sessions: what is exported, and what an import gives.

    Attributes
    ----------
    frames : tuple of (session, frame)
    views, keypoints : tuple of str
    xy : (view, frame, keypoint, 2) float64
        px of the image; NaN where there is no position.
    occluded : (view, frame, keypoint) bool
    skeleton : tuple of (str, str)
    images : mapping of ImageKey to Path
        Those that are there.
    sizes : mapping of ImageKey to (width, height)
        px; those that are known.
    rigs : mapping of session to Rig
        Those whose image is that of the videos.
    videos : mapping of (session, view) to Path
    video_frames : mapping of ImageKey to int
        The frame of the video, where it is not the session's.
    lengths : mapping of session to int
        Frames of a session; those that are known.
    notes : tuple of str
        What a reader assumed or left out.
    """

    frames: tuple[tuple[str, int], ...]
    views: tuple[str, ...]
    keypoints: tuple[str, ...]
    xy: NDArray[np.float64]
    occluded: NDArray[np.bool_]
    skeleton: tuple[tuple[str, str], ...] = ()
    images: Mapping[ImageKey, Path] = field(default_factory=dict)
    sizes: Mapping[ImageKey, tuple[int, int]] = field(default_factory=dict)
    rigs: Mapping[str, Rig] = field(default_factory=dict)
    videos: Mapping[tuple[str, str], Path] = field(default_factory=dict)
    video_frames: Mapping[ImageKey, int] = field(default_factory=dict)
    lengths: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def sessions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(session for session, _ in self.frames))

    def folder_of(self, session: str, view: str) -> str:
        """The folder of images of a view, as Lightning Pose calls it."""
        return f"{session}_{view}" if view else session


Cells = tuple[NDArray[np.float64], NDArray[np.bool_]]
"""Of one image: positions ``(keypoint, 2)``, and which keypoints are occluded."""


def labels_of(
    found: Mapping[ImageKey, Cells],
    keypoints: tuple[str, ...],
    views: tuple[str, ...] = (),
    **others: Any,
) -> SessionLabels:
    """Labels image by image as those of all frames.

    Parameters
    ----------
    views : tuple of str
        Their order; not given, or not all of them: as they come.
    others
        Further attributes of `SessionLabels`.
    """
    frames = tuple(sorted({(key.session, key.frame) for key in found}))
    as_found = tuple(dict.fromkeys(key.view for key in found))
    order = views if set(as_found) <= set(views) else as_found
    shape = (len(order), len(frames), len(keypoints))
    xy, occluded = np.full((*shape, 2), np.nan), np.zeros(shape, bool)
    row = {frame: n for n, frame in enumerate(frames)}
    for key, (positions, hidden) in found.items():
        at = order.index(key.view), row[key.session, key.frame]
        xy[at], occluded[at] = positions, hidden
    return SessionLabels(frames, order, keypoints, xy, occluded, **others)


def session_and_view(name: str, views: tuple[str, ...] = ()) -> tuple[str, str]:
    """Session and view by the name of a video or of a folder of images, ``<session>_<view>``.

    Parameters
    ----------
    views : tuple of str
        Those that are known; for another one, what follows the last ``_``.

    Returns
    -------
    session, view : str
        The whole name and "view" where it holds no view.
    """
    for view in sorted(views, key=len, reverse=True):
        session = name.removesuffix(f"_{view}")
        if session and session != name:
            return session, view
    session, _, view = name.rpartition("_")
    return (session, view) if session and view else (name, "view")


def image_name(frame: int) -> str:
    """``img00000012.png``."""
    return f"img{frame:08d}.png"


def frame_number(stem: str) -> int | None:
    """The number at the end of a name without its ending, else the first in it; None for none."""
    match = re.search(r"[0-9]+$", stem) or re.search(r"[0-9]+", stem)
    return int(match.group()) if match and len(match.group()) <= _MOST_DIGITS else None
