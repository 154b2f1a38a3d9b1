"""The three smoothers of the ensemble, one keypoint at a time, and how their results are stacked.

Each keypoint is independent of the others, so keypoints run in parallel; the compiled loops
release Python's lock, and the result does not depend on the number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cameras.rig import Rig
from ..errors import Cancelled
from ..poses import Ensemble, observed
from ..settings import IsCancelled, Progress, SmoothingSettings
from .ensemble import EnsembleStatistics
from .search_frames import frame_mask
from .tracks import (
    BOUNDS,
    PUBLISHED_BOUNDS,
    Float64,
    Track,
    by_view,
    find_smooth_param,
    smooth_track,
)


@dataclass(frozen=True, eq=False)
class SmoothedKeypoint:
    """One keypoint's share of the result.

    Attributes
    ----------
    xy, variance : (view, frame, 2)
        Smoothed position (px) and the variance of an observation there (px^2): the posterior's
        share and the observation noise; for the single-view smoother the posterior alone.
    used : (view, frame) bool
        Observations that counted.
    rejected : (view, frame) bool
        Observations set aside because they contradict the other views.
    smooth_param : float
    xyz, covariance : (frame, 3), (frame, 3, 3) or None
    """

    xy: Float64
    variance: Float64
    used: NDArray[np.bool_]
    rejected: NDArray[np.bool_]
    smooth_param: float
    xyz: Float64 | None = None
    covariance: Float64 | None = None


def smooth_calibrated(
    ensemble: Ensemble,
    statistics: EnsembleStatistics,
    rig: Rig,
    settings: SmoothingSettings,
    progress: Progress,
    cancelled: IsCancelled,
) -> list[SmoothedKeypoint]:
    """Smooth the 3-D point; the rig's cameras are in the order of the views."""
    searched = frame_mask(settings.s_frames, ensemble.n_frames)

    def ours(k: int) -> SmoothedKeypoint:
        from .robust import smooth_robustly

        centre, variance = statistics.centre[:, :, k], statistics.variance[:, :, k]
        found = smooth_robustly(
            rig,
            centre,
            variance,
            searched,
            ensemble.keypoints[k],
            settings.smooth_param,
            cancelled,
        )
        xy, spread = _reproject(rig, found.xyz, found.covariance)
        spread += _everywhere(found.noise)[..., None]
        rejected = observed(centre) & ~found.used
        return SmoothedKeypoint(
            xy, spread, found.used, rejected, found.smooth_param, found.xyz, found.covariance
        )

    def published(k: int) -> SmoothedKeypoint:
        from .published import published_track

        centre, variance = statistics.centre[:, :, k], statistics.variance[:, :, k]
        models = ensemble.xy[:, :, :, k]
        track = published_track(rig, models, centre, variance, searched, ensemble.keypoints[k])
        s = _smooth_param(rig.packed, [track], settings, cancelled)
        means, covs = smooth_track(rig.packed, track, s)
        xy, spread = _reproject(rig, means, covs)
        spread += _noise(track)
        seen = observed(centre)
        return SmoothedKeypoint(xy, spread, seen, np.zeros_like(seen), s, means, covs)

    one = published if settings.as_published else ours
    return _each_keypoint(one, len(ensemble.keypoints), settings, progress, cancelled)


def smooth_linear(
    ensemble: Ensemble,
    statistics: EnsembleStatistics,
    settings: SmoothingSettings,
    progress: Progress,
    cancelled: IsCancelled,
) -> list[SmoothedKeypoint]:
    """Kalman smoother on the principal components of all views."""
    from .linear import linear_tracks

    tracks, offsets = linear_tracks(
        statistics.centre,
        statistics.variance,
        frame_mask(settings.s_frames, ensemble.n_frames),
        ensemble.keypoints,
        n_latent=min(settings.n_latent, 2 * len(ensemble.views)),
        quantile_keep=settings.quantile_keep_pca,
        as_published=settings.as_published,
    )
    no_cameras = _no_cameras()

    def one(k: int) -> SmoothedKeypoint:
        track = tracks[k]
        s = _smooth_param(no_cameras, [track], settings, cancelled)
        means, covs = smooth_track(no_cameras, track, s)
        xy = by_view(means @ track.H.T + offsets[k])
        spread = by_view(np.einsum("di,tij,dj->td", track.H, covs, track.H)) + _noise(track)
        seen = observed(statistics.centre[:, :, k])
        return SmoothedKeypoint(xy, spread, seen, np.zeros_like(seen), s)

    return _each_keypoint(one, len(ensemble.keypoints), settings, progress, cancelled)


def smooth_single(
    ensemble: Ensemble,
    statistics: EnsembleStatistics,
    settings: SmoothingSettings,
    progress: Progress,
    cancelled: IsCancelled,
) -> list[SmoothedKeypoint]:
    """Kalman smoother on the pixels of each view by itself; its views share a keypoint's ``s``."""
    from .linear import single_tracks

    searched = frame_mask(settings.s_frames, ensemble.n_frames)
    no_cameras = _no_cameras()

    def one(k: int) -> SmoothedKeypoint:
        centre, variance = statistics.centre[:, :, k], statistics.variance[:, :, k]
        tracks, offsets = single_tracks(
            centre, variance, searched, as_published=settings.as_published
        )
        seen = observed(centre)
        s = _smooth_param(no_cameras, tracks, settings, cancelled)
        xy, spread = np.full(centre.shape, np.nan), np.full(centre.shape, np.nan)
        for view, (track, offset) in enumerate(zip(tracks, offsets, strict=True)):
            if seen[view].any():
                means, covs = smooth_track(no_cameras, track, s)
                xy[view] = means + offset
                spread[view] = np.diagonal(covs, axis1=1, axis2=2)
        return SmoothedKeypoint(xy, spread, seen, np.zeros_like(seen), s)

    return _each_keypoint(one, len(ensemble.keypoints), settings, progress, cancelled)


def _smooth_param(
    cams: Float64, tracks: list[Track], settings: SmoothingSettings, cancelled: IsCancelled
) -> float:
    if settings.smooth_param is not None:
        return float(settings.smooth_param)
    bounds = PUBLISHED_BOUNDS if settings.as_published else BOUNDS
    return find_smooth_param(cams, tracks, bounds, cancelled)


def _reproject(rig: Rig, xyz: Float64, covariance: Float64) -> tuple[Float64, Float64]:
    """Pixels of a track in every view, and the variance there that its covariance amounts to."""
    from .kalman import project_moments

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
    from ..cameras.projection import pack_cameras

    return pack_cameras(())


def _each_keypoint(
    one: Callable[[int], SmoothedKeypoint],
    n_keypoints: int,
    settings: SmoothingSettings,
    progress: Progress,
    cancelled: IsCancelled,
) -> list[SmoothedKeypoint]:
    """``one(k)`` for every keypoint on all cores; progress counts finished keypoints."""
    stage = "Smoothing keypoints"
    progress(stage, 0, n_keypoints)

    def guarded(k: int) -> SmoothedKeypoint:
        if cancelled():
            raise Cancelled
        return one(k)

    results: list[SmoothedKeypoint] = []
    pool = ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, max(n_keypoints, 1)))
    try:
        finished: Iterable[SmoothedKeypoint] = pool.map(guarded, range(n_keypoints))
        for keypoint in finished:
            results.append(keypoint)
            progress(stage, len(results), n_keypoints)
    finally:
        # After an error or a Cancel the keypoints still waiting are not begun.
        pool.shutdown(wait=True, cancel_futures=True)
    return results


def stack(parts: Iterable[NDArray[Any]], axis: int, dtype: Any) -> NDArray[Any]:
    """Arrays of single keypoints side by side along a new keypoint axis."""
    return np.stack(list(parts), axis=axis).astype(dtype, copy=False)
