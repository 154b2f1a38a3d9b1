"""Single-view stretches: frames in which one view only has an inlier, so that depth is unobserved.

Notes
-----
Cameras that are linearised about a track on rotating rays pull the track towards the camera, where
the same angles are smaller steps; the linearisation ignores that such steps are also measured more
precisely there. Over a hundred frames the pull is as strong as all information about the depth.
Therefore the rays of a single-view stretch are taken as parallel: across them the track follows the
view, along them it is extrapolated as in a gap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

# Rays further from their common direction (cosine) are left as they are.
_NOT_ACROSS = 0.3


@dataclass(frozen=True)
class SingleViewStretches:
    """The only inliers of their frames, and the common direction of their rays.

    Attributes
    ----------
    frames, views : (n,) int
    rays : (n, 3)
        Of length 1, from the camera to the track.
    common : (n, 3)
        The same for all frames of a stretch.
    """

    frames: NDArray[np.intp]
    views: NDArray[np.intp]
    rays: Float64
    common: Float64

    def make_parallel(self, jacobian: Float64) -> None:
        """Remove the component along ``common`` from ``jacobian (frame, view, 2, 3)``, in place."""
        if not len(self.frames):
            return
        at = self.frames, self.views
        along = np.einsum("tri,ti->tr", jacobian[at], self.common)
        jacobian[at] -= along[..., None] * self.common[:, None]

    def turn(self, before: Float64, track: Float64, covariance: Float64, ahead: Float64) -> None:
        """Rotate displacements along ``common`` into each frame's own ray, in place.

        Parameters
        ----------
        before : (frame, 3)
            Where the cameras were linearised, rig units.
        track, covariance : (frame, 3), (frame, 3, 3)
            Smoothed since.
        ahead : (frame, 2, 3, 3)
            Covariance with the positions one and two frames later; of no frame, where it is not
            known.
        """
        if not len(self.frames):
            return
        at = self.frames
        cosine = np.einsum("ti,ti->t", self.rays, self.common)
        slip = self.rays / cosine[:, None] - self.common
        track[at] += slip * np.einsum("ti,ti->t", track[at] - before[at], self.common)[:, None]
        shear = np.eye(3) + slip[:, :, None] * self.common[:, None]
        covariance[at] = shear @ covariance[at] @ shear.transpose(0, 2, 1)
        if len(ahead):
            ahead[at] = shear[:, None] @ ahead[at]
            for lag in (1, 2):
                later = at >= lag
                before_it = at[later] - lag, lag - 1
                ahead[before_it] = ahead[before_it] @ shear[later].transpose(0, 2, 1)


def single_view_stretches(
    inliers: NDArray[np.bool_], n_views: NDArray[np.int64], track: Float64, centres: Float64
) -> SingleViewStretches:
    """Find the single-view stretches of a track.

    Parameters
    ----------
    inliers : (frame, view) bool
        Inliers.
    n_views : (frame,) int
        How many views have one; where views have frames of their own, about that time.
    track : (frame, 3)
    centres : (view, 3)
        Of the cameras, rig units.
    """
    frames = np.flatnonzero((n_views == 1) & inliers.any(axis=1))
    if not len(frames):
        return SingleViewStretches(frames, frames, np.empty((0, 3)), np.empty((0, 3)))
    views = inliers[frames].argmax(axis=1)
    # A stretch ends where more views observe the keypoint, and where another view takes over: there
    # the two determine the depth, if their rays are nearly their own.
    gap = np.cumsum(n_views > 1)[frames]
    changes = (np.diff(gap) != 0) | (np.diff(views) != 0)
    run = np.concatenate([[0], np.cumsum(changes)])
    rays = track[frames] - centres[views]
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    sums = np.stack([np.bincount(run, rays[:, i]) for i in range(3)], axis=1)
    common = (sums / np.linalg.norm(sums, axis=1, keepdims=True))[run]
    across = np.einsum("ti,ti->t", rays, common) > _NOT_ACROSS
    return SingleViewStretches(frames[across], views[across], rays[across], common[across])
