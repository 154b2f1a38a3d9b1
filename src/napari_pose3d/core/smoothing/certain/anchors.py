"""Frames in which a person gave a position, and those whose predictions it refutes.

Notes
-----
A network that is wrong in a frame is wrong in the same way in those around it. So a correction that
lies far from the prediction takes the predictions of its view and keypoint away from the start of
the track as far as they go on from the refuted one without a jump. Where they are right after
all, the smoother takes them in again, since they agree with the track.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import Triangulation, triangulate
from napari_pose3d.core.poses.arrays import observed_mask
from napari_pose3d.core.poses.certain import CertainCells
from napari_pose3d.settings import IsCancelled, Robust

Bool = NDArray[np.bool_]
Float64 = NDArray[np.float64]

# Another view agrees with a point within so many px; a prediction so far off is refuted.
_AGREES_PX = 10.0
# A change of the step by so many px, or times its usual size, is a jump.
_JUMP_PX, _JUMP = 6.0, 6.0
# The longest run that one correction refutes, in frames to either side.
_LONGEST = 250


def anchored(
    rig: Rig,
    centre: NDArray[np.float32],
    weights: Float64,
    found: Triangulation,
    certain: CertainCells,
    robust: Robust,
    cancelled: IsCancelled,
) -> tuple[Triangulation, Bool]:
    """A triangulation in which positions that a person gave are always inliers.

    Two or more of a frame determine its point; to a single one comes the other view with which
    most views agree, if it contradicts none that is certain. In frames whose prediction of a view
    is refuted, the point is that of the other views, unless that leaves no track to begin with.

    Parameters
    ----------
    rig : Rig
        Cameras in the order of the views.
    centre : (view, frame, 2)
        Pixels, with the positions that a person gave.
    weights : (view, frame)
        Relative inverse variance of the observations.
    found : Triangulation
        Of all frames.
    certain : CertainCells
    robust : "auto", "off" or float
        As for `triangulate`.

    Returns
    -------
    Triangulation, (frame,) bool
        And frames in which nothing is open any more.
    """
    sure = certain.mask(*centre.shape[1::-1]).T
    refuted = _refuted(centre, certain, sure)
    parts = rig, centre, weights, found, sure, robust, cancelled
    given, decided = _with_points(*parts, refuted)
    if refuted.any() and (np.isfinite(given.xyz[:, 0]) & ~given.undecided).sum() < 2:
        # With two views, one correction may refute all: then the track has to begin with them.
        return _with_points(*parts, np.zeros_like(refuted))
    return given, decided


def _with_points(
    rig: Rig,
    centre: NDArray[np.float32],
    weights: Float64,
    found: Triangulation,
    sure: Bool,
    robust: Robust,
    cancelled: IsCancelled,
    refuted: Bool,
) -> tuple[Triangulation, Bool]:
    """The same without the predictions that are ``refuted (view, frame)``."""
    xyz, inliers = found.xyz.copy(), found.inliers.copy()
    undecided = found.undecided.copy()
    without = np.flatnonzero(refuted.any(axis=0) & ~sure.any(axis=0))
    if len(without):
        rest = np.where(refuted[:, without, None], np.nan, centre[:, without])
        threshold = None if robust == "off" else robust
        again = triangulate(
            rig, rest, weights[:, without], threshold, threads=1, cancelled=cancelled
        )
        xyz[without], undecided[without] = again.xyz, again.undecided
        single = observed_mask(rest).sum(axis=0) == 1
        inliers[:, without] = np.where(single, observed_mask(rest), again.inliers)
    frames = np.flatnonzero(sure.any(axis=0))
    kept = np.where(refuted[:, frames, None], np.nan, centre[:, frames])
    xyz[frames], inliers[:, frames] = _points(rig, kept, weights[:, frames], sure[:, frames])
    undecided[frames] = np.isnan(xyz[frames, 0])
    decided = np.asarray(sure.any(axis=0) | refuted.any(axis=0))
    return replace(found, xyz=xyz, inliers=inliers, undecided=undecided), decided


def pinned(
    rig: Rig,
    centre: NDArray[np.float32],
    weights: Float64,
    found: Triangulation,
    certain: CertainCells,
    cancelled: IsCancelled,
) -> Triangulation:
    """A triangulation in which positions that a person gave are inliers in their own frames.

    Unlike `anchored` it leaves all other frames as they are.

    Parameters
    ----------
    rig, centre, weights, found, certain, cancelled
        As for `anchored`.

    Returns
    -------
    Triangulation
        Where no other view agrees with a position that a person gave, the point lies between it
        and what the others agree on, and is undecided.
    """
    sure = certain.mask(*centre.shape[1::-1]).T
    at = np.flatnonzero(sure.any(axis=0))
    xyz, chosen = _points(rig, centre[:, at], weights[:, at], sure[:, at])
    agreed = np.isfinite(xyz[:, 0])
    inliers = found.inliers.copy()
    inliers[:, at] = np.where(agreed, chosen, inliers[:, at] | sure[:, at])
    # All frames, since their residuals say how uncertain a point is.
    some = np.where(inliers, np.fmax(weights, 1e-12), 0.0)
    again = triangulate(rig, centre, some, None, threads=1, cancelled=cancelled)
    mine = np.asarray(sure.any(axis=0))
    undecided = found.undecided.copy()
    undecided[at] = ~agreed
    return Triangulation(
        np.where(mine[:, None], again.xyz, found.xyz),
        np.where(mine[:, None, None], again.covariance, found.covariance),
        np.where(mine, again.n_views, found.n_views),
        np.where(mine, again.residuals, found.residuals),
        inliers,
        undecided,
    )


def _points(rig: Rig, centre: NDArray[Any], weights: Float64, sure: Bool) -> tuple[Float64, Bool]:
    """Point and inliers of frames with certain observations, ``(frame, 3)``, ``(view, frame)``."""
    several = sure.sum(axis=0) > 1
    seen = observed_mask(centre)
    xyz = np.full((centre.shape[1], 3), np.nan)
    inliers = sure.copy()
    lowest = np.full(len(xyz), np.inf)
    for view in range(len(centre)):
        # With two certain ones all turns are alike.
        chosen = np.where(several, sure, sure | (np.arange(len(centre)) == view)[:, None]) & seen
        some = np.where(chosen, np.fmax(weights, 1e-12), 0.0)
        each = triangulate(rig, centre, some, None, threads=1)
        off = np.where(seen, np.nan_to_num(each.residuals, nan=np.inf), 0.0)
        fits = np.where(sure, off, 0.0).max(axis=0) < _AGREES_PX
        cost = np.minimum(off, _AGREES_PX).sum(axis=0)
        better = (chosen.sum(axis=0) > 1) & (fits | several) & (cost < lowest)
        better &= np.isfinite(each.xyz[:, 0])
        xyz[better], lowest[better] = each.xyz[better], cost[better]
        inliers[:, better] = (sure | ((off < _AGREES_PX) & seen))[:, better]
    return xyz, inliers


def _refuted(centre: NDArray[np.float32], certain: CertainCells, sure: Bool) -> Bool:
    """Predictions that go on from one that a person refuted, ``(view, frame)``."""
    out = np.zeros_like(sure)
    off = np.hypot(*(certain.xy - certain.raw).T)
    for view in np.unique(certain.view[off > _AGREES_PX]):
        mine = certain.view == view
        raw = centre[view].astype(np.float64)
        raw[certain.frame[mine]] = certain.raw[mine]
        links = _links(raw)
        for frame in certain.frame[mine & (off > _AGREES_PX)]:
            first, last = max(frame - _LONGEST, 0), min(frame + _LONGEST, len(raw) - 1)
            for frames in (range(frame, last), range(frame - 1, first - 1, -1)):
                ahead = frames.step > 0
                for link in frames:
                    at = link + ahead
                    if not links[link] or sure[view, at]:
                        break
                    out[view, at] = True
    return out


def _links(raw: Float64) -> Bool:
    """Whether a prediction ``(frame, 2)`` goes on to the next frame without a jump, ``(frame-1,)``.

    A jump bends the path at both of its ends.
    """
    bends = np.full(len(raw), np.nan)
    bends[1:-1] = np.hypot(*np.diff(raw, n=2, axis=0).T)
    usual = float(np.nanmedian(bends)) if np.isfinite(bends).any() else 0.0
    smaller = np.fmin(bends[:-1], bends[1:])
    known = observed_mask(raw)
    return np.asarray(known[:-1] & known[1:] & ~(smaller > max(_JUMP_PX, _JUMP * usual)))
