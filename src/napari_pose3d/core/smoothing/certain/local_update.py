"""The track of a keypoint, updated around the frames in which a person gave positions.

Notes
-----
A window around the frames is smoothed anew as the whole recording was: same process noise, same
observation noise, robust start and iterations; only the filter starts at the stored neighbours
instead of far away. The window ends where two views or more observe the point for a while, and is
widened until what changed lies well inside. It is smoothed twice, with the positions as they were
and as they are: frames in which the two agree within a thousandth of a standard deviation keep
their stored values bit by bit, and the ratio of stored to fresh covariance is the inflation for
correlated errors. What a new run of the whole would change beyond that (``s`` and the noise, by
the share that a few observations have in all) stays as it was until then. Taking a change back
brings the stored values back bit by bit (`stretch_history`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.poses.arrays import Poses3D, Result
from napari_pose3d.core.poses.certain import (
    CERTAIN_VARIANCE,
    CertainCells,
    CertainObservations,
    Positions,
)
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import SmoothingSettings, never_cancelled

from .stretch_history import State, StretchHistory
from .update_window import (
    MARGIN,
    At,
    SmoothedWindow,
    cells_inside,
    cells_of,
    difference,
    frame_groups,
)

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

# Frames on either side that are smoothed as well, at most.
_LARGEST_MARGIN = 3000
# So many frames in a row with two views or more end a window.
_STEADY = 20
_ITERATIONS = 4


@dataclass(frozen=True)
class UpdatedStretch:
    """Frames whose results changed.

    Attributes
    ----------
    keypoint : str
    start, end : int
        First and last frame.
    given, released : tuple of (int, int)
        View and frame of the cells among them that hold a person's position now, and of those that
        gave way to the prediction again.
    """

    keypoint: str
    start: int
    end: int
    given: tuple[tuple[int, int], ...] = ()
    released: tuple[tuple[int, int], ...] = ()


class LiveCorrections:
    """A result that follows the positions that a person gives, in place and at once.

    Parameters
    ----------
    result : Result
        Of the calibrated smoother, made in this process (a result that was read from files lacks
        the process noise). Its arrays are changed in place: positions and covariance in space and
        in all views, residuals, numbers of views, and the raw position of a cell that is given.
    rig : Rig
        What it was smoothed with.
    settings : SmoothingSettings, optional
        What it was smoothed with. Bones are not applied anew.

    Raises
    ------
    PoseDataError
        The result is of another smoother or lacks what an update needs.

    Examples
    --------
    >>> live = LiveCorrections(result, rig)  # doctest: +SKIP
    >>> kept = Corrections(project, session, views, keypoints, "Ada")  # doctest: +SKIP
    >>> kept.move({Cell("Cam-A", 120, "nose"): (310.5, 220.0)})  # doctest: +SKIP
    >>> live.follow(kept.positions)  # doctest: +SKIP
    (UpdatedStretch(keypoint='nose', start=96, end=147),)
    """

    def __init__(self, result: Result, rig: Rig, settings: SmoothingSettings | None = None) -> None:
        self._settings = settings or SmoothingSettings()
        if (
            result.poses3d is None
            or result.process_noise is None
            or result.poses2d.ensemble_median is None
            or result.poses2d.ensemble_variance is None
            or result.poses2d.variance is None
            or self._settings.as_published
        ):
            raise PoseDataError(
                "this result cannot be updated around a frame",
                expected="one that was smoothed with a calibration since napari was started",
                todo="Smooth again",
            )
        self.result = result
        self._poses3d: Poses3D = result.poses3d
        self._process_noise = result.process_noise
        self._rig = rig.subset(result.poses2d.views)
        self._history = StretchHistory(result)
        self._given: dict[At, tuple[float, float]] = {}
        # What is predicted in cells that hold, or held, a person's position.
        self._raw: dict[At, tuple[Any, Any, float]] = {}
        if result.certain is not None:
            self._take_over(result.certain)

    def _take_over(self, certain: CertainObservations) -> None:
        """What the result was smoothed with already."""
        cells = zip(certain.view, certain.frame, certain.keypoint, strict=True)
        for i, (v, t, k) in enumerate(cells):
            at = int(v), int(t), int(k)
            self._given[at] = (float(certain.xy[i, 0]), float(certain.xy[i, 1]))
            self._raw[at] = (
                certain.raw_xy[i],
                certain.raw_variance[i],
                float(certain.raw_likelihood[i]),
            )

    def follow(self, positions: Positions) -> tuple[UpdatedStretch, ...]:
        """Let the result be what it is with exactly these positions.

        Parameters
        ----------
        positions : mapping of (view, frame, keypoint) to (x, y)
            All that hold now, in frames of the session and pixels of the rig's image; those of
            other views, keypoints and frames are passed over. A position that was there before
            and is not any more gives way to the prediction.

        Returns
        -------
        tuple of UpdatedStretch
            What changed: redraw these.
        """
        poses = self.result.poses2d
        new = {
            (poses.views.index(view), frame, poses.keypoints.index(keypoint)): xy
            for (view, frame, keypoint), xy in positions.items()
            if view in poses.views and keypoint in poses.keypoints and 0 <= frame < poses.n_frames
        }
        cells = self._given.keys() | new.keys()
        changed = {at for at in cells if self._given.get(at) != new.get(at)}
        released = self._given.keys() - new.keys()
        done: list[tuple[int, int, int]] = []
        for k in sorted({at[2] for at in changed}):
            if (back := self._taken_back(k, new)) is not None:
                done += [(k, first, last) for first, last in back]
                continue
            self._history.begin(k, self._state(k, self._given))
            frames = sorted({at[1] for at in changed if at[2] == k})
            for group in frame_groups(frames):
                span = range(group[0], group[-1] + 1)
                mine = {at for at in changed if at[2] == k and at[1] in span}
                done.append((k, *self._update(k, group, mine, new)))
        return tuple(
            UpdatedStretch(
                poses.keypoints[k],
                first,
                last,
                cells_inside(self._given, k, first, last),
                cells_inside(released, k, first, last),
            )
            for k, first, last in done
        )

    def _taken_back(
        self, k: int, new: Mapping[At, tuple[float, float]]
    ) -> list[tuple[int, int]] | None:
        """Bring the result back to what it was with just these positions; None: it never was."""
        back = self._history.restore(k, self._state(k, new))
        if back is not None:
            for at in [at for at in self._given if at[2] == k]:
                if at not in new:
                    del self._given[at]
            self._given |= {at: xy for at, xy in new.items() if at[2] == k}
        return back

    def _state(self, k: int, given: Mapping[At, tuple[float, float]]) -> State:
        """The positions of one keypoint."""
        return frozenset((at, xy) for at, xy in given.items() if at[2] == k)

    def _update(
        self,
        k: int,
        frames: Sequence[int],
        changed: set[At],
        new: dict[At, tuple[float, float]],
    ) -> tuple[int, int]:
        margin = MARGIN
        while True:
            window = self._window(k, frames[0], frames[-1], margin)
            before = self._smoothed(k, window, changed)
            kept = {at: self._cell(at) for at in changed}
            for at in changed:
                self._put(at, new.get(at))
            after = self._smoothed(k, window, changed)
            start, end = difference(before, after, frames, window)
            n_frames = self.result.poses2d.n_frames
            inside = (window.start == 0 or start >= window.start + _STEADY) and (
                window.stop == n_frames or end < window.stop - _STEADY
            )
            if inside or margin >= _LARGEST_MARGIN:
                break
            # Once more, from where it was.
            for at, cell in kept.items():
                self._restore(at, *cell)
            margin *= 3
        for at, cell in kept.items():
            self._restore(at, *cell)
        self._history.keep(k, start, end)
        for at in changed:
            self._put(at, new.get(at))
        self._write(k, window, before, after, slice(start, end + 1))
        return start, end

    def _window(self, k: int, first: int, last: int, margin: int) -> slice:
        """Frames to smooth anew, which end where two views or more observe the point."""
        n_frames = self.result.poses2d.n_frames
        low, high = (
            max(first - margin - _LARGEST_MARGIN, 0),
            min(last + margin + _LARGEST_MARGIN, n_frames),
        )
        steady = self._poses3d.n_views[low:high, k] >= 2
        run = np.concatenate([[0], np.cumsum(steady)])
        # Frame t ends _STEADY good frames.
        full = low + np.flatnonzero(run[_STEADY:] - run[:-_STEADY] == _STEADY)
        begins = full[full <= first - margin]
        ends = full[full >= last + margin - _STEADY] + _STEADY
        return slice(int(begins[-1]) if len(begins) else low, int(ends[0]) if len(ends) else high)

    def _cell(self, at: At) -> tuple[Any, Any]:
        poses = self.result.poses2d
        assert poses.ensemble_median is not None
        assert poses.ensemble_variance is not None
        values = (
            poses.ensemble_median[at].copy(),
            poses.ensemble_variance[at].copy(),
            float(poses.likelihood[at]),
        )
        return values, self._given.get(at)

    def _restore(self, at: At, values: Any, given: Any) -> None:
        self._fill(at, *values)
        if given is None:
            self._given.pop(at, None)
        else:
            self._given[at] = given

    def _put(self, at: At, position: tuple[float, float] | None) -> None:
        if position is None:
            self._fill(at, *self._raw[at])
            del self._given[at]
            return
        if at not in self._raw:
            self._raw[at] = self._cell(at)[0]
        self._given[at] = position
        self._fill(at, position, CERTAIN_VARIANCE, 1.0)

    def _fill(self, at: At, xy: Any, variance: Any, likelihood: float) -> None:
        poses = self.result.poses2d
        assert poses.ensemble_median is not None
        assert poses.ensemble_variance is not None
        poses.ensemble_median[at], poses.ensemble_variance[at] = xy, variance
        poses.likelihood[at] = likelihood

    def _smoothed(self, k: int, window: slice, changed: set[At]) -> SmoothedWindow:
        """The window of a keypoint as it is now, smoothed as in a run of the whole."""
        from ..robust.initial_track import initial_track
        from ..robust.robust_smoother import CalibratedViews, RobustSmoother

        poses = self.result.poses2d
        assert poses.ensemble_median is not None
        assert poses.ensemble_variance is not None
        centre = poses.ensemble_median[:, window, k]
        variance = poses.ensemble_variance[:, window, k]
        certain = cells_of(k, window, len(centre), self._given)
        cells = self._certain_cells(k, window)
        settings = replace(
            self._settings, parts=replace(self._settings.parts, learn_noise=False, widen=False)
        )
        start = partial(
            initial_track,
            self._rig,
            centre,
            keypoint=poses.keypoints[k],
            robust=settings.robust,
            cancelled=never_cancelled,
            certain=cells,
        )
        smoother = RobustSmoother(
            CalibratedViews(self._rig),
            start,
            centre,
            variance,
            np.ones(len(certain), dtype=np.bool_),
            settings,
            never_cancelled,
            cells,
        )
        touched = certain | cells_of(k, window, len(centre), changed)
        smoother.noise = self._noise(k, window, smoother.spread, certain, touched)
        s = float(self.result.smooth_param[k])
        smoother.reference = float(self._process_noise[k]) / s
        # From the stored neighbour, with the wide prior of a recording's first frame.
        stored = self._poses3d.xyz[window, k]
        if np.isfinite(stored[:2]).all():
            step = stored[1] - stored[0] if len(stored) > 1 else np.zeros(3)
            smoother.m0 = np.concatenate([stored[0], step])
        for last in (False,) * (_ITERATIONS - 1) + (True,):
            smoother.smooth(s)
            if not last:
                smoother.learn(s)
        used = np.asarray(smoother.observed & (smoother.weights >= 0.5))
        return SmoothedWindow(smoother.track, smoother.covs, smoother.noise, used)

    def _certain_cells(self, k: int, window: slice) -> CertainCells | None:
        mine = [at for at in self._given if at[2] == k and window.start <= at[1] < window.stop]
        if not mine:
            return None
        return CertainCells(
            np.array([t - window.start for _, t, _ in mine]),
            np.array([v for v, _, _ in mine]),
            np.array([self._given[at] for at in mine]),
            np.array([self._raw[at][0] for at in mine]),
        )

    def _noise(
        self, k: int, window: slice, spread: Float64, certain: Bool, touched: Bool
    ) -> Float64:
        """Variance of each observation ``(frame, view)``, as the run of the whole learned it.

        The stored variance is that of the projected point plus that of an observation. The latter
        follows from the ensemble's variance, so that other cells tell that of a changed one.
        """
        poses = self.result.poses2d
        assert poses.variance is not None
        _, projected = self._projected(
            self._poses3d.xyz[window, k], self._poses3d.covariance[window, k]
        )
        noise = np.mean(poses.variance[:, window, k] - projected, axis=-1).T
        sure = np.isfinite(noise) & np.isfinite(spread) & ~touched
        noise = np.where(sure, np.fmax(noise, 0.01), np.nan)
        order = np.argsort(spread[sure], kind="stable")
        known_spread, known_noise = spread[sure][order], noise[sure][order]
        guessed = np.isfinite(spread) & ~sure
        if len(known_spread):
            noise[guessed] = np.interp(spread[guessed], known_spread, known_noise)
        else:
            noise[guessed] = spread[guessed] + 1.0
        noise[certain] = CERTAIN_VARIANCE
        return noise

    def _projected(self, xyz: Any, covariance: Any) -> tuple[Float64, Float64]:
        """Pixels of a track and their variance, ``(view, frame, 2)`` each."""
        from ..kalman.kalman_kernels import project_moments

        xyz = np.ascontiguousarray(xyz, np.float64)
        xy = np.empty((len(self._rig.cameras), len(xyz), 2))
        spread = np.empty_like(xy)
        project_moments(
            self._rig.packed, xyz, np.ascontiguousarray(covariance, np.float64), xy, spread
        )
        return xy, spread

    def _write(
        self, k: int, window: slice, before: SmoothedWindow, after: SmoothedWindow, changed: slice
    ) -> None:
        """The new track into the result's arrays, in the frames that changed."""
        poses, space = self.result.poses2d, self._poses3d
        assert poses.ensemble_median is not None
        assert poses.variance is not None
        part = slice(changed.start - window.start, changed.stop - window.start)
        stored = np.trace(space.covariance[window, k], axis1=1, axis2=2)
        ratio = stored / np.trace(before.covariance, axis1=1, axis2=2)
        ratio = ratio[np.isfinite(ratio) & (space.n_views[window, k] >= 2)]
        factor = max(float(np.median(ratio)), 1.0) if len(ratio) else 1.0
        xyz, covariance = after.xyz[part], after.covariance[part] * factor
        xy, spread = self._projected(xyz, covariance)
        noise = after.noise.T
        typical = np.nanmedian(noise)
        spread += np.where(np.isfinite(noise), noise, typical)[:, part, None]
        used = after.used[part]
        if self._settings.max_gap is not None:
            from ..smoothers import in_long_gap

            blank = in_long_gap(np.asarray(after.used.any(axis=1)), self._settings.max_gap)[part]
            xyz, covariance = xyz.copy(), covariance.copy()
            xyz[blank], covariance[blank] = np.nan, np.nan
            xy[:, blank], spread[:, blank] = np.nan, np.nan
        space.xyz[changed, k], space.covariance[changed, k] = xyz, covariance
        space.n_views[changed, k] = used.sum(axis=1)
        for values in space.differences:
            values[changed, k] = np.nan
        space.inferred[changed, k] = ~used.any(axis=1) & np.isfinite(xyz[:, 0])
        poses.xy[:, changed, k], poses.variance[:, changed, k] = xy, spread
        off = poses.ensemble_median[:, changed, k] - xy
        space.residuals[:, changed, k] = np.hypot(off[..., 0], off[..., 1])
