"""The arrays of a result, filled keypoint by keypoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import DIFFERENCES, AnyEnsemble, Poses2D, Poses3D
from napari_pose3d.core.poses.report import ViewReport
from napari_pose3d.core.poses.time_axis import TimeAxis

from .ensemble.ensemble_statistics import EnsembleStatistics
from .smoothers import SmoothedKeypoint


class ResultBuilder:
    """The arrays of a result, made once and filled by keypoint.

    Stacking the finished keypoints in the end would take twice the memory.

    Parameters
    ----------
    statistics : EnsembleStatistics
        What was smoothed.
    in_space : bool
        Whether there are positions in 3-D.
    axis : TimeAxis, optional
        Where frames are its rows: a view observes a point that it observes about that time.

    Attributes
    ----------
    xy : (view, frame, keypoint, 2) float32
        Smoothed positions in px.
    space : dict of str to array
        Those of `Poses3D`; empty without a rig.
    smooth_param, process_noise : (keypoint,) float64
    used_by_view, rejected_by_view : (view,) int64
        Observations that were used, and outliers.
    inferred, left_missing : int
        (frame, keypoint) cells without an observation: filled in, and left missing; on an axis,
        at the instants at which results are wanted.
    missing : (view,) int64
        (frame, keypoint) cells of the view's frames without an observation.
    """

    def __init__(
        self, statistics: EnsembleStatistics, in_space: bool, axis: TimeAxis | None = None
    ) -> None:
        self._axis = axis
        self.missing = np.isnan(statistics.centre[..., 0]).sum(axis=(1, 2))
        if axis is not None:
            # Where a view has no frame, nothing is missing.
            self.missing -= (~axis.has_frame).sum(axis=1) * statistics.centre.shape[2]
        n_views, n_frames, n_keypoints = statistics.likelihood.shape
        self._statistics = statistics
        self.xy = np.empty((n_views, n_frames, n_keypoints, 2), np.float32)
        self._variance = np.empty_like(self.xy)
        self._ensemble_variance: NDArray[np.float32] | None = None
        self.smooth_param = np.full(n_keypoints, np.nan)
        self.process_noise = np.full(n_keypoints, np.nan)
        self.used_by_view = np.zeros(n_views, np.int64)
        self.rejected_by_view = np.zeros(n_views, np.int64)
        self.inferred = self.left_missing = 0
        self.space: dict[str, NDArray[Any]] = {}
        if in_space:
            tracks = (n_frames, n_keypoints)
            self.space = {
                "xyz": np.empty((*tracks, 3)),
                # The largest array; single precision is enough for uncertainties.
                "covariance": np.empty((*tracks, 3, 3), np.float32),
                # Signed, since people subtract from it.
                "n_views": np.empty(tracks, np.int16),
                "residuals": np.empty((n_views, *tracks), np.float32),
                "inferred": np.empty(tracks, np.bool_),
            }

    def leave_empty(self, k: int) -> None:
        """Leave one keypoint, by index, missing in all frames."""
        n_views, n_frames, _ = self._statistics.likelihood.shape
        nowhere = np.full((n_views, n_frames, 2), np.nan)
        unused = np.zeros((n_views, n_frames), dtype=bool)
        xyz, covariance = np.full((n_frames, 3), np.nan), np.full((n_frames, 3, 3), np.nan)
        nothing = SmoothedKeypoint(nowhere, nowhere, unused, unused, np.nan, xyz, covariance)
        self.put(k, nothing)

    def put(self, k: int, part: SmoothedKeypoint) -> None:
        """Take in one keypoint, by index."""
        self.xy[:, :, k] = part.xy
        self._variance[:, :, k] = part.variance
        if part.ensemble_variance is not None:
            if self._ensemble_variance is None:
                self._ensemble_variance = self._statistics.variance.copy()
            self._ensemble_variance[:, :, k] = part.ensemble_variance
        self.smooth_param[k] = part.smooth_param
        self.process_noise[k] = part.process_noise
        axis = self._axis
        blank = np.asarray(np.isnan(part.xy[..., 0]).all(axis=0))
        # A long gap that was left missing begins right behind the last observation.
        used = part.used if axis is None else axis.near(part.used.T).T & ~blank
        unobserved = np.asarray(~used.any(axis=0))
        counted = slice(None) if axis is None else axis.wanted
        self.used_by_view += part.used.sum(axis=1)
        self.rejected_by_view += part.rejected.sum(axis=1)
        self.inferred += int((unobserved & ~blank)[counted].sum())
        self.left_missing += int((unobserved & blank)[counted].sum())
        if self.space and part.xyz is not None:
            space = self.space
            space["xyz"][:, k] = part.xyz
            space["covariance"][:, k] = part.covariance
            space["n_views"][:, k] = used.sum(axis=0)
            space["residuals"][:, :, k] = np.linalg.norm(
                self._statistics.centre[:, :, k] - part.xy, axis=-1
            )
            for name in DIFFERENCES:
                values = getattr(part, name)
                if values is not None:
                    if name not in space:
                        shape = (*space["inferred"].shape, *values.shape[1:])
                        space[name] = np.full(shape, np.nan, np.float32)
                    space[name][:, k] = values
            space["inferred"][:, k] = unobserved & np.isfinite(part.xyz[:, 0])

    def move(
        self, k: int, frames: NDArray[np.intp], xy: NDArray[Any], change: NDArray[Any]
    ) -> None:
        """Replace points that were updated by a prior beyond the views; they count as inferred.

        Parameters
        ----------
        k : int
        frames : (n,) int
        xy : (view, n, 2)
            Where they fall now, px.
        change : (view, n, 2)
            Of the variance there, px^2.
        """
        fresh = int((~self.space["inferred"][frames, k]).sum())
        self.inferred += fresh
        self.space["inferred"][frames, k] = True
        # Of the ways that begin or end there.
        around = np.concatenate([frames - 1, frames, frames + 1])
        around = around[(around >= 0) & (around < len(self.space["xyz"]))]
        for name in DIFFERENCES:
            if name in self.space:
                self.space[name][around, k] = np.nan
        self.xy[:, frames, k] = xy
        self._variance[:, frames, k] += change
        off = self._statistics.centre[:, frames, k] - xy
        self.space["residuals"][:, frames, k] = np.linalg.norm(off, axis=-1)

    def view_reports(
        self, views: Sequence[str], calibration: Sequence[float]
    ) -> dict[str, ViewReport]:
        """How the result fits the observations of each view.

        Parameters
        ----------
        views : sequence of str
        calibration : (view,)
            See `ViewReport.calibration_residual`.
        """
        reports = {}
        for v, view in enumerate(views):
            length = np.linalg.norm(self._statistics.centre[v] - self.xy[v], axis=-1)
            length = length[np.isfinite(length)]
            residual = float(np.median(length)) if length.size else float("nan")
            used, rejected = int(self.used_by_view[v]), int(self.rejected_by_view[v])
            missing = int(self.missing[v])
            reports[view] = ViewReport(used, rejected, residual, float(calibration[v]), missing)
        return reports

    def poses2d(self, ensemble: AnyEnsemble) -> Poses2D:
        """The smoothed positions in every view, with the ensemble they came from."""
        variance = self._ensemble_variance
        return Poses2D(
            xy=self.xy,
            likelihood=self._statistics.likelihood,
            views=ensemble.views,
            keypoints=ensemble.keypoints,
            variance=self._variance,
            ensemble_median=self._statistics.centre,
            ensemble_variance=self._statistics.variance if variance is None else variance,
            session=ensemble.session,
            individual=ensemble.individual,
        )

    def poses3d(self, ensemble: AnyEnsemble, units: str) -> Poses3D:
        """The smoothed positions in space; only after smoothing with a rig."""
        return Poses3D(
            **self.space,
            views=ensemble.views,
            keypoints=ensemble.keypoints,
            session=ensemble.session,
            units=units,
        )
