"""What the views and the networks hold against each other in one frame."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.epipolar import epipolar_curve
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate
from napari_pose3d.core.cameras.working_volume import working_volume
from napari_pose3d.core.poses.arrays import Ensemble, observed_mask
from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.review.measures.measures import raw_positions
from napari_pose3d.core.review.session_review import SessionReview

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig

Float64 = NDArray[np.float64]

CURVE_POINTS = 72
# Points are solved so many frames at once: what is usual in a view is told by many.
_BLOCK, _AROUND = 256, 128
_MOST_BLOCKS = 200
_VOLUME_POINTS = 2000
# Prediction sets that are nearer than this to their median are of one opinion, px.
_APART_PX = 5.0


@dataclass(frozen=True, eq=False)
class Line:
    """Where another view's observation can be in a view.

    Attributes
    ----------
    source : str
        The other view.
    xy : (point, 2)
        px of the video.
    set_aside : bool
        Whether the other view's observation contradicts the others.
    """

    source: str
    xy: Float64
    set_aside: bool


@dataclass(frozen=True, eq=False)
class ViewEvidence:
    """What there is to be seen in one view, px of its video.

    Attributes
    ----------
    observed, expected : (keypoint, 2)
        Raw predictions, and the reprojections of the points that the agreeing views give; without
        a calibration the smoothed positions. NaN where unknown.
    set_aside : (keypoint,) bool
        The prediction contradicts the other views, or two of them and nothing tells which is
        right.
    lines : tuple of Line
        Of one keypoint.
    members : (set, 2)
        What each prediction set says of that keypoint; NaN where missing.
    """

    observed: Float64
    expected: Float64
    set_aside: NDArray[np.bool_]
    lines: tuple[Line, ...] = ()
    members: Float64 = field(default_factory=lambda: np.empty((0, 2)))

    @property
    def residual(self) -> Float64:
        """Length from observed to expected, ``(keypoint,)`` px."""
        return np.asarray(np.hypot(*(self.observed - self.expected).T))


class Evidence:
    """Explains the frames of one review.

    Parameters
    ----------
    review : SessionReview
    session : Session
    rig : Rig or None
        Cameras of the review's views, in their order.
    """

    def __init__(self, review: SessionReview, session: Session, rig: Rig | None) -> None:
        self._review, self._session, self._rig = review, session, rig
        self._raw = raw_positions(review.result.poses2d)
        self._solved: OrderedDict[tuple[int, int], tuple[Float64, NDArray[np.bool_]]]
        self._solved = OrderedDict()
        self.members: Ensemble | None = None
        self._volume = None if rig is None else working_volume(rig, _some_points(review))

    @property
    def keypoints(self) -> tuple[str, ...]:
        return self._review.result.poses2d.keypoints

    def of_frame(
        self, frame: int, keypoints: tuple[str, ...], keypoint: str
    ) -> dict[str, ViewEvidence]:
        """What speaks for and against the keypoints in every view.

        Parameters
        ----------
        frame : int
        keypoints : tuple of str
        keypoint : str
            The one whose epipolar curves and prediction sets are wanted.
        """
        poses = self._review.result.poses2d
        if not 0 <= frame < poses.n_frames:
            return {}
        places = [poses.keypoints.index(name) for name in keypoints]
        raw = np.asarray(self._raw[:, frame, places], np.float64)
        aside = np.zeros(raw.shape[:2], bool)
        expected = np.asarray(poses.xy[:, frame, places], np.float64)
        if self._rig is not None:
            for i, k in enumerate(places):
                xyz, set_aside = self._point(frame, k)
                aside[:, i] = set_aside
                if np.isfinite(xyz).all():
                    expected[:, i] = self._rig.project(xyz[None])[:, 0]
        found = {}
        for v, view in enumerate(poses.views):
            lines: tuple[Line, ...] = ()
            if self._rig is not None and keypoint in keypoints:
                lines = self._lines(frame, v, poses.keypoints.index(keypoint))
            found[view] = ViewEvidence(
                self._to_video(view, frame, raw[v]),
                self._to_video(view, frame, expected[v]),
                aside[v],
                lines,
                self._members(view, frame, keypoint),
            )
        return found

    def describe(self, frame: int, keypoint: str) -> str:
        """Which views were set aside, and how far they are off, in words; empty for none."""
        return self._views_apart(self.of_frame(frame, (keypoint,), keypoint), frame, keypoint)

    def describe_sets(self, frame: int, keypoint: str, views: Sequence[str]) -> str:
        """Prediction sets that leave the others in some views, in words; empty for none."""
        found = self.of_frame(frame, (keypoint,), keypoint)
        return self._sets_apart({view: found[view] for view in views if view in found})

    def observers(self, frame: int, keypoint: str) -> str:
        """Which views observe a keypoint, in words; empty where all do."""
        found = self.of_frame(frame, (keypoint,), keypoint)
        seen = [view for view, each in found.items() if np.isfinite(each.observed).all()]
        if not found or len(seen) == len(found):
            return ""
        return f"Observed by {', '.join(seen) or 'no view'} only." if seen else "No view sees it."

    # ------------------------------------------------------------------ inside

    def _views_apart(self, found: dict[str, ViewEvidence], frame: int, keypoint: str) -> str:
        aside = {view: each for view, each in found.items() if each.set_aside[0]}
        if not aside:
            return ""
        poses = self._review.result.poses2d
        k = poses.keypoints.index(keypoint)
        sure = [float(poses.likelihood[poses.views.index(view), frame, k]) for view in aside]
        known = [f"{each:.2f}" for each in sure if np.isfinite(each)]
        how = f" (likelihood {', '.join(known)})" if known else ""
        away = [float(each.residual[0]) for each in aside.values()]
        agreeing = [
            view
            for view, each in found.items()
            if view not in aside and np.isfinite(each.observed).all()
        ]
        if not agreeing or not np.isfinite(away).all():
            who = "No two views agree" if not agreeing else f"{', '.join(aside)} set aside"
            px = [
                f"{view} {each:.1f} px off"
                for view, each in zip(aside, away, strict=True)
                if np.isfinite(each)
            ]
            return f"{who}{': ' if px else ''}{', '.join(px)}{how}."
        px = [f"{view} {each:.1f} px" for view, each in zip(aside, away, strict=True)]
        return f"{', '.join(px)} from where {', '.join(agreeing)} put it{how}."

    def _sets_apart(self, found: dict[str, ViewEvidence]) -> str:
        models = () if self.members is None else self.members.models
        parts = []
        for view, each in found.items():
            known = np.flatnonzero(np.isfinite(each.members).all(axis=-1))
            if len(known) < 2:
                continue
            if len(known) == 2:
                one, other = each.members[known]
                apart = float(np.hypot(*(one - other)))
                if apart > _APART_PX:
                    names = " and ".join(models[i] for i in known)
                    parts.append(f"{names} {apart:.1f} px apart in {view}")
                continue
            away = np.hypot(*(each.members - np.median(each.members[known], axis=0)).T)
            far = [f"{models[i]} {away[i]:.1f} px" for i in known if away[i] > _APART_PX]
            if far:
                parts.append(f"{', '.join(far)} from the median of the sets in {view}")
        return f"{'; '.join(parts)}." if parts else ""

    def _point(self, frame: int, k: int) -> tuple[Float64, NDArray[np.bool_]]:
        """The point of the agreeing views, and which were set aside, ``(3,)`` and ``(view,)``."""
        block = frame // _BLOCK
        if (block, k) not in self._solved:
            start = max(block * _BLOCK - _AROUND, 0)
            stop = (block + 1) * _BLOCK + _AROUND
            raw = np.asarray(self._raw[:, start:stop, k], np.float64)
            assert self._rig is not None
            done = triangulate(self._rig, raw, robust="auto", threads=1)
            observed = observed_mask(raw)
            aside = observed & ~done.inliers & (done.n_views > 0)
            # Nobody knows which of them it is.
            aside |= observed & done.undecided
            mine = slice(block * _BLOCK - start, block * _BLOCK - start + _BLOCK)
            self._solved[block, k] = done.xyz[mine], aside[:, mine]
            if len(self._solved) > _MOST_BLOCKS:
                self._solved.popitem(last=False)
        xyz, aside = self._solved[block, k]
        return xyz[frame % _BLOCK], aside[:, frame % _BLOCK]

    def _lines(self, frame: int, view: int, k: int) -> tuple[Line, ...]:
        """Epipolar curves of the views that this one contradicts; of agreeing views none."""
        assert self._rig is not None
        assert self._volume is not None
        _, aside = self._point(frame, k)
        views = self._review.result.poses2d.views
        found = []
        for other, name in enumerate(views):
            at = np.asarray(self._raw[other, frame, k], np.float64)
            if other == view or not np.isfinite(at).all() or not (aside[view] or aside[other]):
                continue
            curve = epipolar_curve(self._rig, other, at, view, self._volume, CURVE_POINTS)
            if len(curve):
                xy = self._to_video(views[view], frame, curve.xy)
                found.append(Line(name, xy, bool(aside[other])))
        return tuple(found)

    def _members(self, view: str, frame: int, keypoint: str) -> Float64:
        members = self.members
        if members is None or view not in members.views or keypoint not in members.keypoints:
            return np.empty((0, 2))
        if frame >= members.n_frames:
            return np.empty((0, 2))
        v, k = members.views.index(view), members.keypoints.index(keypoint)
        return np.asarray(members.xy[:, v, frame, k], np.float64)

    def _to_video(self, view: str, frame: int, xy: Float64) -> Float64:
        video = max(int(self._session.to_video(view, frame)), 0)
        return self._session.to_video_pixels(view, xy, np.full(xy.shape[:-1], video))


def _some_points(review: SessionReview) -> Float64 | None:
    track = review.result.poses3d
    if track is None:
        return None
    return np.asarray(track.xyz[:: max(track.n_frames // _VOLUME_POINTS, 1)])
