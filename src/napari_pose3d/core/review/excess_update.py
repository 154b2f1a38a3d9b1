"""Excesses of frames whose results changed; their bars stay."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from napari_pose3d.core.poses.arrays import Result
from napari_pose3d.core.smoothing.certain.local_update import UpdatedStretch

from .failure_flags import Excesses, bone_excess, jump_excess
from .measures import raw_positions


def update_excesses(
    excesses: Excesses, result: Result, stretches: Iterable[UpdatedStretch]
) -> None:
    """Compare frames whose results changed with the bars again, in place.

    Parameters
    ----------
    excesses : Excesses
        Of the whole session, before.
    result : Result
        As it is now.
    stretches : iterable of UpdatedStretch
        What changed. A cell that a person gave is neither unsure nor in the place of its
        counterpart.
    """
    poses, space = result.poses2d, result.poses3d
    raw = raw_positions(poses)
    for each in stretches:
        k, part = poses.keypoints.index(each.keypoint), slice(each.start, each.end + 1)
        off = raw[:, part, k] - poses.xy[:, part, k]
        lengths = np.hypot(off[..., 0], off[..., 1]) / excesses.correction_px[:, None, k]
        excesses.correction[:, part, k] = np.nan_to_num(lengths)
        if poses.ensemble_variance is not None:
            spread = np.sqrt(poses.ensemble_variance[:, part, k].mean(axis=-1))
            spread = spread / excesses.spread_px[:, None, k]
            excesses.spread[:, part, k] = np.nan_to_num(spread)
        given = poses.likelihood[:, part, k] == 1.0
        given &= np.isfinite(raw[:, part, k, 0])
        excesses.unsure[:, part, k] &= ~given
        excesses.swapped[:, part, k] &= ~given
        if space is None:
            continue
        sd = np.sqrt(np.trace(space.covariance[part, k], axis1=-2, axis2=-1))
        excesses.uncertainty[part, k] = np.nan_to_num(sd / excesses.uncertainty_bar[k])
        low, high = max(each.start - 1, 0), min(each.end + 2, len(space.xyz))
        if high - low > 1 and np.isfinite(excesses.jump_bar).all():
            jump = jump_excess(space.xyz[low:high], excesses.jump_bar)
            excesses.jump[low + 1 : high] = jump
        bones = [b for b, ends in enumerate(excesses.bones) if k in ends]
        if bones:
            excess, deviation = bone_excess(
                space.xyz[part],
                space.covariance[part],
                [excesses.bones[b] for b in bones],
                excesses.bone_length[bones],
                excesses.bone_bar[bones],
            )
            excesses.bone[part, bones], excesses.bone_deviation[part, bones] = excess, deviation
