"""Labeled images that are not the frame that they are named after.

Notes
-----
An image and the frame of the video are compared as small grey images, each without its mean and
over its spread, so that another encoding, size, brightness or contrast makes no difference. The
image is of another frame where a frame nearby is clearly closer; where none is, but the named one
is much further away than those of the other images are from theirs, it is from elsewhere. A small
animal hardly changes the image as a whole: the largest difference of any place (a mean, so that
encoding does not count) counts as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .findings import LabelFault, LabelFinding

FindFrame = Callable[[str, int], NDArray[Any] | None]
"""The image of a view in a frame of the session; None for none."""

_WIDTH = 320
# Frames to either side that are compared.
_REACH = 12
# The named frame must be so much further away than the best (times, and spreads of the image).
_TIMES, _MORE = 1.5, 0.02
# Without a match: so far from the named frame, in spreads, and so many times the usual.
_FAR, _TIMES_USUAL = 0.5, 4.0
# A place is so wide, px of the small image; two images of one frame differ by less there.
_PLACE, _APART = 9, 0.6


@dataclass(frozen=True)
class LabeledImage:
    """An image of a row of labels.

    Attributes
    ----------
    frame : int
        Of the session, that it is named after.
    view : str
    image : (height, width) or (height, width, 3)
    """

    frame: int
    view: str
    image: NDArray[Any]


def audit_images(
    session: str, images: Iterable[LabeledImage], find_frame: FindFrame
) -> list[LabelFinding]:
    """Compare images with the frames of the videos.

    Parameters
    ----------
    session : str
    images : iterable of LabeledImage
        Taken one by one.
    find_frame : callable
        A frame that the video does not have is not compared.

    Returns
    -------
    list of LabelFinding
    """
    out: list[LabelFinding] = []
    usual: list[float] = []
    unmatched: list[tuple[LabeledImage, float]] = []
    usual_apart: list[float] = []
    elsewhere: list[tuple[LabeledImage, float, str]] = []
    for each in images:
        named = find_frame(each.view, each.frame)
        if named is None:
            continue
        mine = _small(each.image, named.shape[:2])
        shown = _small(named, named.shape[:2])
        here, apart = _distance(mine, shown), _apart(mine, shown)
        # What is the frame itself is nearer than its neighbours, or nothing moves.
        near = _distances(mine, each, find_frame, 1)
        if here <= _FAR and all(here <= _TIMES * d + _MORE for d in near.values()):
            usual_apart.append(apart)
            if apart > _APART:
                near = _distances(mine, each, find_frame, _REACH, _apart)
                elsewhere.append((each, apart, _evidence(each, near, apart / 2)))
            else:
                usual.append(here)
            continue
        near = _distances(mine, each, find_frame, _REACH)
        best = min(near, key=lambda frame: near[frame], default=each.frame)
        if best in near and here > _TIMES * near[best] + _MORE and near[best] <= _FAR:
            evidence = f"it shows frame {best}"
            out.append(_finding(session, each, evidence, here / max(near[best], 1e-3)))
        else:
            unmatched.append((each, here))
    typical = float(np.median(usual)) if usual else 0.0
    for each, here in unmatched:
        if here > max(_FAR, _TIMES_USUAL * typical):
            out.append(_finding(session, each, _evidence(each, {}, 0.0), here))
    typical = float(np.median(usual_apart)) if usual_apart else 0.0
    for each, apart, evidence in elsewhere:
        if apart > _TIMES_USUAL * typical:
            out.append(_finding(session, each, evidence, apart))
    return sorted(out, key=lambda f: (f.frame, f.views))


def _evidence(image: LabeledImage, near: dict[int, float], limit: float) -> str:
    """The nearest of some frames, if it is near enough; else that there is none."""
    best = min(near, key=lambda frame: near[frame], default=image.frame)
    if best in near and near[best] < limit:
        return f"it shows frame {best}"
    first = max(image.frame - _REACH, 0)
    return f"it shows none of the frames {first} to {image.frame + _REACH}"


def _finding(session: str, image: LabeledImage, evidence: str, score: float) -> LabelFinding:
    return LabelFinding(
        LabelFault.OTHER_IMAGE,
        session,
        image.frame,
        (image.view,),
        (),
        True,
        evidence,
        float(score),
    )


def _distances(
    mine: NDArray[np.float32],
    image: LabeledImage,
    find_frame: FindFrame,
    reach: int,
    measure: Callable[[NDArray[np.float32], NDArray[np.float32]], float] | None = None,
) -> dict[int, float]:
    """How far frames around the named one are from an image."""
    out = {}
    for frame in range(max(image.frame - reach, 0), image.frame + reach + 1):
        other = find_frame(image.view, frame) if frame != image.frame else None
        if other is not None:
            out[frame] = (measure or _distance)(mine, _small(other, other.shape[:2]))
    return out


def _distance(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    if a.shape != b.shape:
        return float("inf")
    return float(np.sqrt(np.mean((a - b) ** 2)))


def _apart(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """The largest difference of any place, in spreads of the image."""
    import cv2

    if a.shape != b.shape:
        return float("inf")
    return float(np.abs(cv2.blur(a - b, (_PLACE, _PLACE))).max())


def _small(image: NDArray[Any], size: tuple[int, ...]) -> NDArray[np.float32]:
    """Grey, of at most 320 px width, with mean 0 and spread 1."""
    import cv2

    grey = np.asarray(image, np.float32)
    if grey.ndim == 3:
        grey = grey[..., :3].mean(axis=2)
    height, width = size
    scale = min(_WIDTH / width, 1.0)
    to = max(round(width * scale), 1), max(round(height * scale), 1)
    small = np.asarray(cv2.resize(grey, to, interpolation=cv2.INTER_AREA), np.float32)
    small -= small.mean()
    return small / max(float(small.std()), 1e-3)
