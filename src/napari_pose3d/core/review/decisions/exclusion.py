"""What was marked as bad in review is left out of results."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import Result

from .decisions import Decision, Verdict


def excluded_cells(
    decisions: Sequence[Decision], keypoints: Sequence[str], n_frames: int
) -> NDArray[np.bool_]:
    """Points that were marked as bad, ``(frame, keypoint)`` bool.

    A decision without keypoints is about all of them. Keypoints that are not there are passed
    over.
    """
    out = np.zeros((n_frames, len(keypoints)), dtype=bool)
    for each in decisions:
        if each.verdict is not Verdict.BAD:
            continue
        frames = slice(each.start, each.end + 1)
        if not each.keypoints:
            out[frames] = True
        for name in each.keypoints:
            if name in keypoints:
                out[frames, list(keypoints).index(name)] = True
    return out


def exclude(result: Result, cells: NDArray[np.bool_]) -> int:
    """Leave points out of a result, in place.

    Positions and variances are NaN there in every view and in space, ``n_views`` is 0 and
    ``inferred`` False; the raw predictions and the likelihood stay.

    Parameters
    ----------
    cells : (frame, keypoint) bool

    Returns
    -------
    int
        Number of points.
    """
    frames, keypoints = np.nonzero(cells)
    if len(frames):
        poses, space = result.poses2d, result.poses3d
        poses.xy[:, frames, keypoints] = np.nan
        if poses.variance is not None:
            poses.variance[:, frames, keypoints] = np.nan
        if space is not None:
            space.xyz[frames, keypoints] = np.nan
            space.covariance[frames, keypoints] = np.nan
            space.residuals[:, frames, keypoints] = np.nan
            space.n_views[frames, keypoints] = 0
            space.inferred[frames, keypoints] = False
    return len(frames)
