"""Excesses of frames whose results changed; their bars stay."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from napari_pose3d.core.poses.arrays import Result
from napari_pose3d.core.smoothing.certain.local_update import UpdatedStretch

from ..measures.measures import raw_positions
from .excesses import Excesses, unsure_cells
from .space_excesses import bone_excess, jump_excess


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
        What changed. A cell that a person gave is neither unsure nor frozen nor in the place of
        its counterpart; one that is released is what it was.
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
        _overrule(excesses, result, k, each)
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


def _overrule(excesses: Excesses, result: Result, k: int, stretch: UpdatedStretch) -> None:
    """Flags of cells that a person gave, and of those that hold predictions again."""
    flags = excesses.unsure, excesses.swapped, excesses.frozen
    for v, t in stretch.given:
        at = v, t, k
        unsure, swapped, frozen = (bool(each[at]) for each in flags)
        excesses.overruled.setdefault(at, (unsure, swapped, frozen))
        for each in flags:
            each[at] = False
        # Views beside one that a person moved no longer agree with it.
        if excesses.leaps[t, k]:
            excesses.overruled_leaps[t, k] = float(excesses.leaps[t, k])
            excesses.leaps[t, k] = 0.0
    unknown = []
    for v, t in stretch.released:
        before = excesses.overruled.pop((v, t, k), None)
        if before is None:
            unknown.append((v, t))
            continue
        for each, value in zip(flags, before, strict=True):
            each[v, t, k] = value
        if not any((other, t, k) in excesses.overruled for other in range(len(excesses.views))):
            excesses.leaps[t, k] = excesses.overruled_leaps.pop((t, k), 0.0)
    if unknown:
        # They were given before the review.
        poses = result.poses2d
        unsure_now = unsure_cells(poses.likelihood[:, :, k], raw_positions(poses)[:, :, k])
        for v, t in unknown:
            excesses.unsure[v, t, k] = unsure_now[v, t]
