"""One keypoint triangulated frame by frame, each observation weighted by the ensemble."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cameras.rig import Rig
from ..cameras.triangulation import Triangulation, triangulate
from ..errors import Cancelled
from ..settings import IsCancelled, Robust

# Points triangulated between two looks at the Cancel button.
_BLOCK = 50_000


def triangulate_framewise(
    rig: Rig,
    centre: NDArray[np.float32],
    spread: NDArray[np.floating[Any]],
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
    spread : (view, frame)
        Variance of the ensemble in px^2; NaN where missing.
    robust : "auto", "off" or float
        See `napari_pose3d.triangulate`; "off" uses every observation.
    """
    typical = np.nanmedian(spread) if np.isfinite(spread).any() else 1.0
    # A variance of a few seeds can be zero by chance; half of the weight is the typical one.
    trust = 1.0 / (spread + max(float(typical), 1e-2))
    blocks = []
    for start in range(0, max(centre.shape[1], 1), _BLOCK):
        if cancelled():
            raise Cancelled
        block = slice(start, start + _BLOCK)
        threshold = None if robust == "off" else robust
        blocks.append(triangulate(rig, centre[:, block], trust[:, block], robust=threshold))
    return Triangulation(
        xyz=np.concatenate([found.xyz for found in blocks]),
        covariance=np.concatenate([found.covariance for found in blocks]),
        n_views=np.concatenate([found.n_views for found in blocks]),
        residuals=np.concatenate([found.residuals for found in blocks], axis=1),
        inliers=np.concatenate([found.inliers for found in blocks], axis=1),
    )
