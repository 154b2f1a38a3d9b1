"""What can be measured of every prediction: how likely it is to be wrong, and in which way.

Notes
-----
A cell is one keypoint in one view and frame; a point is one keypoint in one frame. Raw is the
centre of the ensemble (its median, or the only prediction set), smoothed the result.

``correction`` and ``surprise`` compare raw with smoothed and find confident errors;
``residual``, ``leave_one_out`` and ``epipolar`` need a calibration and no smoothing. ``likelihood``
and ``spread`` find what the networks themselves doubt. One bad view lifts every measure of the
others that is not robust, which is why the point that ``residual`` and ``leave_one_out`` refer to
is made of the views that agree.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import Poses2D, Result
from napari_pose3d.core.poses.left_right import left_right_pairs
from napari_pose3d.core.smoothing.keypoint_blocks import each_block
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import IsCancelled, Progress

from .measure_table import IN_SD, MEASURES

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Skeleton = Sequence[tuple[str, str]]

# Both need the point that the agreeing views give.
_FROM_POINTS = ("residual", "leave_one_out")
# Frames whose points are computed anew together, without one of the views each time.
_FRAMES_AT_ONCE = 50_000
# Of the variance of a coordinate, px^2: no smoother knows a position better.
_LEAST_VARIANCE = 0.05**2


def raw_positions(poses: Poses2D) -> NDArray[Any]:
    """What a smoother was given, ``(view, frame, keypoint, 2)`` px.

    Raises
    ------
    PoseDataError
        The result was saved without it.
    """
    if poses.ensemble_median is None:
        raise PoseDataError(
            "the smoothed positions are without the predictions that they are made from",
            expected="columns such as x_ens_median",
            todo="Smooth again, and save with all columns",
        )
    return poses.ensemble_median


def available_measures(result: Result, rig: Rig | None) -> tuple[str, ...]:
    """Names of the measures that can be computed of a result."""
    space = result.poses3d
    if space is None or rig is None:
        return tuple(name for name, measure in MEASURES.items() if not measure.needs_rig)
    missing = {name for name, array in IN_SD.items() if getattr(space, array) is None}
    return tuple(name for name in MEASURES if name not in missing)


def measure_groups(names: Collection[str]) -> list[tuple[str, ...]]:
    """Measures that are best computed together; all at once would take memory for each."""
    together = [name for name in _FROM_POINTS if name in names]
    rest: list[tuple[str, ...]] = [(name,) for name in names if name not in _FROM_POINTS]
    return [tuple(together), *rest] if together else rest


def compute_measures(
    result: Result,
    rig: Rig | None = None,
    names: Collection[str] | None = None,
    skeleton: Skeleton = (),
    *,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
    threads: int | None = None,
) -> dict[str, Float32]:
    """Measures of a whole session.

    Parameters
    ----------
    result : Result
        Of `smooth`, or read back with `load_result`.
    rig : Rig, optional
        With the cameras of the result's views, in any order.
    names : collection of str, optional
        Keys of `MEASURES`; not given: all that can be computed.
    skeleton : sequence of (str, str)
        Bones by the names of their ends, for the measure ``bone``.
    progress, cancelled, threads
        As for `smooth`.

    Returns
    -------
    dict of str to array
        ``(view, frame, keypoint)`` or, of points, ``(frame, keypoint)`` float32; NaN where there
        is nothing to measure.

    Raises
    ------
    PoseDataError
        A name is unknown, or a measure needs what the result or the rig does not give.
    Cancelled
        `cancelled` returned True.
    """
    wanted = check_measures(result, rig, names)
    poses = result.poses2d
    cameras = None if rig is None else rig.subset(poses.views)
    raw = raw_positions(poses)
    shape = raw.shape[:3]
    out = {
        name: np.full(shape if MEASURES[name].axes == "cell" else shape[1:], np.nan, np.float32)
        for name in wanted
    }

    def one(block: tuple[int, ...]) -> list[dict[str, NDArray[Any]]]:
        # The keypoints share the cores.
        k = block[0]
        return [
            measure_keypoint(result, cameras, k, wanted, skeleton, threads=1, cancelled=cancelled)
        ]

    singly = [(k,) for k in range(len(poses.keypoints))]
    report = progress or (lambda stage, done, total: None)
    asked = cancelled or (lambda: False)
    finished = each_block(one, singly, threads, report, asked, "Measuring keypoints")
    with contextlib.closing(finished):
        for k, part in finished:
            for name, values in part.items():
                out[name][..., k] = values
    return out


def measure_keypoint(
    result: Result,
    rig: Rig | None,
    keypoint: int,
    names: Collection[str],
    skeleton: Skeleton = (),
    *,
    threads: int | None = None,
    cancelled: IsCancelled | None = None,
) -> dict[str, NDArray[Any]]:
    """Measures of one keypoint, by index: ``(view, frame)``, or of points ``(frame,)``.

    ``rig`` has the cameras in the order of the views.
    """
    poses = result.poses2d
    centre = raw_positions(poses)[:, :, keypoint]
    out: dict[str, NDArray[Any]] = {}

    def raw() -> Float64:
        return np.asarray(centre, np.float64)

    simple: Mapping[str, Callable[[], NDArray[Any]]] = {
        "likelihood": lambda: poses.likelihood[:, :, keypoint],
        "spread": lambda: _spread(poses, keypoint),
        "correction": lambda: _length(centre - poses.xy[:, :, keypoint]),
        "surprise": lambda: _surprise(poses, raw(), keypoint),
        "temporal_norm": lambda: _steps(raw()),
        "uncertainty": lambda: _uncertainty(result, keypoint),
        "sides": lambda: _sides(result, keypoint),
        "bone": lambda: _bone(result, keypoint, skeleton),
        "speed": lambda: _differences(result, keypoint, 1),
        "acceleration": lambda: _differences(result, keypoint, 2),
        **{name: partial(_in_deviations, result, keypoint, name) for name in IN_SD},
        "n_views": lambda: _in_space(result).n_views[:, keypoint],
    }
    for name in names:
        if name in simple:
            out[name] = simple[name]()
    if rig is not None and set(_FROM_POINTS) & set(names):
        from napari_pose3d.core.cameras.triangulation.triangulation import triangulate

        found = triangulate(rig, centre, robust="auto", threads=threads, cancelled=cancelled)
        inliers, out["residual"] = found.inliers, found.residuals.astype(np.float32)
        del found
        if "leave_one_out" in names:
            out["leave_one_out"] = _left_out(rig, centre, inliers, threads, cancelled)
        if "residual" not in names:
            del out["residual"]
    if rig is not None and "epipolar" in names:
        from napari_pose3d.core.cameras.epipolar_distance import epipolar_distances

        out["epipolar"] = epipolar_distances(rig, raw())
    return out


def _left_out(
    rig: Rig,
    xy: NDArray[Any],
    inliers: NDArray[np.bool_],
    threads: int | None,
    cancelled: IsCancelled | None,
) -> Float32:
    """Leave-one-out residuals ``(view, frame)``; frames do not depend on one another."""
    from napari_pose3d.core.cameras.triangulation.triangulation import leave_one_out_residuals

    n_views, n_frames = inliers.shape
    out = np.empty((n_views, n_frames), np.float32)
    for start in range(0, n_frames, _FRAMES_AT_ONCE):
        at = slice(start, start + _FRAMES_AT_ONCE)
        out[:, at] = leave_one_out_residuals(
            rig, xy[:, at], None, inliers[:, at], threads=threads, cancelled=cancelled
        )
    return out


def check_measures(
    result: Result, rig: Rig | None, names: Collection[str] | None
) -> tuple[str, ...]:
    """The measures in order, or all that can be computed; raises `PoseDataError` as they do."""
    available = available_measures(result, rig)
    if names is None:
        return available
    for name in names:
        if name not in MEASURES:
            raise PoseDataError(
                f"no measure is called '{name}'", expected=f"some of {', '.join(MEASURES)}"
            )
        if name not in available:
            needed = "a new run of the smoother" if name in IN_SD else "positions in space"
            raise PoseDataError(
                f"the measure '{name}' needs {needed} and a calibration",
                todo="Smooth with a calibration, or leave the measure out",
            )
    return tuple(name for name in MEASURES if name in names)


def _in_space(result: Result) -> Any:
    assert result.poses3d is not None
    return result.poses3d


def _length(difference: NDArray[Any]) -> NDArray[Any]:
    return np.hypot(difference[..., 0], difference[..., 1])


def _spread(poses: Poses2D, keypoint: int) -> NDArray[Any]:
    if poses.ensemble_variance is None:
        return np.full(poses.likelihood.shape[:2], np.nan, np.float32)
    return np.sqrt(poses.ensemble_variance[:, :, keypoint].mean(axis=-1))


def _surprise(poses: Poses2D, raw: Float64, keypoint: int) -> NDArray[Any]:
    squared = (raw - poses.xy[:, :, keypoint]) ** 2
    variance = np.full(squared.shape, _LEAST_VARIANCE)
    for part in (poses.variance, poses.ensemble_variance):
        if part is not None:
            variance += np.nan_to_num(part[:, :, keypoint])
    return np.sqrt((squared / variance).sum(axis=-1))


def _steps(raw: Float64) -> NDArray[Any]:
    out = np.full(raw.shape[:2], np.nan)
    out[:, 1:] = _length(np.diff(raw, axis=1))
    return out


def _sides(result: Result, keypoint: int) -> NDArray[Any]:
    poses, swaps = result.poses2d, result.swaps
    pairs = left_right_pairs(() if swaps is None else swaps.pairs, poses.keypoints)
    pair = next((pair for pair in pairs if keypoint in pair), None)
    if pair is None:
        return np.full(poses.likelihood.shape[:2], np.nan, np.float32)
    raw = raw_positions(poses)[:, :, keypoint]
    own, other = poses.xy[:, :, keypoint], poses.xy[:, :, sum(pair) - keypoint]
    return _length(raw - own) - _length(raw - other)


def _bone(result: Result, keypoint: int, skeleton: Skeleton) -> NDArray[Any]:
    space = _in_space(result)
    name, xyz = space.keypoints[keypoint], space.xyz
    worst = np.full(len(xyz), np.nan)
    for bone in skeleton:
        if name in bone and set(bone) <= set(space.keypoints):
            a, b = (space.keypoints.index(end) for end in bone)
            length = np.linalg.norm(xyz[:, a] - xyz[:, b], axis=-1)
            if np.isfinite(length).any():
                worst = np.fmax(worst, np.abs(length - np.nanmedian(length)))
    return worst


def _uncertainty(result: Result, keypoint: int) -> NDArray[Any]:
    covariance = _in_space(result).covariance[:, keypoint]
    return np.sqrt(np.trace(covariance, axis1=-2, axis2=-1))


def _differences(result: Result, keypoint: int, order: int) -> NDArray[Any]:
    """Of the point's position; the second one belongs to the frame in its middle."""
    xyz = _in_space(result).xyz[:, keypoint]
    out = np.full(len(xyz), np.nan)
    if len(xyz) > order:
        lengths = np.linalg.norm(np.diff(xyz, n=order, axis=0), axis=1)
        out[1 : 1 + len(lengths)] = lengths
    return out


def _in_deviations(result: Result, keypoint: int, name: str) -> NDArray[Any]:
    """How fast the point moves about each frame, or its acceleration, in deviations of that."""
    space = _in_space(result)
    xyz, known = space.xyz[:, keypoint], getattr(space, IN_SD[name])[1:-1, keypoint]
    out = np.full(len(xyz), np.nan)
    if len(xyz) < 3:
        return out
    moved = xyz[2:] - xyz[:-2] if name == "speed_sd" else np.diff(xyz, n=2, axis=0)
    length = np.linalg.norm(moved, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        if name == "speed_sd":
            known = np.einsum("ti,tij,tj->t", moved, known, moved) / length**2
        out[1:-1] = length / np.sqrt(known)
    return out
