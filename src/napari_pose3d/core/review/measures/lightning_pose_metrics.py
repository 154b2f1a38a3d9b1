"""The metrics of Lightning Pose, as its version 2.4 defines them, for any number of views.

Notes
-----
Lightning Pose itself leaves the two PCA errors out for projects with one file per view; the
definitions do not depend on it. They are meant for comparison: neither is robust, so that one bad
view lifts the error of all (`measures` has some that are).

References
----------
Biderman et al., "Lightning Pose", Nature Methods 21, 2024: temporal difference, single-view and
multi-view PCA losses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_pose3d.errors import PoseDataError

Float64 = NDArray[np.float64]

SINGLE_VIEW_VARIANCE = 0.99
"""Share of the variance of labeled poses that a single view's components explain."""
MULTI_VIEW_COMPONENTS = 3
"""A point in space has three coordinates, however many views it appears in."""


def pixel_error(labeled: ArrayLike, predicted: ArrayLike) -> Float64:
    """Distance in px between label and prediction.

    Parameters
    ----------
    labeled, predicted : (..., 2)

    Returns
    -------
    (...) float64
        NaN where one of them is missing.
    """
    difference = np.asarray(labeled, np.float64) - np.asarray(predicted, np.float64)
    return np.asarray(np.hypot(difference[..., 0], difference[..., 1]))


def temporal_norm(xy: ArrayLike) -> Float64:
    """How far each keypoint moves from the frame before, px per frame.

    Parameters
    ----------
    xy : (view, frame, keypoint, 2)

    Returns
    -------
    (view, frame, keypoint) float64
        NaN in the first frame, and where a position is missing.
    """
    positions = np.asarray(xy, np.float64)
    out = np.full(positions.shape[:-1], np.nan)
    if positions.shape[1] > 1:
        out[:, 1:] = pixel_error(positions[:, 1:], positions[:, :-1])
    return out


@dataclass(frozen=True, eq=False)
class PoseSubspace:
    """The few directions in which labeled poses vary.

    Attributes
    ----------
    mean : (dimension,) float64
        Pixels, x and y of each point in turn.
    components : (component, dimension) float64
        Orthonormal.
    """

    mean: Float64
    components: Float64

    def error(self, xy: ArrayLike) -> Float64:
        """Distance in px of each point to where the subspace puts it.

        Parameters
        ----------
        xy : (sample, point, 2)

        Returns
        -------
        (sample, point) float64
            NaN throughout a sample of which a point is missing.
        """
        points = np.asarray(xy, np.float64)
        centred = points.reshape(-1, len(self.mean)) - self.mean
        rest = centred - centred @ self.components.T @ self.components
        difference = rest.reshape(points.shape)
        return np.asarray(np.hypot(difference[..., 0], difference[..., 1]))


def fit_subspace(samples: ArrayLike, keep: int | float, what: str = "poses") -> PoseSubspace:
    """Principal components of samples, of which points may be missing.

    The mean of each coordinate and the covariance of each two are those of the samples that have
    them.

    Parameters
    ----------
    samples : (sample, point, 2)
        Labeled positions, px; NaN where missing.
    keep : int or float
        Number of components, or the share of the variance that they explain together.
    what : str
        For messages.

    Raises
    ------
    PoseDataError
        Fewer samples than coordinates, or two points of which no two samples have both.
    """
    points = np.asarray(samples, np.float64)
    flat = points.reshape(len(points), points.shape[1] * 2)
    known = np.isfinite(flat)
    flat = flat[known.any(axis=1)]
    if len(flat) < flat.shape[1]:
        raise PoseDataError(
            f"{len(flat)} labeled {what} are too few for principal components",
            expected=f"at least {flat.shape[1]}, one for each coordinate",
            todo="Label more frames, or leave this measure out",
        )
    together = known.astype(np.float64).T @ known
    if together.min() < 2:
        raise PoseDataError(
            f"some positions are hardly ever labeled in the same of the {len(flat)} labeled {what}",
            expected="every two of them in at least two",
            todo="Label more frames completely, or leave this measure out",
        )
    covariance = np.ma.cov(np.ma.masked_invalid(flat), rowvar=False).data
    variance, directions = np.linalg.eigh(covariance)
    # Of pairs of coordinates from different samples it need not be positive.
    variance, directions = np.maximum(variance[::-1], 0.0), directions.T[::-1]
    if isinstance(keep, float):
        share = np.cumsum(variance) / max(float(variance.sum()), 1e-300)
        # Rounding may leave the last sum just below 1.
        keep = min(int(np.searchsorted(share, keep)) + 1, len(variance))
    return PoseSubspace(np.nanmean(flat, axis=0), directions[:keep])


def single_view_pca_error(labeled: ArrayLike, predicted: ArrayLike) -> Float64:
    """How far a pose is from those that were labeled in the same view, by keypoint.

    Parameters
    ----------
    labeled : (labeled frame, keypoint, 2)
        One view, px.
    predicted : (frame, keypoint, 2)

    Returns
    -------
    (frame, keypoint) float64
        Pixels.

    Raises
    ------
    PoseDataError
        Too few labeled frames.
    """
    subspace = fit_subspace(labeled, SINGLE_VIEW_VARIANCE, "poses of a view")
    return subspace.error(predicted)


def multi_view_pca_error(labeled: ArrayLike, predicted: ArrayLike) -> Float64:
    """How far the views are from having three coordinates in common, as those of labels have.

    Parameters
    ----------
    labeled : (view, labeled frame, keypoint, 2)
        Pixels. All keypoints together are the samples.
    predicted : (view, frame, keypoint, 2)

    Returns
    -------
    (view, frame, keypoint) float64
        Pixels; NaN where a view has no position.

    Raises
    ------
    PoseDataError
        Too few labels.
    """
    samples, _ = _by_point(labeled)
    subspace = fit_subspace(samples, MULTI_VIEW_COMPONENTS, "points")
    points, shape = _by_point(predicted)
    error = subspace.error(points).reshape(*shape[1:3], shape[0])
    return np.asarray(np.moveaxis(error, -1, 0))


def _by_point(xy: ArrayLike) -> tuple[Float64, tuple[int, ...]]:
    """``(view, frame, keypoint, 2)`` -> ``(frame * keypoint, view, 2)``, and the shape it had."""
    positions = np.asarray(xy, np.float64)
    return np.moveaxis(positions, 0, 2).reshape(-1, positions.shape[0], 2), positions.shape
