"""Points in space of the predictions as they are, to be seen beside those of a smoother."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate
from napari_pose3d.core.poses.arrays import FloatArray, Poses2D
from napari_pose3d.settings import IsCancelled

# Of the keypoints' range; views that contradict each other meet anywhere.
_FAR = 10.0
# So many frames are enough to see how far they reach.
_ENOUGH = 20_000


def raw_points(
    poses2d: Poses2D,
    rig: Rig,
    xyz: FloatArray,
    cancelled: IsCancelled | None = None,
    *,
    keypoints: Sequence[int] | None = None,
    frames: slice = slice(None),
) -> NDArray[np.float32] | None:
    """The ensemble's centre, triangulated frame by frame from all views alike.

    Parameters
    ----------
    poses2d : Poses2D
        In pixels of the rig's images.
    rig : Rig
        Its cameras may be in any order; views without one are left out.
    xyz : (frame, keypoint, 3)
        The smoothed positions in rig units: what lies ten times further away than they reach is
        left out.
    cancelled : callable, optional
    keypoints : sequence of int, optional
        Only these of the poses' keypoints.
    frames : slice
        Only these frames.

    Returns
    -------
    (frame, keypoint, 3) float32 or None
        Rig units, NaN where fewer than two views have a prediction. None where the poses hold no
        centre of an ensemble, or fewer than two views have a camera.

    Raises
    ------
    Cancelled
        `cancelled` returned True.
    """
    centre = poses2d.ensemble_median
    views = [i for i, view in enumerate(poses2d.views) if view in rig.names]
    some = xyz[:: max(len(xyz) // _ENOUGH, 1)]
    finite = some[np.isfinite(some).all(axis=-1)]
    if centre is None or len(views) < 2 or not len(finite):
        return None
    cameras = rig.subset([poses2d.views[i] for i in views])
    middle = np.median(finite, axis=0)
    farthest = _FAR * max(float(np.linalg.norm(finite - middle, axis=-1).max()), 1e-9)
    chosen = range(centre.shape[2]) if keypoints is None else keypoints
    centre = centre[:, frames]
    found = np.empty((centre.shape[1], len(chosen), 3), np.float32)
    # One keypoint after the other: all at once would take several times the memory of the run.
    for i, k in enumerate(chosen):
        points = triangulate(cameras, centre[views, :, k], cancelled=cancelled).xyz
        points[~(np.linalg.norm(points - middle, axis=-1) < farthest)] = np.nan
        found[:, i] = points
    return found
