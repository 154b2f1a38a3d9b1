"""What views show together, whatever the smoothed point does: leaps, exchanges, sudden moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import observed_mask
from napari_pose3d.core.poses.stretches import stretches

from .bars import FLOOR_PX, Float32

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig

Bool = NDArray[np.bool_]


def excuse_sudden_movement(correction: Float32, raw: NDArray[Any], rig: Rig) -> None:
    """Two views that meet do not contradict each other: at most at the bar, in place.

    For one frame it is the smoothed point that cuts a sudden movement short: with two views it is
    taken for an error of one of them. What lasts is an error, also along the epipolar curve.
    """
    from napari_pose3d.core.cameras.epipolar_distance import epipolar_distances

    for k in range(correction.shape[2]):
        high = stretches(np.asarray((correction[:, :, k] > 1).any(axis=0)))
        at = high[high[:, 1] == high[:, 0] + 1, 0]
        if len(at):
            apart = epipolar_distances(rig, np.asarray(raw[:, at, k], np.float64))
            at = at[(apart < FLOOR_PX).all(axis=0)]
            correction[:, at, k] = np.minimum(correction[:, at, k], 1.0)


def leaps_of_all_views(
    raw: NDArray[Any],
    unsure: Bool,
    correction: Float32,
    correction_px: Float32,
    rig: Rig,
    xyz: NDArray[Any],
) -> Float32:
    """How far from the smoothed point all views agree on another, ``(frame, keypoint)``.

    They do not contradict each other: the keypoint jumps, though the smoothed point was kept from
    following. Two views or more must have left it.
    """
    from napari_pose3d.core.cameras.triangulation.triangulation import triangulate

    out = np.zeros((xyz.shape[0], xyz.shape[1]), np.float32)
    for k in range(len(out[0])):
        seen = observed_mask(raw[:, :, k]) & ~unsure[:, :, k]
        off = (correction[:, :, k] > 1) & seen
        at = np.flatnonzero(off.sum(axis=0) >= 2)
        if not len(at):
            continue
        xy = np.where(seen[:, at, None], raw[:, at, k], np.nan).astype(np.float64)
        found = triangulate(rig, xy)
        apart = np.nan_to_num(found.residuals) / correction_px[:, k, None]
        away = np.linalg.norm(found.xyz - xyz[at, k], axis=-1)
        out[at, k] = np.where(apart.max(axis=0) <= 1, np.nan_to_num(away), 0.0)
    return out


def complete_swaps_of_two(
    swapped: Bool,
    pairs: Sequence[tuple[int, int]],
    raw: NDArray[Any],
    correction: Float32,
    correction_px: Float32,
    rig: Rig,
) -> None:
    """Flag what two views show to be exchanged, in place.

    With two views the smoothed points lie somewhere between, and tell only where an exchange begins
    and ends. But left meets right, and right left, while neither meets its own. The view is the one
    that was flagged so far, else it is open and both are.
    """
    from napari_pose3d.core.cameras.epipolar_distance import epipolar_distances

    for a, b in pairs:
        at = np.flatnonzero((correction[:, :, [a, b]] > 1).any(axis=(0, 2)))
        if not len(at):
            continue
        left, right = (np.asarray(raw[:, at, k], np.float64) for k in (a, b))
        own = np.maximum(*(epipolar_distances(rig, xy).max(axis=0) for xy in (left, right)))
        crossed = (np.stack([left[0], right[1]]), np.stack([right[0], left[1]]))
        other = np.maximum(*(epipolar_distances(rig, xy).max(axis=0) for xy in crossed))
        near = float(correction_px[:, [a, b]].max())
        mask = np.zeros(raw.shape[1], bool)
        with np.errstate(invalid="ignore"):
            mask[at[(other <= near) & (own > 2 * near)]] = True
        mask |= swapped[:, :, a].any(axis=0)
        for first, end in stretches(mask).tolist():
            votes = swapped[:, first:end, a].sum(axis=1)
            views = [int(votes.argmax())] if votes[0] != votes[1] else [0, 1]
            for k in (a, b):
                swapped[views, first:end, k] = True
