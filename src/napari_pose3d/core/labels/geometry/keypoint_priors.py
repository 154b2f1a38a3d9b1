"""The prior of a keypoint in space: from predictions, and from the other keypoints of the frame.

Notes
-----
The points compared here are candidates for one keypoint. All costs are ``-2 log`` of a probability
density, up to a constant. Each density has a floor, since its source may be wrong: a prediction may
be of another paw, a distance of a pose that was not labeled before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

# Fewer frames than this do not show how much a distance varies.
_MIN_FRAMES = 5
# The median absolute deviation of a normal distribution is this part of its standard deviation.
_MAD = 0.6745
# Five standard deviations: further off than this a source is wrong, and its density constant.
_CONTRADICTION = 25.0
# Distances to one point share its errors: together they count as no more than this many.
_MOST_DISTANCES = 4.0
# Fewer neighbours than this do not show where the animal is.
_MIN_NEIGHBOURS = 4


@dataclass(frozen=True, eq=False)
class ExpectedPoints:
    """Where something other than the labels puts the keypoints of a frame.

    Attributes
    ----------
    xyz : (keypoint, 3) float64
        Rig units, as from a smoothed result; NaN where nothing is expected.
    covariance : (keypoint, 3, 3) float64
    """

    xyz: Float64
    covariance: Float64


@dataclass(frozen=True, eq=False)
class Distances:
    """How far keypoints lie apart in the labeled frames.

    Attributes
    ----------
    median : (keypoint, keypoint) float64
        Rig units; NaN for pairs that fewer than five frames show.
    sd : (keypoint, keypoint) float64
        Robust standard deviation, from the median absolute deviation. Small for pairs on one rigid
        part of the body.
    n_frames : (keypoint, keypoint) int64
        How many frames show both.
    """

    median: Float64
    sd: Float64
    n_frames: NDArray[np.int64]


def learn_distances(xyz: ArrayLike) -> Distances:
    """Distances between all pairs of keypoints; nothing about the skeleton is assumed.

    Parameters
    ----------
    xyz : (frame, keypoint, 3)
        Points of the labeled frames (`labeled_points`); NaN where unknown.
    """
    points = np.asarray(xyz, dtype=np.float64)
    n_keypoints = points.shape[1]
    median = np.full((n_keypoints, n_keypoints), np.nan)
    sd = median.copy()
    count = np.zeros(median.shape, dtype=np.int64)
    for k in range(n_keypoints):
        length = np.linalg.norm(points - points[:, k : k + 1], axis=-1)
        known = np.isfinite(length)
        count[k] = known.sum(axis=0)
        for other in np.flatnonzero(count[k] >= _MIN_FRAMES):
            if other == k:
                continue
            values = length[known[:, other], other]
            median[k, other] = np.median(values)
            sd[k, other] = np.median(np.abs(values - median[k, other])) / _MAD
    return Distances(median, sd, count)


def labeled_points(rig: Rig, xy: ArrayLike) -> Float64:
    """Points of many labeled frames; views that contradict the others are set aside.

    Parameters
    ----------
    rig : Rig
    xy : (view, frame, keypoint, 2)
        Labels that a person stands behind; NaN elsewhere.

    Returns
    -------
    (frame, keypoint, 3) float64
        NaN where fewer than two views have a label.
    """
    return triangulate(rig, xy, robust="auto").xyz


@dataclass(frozen=True, eq=False)
class KeypointPrior:
    """Prior of the keypoints of a frame beside their own labels; either part may be absent."""

    expected: ExpectedPoints | None = None
    distances: Distances | None = None

    def cost(
        self,
        keypoint: int,
        xyz: Float64,
        covariance: Float64,
        others: NDArray[np.int64],
        other_xyz: Float64,
        other_covariance: Float64,
    ) -> Float64:
        """Cost of candidates for a keypoint.

        Parameters
        ----------
        keypoint : int
        xyz : (candidate, 3)
        covariance : (candidate, 3, 3)
        others : (other,) int64
            Keypoints of the same frame whose points are used.
        other_xyz : (other, 3)
        other_covariance : (other, 3, 3)

        Returns
        -------
        (candidate,) float64
        """
        cost = np.zeros(len(xyz))
        if self.expected is not None:
            place, spread = self.expected.xyz[keypoint], self.expected.covariance[keypoint]
            cost += position_cost(xyz, covariance, place, spread)
        if self.distances is not None:
            median = self.distances.median[keypoint, others]
            # Among few frames the deviation may be small by chance.
            few = 2 / np.sqrt(np.maximum(self.distances.n_frames[keypoint, others], 1))
            sd = self.distances.sd[keypoint, others] * (1 + few)
            if np.isfinite(median).any():
                return cost + distance_cost(
                    xyz, covariance, other_xyz, other_covariance, median, sd
                )
        # Nothing learned yet: an animal is where its other keypoints are.
        return cost + position_cost(xyz, covariance, *around(other_xyz))


def position_cost(
    xyz: Float64, covariance: Float64, expected: Float64, expected_covariance: Float64
) -> Float64:
    """Cost of candidates given where their keypoint is expected.

    Parameters
    ----------
    xyz : (candidate, 3)
    covariance : (candidate, 3, 3)
    expected : (3,)
        NaN where nothing is expected: then nothing is cheaper than anything else.
    expected_covariance : (3, 3)

    Returns
    -------
    (candidate,) float64
    """
    if not (np.isfinite(expected).all() and np.isfinite(expected_covariance).all()):
        return np.zeros(len(xyz))
    both = covariance + expected_covariance
    difference = xyz - expected
    squared = np.einsum(
        "ni,ni->n", difference, np.linalg.solve(both, difference[..., None])[..., 0]
    )
    return _floored(squared, np.linalg.slogdet(both)[1])


def distance_cost(
    xyz: Float64,
    covariance: Float64,
    neighbours: Float64,
    neighbour_covariance: Float64,
    median: Float64,
    sd: Float64,
) -> Float64:
    """Cost of candidates given how far their keypoint is from the others of the frame.

    Parameters
    ----------
    xyz : (candidate, 3)
    covariance : (candidate, 3, 3)
    neighbours : (other, 3)
    neighbour_covariance : (other, 3, 3)
    median, sd : (other,)
        Of the distance to each; NaN where nothing was learned.

    Returns
    -------
    (candidate,) float64
    """
    known = np.isfinite(median)
    difference = xyz[:, None] - neighbours[known]
    length = np.linalg.norm(difference, axis=-1)
    direction = difference / np.maximum(length, 1e-300)[..., None]
    both = covariance[:, None] + neighbour_covariance[known]
    variance = np.einsum("nki,nkij,nkj->nk", direction, both, direction) + sd[known] ** 2
    squared = (length - median[known]) ** 2 / variance
    cost = _floored(squared, np.log(variance)).sum(axis=1)
    return cost * min(1.0, _MOST_DISTANCES / known.sum())


def around(neighbours: Float64) -> tuple[Float64, Float64]:
    """Where the other keypoints of an animal are: mean ``(3,)`` and covariance ``(3, 3)``.

    NaN when they are too few.
    """
    if len(neighbours) < _MIN_NEIGHBOURS:
        return np.full(3, np.nan), np.full((3, 3), np.nan)
    # Twice the covariance, since a nose or the tip of a tail lies outside of the others.
    return neighbours.mean(axis=0), 2.0 * np.cov(neighbours.T)


def _floored(squared: Float64, log_volume: Float64) -> Float64:
    """-2 log of normal densities of ``(candidate, ...)`` that never become smaller than a floor."""
    floor = log_volume.min(axis=0) + _CONTRADICTION
    return np.asarray(-2 * np.logaddexp(-0.5 * (squared + log_volume), -0.5 * floor))
