"""Which cells of a session are wrong, and in which way.

Notes
-----
Each kind of failure has a quantity of its own, and each cell's *excess* is that quantity over its
bar: 1 is at the bar. A bar is ``max(floor, 4 med, med + 6 s)``, with the median ``med`` of the
quantity over the frames of one keypoint and view and ``s`` = 1.4826 times the median distance
from it. Unlike percentiles, such bars leave clean data unflagged. Where most of a series is bad
its median is no guide, so it counts as no more than three times that of all series. A single frame
needs half as much again, as many a frame comes near a bar by chance.

Excesses are computed once; another sensitivity only compares them anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import Result, observed_mask
from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import IsCancelled, Progress

from .measures import measure_keypoint, raw_positions

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig

Bool = NDArray[np.bool_]
Float32 = NDArray[np.float32]

_MEDIANS = 4.0
_SPREADS = 6.0
_BONE_SPREADS = 8.0
_SCALE = 1.4826
_BROKEN = 3.0
# Floors: px of a correction and of a spread, below which nothing counts as wrong; the least s.
_FLOOR_PX = 3.0
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
# A bone's length is steady to this part of itself at the best.
_BONE_SCALE = 0.03
_POSTERIOR_SD = 3.0
# Of the animal's size: a keypoint that moves further in one frame, relative to all others, jumps.
_JUMP = 0.35
# And one that is further from its place in the nearest labeled pose has not been seen there: of the
# usual distance of keypoints from the middle.
_OUTSIDE = 0.7
# Steps between frames that are in memory together.
_FRAMES_AT_ONCE = 4_000


class Failure(Enum):
    """Kinds of failure, the most telling first: a cell has the first that fits."""

    LOST_VIEW = "lost view"
    SWAPPED_SIDES = "swapped sides"
    FROZEN = "frozen point"
    HIDDEN = "hidden"
    SETS_DISAGREE = "seeds disagree"
    VIEWS_DISAGREE = "views disagree"
    JUMP = "jump"
    BONE = "impossible bone"
    UNCERTAIN = "uncertain"
    OUTSIDE = "unlike labeled poses"
    CAMERA_MOVED = "camera moved"
    DRIFT = "calibration drift"

    @property
    def is_mended_by_labels(self) -> bool:
        """Whether labeling one of its frames helps."""
        return self not in (Failure.CAMERA_MOVED, Failure.DRIFT)


ADVICE: dict[Failure, str] = {
    Failure.LOST_VIEW: "Most keypoints of one view fail together: lights, an obstacle, a wrong "
    "video, or the animal out of view. Look at the video; label a few of these frames.",
    Failure.SWAPPED_SIDES: "Left and right lie in each other's place. Label a frame, or smooth "
    "with left and right exchanged.",
    Failure.FROZEN: "The prediction stands still while the animal moves: padded or broken "
    "predictions. Predict the video again.",
    Failure.HIDDEN: "The network is unsure and away from where the other views put the point: "
    "mostly hidden. Label it where you can tell its place.",
    Failure.SETS_DISAGREE: "The prediction sets put the point in different places. Label a frame.",
    Failure.VIEWS_DISAGREE: "A confident prediction contradicts the other views. Label a frame.",
    Failure.JUMP: "The smoothed point leaps away from the body: several views err together, or "
    "the video lacks frames.",
    Failure.BONE: "The bone has a length that it has nowhere else: one of its ends is wrong in "
    "several views. Label a frame.",
    Failure.CAMERA_MOVED: "From here on the calibration does not fit this camera: it was touched. "
    "Calibrate again, or mend the calibration for the frames before and after by themselves.",
    Failure.DRIFT: "The camera turned slowly: the calibration fits it ever less. Fix its mount, "
    "calibrate again, or mend the calibration for stretches of frames by themselves.",
    Failure.OUTSIDE: "The pose is unlike all labeled ones: the network has seen nothing like it. "
    "Label a frame, also where the prediction is right.",
    Failure.UNCERTAIN: "Too few views observe the point; its position is hardly known. Label it, "
    "or leave these frames out.",
}


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
    bone: Float32
    bone_deviation: Float32
    uncertainty_bar: Float32
    jump_bar: Float32
    bone_length: Float32
    bone_bar: Float32
    outside: Float32
    outside_bar: Float32
    overruled: dict[tuple[int, int, int], tuple[bool, bool, bool]] = field(default_factory=dict)

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
    correction_px = _over_bar(correction, _FLOOR_PX, _LEAST_SCALE_PX)
    if rig is not None and len(poses.views) == 2:
        _excuse_sudden_movement(correction, raw, rig.subset(poses.views))
    spread_px = _over_bar(spread, _FLOOR_PX, _LEAST_SCALE_PX)
    uncertainty, jump, bone, bars = _in_space(result, poses.keypoints, skeleton)
    return Excesses(
        poses.views,
        poses.keypoints,
        bars.bones,
        correction,
        spread,
        correction_px,
        spread_px,
        observed_mask(raw).mean(axis=1) > 0.5,
        unsure,
        _swapped(result, raw),
        frozen,
        uncertainty,
        jump,
        bone,
        bars.bone_deviation,
        bars.uncertainty,
        bars.jump,
        bars.bone_length,
        bars.bone_bar,
        *_outside(result, labeled_distance),
    )


def _excuse_sudden_movement(correction: Float32, raw: NDArray[Any], rig: Rig) -> None:
    """Two views that meet do not contradict each other: at most at the bar, in place.

    For one frame it is the smoothed point that cuts a sudden movement short: with two views it is
    taken for an error of one of them. What lasts is an error, also along the epipolar curve.
    """
    from napari_pose3d.core.cameras.epipolar_distance import epipolar_distances

    for k in range(correction.shape[2]):
        high = np.asarray((correction[:, :, k] > 1).any(axis=0))
        at = np.array([first for first, last in runs(high) if first == last], np.int64)
        if len(at):
            apart = epipolar_distances(rig, np.asarray(raw[:, at, k], np.float64))
            at = at[(apart < _FLOOR_PX).all(axis=0)]
            correction[:, at, k] = np.minimum(correction[:, at, k], 1.0)


def _outside(result: Result, distance: Float32 | None) -> tuple[Float32, Float32]:
    """Excess of the distance from labeled poses, and its bars."""
    shape = result.poses2d.n_frames, len(result.poses2d.keypoints)
    if distance is None:
        return np.zeros(shape, np.float32), np.full(shape[1], np.nan, np.float32)
    poses = result.poses2d.xy[0] if result.poses3d is None else result.poses3d.xyz
    some = poses[:: max(shape[0] // 2000, 1)]
    centre = np.nanmedian(some, axis=1, keepdims=True)
    size = _finite_median(np.linalg.norm(some - centre, axis=-1))
    out = np.array(distance, np.float32)
    return out, _over_bar(out, _OUTSIDE * size, 0.02 * size)


def _over_bar(values: Float32, floor: float, least_scale: float) -> Float32:
    """Divide ``(..., frame, keypoint)`` by the bars of its series, in place; the bars."""
    median, scale = _median_and_scale(values)
    with np.errstate(invalid="ignore"):
        usual = np.nanmedian(median) if np.isfinite(median).any() else 0.0
        usual_scale = np.nanmedian(scale) if np.isfinite(scale).any() else 0.0
    median = np.minimum(np.nan_to_num(median), _BROKEN * usual)
    scale = np.clip(np.nan_to_num(scale), least_scale, max(_BROKEN * usual_scale, least_scale))
    bars = np.maximum(np.maximum(floor, _MEDIANS * median), median + _SPREADS * scale)
    values /= bars[..., None, :]
    np.nan_to_num(values, copy=False, nan=0.0)
    return np.asarray(bars, np.float32)


def _median_and_scale(values: NDArray[Any]) -> tuple[Float32, Float32]:
    """Over the frames of ``(..., frame, keypoint)``; NaN of a series without values."""
    lead = (*values.shape[:-2], values.shape[-1])
    median, scale = np.full(lead, np.nan, np.float32), np.full(lead, np.nan, np.float32)
    for at in np.ndindex(*lead):
        series = values[(*at[:-1], slice(None), at[-1])]
        series = series[np.isfinite(series)]
        if series.size:
            median[at] = np.median(series)
            scale[at] = _SCALE * np.median(np.abs(series - median[at]))
    return median, scale


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
        for first, last in runs(still):
            # So many steps are one frame more.
            if last - first + 2 < _STILL_FRAMES:
                continue
            path = smoothed[v, first : last + 2]
            path = path[observed_mask(path)]
            if len(path) and np.hypot(*np.ptp(path, axis=0)) > _SHOULD_MOVE_PX:
                out[v, first : last + 2] = True
    return out


def runs(flags: Bool) -> list[tuple[int, int]]:
    """First and last index of each stretch of True."""
    edges = np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def _swapped(result: Result, raw: NDArray[Any]) -> Bool:
    """Cells that hold the place of their counterpart; none where they were exchanged already."""
    from napari_pose3d.core.smoothing.ensemble.swap_kernels import flag_views
    from napari_pose3d.core.smoothing.ensemble.swaps import left_right_pairs

    poses, swaps = result.poses2d, result.swaps
    out = np.zeros(raw.shape[:3], bool)
    named = () if swaps is None else swaps.pairs
    pairs = left_right_pairs(named, poses.keypoints)
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


@dataclass(frozen=True, eq=False)
class _Bars:
    bones: tuple[tuple[int, int], ...]
    uncertainty: Float32
    jump: Float32
    bone_length: Float32
    bone_bar: Float32
    bone_deviation: Float32


def _in_space(
    result: Result, keypoints: tuple[str, ...], skeleton: Sequence[tuple[str, str]]
) -> tuple[Float32, Float32, Float32, _Bars]:
    """Excess of the uncertainty, of jumps and of bones, and their bars."""
    n_frames, n = result.poses2d.n_frames, len(keypoints)
    if result.poses3d is None:
        empty = np.zeros((n_frames, n), np.float32)
        none, bar = np.zeros(0, np.float32), np.full(n, np.nan, np.float32)
        no_bone = np.zeros((n_frames, 0), np.float32)
        return empty, empty.copy(), no_bone, _Bars((), bar, bar, none, none, no_bone)
    xyz, covariance = result.poses3d.xyz, result.poses3d.covariance
    uncertainty = np.sqrt(np.trace(covariance, axis1=-2, axis2=-1)).astype(np.float32)
    # In its own units a floor would mean nothing; the scale is a tenth of the usual.
    usual = _finite_median(uncertainty)
    uncertainty_bar = _over_bar(uncertainty, 2.0 * usual, 0.1 * usual)
    jump, jump_bar = _jumps(xyz)
    bones = tuple(
        (keypoints.index(a), keypoints.index(b))
        for a, b in skeleton
        if a in keypoints and b in keypoints
    )
    usual_length, bone_bar = _bone_bars(xyz, bones)
    bone, deviation = bone_excess(xyz, covariance, bones, usual_length, bone_bar)
    bars = _Bars(bones, uncertainty_bar, jump_bar, usual_length, bone_bar, deviation)
    return uncertainty, jump, bone, bars


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
    size = 2.0 * _finite_median(np.linalg.norm(some - centre, axis=-1)) if n > 2 else 0.0
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
        known = np.isfinite(steps).all(axis=(1, 2))
        body = np.zeros((len(steps), 1, 3))
        body[known] = np.median(steps[known], axis=1, keepdims=True)
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
            scale = _SCALE * np.median(np.abs(known - median))
            bar[b] = _BONE_SPREADS * max(scale, _BONE_SCALE * median, 1e-12)
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


def _finite_median(values: NDArray[Any]) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else 0.0


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
