"""Labels of some frames, in all views, with their images."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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
    notes: tuple[str, ...] = ()

    def folder_of(self, session: str, view: str) -> str:
        """The folder of images of a view, as Lightning Pose calls it."""
        return f"{session}_{view}" if view else session


def image_name(frame: int) -> str:
    """``img00000012.png``."""
    return f"img{frame:08d}.png"


def frame_number(stem: str) -> int | None:
    """The number at the end of a name without its ending, else the first in it; None for none."""
    match = re.search(r"[0-9]+$", stem) or re.search(r"[0-9]+", stem)
    return int(match.group()) if match and len(match.group()) <= _MOST_DIGITS else None
