"""The review of one session: what is wrong in it, and how wrong every frame is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import Result
from napari_pose3d.core.smoothing.certain.local_update import UpdatedStretch
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import IsCancelled, Progress

from .events.events import Event, find_events
from .events.excess_update import update_excesses
from .events.excesses import Excesses, find_excesses
from .events.failures import Failure
from .measures.measures import raw_positions
from .measures.pose_shapes import PoseShapes

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig

    from .rig_findings import RigFindings

_MOST_EXCESS = 30.0
_SHOWN = 12
USUAL_FPS = 30.0
"""Frames a second of a session whose videos are not at hand."""


@dataclass(frozen=True)
class Mark:
    """Where a keypoint is in one view, raw and smoothed, px of the rig's image."""

    view: str
    keypoint: str
    raw: tuple[float, float]
    smoothed: tuple[float, float]


@dataclass(frozen=True, eq=False)
class SessionReview:
    """What went wrong in a session.

    Attributes
    ----------
    session : str
    result : Result
    excesses : Excesses
    events : tuple of Event
        The worst first.
    fps : float
        Frames a second.
    sensitivity : float
    labeled : frozenset of int
        Frames that have labels or wait for them.
    moved : tuple of Event
        Cameras that were moved during the recording, at once or slowly; at most one.
    """

    session: str
    result: Result
    excesses: Excesses
    events: tuple[Event, ...]
    fps: float = USUAL_FPS
    sensitivity: float = 1.0
    labeled: frozenset[int] = frozenset()
    moved: tuple[Event, ...] = ()

    @property
    def n_frames(self) -> int:
        return self.excesses.n_frames

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """Frames in which an event is going on, ``(frame,)``."""
        out = np.zeros(self.n_frames, dtype=bool)
        for event in self.events:
            if event.kind.is_mended_by_labels:
                out[event.start : event.end + 1] = True
        return out

    @property
    def scores(self) -> NDArray[np.float32]:
        """How bad every frame is, ``(frame,)``.

        The largest excess of its cells, at most 30, plus the logarithm of one plus the number of
        cells above their bars: one bad paw counts, however good the rest.
        """
        worst, n_bad = np.zeros(self.n_frames, np.float32), np.zeros(self.n_frames, np.int64)
        for bad in self._worse_excesses():
            worst = np.maximum(worst, bad.max(axis=1))
            n_bad += (bad > 1).sum(axis=1)
        return np.asarray(np.minimum(worst, _MOST_EXCESS) + np.log1p(n_bad), np.float32)

    def _worse_excesses(self) -> Iterator[NDArray[np.float32]]:
        """The larger of correction and spread, ``(frame, keypoint)``, view by view: all take much
        memory.
        """
        for correction, spread in zip(self.excesses.correction, self.excesses.spread, strict=True):
            yield np.maximum(correction, spread) * np.float32(self.sensitivity)

    def with_sensitivity(self, sensitivity: float) -> SessionReview:
        """The same measurements with other bars; nothing is computed anew but the events."""
        _check_sensitivity(sensitivity)
        units = _units(self.result)
        events = (*self.moved, *find_events(self.excesses, sensitivity, units))
        return replace(self, events=events, sensitivity=sensitivity)

    def followed(self, stretches: Sequence[UpdatedStretch]) -> SessionReview:
        """The review after a person gave positions: see `LiveCorrections`.

        The arrays of the excesses change in place; the bars stay. Finding the events anew takes
        a second for a long recording: do it once after several corrections.

        Parameters
        ----------
        stretches : sequence of UpdatedStretch
            What `LiveCorrections.follow` returned.
        """
        update_excesses(self.excesses, self.result, stretches)
        return self.with_sensitivity(self.sensitivity)

    def pose_shapes(self, frames: Sequence[int] | NDArray[np.integer]) -> NDArray[np.float32]:
        """How the animal holds itself in some frames, ``(frame, component)``; see `PoseShapes`."""
        return self._shapes.at(frames)

    @cached_property
    def _shapes(self) -> PoseShapes:
        return PoseShapes(self.result)

    def summary(self) -> SessionSummary:
        """What reports and the choice of frames need, without the arrays of all cells."""
        excesses = self.excesses
        bad = [(each > 1).mean(axis=0) for each in self._worse_excesses()]
        corrections = [
            np.median(each, axis=0) * bars
            for each, bars in zip(excesses.correction, excesses.correction_px, strict=True)
        ]
        return SessionSummary(
            self.session,
            excesses.views,
            excesses.keypoints,
            self.n_frames,
            self.events,
            self.fps,
            self.labeled,
            self.sensitivity,
            self.scores,
            self.flagged,
            np.stack(corrections),
            np.stack(bad),
            self.pose_shapes(np.arange(self.n_frames)),
            tuple((event, self.marks(event)) for event in self._shown()),
        )

    def marks(self, event: Event) -> tuple[Mark, ...]:
        """The event's keypoints in all views, in its worst frame."""
        poses = self.result.poses2d
        raw = raw_positions(poses)
        out = []
        for v, view in enumerate(poses.views):
            for name in event.keypoints:
                at = v, event.peak, poses.keypoints.index(name)
                (x, y), (to_x, to_y) = raw[at].tolist(), poses.xy[at].tolist()
                out.append(Mark(view, name, (x, y), (to_x, to_y)))
        return tuple(out)

    def _shown(self) -> list[Event]:
        """The worst events, of each kind in turn."""
        by_kind: dict[Failure, list[Event]] = {}
        for event in self.events:
            by_kind.setdefault(event.kind, []).append(event)
        turns = zip_longest(*by_kind.values())
        return [event for turn in turns for event in turn if event is not None][:_SHOWN]


@dataclass(frozen=True, eq=False)
class SessionSummary:
    """What is left of a review when the arrays of all cells are gone.

    Attributes
    ----------
    session, views, keypoints, n_frames, events, fps, labeled, sensitivity
        As of `SessionReview`.
    scores : (frame,) float32
    flagged : (frame,) bool
    correction : (view, keypoint) float32
        Median distance from raw to smoothed, px.
    bad : (view, keypoint) float64
        Share of the frames above a bar.
    shapes : (frame, component) float32
        See `PoseShapes`.
    marks : tuple of (Event, tuple of Mark)
        What the worst events look like in their worst frame.
    settings : tuple of (str, str)
        What it was made with, for the report.
    rig_findings : RigFindings or None
        What it tells about the calibration; None where there is none, or nobody asked.
    """

    session: str
    views: tuple[str, ...]
    keypoints: tuple[str, ...]
    n_frames: int
    events: tuple[Event, ...]
    fps: float
    labeled: frozenset[int]
    sensitivity: float
    scores: NDArray[np.float32]
    flagged: NDArray[np.bool_]
    correction: NDArray[np.float32]
    bad: NDArray[np.float64]
    shapes: NDArray[np.float32]
    marks: tuple[tuple[Event, tuple[Mark, ...]], ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    rig_findings: RigFindings | None = None

    def pose_shapes(self, frames: Sequence[int] | NDArray[np.integer]) -> NDArray[np.float32]:
        """Of some frames, ``(frame, component)``; NaN for those that do not exist."""
        numbers = np.asarray(frames, dtype=np.int64)
        there = (numbers >= 0) & (numbers < self.n_frames)
        found = self.shapes[np.where(there, numbers, 0)]
        return np.where(there[:, None], found, np.float32(np.nan))


def review_result(
    result: Result,
    rig: Rig | None = None,
    skeleton: Sequence[tuple[str, str]] = (),
    *,
    fps: float = USUAL_FPS,
    labeled: Collection[int] = (),
    sensitivity: float = 1.0,
    watch_cameras: bool = True,
    labeled_distance: NDArray[np.float32] | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> SessionReview:
    """Find what is wrong in a smoothed session.

    Parameters
    ----------
    result : Result
        Of `smooth`, or read back with `load_result`.
    rig : Rig, optional
        What it was smoothed with.
    skeleton : sequence of (str, str)
        Bones, whose lengths are checked.
    fps : float
        Frames a second.
    labeled : collection of int
        Frames that have labels or wait for them; they are not proposed again.
    sensitivity : float
        Twice as high: bars half as high.
    watch_cameras : bool
        Whether to look for a camera that was moved or drifts, which takes a few seconds.
    labeled_distance : (frame, keypoint), optional
        From `labeled_pose_distances`: poses unlike all labeled ones are events.
    progress, cancelled
        As for `smooth`.

    Raises
    ------
    PoseDataError
        The sensitivity is not positive, or the result was saved without the predictions that it
        was made from.
    Cancelled
        `cancelled` returned True.
    """
    _check_sensitivity(sensitivity)
    excesses = find_excesses(
        result,
        skeleton,
        rig=rig,
        labeled_distance=labeled_distance,
        progress=progress,
        cancelled=cancelled,
    )
    moved: tuple[Event, ...] = ()
    if watch_cameras and rig is not None and result.poses3d is not None:
        moved = _moved_cameras(result, rig)
    return SessionReview(
        result.poses2d.session,
        result,
        excesses,
        (*moved, *find_events(excesses, sensitivity, _units(result))),
        fps,
        sensitivity,
        frozenset(labeled),
        moved,
    )


def _moved_cameras(result: Result, rig: Rig) -> tuple[Event, ...]:
    """A camera that was moved, from then on, or one that turned slowly from first to last."""
    from napari_pose3d.core.calibration.lint.bump import Bump, find_bump
    from napari_pose3d.core.calibration.lint.slow_drift import SlowDrift, find_drift

    poses = result.poses2d
    rig, xy = rig.subset(poses.views), raw_positions(poses)
    last = poses.n_frames - 1

    def event(found: Bump | SlowDrift, kind: Failure, start: int, excess: float) -> Event:
        peak = start or last
        size, n_cells = found.degrees, poses.n_frames - start
        return Event(
            kind,
            poses.keypoints,
            found.cameras,
            start,
            last,
            peak,
            excess,
            size,
            "degrees",
            n_cells,
            peak,
        )

    if bump := find_bump(rig, xy):
        return (event(bump, Failure.CAMERA_MOVED, bump.frame, bump.times_usual),)
    if drift := find_drift(rig, xy):
        return (event(drift, Failure.DRIFT, 0, drift.standard_errors),)
    return ()


def _units(result: Result) -> str:
    return (result.poses3d.units if result.poses3d is not None else "") or "length"


def _check_sensitivity(sensitivity: float) -> None:
    if not (np.isfinite(sensitivity) and sensitivity > 0):
        raise PoseDataError(
            f"the sensitivity is {sensitivity}", expected="a number above 0, such as 1"
        )
