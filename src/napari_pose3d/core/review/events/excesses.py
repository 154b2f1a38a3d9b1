"""Which cells of a session are wrong, and in which way.

Notes
-----
Each kind of failure has a quantity of its own, and each cell's *excess* is that quantity over its
bar (see `bars`): 1 is at the bar. A single frame needs half as much again, as many a frame comes
near a bar by chance.

Excesses are computed once; another sensitivity only compares them anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import Result, observed_mask
from napari_pose3d.core.poses.left_right import left_right_pairs
from napari_pose3d.core.poses.stretches import stretches
from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import IsCancelled, Progress

from ..measures.measures import measure_keypoint, raw_positions
from .bars import FLOOR_PX, Float32, finite_median, over_bar
from .space_excesses import space_excesses
from .view_agreement import complete_swaps_of_two, excuse_sudden_movement, leaps_of_all_views

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig

Bool = NDArray[np.bool_]

_LEAST_SCALE_PX = 0.5
# A network is unsure below this part of its usual likelihood.
_UNSURE = 0.7
# Of a view's keypoints, so many fail where the view as a whole is lost.
_LOST_SHARE = 0.7
_LOST_KEYPOINTS = 3
# A point that stays within this many px for so many frames is frozen, if it should have moved so
# much more.
_STILL_PX = 0.02
_STILL_FRAMES = 10
_SHOULD_MOVE_PX = 3.0
# A keypoint that is further from its place in the nearest labeled pose has not been seen there: of
# the usual distance of keypoints from the middle.
_OUTSIDE = 0.7


@dataclass(frozen=True, eq=False)
class Excesses:
    """How far every cell is above the bar of each quantity.

    Attributes
    ----------
    views, keypoints : tuple of str
    bones : tuple of (int, int)
        Indices of keypoints.
    correction, spread : (view, frame, keypoint) float32
        Value over bar; 0 where nothing is known.
    correction_px, spread_px : (view, keypoint) float32
        The bars, px.
    usual : (view, keypoint) bool
        Whether the view has a prediction of the keypoint in most frames.
    unsure : (view, frame, keypoint) bool
        The likelihood is far below the usual, or there is no prediction.
    swapped, frozen : (view, frame, keypoint) bool
    uncertainty, jump : (frame, keypoint) float32
    leaps : (frame, keypoint) float32
        Where all views agree on another point than the smoothed one: how far away, rig units; 0
        elsewhere.
    bone, bone_deviation : (frame, bone) float32
        Excess, and length minus usual length in rig units.
    uncertainty_bar, jump_bar, outside_bar : (keypoint,) float32
        Rig units; of ``outside`` without a calibration px.
    outside : (frame, keypoint) float32
        Distance from the nearest labeled pose over its bar; 0 where nothing is labeled.
    bone_length, bone_bar : (bone,) float32
        Usual length, and its bar where the ends are well known, rig units.
    overruled : dict of (view, frame, keypoint) to (unsure, swapped, frozen)
        Cells that a person gave since: they are none of the three, and what they were.
    overruled_leaps : dict of (frame, keypoint) to float
        What ``leaps`` was where a person gave a cell since.
    """

    views: tuple[str, ...]
    keypoints: tuple[str, ...]
    bones: tuple[tuple[int, int], ...]
    correction: Float32
    spread: Float32
    correction_px: Float32
    spread_px: Float32
    usual: Bool
    unsure: Bool
    swapped: Bool
    frozen: Bool
    uncertainty: Float32
    jump: Float32
    leaps: Float32
    bone: Float32
    bone_deviation: Float32
    uncertainty_bar: Float32
    jump_bar: Float32
    bone_length: Float32
    bone_bar: Float32
    outside: Float32
    outside_bar: Float32
    overruled: dict[tuple[int, int, int], tuple[bool, bool, bool]] = field(default_factory=dict)
    overruled_leaps: dict[tuple[int, int], float] = field(default_factory=dict)

    @property
    def n_frames(self) -> int:
        return int(self.correction.shape[1])


def find_excesses(
    result: Result,
    skeleton: Sequence[tuple[str, str]] = (),
    *,
    rig: Rig | None = None,
    labeled_distance: Float32 | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> Excesses:
    """Compare everything that can be known of a session's predictions with its bar.

    Parameters
    ----------
    result : Result
        Of `smooth`, or read back with `load_result`.
    skeleton : sequence of (str, str)
        Bones by the names of their ends; others are ignored.
    rig : Rig, optional
        What it was smoothed with.
    labeled_distance : (frame, keypoint), optional
        From `labeled_pose_distances`.
    progress, cancelled
        As for `smooth`.

    Raises
    ------
    PoseDataError
        The result was saved without the predictions that it was made from.
    Cancelled
        `cancelled` returned True.
    """
    poses = result.poses2d
    raw = raw_positions(poses)
    shape = raw.shape[:3]
    correction, spread = (np.zeros(shape, np.float32) for _ in range(2))
    unsure, frozen = np.zeros(shape, bool), np.zeros(shape, bool)
    for k, keypoint in enumerate(poses.keypoints):
        if cancelled is not None and cancelled():
            raise Cancelled
        if progress is not None:
            progress(f"Judging {keypoint}", k, len(poses.keypoints))
        found = measure_keypoint(result, None, k, ("likelihood", "spread", "correction"))
        correction[:, :, k], spread[:, :, k] = found["correction"], found["spread"]
        unsure[:, :, k] = unsure_cells(found["likelihood"], raw[:, :, k])
        frozen[:, :, k] = _frozen(raw[:, :, k], poses.xy[:, :, k])
    correction_px = over_bar(correction, FLOOR_PX, _LEAST_SCALE_PX)
    if rig is not None and len(poses.views) == 2:
        excuse_sudden_movement(correction, raw, rig.subset(poses.views))
    spread_px = over_bar(spread, FLOOR_PX, _LEAST_SCALE_PX)
    space = space_excesses(result, poses.keypoints, skeleton)
    swapped = _swapped(result, raw)
    leaps = np.zeros(space.jump.shape, np.float32)
    if rig is not None and result.poses3d is not None:
        seen = rig.subset(poses.views)
        if len(poses.views) == 2:
            complete_swaps_of_two(swapped, _pairs_of(result), raw, correction, correction_px, seen)
        leaps = leaps_of_all_views(raw, unsure, correction, correction_px, seen, result.poses3d.xyz)
    return Excesses(
        poses.views,
        poses.keypoints,
        space.bones,
        correction,
        spread,
        correction_px,
        spread_px,
        observed_mask(raw).mean(axis=1) > 0.5,
        unsure,
        swapped,
        frozen,
        space.uncertainty,
        space.jump,
        leaps,
        space.bone,
        space.bone_deviation,
        space.uncertainty_bar,
        space.jump_bar,
        space.bone_length,
        space.bone_bar,
        *_outside(result, labeled_distance),
    )


def _outside(result: Result, distance: Float32 | None) -> tuple[Float32, Float32]:
    """Excess of the distance from labeled poses, and its bars."""
    shape = result.poses2d.n_frames, len(result.poses2d.keypoints)
    if distance is None:
        return np.zeros(shape, np.float32), np.full(shape[1], np.nan, np.float32)
    poses = result.poses2d.xy[0] if result.poses3d is None else result.poses3d.xyz
    some = poses[:: max(shape[0] // 2000, 1)]
    centre = np.nanmedian(some, axis=1, keepdims=True)
    size = finite_median(np.linalg.norm(some - centre, axis=-1))
    out = np.array(distance, np.float32)
    return out, over_bar(out, _OUTSIDE * size, 0.02 * size)


def unsure_cells(likelihood: NDArray[Any], raw: NDArray[Any]) -> Bool:
    """Cells of one keypoint ``(view, frame)`` in which the network hardly knows its place."""
    out = np.zeros(likelihood.shape, bool)
    for v, values in enumerate(likelihood):
        missing = ~observed_mask(raw[v])
        known = values[np.isfinite(values) & ~missing]
        if known.size:
            out[v] = values < _UNSURE * np.median(known)
        # What a view never sees is not missing.
        if missing.mean() < 0.5:
            out[v] |= missing
    return out


def _frozen(raw: NDArray[Any], smoothed: NDArray[Any]) -> Bool:
    """Cells of one keypoint ``(view, frame)`` that stand still though the point moves."""
    out = np.zeros(raw.shape[:2], bool)
    for v in range(len(raw)):
        still = np.abs(np.diff(raw[v], axis=0)).max(axis=1) < _STILL_PX
        for first, last in stretches(still).tolist():
            # So many steps are one frame more.
            if last - first + 1 < _STILL_FRAMES:
                continue
            path = smoothed[v, first : last + 1]
            path = path[observed_mask(path)]
            if len(path) and np.hypot(*np.ptp(path, axis=0)) > _SHOULD_MOVE_PX:
                out[v, first : last + 1] = True
    return out


def _pairs_of(result: Result) -> list[tuple[int, int]]:
    named = () if result.swaps is None else result.swaps.pairs
    return left_right_pairs(named, result.poses2d.keypoints)


def _swapped(result: Result, raw: NDArray[Any]) -> Bool:
    """Cells that hold the place of their counterpart; none where they were exchanged already."""
    from napari_pose3d.core.smoothing.ensemble.swap_kernels import flag_views

    poses, swaps = result.poses2d, result.swaps
    out = np.zeros(raw.shape[:3], bool)
    pairs = _pairs_of(result)
    if not pairs or result.poses3d is None:
        return out
    flags = np.zeros((*raw.shape[:2], len(pairs)), bool)
    flag_views(raw, poses.xy, np.array(pairs, np.int64), flags)
    for p, pair in enumerate(pairs):
        out[:, :, list(pair)] = flags[:, :, p, None]
    if swaps is not None and not swaps.corrected:
        for p, names in enumerate(swaps.pairs):
            both = [poses.keypoints.index(name) for name in names]
            out[:, :, both] |= (swaps.models[:, :, p] > 0)[..., None]
    return out


def lost_views(excesses: Excesses, sensitivity: float = 1.0) -> Bool:
    """Frames in which a view as a whole is of no use, ``(view, frame)``."""
    out = np.zeros(excesses.correction.shape[:2], bool)
    for v, usual in enumerate(excesses.usual):
        n = int(usual.sum())
        if n < _LOST_KEYPOINTS:
            continue
        bad = excesses.unsure[v] | (excesses.correction[v] * sensitivity > 1)
        bad |= excesses.spread[v] * sensitivity > 1
        out[v] = bad[:, usual].sum(axis=1) >= max(_LOST_SHARE * n, _LOST_KEYPOINTS)
    return out
