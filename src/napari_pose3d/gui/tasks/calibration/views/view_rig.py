"""A rig as the camera views use it: pixels in and out are those of the videos. No Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_pose3d.core.cameras.epipolar import epipolar_curve
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.working_volume import WorkingVolume, working_volume
from napari_pose3d.core.projects.session import Session

Float64 = NDArray[np.float64]
Point = tuple[float, float]


@dataclass(frozen=True, eq=False)
class ViewRig:
    """The cameras of a rig that have a view on the screen.

    Attributes
    ----------
    rig : Rig
        Named as the views.
    session : Session or None
        How views lie in the session; None where a video's image is the rig's.
    volume : WorkingVolume
        Where curves begin and end.
    """

    rig: Rig
    session: Session | None
    volume: WorkingVolume

    @property
    def views(self) -> tuple[str, ...]:
        return self.rig.names

    def to_rig(self, view: str, at: ArrayLike, frame: int) -> Float64:
        """Rig px of px of a view's video in a session frame, ``(..., 2)``."""
        xy = np.asarray(at, dtype=np.float64)
        if self.session is None:
            return xy
        frames = self._video_frame(view, frame, xy.shape[:-1])
        return self.session.to_rig_pixels(view, xy, frames)

    def to_video(self, view: str, xy: ArrayLike, frame: int) -> Float64:
        """The inverse of `to_rig`."""
        there = np.asarray(xy, dtype=np.float64)
        if self.session is None:
            return there
        frames = self._video_frame(view, frame, there.shape[:-1])
        return self.session.to_video_pixels(view, there, frames)

    def curve(self, view: str, at: Point, other: str, frame: int) -> Float64:
        """Where a point of one view can be in another, ``(point, 2)`` px of the other's video.

        Empty where nothing of it can be seen there.
        """
        names = self.rig.names
        found = epipolar_curve(
            self.rig,
            names.index(view),
            self.to_rig(view, at, frame),
            names.index(other),
            self.volume,
            n_points=CURVE_POINTS,
        )
        return self.to_video(other, found.xy, frame) if len(found) else found.xy

    def _video_frame(self, view: str, frame: int, shape: tuple[int, ...]) -> NDArray[np.int64]:
        assert self.session is not None
        return np.broadcast_to(self.session.to_video(view, frame), shape)


CURVE_POINTS = 100


def view_rig(rig: Rig, views: Sequence[str], session: Session | None) -> ViewRig | None:
    """The cameras of a rig that some views have; None where fewer than two have one."""
    named = rig if session is None else rig.renamed(session.cameras)
    shared = [view for view in views if view in named.names]
    if len(shared) < 2:
        return None
    chosen = named.subset(shared)
    return ViewRig(chosen, session, working_volume(chosen))


def distance_to_curve(curve: Float64, at: ArrayLike) -> float:
    """From a pixel to a curve ``(point, 2)``, px; NaN where the curve is empty."""
    if not len(curve):
        return float("nan")
    p = np.asarray(at, dtype=np.float64)
    start, step = curve[:-1], np.diff(curve, axis=0)
    length = np.maximum((step**2).sum(axis=1), 1e-12)
    along = np.clip(((p - start) * step).sum(axis=1) / length, 0.0, 1.0)
    return float(np.hypot(*(start + along[:, None] * step - p).T).min())


def curves_in(
    rig: ViewRig | None, view: str, at: Point, frame: int, *, others: Sequence[str]
) -> Mapping[str, Float64]:
    """Curves of a pixel in other views; empty where the view has no camera."""
    if rig is None or view not in rig.views:
        return {}
    return {
        other: rig.curve(view, at, other, frame)
        for other in others
        if other != view and other in rig.views
    }
