"""Where the robust smoother starts: a robust triangulation with its gaps interpolated."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import (
    AUTO_THRESHOLD,
    MIN_AUTO_THRESHOLD,
)
from napari_pose3d.core.poses.arrays import observed_mask
from napari_pose3d.core.poses.certain import CertainCells
from napari_pose3d.core.poses.time_axis import TimeAxis
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled, Robust

from .framewise_triangulation import triangulate_framewise, weights_of
from .view_hypotheses import most_likely_hypotheses

Float64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class InitialTrack:
    """A first estimate of one keypoint's track.

    Attributes
    ----------
    xyz : (frame, 3)
        Rig units; interpolated linearly where it could not be triangulated.
    inliers : (frame, view) bool
        Observations that the triangulation used, and those of frames with one observation.
    first : (3,)
        Median of the first ten triangulated points, rig units.
    extent : float
        Largest variance of a coordinate over time, squared rig units.
    step_variance : float
        Robust squared step from frame to frame, squared rig units, above zero.
    """

    xyz: Float64
    inliers: NDArray[np.bool_]
    first: Float64
    extent: float
    step_variance: float


def initial_track(
    rig: Rig,
    centre: NDArray[np.float32],
    spread: Float64,
    observed: NDArray[np.bool_],
    *,
    keypoint: str,
    robust: Robust,
    cancelled: IsCancelled,
    certain: CertainCells | None = None,
) -> InitialTrack:
    """Triangulate one keypoint robustly and fill the gaps in.

    Parameters
    ----------
    rig : Rig
        Cameras in the order of the views.
    centre : (view, frame, 2)
        Observations in px; NaN where missing.
    spread : (view, frame)
        Their ensemble variance, px^2.
    observed : (frame, view) bool
    keypoint : str
        For messages.
    robust : "auto", "off" or float
        As for `triangulate`.
    certain : CertainCells, optional
        Observations that a person gave.

    Raises
    ------
    PoseDataError
        The keypoint can be triangulated in fewer than two frames.
    """
    n_frames = centre.shape[1]
    weights = weights_of(spread)
    found = triangulate_framewise(rig, centre, weights, robust, cancelled)
    if cancelled():
        raise Cancelled
    decided = None
    if certain is not None:
        from ..certain.anchors import anchored

        found, decided = anchored(rig, centre, weights, found, certain, robust, cancelled)
    xyz, inliers, undecided = found.xyz, found.inliers, found.undecided
    size = step_variance(np.where(undecided[:, None], np.nan, xyz))
    if robust != "off" and np.isfinite(size):
        xyz, inliers, undecided = most_likely_hypotheses(
            rig,
            centre,
            weights,
            found,
            size,
            robust,
            cancelled,
            decided,
        )
    inliers = inliers.T
    clear = np.isfinite(xyz[:, 0]) & ~undecided
    if clear.sum() > 1:
        # Of an undecided frame nothing is used, but for a single view chosen as an inlier.
        xyz = np.where(clear[:, None], xyz, np.nan)
        inliers = inliers & (clear | (inliers.sum(axis=1) == 1))[:, None]
    located = np.flatnonzero(np.isfinite(xyz[:, 0]))
    if len(located) < 2:
        raise PoseDataError(
            f"the keypoint {keypoint} can be triangulated in {len(located)} of {n_frames} "
            "frames only",
            expected="two or more views that observe it in the same frame",
            todo="Leave the keypoint out, lower the minimum likelihood, or check that the "
            "views belong to the cameras of the calibration",
        )
    # A single observation cannot be checked, but it still determines a ray.
    single_view = np.isnan(xyz[:, 0]) & (observed.sum(axis=1) == 1)
    return interpolated_track(xyz, inliers | (observed & single_view[:, None]))


def initial_track_in_rows(
    axis: TimeAxis,
    rig: Rig,
    centre: NDArray[np.float32],
    spread: Float64,
    observed: NDArray[np.bool_],
    *,
    keypoint: str,
    robust: Robust,
    cancelled: IsCancelled,
    certain: CertainCells | None = None,
) -> InitialTrack:
    """The same of views with frames of their own: compared at the frames of the axis.

    Parameters and errors are those of `initial_track`, by the rows of ``axis``. Observations are
    interpolated to its frames, and the track from there to the rows.
    """
    compared = axis.at_frames(centre)
    first = initial_track(
        rig,
        compared,
        axis.at_frames(spread),
        observed_mask(compared).T,
        keypoint=keypoint,
        robust=robust,
        cancelled=cancelled,
        certain=None if certain is None else certain.in_frames(axis.nearest),
    )
    xyz = np.stack([np.interp(axis.times, axis.frames, first.xyz[:, j]) for j in range(3)], axis=1)
    # Between the frames nothing was compared: there an observation has to lie near the track.
    at_frame = np.abs(axis.frames[axis.nearest] - axis.times) < 1e-6
    residuals = np.linalg.norm(centre - rig.project(xyz), axis=-1).T
    limits = np.full(len(centre), np.inf)
    if robust == "auto":
        usual = [
            np.median(r[o & np.isfinite(r)]) for r, o in zip(residuals.T, observed.T, strict=True)
        ]
        limits = np.fmax(AUTO_THRESHOLD * np.array(usual), MIN_AUTO_THRESHOLD)
    elif robust != "off":
        limits[:] = robust
    inliers = np.where(at_frame[:, None], first.inliers[axis.nearest], residuals <= limits)
    return replace(first, xyz=xyz, inliers=inliers & observed)


def interpolated_track(xyz: Float64, inliers: NDArray[np.bool_]) -> InitialTrack:
    """A track with its gaps filled in.

    Parameters
    ----------
    xyz : (frame, 3)
        At least two points; NaN elsewhere.
    inliers : (frame, view) bool
    """
    located = np.flatnonzero(np.isfinite(xyz[:, 0]))
    size = step_variance(xyz)
    extent = float(xyz[located].var(axis=0).max())
    frames = np.arange(len(xyz))
    filled = np.stack([np.interp(frames, located, xyz[located, j]) for j in range(3)], axis=1)
    return InitialTrack(
        filled,
        inliers,
        np.median(xyz[located[:10]], axis=0),
        extent,
        max(size, 1e-8 * extent, 1e-300),
    )


def step_variance(xyz: Float64) -> float:
    """Robust squared step from frame to frame, in squared units of ``xyz (frame, 3)``.

    From the median length of the steps, those over gaps scaled to one frame; NaN with fewer than
    two points.
    """
    located = np.flatnonzero(np.isfinite(xyz[:, 0]))
    if len(located) < 2:
        return float("nan")
    steps = np.diff(xyz[located], axis=0) / np.sqrt(np.diff(located))[:, None]
    return float((1.4826 * np.median(np.linalg.norm(steps, axis=1))) ** 2)
