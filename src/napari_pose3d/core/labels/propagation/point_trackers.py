"""What follows points through images: Lucas-Kanade, and trackers of other packages.

Notes
-----
A package offers a tracker by an entry point of the group ``napari_pose3d.point_trackers``, whose
name users choose it by, and which is called without arguments to get a `PointTracker`::

    [project.entry-points."napari_pose3d.point_trackers"]
    CoTracker = "my_package:make_tracker"

It is loaded when it is chosen, not before.

References
----------
Bouguet, "Pyramidal implementation of the affine Lucas Kanade feature tracker", Intel, 2001.
Kalal, Mikolajczyk & Matas, "Forward-backward error", ICPR 2010.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import PoseDataError

Float64 = NDArray[np.float64]
Images = Sequence[NDArray[Any]]

GROUP = "napari_pose3d.point_trackers"
USUAL = "Lucas-Kanade"


class PointTracker(Protocol):
    """Follows points of one view through successive images.

    Attributes
    ----------
    n_frames : int
        How many frames it follows at a time; after each of them the views are compared, and what
        drifted is corrected.
    """

    n_frames: int

    def track(self, images: Images, points: Float64) -> tuple[Float64, Float64]:
        """Where points of the first image are in all of them.

        Parameters
        ----------
        images : sequence of (height, width) or (height, width, 3) uint8
            Two or more.
        points : (point, 2)
            Px in the first image, x right and y down; an integer is the centre of a pixel.

        Returns
        -------
        xy : (image, point, 2)
            Px; NaN where a point was lost.
        reliability : (image, point)
            From 0 to 1.
        """


class LucasKanade:
    """Pyramidal Lucas-Kanade, there and back.

    Parameters
    ----------
    window : int
        Width and height of the patch that is compared, px.
    levels : int
        Of the pyramid, beside the image itself: each doubles the longest step.
    """

    n_frames = 1
    # A point that comes back so far from where it began has half of the reliability, px.
    _HALF_PX = 1.0

    def __init__(self, window: int = 15, levels: int = 3) -> None:
        self.window, self.levels = window, levels

    def track(self, images: Images, points: Float64) -> tuple[Float64, Float64]:
        """See `PointTracker`."""
        import cv2

        xy = np.full((len(images), len(points), 2), np.nan)
        reliability = np.zeros((len(images), len(points)))
        xy[0], reliability[0] = points, np.isfinite(points).all(axis=1)
        grey = [_grey(image) for image in images]
        size = (self.window, self.window)
        for i in range(len(images) - 1):
            known = np.flatnonzero(np.isfinite(xy[i]).all(axis=1))
            if not len(known):
                break
            here = xy[i, known].astype(np.float32)[:, None]
            there, found, _ = cv2.calcOpticalFlowPyrLK(
                grey[i], grey[i + 1], here, None, winSize=size, maxLevel=self.levels
            )
            back, again, _ = cv2.calcOpticalFlowPyrLK(
                grey[i + 1], grey[i], there, None, winSize=size, maxLevel=self.levels
            )
            good = (found[:, 0] == 1) & (again[:, 0] == 1)
            apart = np.linalg.norm(back[:, 0] - here[:, 0], axis=1)
            xy[i + 1, known] = np.where(good[:, None], there[:, 0], np.nan)
            trust = np.where(good, np.exp2(-((apart / self._HALF_PX) ** 2)), 0.0)
            reliability[i + 1, known] = reliability[i, known] * trust
        return xy, reliability


def tracker_names() -> tuple[str, ...]:
    """Trackers that can be chosen, ours first; nothing is imported."""
    return (USUAL, *sorted(each.name for each in _found() if each.name != USUAL))


def point_tracker(name: str = USUAL) -> PointTracker:
    """A tracker by its name.

    Raises
    ------
    PoseDataError
        None is called so, or its package cannot be loaded or gives none.
    """
    if name == USUAL:
        return LucasKanade()
    for each in _found():
        if each.name == name:
            return _loaded(each)
    raise PoseDataError(
        f"no point tracker is called '{name}'",
        expected=f"one of {', '.join(tracker_names())}",
        todo="Install the package that brings it",
    )


def _found() -> Sequence[EntryPoint]:
    return tuple(entry_points(group=GROUP))


def _loaded(entry: EntryPoint) -> PointTracker:
    problem = f"the point tracker '{entry.name}' ({entry.value}) cannot be used"
    todo = "Update or remove the package that brings it"
    try:
        tracker: PointTracker = entry.load()()
    except (ImportError, AttributeError, TypeError, ValueError, RuntimeError, OSError) as error:
        raise PoseDataError(f"{problem}: {error}", todo=todo) from error
    steps = getattr(tracker, "n_frames", None)
    if not callable(getattr(tracker, "track", None)) or not isinstance(steps, int) or steps < 1:
        raise PoseDataError(
            f"{problem}: it has no method 'track', or no number of frames",
            expected="a PointTracker, see napari_pose3d.core.labels.propagation.point_trackers",
            todo=todo,
        )
    return tracker


def checked_track(
    tracker: PointTracker, images: Images, points: Float64
) -> tuple[Float64, Float64]:
    """What a tracker returns, if it has the right shape.

    Raises
    ------
    PoseDataError
        It has not.
    """
    xy, reliability = tracker.track(images, points)
    xy, reliability = np.asarray(xy, np.float64), np.asarray(reliability, np.float64)
    expected = (len(images), len(points))
    if xy.shape != (*expected, 2) or reliability.shape != expected:
        raise PoseDataError(
            f"the point tracker {type(tracker).__name__} returned arrays of the shapes {xy.shape} "
            f"and {reliability.shape}",
            expected=f"{(*expected, 2)} and {expected}",
        )
    return xy, np.where(np.isfinite(xy).all(axis=-1), np.clip(np.nan_to_num(reliability), 0, 1), 0)


def _grey(image: NDArray[Any]) -> NDArray[np.uint8]:
    if image.ndim == 3:
        image = image[..., :3] @ np.array([0.299, 0.587, 0.114])
    elif image.dtype == np.uint16:
        image = image / 257.0
    return np.ascontiguousarray(image.round() if image.dtype != np.uint8 else image, np.uint8)
