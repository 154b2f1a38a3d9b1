"""Labels of one frame carried on to the next, in all views at once.

Notes
-----
In every view a point tracker follows the keypoints for a step. The views' positions are joined by
robust triangulation; a view whose flow leaves the joint point goes on from its reprojection, so
that one view that drifts or loses the point is carried by the others. A keypoint stops where fewer
than two views agree, or more of them contradict the joint point than agree with it. The joint
track, smoothed over time from the labels on, falls into every view as its reprojection.

Without a calibration each view goes by itself and stops where the tracker is unsure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import observed_mask
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled, Progress, SmoothingSettings, never_cancelled

from .point_trackers import LucasKanade, PointTracker, checked_track

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
FindImage = Callable[[str, int], NDArray[Any] | None]
"""Image of a view in a frame of the session; None for none."""
ToPixels = Callable[[str, Float64, int], Float64]
"""Pixels of the rig's image of pixels of the video, or back; view, (keypoint, 2), frame."""

# A view agrees with the joint point within so many px.
_AGREES_PX = 3.0
# Below, a flow is not used at all; and alone, without a calibration, it stops.
_LEAST_RELIABILITY, _ALONE = 0.1, 0.4
_SMOOTHING = SmoothingSettings(threads=1)
# By how much a position gets less certain with each step, px.
_DRIFT_PX, _LABEL_PX = 0.3, 1.0


@dataclass(frozen=True)
class Stop:
    """Where a keypoint could not be carried on.

    Attributes
    ----------
    keypoint : str
    frame : int
        The first that it is missing in.
    views : tuple of str
        Those that contradict the others or lost it; without a calibration the one concerned.
    reason : str
    """

    keypoint: str
    frame: int
    views: tuple[str, ...]
    reason: str


@dataclass(frozen=True, eq=False)
class Propagation:
    """Labels carried on.

    Attributes
    ----------
    start : int
        The labeled frame.
    frames : tuple of int
        Those that it was carried on to, one after the other.
    views, keypoints : tuple of str
    xy : (view, frame, keypoint, 2) float64
        Px of the videos; NaN where stopped, and outside of the image.
    likelihood : (view, frame, keypoint) float64
        From 0 to 1: how reliable the flow was and how well the views agree.
    xyz : (frame, keypoint, 3) float64 or None
        Rig units; None without a calibration.
    stops : tuple of Stop
        In order of frames.
    """

    start: int
    frames: tuple[int, ...]
    views: tuple[str, ...]
    keypoints: tuple[str, ...]
    xy: Float64
    likelihood: Float64
    xyz: Float64 | None
    stops: tuple[Stop, ...]

    @property
    def n_frames(self) -> int:
        return int(self.xy.shape[1])

    def describe(self) -> str:
        """In one line."""
        n = int(np.isfinite(self.xy[..., 0]).any(axis=0).sum())
        stopped = len({stop.keypoint for stop in self.stops})
        text = f"{n:,} points in {self.n_frames} frames after frame {self.start}"
        return text + (f"; {stopped} keypoints stopped early" if stopped else "")


def propagate(
    labels: Float64,
    views: Sequence[str],
    keypoints: Sequence[str],
    start: int,
    n_frames: int,
    find_image: FindImage,
    rig: Rig | None = None,
    *,
    to_rig: ToPixels | None = None,
    to_video: ToPixels | None = None,
    tracker: PointTracker | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> Propagation:
    """Carry labels on to the next frames.

    Parameters
    ----------
    labels : (view, keypoint, 2)
        Px of the videos in the frame ``start``; NaN for no label.
    views, keypoints : sequence of str
    start, n_frames : int
        Frame of the session, and how many after it; negative: before it.
    find_image : callable
        The image of a view in a frame. It ends where all views lack one.
    rig : Rig, optional
        With a camera of each view.
    to_rig, to_video : callable, optional
        Where videos show a part of the rig's image.
    tracker : PointTracker, optional
        Not given: `LucasKanade`.
    progress, cancelled
        As for `smooth`.

    Raises
    ------
    PoseDataError
        There is no label, no image, or the tracker returns arrays of a wrong shape.
    Cancelled
        `cancelled` returned True.
    """
    labels = np.asarray(labels, np.float64)
    if not observed_mask(labels).any():
        raise PoseDataError(
            f"frame {start} has no labels to carry on", todo="Label it in two views or more"
        )
    run = _Run(tuple(views), tuple(keypoints), start, find_image, rig, to_rig, to_video)
    run.begin(labels)
    tracker = tracker or LucasKanade()
    sign = -1 if n_frames < 0 else 1
    done = 0
    while done < abs(n_frames) and run.alive.any():
        if cancelled is not None and cancelled():
            raise Cancelled
        if progress is not None:
            progress("Following labels", done, abs(n_frames))
        step = min(tracker.n_frames, abs(n_frames) - done)
        if not run.advance(tracker, start + sign * done, sign, step):
            break
        done += step
    if not run.tracks:
        raise PoseDataError(
            f"no view has an image after frame {start}", todo="Check the videos of the session"
        )
    return run.result(sign)


class _Run:
    """Positions and their certainty, from step to step."""

    def __init__(
        self,
        views: tuple[str, ...],
        keypoints: tuple[str, ...],
        start: int,
        find_image: FindImage,
        rig: Rig | None,
        to_rig: ToPixels | None,
        to_video: ToPixels | None,
    ) -> None:
        self.views, self.keypoints, self.start = views, keypoints, start
        self.find_image = find_image
        self.rig = None if rig is None else rig.subset(views)
        self.to_rig = to_rig or _same
        self.to_video = to_video or _same
        self.stops: list[Stop] = []
        # By frame: (view, keypoint, 2) px of the video, and (view, keypoint) reliability.
        self.tracks: list[Float64] = []
        self.trust: list[Float64] = []

    def begin(self, labels: Float64) -> None:
        """Labels, and where they put the point in the views without one."""
        self.labels, self.now = labels, labels.copy()
        known = observed_mask(labels)
        self.steps = 0
        if self.rig is not None:
            joint, _ = self._joined(labels, known.astype(np.float64), self.start)
            self.now = np.where(known[..., None], labels, joint)
        self.alive = observed_mask(self.now).any(axis=0)
        self.reliability = np.where(observed_mask(self.now), 1.0, 0.0)

    def advance(self, tracker: PointTracker, frame: int, sign: int, step: int) -> bool:
        """One stretch of frames; False where no view has images."""
        n, k = len(self.views), len(self.keypoints)
        xy = np.full((n, step + 1, k, 2), np.nan)
        trust = np.zeros((n, step + 1, k))
        any_image = False
        for v, view in enumerate(self.views):
            images = [self.find_image(view, frame + sign * i) for i in range(step + 1)]
            there = [image for image in images if image is not None]
            if len(there) < len(images):
                continue
            any_image = True
            height, width = there[0].shape[:2]
            inside = (self.now[v] >= 0).all(-1) & (self.now[v] <= (width - 1, height - 1)).all(-1)
            seen = np.flatnonzero(self.alive & inside)
            if len(seen):
                found, good = checked_track(tracker, there, self.now[v, seen])
                xy[v][:, seen], trust[v][:, seen] = found, good
        if not any_image:
            return False
        for i in range(1, step + 1):
            at = frame + sign * i
            self.steps += 1
            flow, good = xy[:, i].copy(), trust[:, i]
            flow[good < _LEAST_RELIABILITY] = np.nan
            self._take(flow, good, at)
        return True

    def _take(self, flow: Float64, good: Float64, frame: int) -> None:
        """One frame's flow ``(view, keypoint, 2)`` and its reliability ``(view, keypoint)``."""
        known = observed_mask(flow) & self.alive
        if self.rig is None:
            self._take_alone(flow, good, known, frame)
            return
        joint, agrees = self._joined(flow, np.where(known, good, 0.0), frame)
        ok = agrees.sum(axis=0)
        against = (known & ~agrees).sum(axis=0)
        holds = np.isfinite(joint).all(axis=(0, 2)) & (ok >= 2) & (ok >= against)
        for k in np.flatnonzero(self.alive & ~holds):
            bad = [view for v, view in enumerate(self.views) if known[v, k] and not agrees[v, k]]
            lost = [view for v, view in enumerate(self.views) if not known[v, k]]
            reason = "the views contradict the flow" if ok[k] + against[k] > 1 else "lost"
            self.stops.append(Stop(self.keypoints[k], frame, tuple(bad or lost), reason))
        self.alive &= holds
        # A view goes on from its own flow while it agrees, else from the reprojection.
        self.now = np.where(agrees[..., None], flow, joint)
        self.now[:, ~self.alive] = np.nan
        self.reliability = np.where(agrees, good, 0.0)
        self._keep(flow, agrees)

    def _take_alone(self, flow: Float64, good: Float64, known: Bool, frame: int) -> None:
        was = observed_mask(self.now)
        holds = known & (good >= _ALONE)
        for v, k in np.argwhere(was & ~holds):
            self.stops.append(Stop(self.keypoints[k], frame, (self.views[v],), "lost"))
        self.now = np.where(holds[..., None], flow, np.nan)
        self.alive = holds.any(axis=0)
        self.reliability = np.where(holds, good, 0.0)
        self._keep(self.now, holds)

    def _keep(self, flow: Float64, used: Bool) -> None:
        self.tracks.append(np.where((used & self.alive)[..., None], flow, np.nan))
        self.trust.append(np.where(self.alive, self.reliability, 0.0))

    def _joined(self, xy: Float64, weights: Float64, frame: int) -> tuple[Float64, Bool]:
        """Reprojections (px of the videos) of the joint points, and views that agree with them."""
        from napari_pose3d.core.cameras.triangulation.triangulation import triangulate

        assert self.rig is not None
        pixels = self._in_rig(xy, frame)
        found = triangulate(self.rig, pixels, np.fmax(weights, 1e-6), robust=_AGREES_PX, threads=1)
        agrees = np.isfinite(found.residuals) & (found.residuals <= _AGREES_PX) & (weights > 0)
        agrees[:, found.undecided] = False
        return self._in_video(self.rig.project(found.xyz), frame), agrees

    def _in_rig(self, xy: Float64, frame: int) -> Float64:
        return np.stack([self.to_rig(view, xy[v], frame) for v, view in enumerate(self.views)])

    def _in_video(self, xy: Float64, frame: int) -> Float64:
        return np.stack([self.to_video(view, xy[v], frame) for v, view in enumerate(self.views)])

    def result(self, sign: int) -> Propagation:
        xy, trust = np.stack(self.tracks, axis=1), np.stack(self.trust, axis=1)
        frames = [self.start + sign * (i + 1) for i in range(len(self.tracks))]
        xyz = None
        if self.rig is not None:
            xy, trust, xyz = self._smoothed(xy, trust, frames)
        for i, frame in enumerate(frames):
            for v, view in enumerate(self.views):
                image = self.find_image(view, frame)
                if image is None:
                    xy[v, i] = np.nan
                    continue
                size = image.shape[1] - 0.5, image.shape[0] - 0.5
                xy[v, i, ~((xy[v, i] > -0.5) & (xy[v, i] < size)).all(axis=-1)] = np.nan
        trust[np.isnan(xy[..., 0])] = 0.0
        return Propagation(
            self.start,
            tuple(frames),
            self.views,
            self.keypoints,
            xy,
            trust,
            xyz,
            tuple(self.stops),
        )

    def _smoothed(
        self, flow: Float64, trust: Float64, frames: Sequence[int]
    ) -> tuple[Float64, Float64, Float64]:
        """The joint track, in every view and in space, and how far it can be trusted."""
        from napari_pose3d.core.smoothing.robust.iterations import smooth_robustly

        assert self.rig is not None
        every = [self.start, *frames]
        flow = np.concatenate([self.labels[:, None], flow], axis=1)
        pixels = np.stack([self._in_rig(flow[:, i], frame) for i, frame in enumerate(every)], 1)
        _, n_frames, n = pixels.shape[:3]
        spread = np.full(pixels.shape, _LABEL_PX**2)
        spread += (_DRIFT_PX**2 * np.arange(n_frames))[:, None, None]
        xyz = np.full((n_frames, n, 3), np.nan)
        searched = np.ones(n_frames, dtype=np.bool_)
        for k, name in enumerate(self.keypoints):
            seen = observed_mask(pixels[:, :, k])
            reached = np.flatnonzero(seen.sum(axis=0) > 1)
            if len(reached) < 2:
                continue
            stop = int(reached[-1]) + 1
            (track,) = smooth_robustly(
                self.rig,
                pixels[:, :stop, k : k + 1].astype(np.float32),
                spread[:, :stop, k : k + 1].astype(np.float32),
                searched[:stop],
                (name,),
                _SMOOTHING,
                never_cancelled,
            )
            xyz[:stop, k] = track.xyz
        joint = np.stack(
            [self._in_video(self.rig.project(xyz[i]), frame) for i, frame in enumerate(every)], 1
        )
        off = np.hypot(*np.moveaxis(flow - joint, -1, 0))[:, 1:]
        fit = np.exp2(-((np.nan_to_num(off, nan=_AGREES_PX) / _AGREES_PX) ** 2))
        best = trust.max(axis=0)
        likelihood = np.where(np.isfinite(joint[:, 1:, :, 0]), best * fit, 0.0)
        return joint[:, 1:], likelihood, xyz[1:]


def _same(view: str, xy: Float64, frame: int) -> Float64:
    return xy
