"""Which smoothed frames are certain and different enough to be learned from."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import Result
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import DistillationSettings


def certain_positions(result: Result, certainty: float) -> NDArray[np.bool_]:
    """Where the posterior is certain: ``(view, frame, keypoint)``.

    Raises
    ------
    PoseDataError
        The result has no posterior variance.
    """
    poses = result.poses2d
    if poses.variance is None:
        raise PoseDataError(
            "the smoothed predictions have no variance",
            expected="results that were saved with all columns",
            todo="Smooth again, without --compact",
        )
    spread = np.sqrt(poses.variance.max(axis=-1))
    return np.isfinite(poses.xy).all(axis=-1) & (spread <= certainty)


def certain_frames(certain: NDArray[np.bool_], share: float) -> NDArray[np.bool_]:
    """Frames of whose positions ``(view, frame, keypoint)`` at least a share is certain."""
    found: NDArray[np.bool_] = certain.mean(axis=(0, 2)) >= share
    return found


def choose_pseudo_frames(
    result: Result, settings: DistillationSettings, exclude: Collection[int] = ()
) -> list[int]:
    """Frames that are certain, and whose poses differ most.

    The first is the most usual pose, each further one that which is farthest from all before.

    Parameters
    ----------
    result : Result
    settings : DistillationSettings
    exclude : collection of int
        Frames that are labeled already.
    """
    enough = certain_frames(certain_positions(result, settings.certainty), settings.share)
    enough[[n for n in exclude if 0 <= n < len(enough)]] = False
    frames = np.flatnonzero(enough)
    if len(frames) <= settings.budget:
        return [int(n) for n in frames]
    poses = _poses(result, frames)
    first = int(np.argmin(np.linalg.norm(poses - np.median(poses, axis=0), axis=1)))
    chosen = [first]
    nearest = np.linalg.norm(poses - poses[first], axis=1)
    while len(chosen) < settings.budget:
        farthest = int(np.argmax(nearest))
        chosen.append(farthest)
        nearest = np.minimum(nearest, np.linalg.norm(poses - poses[farthest], axis=1))
    return sorted(int(frames[n]) for n in chosen)


def _poses(result: Result, frames: NDArray[np.intp]) -> NDArray[np.float64]:
    """One row for each frame: positions about their centre."""
    if result.poses3d is not None:
        points = result.poses3d.xyz[frames][None]
    else:
        points = np.asarray(result.poses2d.xy[:, frames], dtype=float)
    # (view, frame, keypoint, coordinate); a keypoint that is missing lies in the centre.
    known = np.isfinite(points).all(axis=-1, keepdims=True)
    n_known = np.maximum(known.sum(axis=2, keepdims=True), 1)
    centre = np.where(known, points, 0).sum(axis=2, keepdims=True) / n_known
    about = np.where(known, points - centre, 0)
    return about.transpose(1, 0, 2, 3).reshape(len(frames), -1)
