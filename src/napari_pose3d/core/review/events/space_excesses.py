"""Excesses of points in space: uncertainty, jumps, bones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import Result

from .bars import SCALE, Float32, finite_median, over_bar

_BONE_SPREADS = 8.0
# A bone's length is steady to this part of itself at the best.
_LEAST_BONE_SCALE = 0.03
_POSTERIOR_SD = 3.0
# Of the animal's size: a keypoint that moves further in one frame, relative to all others, jumps.
_JUMP = 0.35
# Steps between frames that are in memory together.
_FRAMES_AT_ONCE = 4_000


@dataclass(frozen=True, eq=False)
class SpaceExcesses:
    """Of a session's points; attributes as of `Excesses`."""

    bones: tuple[tuple[int, int], ...]
    uncertainty: Float32
    jump: Float32
    bone: Float32
    bone_deviation: Float32
    uncertainty_bar: Float32
    jump_bar: Float32
    bone_length: Float32
    bone_bar: Float32


def space_excesses(
    result: Result, keypoints: tuple[str, ...], skeleton: Sequence[tuple[str, str]]
) -> SpaceExcesses:
    """Compare points with their bars; all 0, and no bones, where the result has no points."""
    n_frames, n = result.poses2d.n_frames, len(keypoints)
    if result.poses3d is None:
        empty = np.zeros((n_frames, n), np.float32)
        none, bar = np.zeros(0, np.float32), np.full(n, np.nan, np.float32)
        no_bone = np.zeros((n_frames, 0), np.float32)
        return SpaceExcesses((), empty, empty.copy(), no_bone, no_bone, bar, bar, none, none)
    xyz, covariance = result.poses3d.xyz, result.poses3d.covariance
    uncertainty = np.sqrt(np.trace(covariance, axis1=-2, axis2=-1)).astype(np.float32)
    # In its own units a floor would mean nothing; the scale is a tenth of the usual.
    usual = finite_median(uncertainty)
    uncertainty_bar = over_bar(uncertainty, 2.0 * usual, 0.1 * usual)
    jump, jump_bar = _jumps(xyz)
    bones = tuple(
        (keypoints.index(a), keypoints.index(b))
        for a, b in skeleton
        if a in keypoints and b in keypoints
    )
    length, bone_bar = _bone_bars(xyz, bones)
    bone, deviation = bone_excess(xyz, covariance, bones, length, bone_bar)
    return SpaceExcesses(
        bones, uncertainty, jump, bone, deviation, uncertainty_bar, jump_bar, length, bone_bar
    )


def _jumps(xyz: NDArray[Any]) -> tuple[Float32, Float32]:
    """Steps of each keypoint beside those of the body, over a part of the animal's size."""
    out = np.zeros(xyz.shape[:2], np.float32)
    n = xyz.shape[1]
    bar = np.full(n, np.nan, np.float32)
    if len(xyz) < 2:
        return out, bar
    # A sample is enough for a size.
    some = xyz[:: max(len(xyz) // 2000, 1)]
    centre = np.nanmedian(some, axis=1, keepdims=True) if n > 2 else some
    size = 2.0 * finite_median(np.linalg.norm(some - centre, axis=-1)) if n > 2 else 0.0
    if not size > 0:
        return out, bar
    bar[:] = _JUMP * size
    out[1:] = jump_excess(xyz, bar)
    return out, bar


def jump_excess(xyz: NDArray[Any], bar: Float32) -> Float32:
    """Of each step of ``(frame, keypoint, 3)`` beside that of the body, ``(frame-1, keypoint)``."""
    out = np.empty((len(xyz) - 1, xyz.shape[1]), np.float32)
    for start in range(0, len(out), _FRAMES_AT_ONCE):
        steps = np.diff(xyz[start : start + _FRAMES_AT_ONCE + 1], axis=0)
        n_known = np.isfinite(steps).all(axis=2).sum(axis=1)
        known, partly = n_known == steps.shape[1], (n_known > 0) & (n_known < steps.shape[1])
        body = np.zeros((len(steps), 1, 3))
        body[known] = np.median(steps[known], axis=1, keepdims=True)
        # Rare, and slow.
        body[partly] = np.nanmedian(steps[partly], axis=1, keepdims=True)
        part = np.nan_to_num(np.linalg.norm(steps - body, axis=-1) / bar)
        out[start : start + len(steps)] = part
    return out


def _bone_bars(xyz: NDArray[Any], bones: Sequence[tuple[int, int]]) -> tuple[Float32, Float32]:
    """Usual length of each bone, and its bar; NaN where it is never known."""
    usual, bar = (np.full(len(bones), np.nan, np.float32) for _ in range(2))
    for b, (i, j) in enumerate(bones):
        lengths = np.linalg.norm(xyz[:, i] - xyz[:, j], axis=-1)
        known = lengths[np.isfinite(lengths)]
        if known.size:
            usual[b] = median = np.median(known)
            scale = SCALE * np.median(np.abs(known - median))
            bar[b] = _BONE_SPREADS * max(scale, _LEAST_BONE_SCALE * median, 1e-12)
    return usual, bar


def bone_excess(
    xyz: NDArray[Any],
    covariance: NDArray[Any],
    bones: Sequence[tuple[int, int]],
    usual: Float32,
    bar: Float32,
) -> tuple[Float32, Float32]:
    """Deviation from the usual length over its bar, and the deviation, ``(frame, bone)`` each.

    Where the ends are uncertain it may be more.
    """
    out, deviation = (np.zeros((len(xyz), len(bones)), np.float32) for _ in range(2))
    for b, (i, j) in enumerate(bones):
        if not np.isfinite(usual[b]):
            continue
        lengths = np.linalg.norm(xyz[:, i] - xyz[:, j], axis=-1)
        deviation[:, b] = np.nan_to_num(lengths - usual[b])
        sd = np.sqrt(np.trace(covariance[:, i] + covariance[:, j], axis1=-2, axis2=-1))
        most = np.maximum(bar[b], _POSTERIOR_SD * np.nan_to_num(sd))
        out[:, b] = np.abs(deviation[:, b]) / most
    return out, deviation
