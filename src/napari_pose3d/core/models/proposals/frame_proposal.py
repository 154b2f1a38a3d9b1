"""Keypoints of one frame proposed while labeling: a network's, checked by the geometry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate

from .exported_network import ExportedNetwork

LEAST_LIKELIHOOD = 0.3
"""Below, a network has not seen the keypoint."""
AGREEING = 12.0
"""px: views whose residual is larger are checked against each other."""


Conversion = Callable[[str, NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class FrameProposal:
    """Proposed keypoints; labels of the status ``predicted``.

    Attributes
    ----------
    views, keypoints : tuple of str
    xy : (view, keypoint, 2) float64
        px; where a view disagrees with the others, where they see the point; NaN where nothing is
        proposed.
    likelihood : (view, keypoint) float64
        Of the network.
    disagreeing : (view, keypoint) bool
        The network saw something else in this view.
    undecided : (keypoint,) bool
        Views contradict each other, and it is open which is right.
    residuals : (view, keypoint) float64
        px between the network's position and the point in space; NaN without one.
    """

    views: tuple[str, ...]
    keypoints: tuple[str, ...]
    xy: NDArray[np.float64]
    likelihood: NDArray[np.float64]
    disagreeing: NDArray[np.bool_]
    undecided: NDArray[np.bool_]
    residuals: NDArray[np.float64]


def propose_frame(
    network: ExportedNetwork,
    images: Mapping[str, NDArray[Any]],
    rig: Rig | None = None,
    *,
    least_likelihood: float = LEAST_LIKELIHOOD,
    agreeing: float = AGREEING,
    to_rig: Conversion | None = None,
    to_video: Conversion | None = None,
) -> FrameProposal:
    """Propose the keypoints of a frame.

    Parameters
    ----------
    network : ExportedNetwork
    images : mapping of view to image
        Of all its views.
    rig : Rig, optional
        Cameras with the names of the views, of whose images these are; views without a camera are
        proposed as the network sees them.
    least_likelihood : float
        What the network is less sure of is not proposed by itself.
    agreeing : float
        px.
    to_rig, to_video : callable, optional
        Turn ``(keypoint, 2)`` px of a view's image into px of its camera, and back, where the
        images were cropped or scaled; not given: they are the same.

    Raises
    ------
    PoseDataError
        A view is missing, or the network fails.
    """
    seen = network.predict(images)
    xy = np.where(seen.likelihood[..., None] >= least_likelihood, seen.xy, np.nan)
    disagreeing = np.zeros(xy.shape[:2], bool)
    residuals = np.full(xy.shape[:2], np.nan)
    undecided = np.zeros(xy.shape[1], bool)
    views = [v for v, view in enumerate(seen.views) if rig is not None and view in rig.names]
    if rig is not None and len(views) > 1:
        own = rig.subset([seen.views[v] for v in views])
        observed = _converted(to_rig, own.names, xy[views])
        found = triangulate(own, observed, seen.likelihood[views] ** 2, agreeing)
        residuals[views] = found.residuals
        undecided = found.undecided
        outliers = np.isfinite(observed[..., 0]) & ~found.inliers
        # With the point known, a view that disagrees gets what the others say.
        known = np.isfinite(found.xyz).all(axis=-1) & ~undecided
        disagreeing[views] = outliers & known
        projected = _converted(to_video, own.names, own.project(found.xyz))
        xy[views] = np.where((outliers & known)[..., None], projected, xy[views])
    return FrameProposal(
        seen.views, seen.keypoints, xy, seen.likelihood, disagreeing, undecided, residuals
    )


def _converted(
    conversion: Conversion | None, views: tuple[str, ...], xy: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Pixels of some views, ``(view, keypoint, 2)``, as others of the same views."""
    if conversion is None:
        return xy
    return np.stack([conversion(view, each) for view, each in zip(views, xy, strict=True)])
