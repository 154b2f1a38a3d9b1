"""The three smoothers of the ensemble, block by block.

Keypoints are independent of each other but for those of one block, which share ``s``.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Generator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.poses.arrays import AnyEnsemble, FloatArray, observed_mask
from napari_pose3d.core.poses.stretches import stretches
from napari_pose3d.core.poses.time_axis import TimeAxis
from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import IsCancelled, Progress, SmoothingSettings

from .ensemble.ensemble_statistics import EnsembleStatistics
from .kalman.smooth_param_search import BOUNDS, PUBLISHED_BOUNDS, find_smooth_param, frame_mask
from .kalman.state_space import (
    Float64,
    Track,
    by_view,
    side_by_side,
    smooth_track,
)
from .keypoint_blocks import Block, blocks_of, each_block, shared_s
from .published.variance_inflation import inflated_variance
from .smoother_choice import robust_linear


@dataclass(frozen=True, eq=False)
class SmoothedKeypoint:
    """One keypoint's share of the result.

    Attributes
    ----------
    xy, variance : (view, frame, 2) float32
        Smoothed position (px) and the variance of an observation there (px^2): the posterior's
        share and the observation noise; for the single-view smoother the posterior alone.
    used : (view, frame) bool
        Observations that were used.
    rejected : (view, frame) bool
        Observations set aside because they contradict the other views.
    smooth_param : float
        ``s``; see `SmoothingSettings`.
    process_noise : float
        Of the robust smoother, per frame in squared rig units; NaN for the others.
    xyz, covariance : (frame, 3), (frame, 3, 3) or None
        Rig units and squared rig units.
    displacement_covariance, acceleration_variance : (frame, 3, 3), (frame,) or None
        See `Poses3D`.
    ensemble_variance : (view, frame, 2) or None
        To be written as the ensemble's variance (px^2), where the smoother changed it.
    """

    xy: FloatArray
    variance: FloatArray
    used: NDArray[np.bool_]
    rejected: NDArray[np.bool_]
    smooth_param: float
    xyz: Float64 | None = None
    covariance: Float64 | None = None
    ensemble_variance: Float64 | None = None
    process_noise: float = float("nan")
    displacement_covariance: Float64 | None = None
    acceleration_variance: Float64 | None = None

    def __post_init__(self) -> None:
        # All keypoints of a long recording are held at once: no wider than they are kept.
        for name in ("xy", "variance"):
            # The variance of a point that drifted next to a camera while unobserved overflows: inf.
            with np.errstate(over="ignore"):
                narrow = np.asarray(getattr(self, name), dtype=np.float32)
            object.__setattr__(self, name, narrow)


def smooth_calibrated(
    ensemble: AnyEnsemble,
    statistics: EnsembleStatistics,
    rig: Rig,
    settings: SmoothingSettings,
    progress: Progress,
    cancelled: IsCancelled,
    left_out: Container[int] = (),
    axis: TimeAxis | None = None,
) -> Generator[tuple[int, SmoothedKeypoint], None, None]:
    """Smooth the 3-D point; the rig's cameras are in the order of the views.

    Keypoints ``left_out``, by index, are passed over. With an ``axis``, frames are its rows.
    """
    if axis is None:
        searched = frame_mask(settings.s_frames, statistics.n_frames)
    else:
        searched = frame_mask(settings.s_frames, len(axis.wanted))[axis.nearest_wanted]
    # Only the published smoother needs the single prediction sets again.
    models = ensemble.in_memory().xy if settings.as_published else None

    def ours(block: Block) -> list[SmoothedKeypoint]:
        from .robust.iterations import smooth_robustly

        ks = list(block)
        names = _names(ensemble, block)
        tracks = smooth_robustly(
            rig,
            statistics.centre[:, :, ks],
            statistics.variance[:, :, ks],
            searched,
            names,
            settings,
            cancelled,
            [statistics.certain_of(k) for k in ks],
            axis,
        )
        parts = []
        for k, found in zip(block, tracks, strict=True):
            if cancelled():
                raise Cancelled
            xy, spread = _reproject(rig, found.xyz, found.covariance)
            spread += _everywhere(found.noise)[..., None]
            rejected = observed_mask(statistics.centre[:, :, k]) & ~found.used
            parts.append(
                SmoothedKeypoint(
                    xy,
                    spread,
                    found.used,
                    rejected,
                    found.smooth_param,
                    found.xyz,
                    found.covariance,
                    process_noise=found.process_noise,
                    displacement_covariance=found.displacement_covariance,
                    acceleration_variance=found.acceleration_variance,
                )
            )
        return parts

    def published(block: Block) -> list[SmoothedKeypoint]:
        from .published.published_smoother import published_track

        tracks = []
        for k in block:
            centre, variance = statistics.centre[:, :, k], statistics.variance[:, :, k]
            if settings.inflate_vars:
                y, v = side_by_side(centre), side_by_side(variance)
                n_latent = min(settings.n_latent, y.shape[1])
                # Back to single precision, in which the published smoother keeps it.
                variance = by_view(inflated_variance(y, v, n_latent, cancelled)).astype(np.float32)
            assert models is not None
            xy = models[:, :, :, k]
            tracks.append(
                published_track(
                    rig, xy, centre, variance, searched, ensemble.keypoints[k], cancelled
                )
            )
        s = _smooth_param(rig.packed, tracks, settings, _names(ensemble, block), cancelled)
        parts = []
        for k, track in zip(block, tracks, strict=True):
            means, covs = smooth_track(rig.packed, track, s, cancelled)
            xy, spread = _reproject(rig, means, covs)
            spread += _noise(track)
            parts.append(_of_all(statistics, k, xy, spread, s, means, covs))
        return parts

    one = published if settings.as_published else ours
    times = None if axis is None else axis.times
    yield from _in_blocks(one, ensemble, settings, progress, cancelled, left_out, times=times)


def smooth_linear(
    ensemble: AnyEnsemble,
    statistics: EnsembleStatistics,
    settings: SmoothingSettings,
    progress: Progress,
    cancelled: IsCancelled,
    left_out: Container[int] = (),
) -> Generator[tuple[int, SmoothedKeypoint], None, None]:
    """Kalman smoother on the scores of a model of all views."""
    from .linear.linear_smoother import training_frames

    n_latent = min(settings.n_latent, 2 * len(ensemble.views))
    searched = frame_mask(settings.s_frames, statistics.n_frames)
    frames = training_frames(
        statistics.centre,
        statistics.variance,
        ensemble.keypoints,
        n_latent=n_latent,
        quantile_keep=settings.quantile_keep_pca,
        as_published=settings.as_published,
        cancelled=cancelled,
        left_out=left_out,
    )
    if robust_linear(settings, len(ensemble.views)):
        one = _robust_linear(ensemble, statistics, frames, searched, settings, cancelled)
    else:
        one = _plain_linear(ensemble, statistics, frames, searched, n_latent, settings, cancelled)
    yield from _in_blocks(one, ensemble, settings, progress, cancelled, left_out)


def _robust_linear(
    ensemble: AnyEnsemble,
    statistics: EnsembleStatistics,
    frames: Mapping[int, NDArray[np.intp]],
    searched: NDArray[np.bool_],
    settings: SmoothingSettings,
    cancelled: IsCancelled,
) -> Callable[[Block], list[SmoothedKeypoint]]:
    """The default: what the calibrated smoother does, on three scores."""
    from .linear.robust_linear import robust_linear_smoother
    from .robust.iterations import iterate

    def one(block: Block) -> list[SmoothedKeypoint]:
        pairs = [
            robust_linear_smoother(
                statistics.centre[:, :, k],
                statistics.variance[:, :, k],
                frames[k],
                searched,
                ensemble.keypoints[k],
                settings,
                cancelled,
                statistics.certain_of(k),
            )
            for k in block
        ]
        given = shared_s(settings, _names(ensemble, block))
        found = iterate([smoother for _, smoother in pairs], given)
        parts = []
        for k, (views, _), track in zip(block, pairs, found, strict=True):
            xy, spread = views.project_moments(track.xyz, track.covariance, cancelled)
            spread += _everywhere(track.noise)[..., None]
            rejected = observed_mask(statistics.centre[:, :, k]) & ~track.used
            parts.append(SmoothedKeypoint(xy, spread, track.used, rejected, track.smooth_param))
        return parts

    return one


def _plain_linear(
    ensemble: AnyEnsemble,
    statistics: EnsembleStatistics,
    frames: Mapping[int, NDArray[np.intp]],
    searched: NDArray[np.bool_],
    n_latent: int,
    settings: SmoothingSettings,
    cancelled: IsCancelled,
) -> Callable[[Block], list[SmoothedKeypoint]]:
    """As published, or with another number of scores than three."""
    from .linear.linear_smoother import linear_keypoint

    no_cameras = _no_cameras()
    # The published smoother writes the variance that it inflated.
    written = settings.inflate_vars and settings.as_published

    def one(block: Block) -> list[SmoothedKeypoint]:
        models = [
            linear_keypoint(
                statistics.centre[:, :, k],
                statistics.variance[:, :, k],
                frames[k],
                searched,
                n_latent=n_latent,
                inflate=settings.inflate_vars,
                as_published=settings.as_published,
                cancelled=cancelled,
            )
            for k in block
        ]
        tracks = [each.track for each in models]
        s = _smooth_param(no_cameras, tracks, settings, _names(ensemble, block), cancelled)
        parts = []
        for k, found in zip(block, models, strict=True):
            pixels, variance = found.smooth(no_cameras, s, cancelled)
            xy, spread = by_view(pixels), by_view(variance) + _noise(found.track)
            part = _of_all(statistics, k, xy, spread, s)
            inflated = by_view(found.track.r) if written else None
            parts.append(replace(part, ensemble_variance=inflated))
        return parts

    return one


def smooth_single(
    ensemble: AnyEnsemble,
    statistics: EnsembleStatistics,
    settings: SmoothingSettings,
    progress: Progress,
    cancelled: IsCancelled,
    left_out: Container[int] = (),
) -> Generator[tuple[int, SmoothedKeypoint], None, None]:
    """Kalman smoother on the pixels of each view by itself; its views share a keypoint's ``s``."""
    from .linear.single_view_smoother import single_view_tracks

    searched = frame_mask(settings.s_frames, statistics.n_frames)
    no_cameras = _no_cameras()

    def one(block: Block) -> list[SmoothedKeypoint]:
        models = [
            single_view_tracks(
                statistics.centre[:, :, k],
                statistics.variance[:, :, k],
                searched,
                as_published=settings.as_published,
            )
            for k in block
        ]
        everything = [track for tracks, _ in models for track in tracks]
        s = _smooth_param(no_cameras, everything, settings, _names(ensemble, block), cancelled)
        parts = []
        for k, (tracks, offsets) in zip(block, models, strict=True):
            observed = observed_mask(statistics.centre[:, :, k])
            xy, spread = (
                np.full((*observed.shape, 2), np.nan),
                np.full((*observed.shape, 2), np.nan),
            )
            for view, (track, offset) in enumerate(zip(tracks, offsets, strict=True)):
                if observed[view].any():
                    means, covs = smooth_track(no_cameras, track, s, cancelled)
                    xy[view] = means + offset
                    spread[view] = np.diagonal(covs, axis1=1, axis2=2)
            parts.append(_of_all(statistics, k, xy, spread, s))
        return parts

    yield from _in_blocks(
        one, ensemble, settings, progress, cancelled, left_out, gaps_of_each_view=True
    )


def _in_blocks(
    one: Callable[[Block], list[SmoothedKeypoint]],
    ensemble: AnyEnsemble,
    settings: SmoothingSettings,
    progress: Progress,
    cancelled: IsCancelled,
    left_out: Container[int],
    *,
    gaps_of_each_view: bool = False,
    times: Float64 | None = None,
) -> Generator[tuple[int, SmoothedKeypoint], None, None]:
    """Each keypoint's index and what ``one`` made of it, without gaps that are too long."""
    blocks = blocks_of(settings.blocks, ensemble.keypoints, left_out)
    for k, part in each_block(one, blocks, settings.threads, progress, cancelled):
        yield k, _without_long_gaps(part, settings.max_gap, gaps_of_each_view, times)


def _of_all(
    statistics: EnsembleStatistics,
    k: int,
    xy: Float64,
    spread: Float64,
    s: float,
    xyz: Float64 | None = None,
    covariance: Float64 | None = None,
) -> SmoothedKeypoint:
    """Of a smoother that uses all observations of a keypoint."""
    observed = observed_mask(statistics.centre[:, :, k])
    nothing = np.zeros_like(observed)
    return SmoothedKeypoint(xy, spread, observed, nothing, s, xyz, covariance)


def _names(ensemble: AnyEnsemble, block: Block) -> list[str]:
    return [ensemble.keypoints[k] for k in block]


def _smooth_param(
    cams: Float64,
    tracks: list[Track],
    settings: SmoothingSettings,
    names: list[str],
    cancelled: IsCancelled,
) -> float:
    """``s`` of a block of keypoints: given, or the most likely one."""
    given = shared_s(settings, names)
    if given is not None:
        return float(given)
    bounds = PUBLISHED_BOUNDS if settings.as_published else BOUNDS
    return find_smooth_param(cams, tracks, bounds, cancelled)


def _reproject(rig: Rig, xyz: Float64, covariance: Float64) -> tuple[Float64, Float64]:
    """Pixels of a track in every view, and their variance, both ``(view, frame, 2)``."""
    from .kalman.kalman_kernels import project_moments

    xy = np.empty((len(rig.cameras), len(xyz), 2))
    spread = np.empty_like(xy)
    project_moments(rig.packed, xyz, np.ascontiguousarray(covariance), xy, spread)
    return xy, spread


def _noise(track: Track) -> Float64:
    """Observation variance by view, ``(view, frame, 2)``."""
    return _everywhere(by_view(track.r))


def _everywhere(noise: Float64) -> Float64:
    """``(view, frame, ...)`` with the view's typical value where nothing was observed."""
    finite = np.isfinite(noise)
    typical = np.array(
        [np.median(v[f]) if f.any() else np.nan for v, f in zip(noise, finite, strict=True)]
    )
    if np.isfinite(typical).any():
        typical = np.where(np.isfinite(typical), typical, np.nanmedian(typical))
    return np.where(finite, noise, typical.reshape(-1, *(1,) * (noise.ndim - 1)))


def _no_cameras() -> Float64:
    from napari_pose3d.core.cameras.projection import pack_cameras

    return pack_cameras(())


def _without_long_gaps(
    part: SmoothedKeypoint,
    max_gap: int | None,
    each_view: bool = False,
    times: Float64 | None = None,
) -> SmoothedKeypoint:
    """The same with NaN in gaps of more than ``max_gap`` frames without an observation."""
    if max_gap is None:
        return part
    observed = part.used if each_view else np.broadcast_to(part.used.any(axis=0), part.used.shape)
    blank = np.array([in_long_gap(view, max_gap, times) for view in observed])
    cleared = replace(part, xy=part.xy.copy(), variance=part.variance.copy())
    cleared.xy[blank] = cleared.variance[blank] = np.nan
    if part.xyz is None or part.covariance is None:
        return cleared
    xyz, covariance = part.xyz.copy(), part.covariance.copy()
    xyz[blank[0]], covariance[blank[0]] = np.nan, np.nan
    return replace(cleared, xyz=xyz, covariance=covariance)


def in_long_gap(
    observed: NDArray[np.bool_], max_gap: int, times: Float64 | None = None
) -> NDArray[np.bool_]:
    """Frames of gaps that are longer than ``max_gap`` frames.

    Parameters
    ----------
    observed : (frame,) bool
    max_gap : int
        The longest gap, in frames, that may be filled in; the first and the last frames of a
        recording count as a gap like any other.
    times : (frame,), optional
        Of the rows of an axis, in frames; not given: each is a frame.

    Returns
    -------
    (frame,) bool
    """
    if times is None:
        times = np.arange(len(observed), dtype=np.float64)
    # The last observation before each frame and the first behind it.
    around = np.concatenate([[times[0] - 1], times, [times[-1] + 1]])
    long = np.zeros(len(observed), dtype=bool)
    for start, end in stretches(~observed):
        long[start:end] = around[end + 1] - around[start] - 1 > max_gap + 1e-6
    return long
