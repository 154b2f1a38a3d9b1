"""One keypoint triangulated frame by frame, each observation weighted by the ensemble."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import (
    Triangulation,
    triangulate,
)
from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import IsCancelled, Robust


def triangulate_framewise(
    rig: Rig,
    centre: NDArray[np.float32],
    weights: NDArray[np.float64],
    robust: Robust,
    cancelled: IsCancelled,
) -> Triangulation:
    """Triangulate the ensemble's centre.

    Parameters
    ----------
    rig : Rig
        Cameras in the order of the views.
    centre : (view, frame, 2)
        Pixels; NaN where missing.
    weights : (view, frame)
        From `weights_of`.
    robust : "auto", "off" or float
        See `napari_pose3d.triangulate`; "off" uses every observation.
    """
    threshold = None if robust == "off" else robust
    if cancelled():
        raise Cancelled
    # Keypoints are worked on side by side already.
    return triangulate(rig, centre, weights, threshold, threads=1, cancelled=cancelled)


def spread_of(variance: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Mean of x and y of the ensemble's variance, ``(..., 2)`` -> ``(...)`` px^2."""
    # By hand: numpy reduces an axis of two numbers ten times as slowly.
    return np.asarray(0.5 * (variance[..., 0].astype(np.float64) + variance[..., 1]))


def weights_of(spread: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Relative inverse variance of observations, from the ensemble's in px^2; NaN where missing."""
    typical = np.nanmedian(spread) if np.isfinite(spread).any() else 1.0
    # A variance of a few seeds can be zero by chance; half of the weight is the typical one.
    return np.asarray(1.0 / (spread + max(float(typical), 1e-2)), dtype=np.float64)
