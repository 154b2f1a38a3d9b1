"""The smoothers that need no calibration: PCA over all views, and each view by itself.

Both follow ensemble-kalman-smoother 4.6.2 in state and motion. Our default differs in the noise:
its level is learned from what the linear model leaves over, and no variance is below a floor.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.errors import PoseDataError
from napari_pose3d.core.poses.arrays import observed_mask
from napari_pose3d.core.settings import IsCancelled

from .kalman.state_space import Float64, Track, side_by_side
from .noise.observation_noise import VARIANCE_FLOOR, learned_variance, steady_variance
from .published.variance_inflation import inflated_variance

_JITTER = 1e-9


def linear_tracks(
    centre: NDArray[np.float32],
    variance: NDArray[np.float32],
    searched: NDArray[np.bool_],
    keypoints: tuple[str, ...],
    *,
    n_latent: int,
    quantile_keep: float,
    inflate: bool,
    as_published: bool,
    cancelled: IsCancelled,
) -> tuple[list[Track], Float64]:
    """A PCA model of all views for each keypoint.

    Parameters
    ----------
    centre, variance : (view, frame, keypoint, 2)
        The ensemble's centre (px) and variance (px^2).
    searched : (frame,) bool
    n_latent : int
        Dimensions of the state; at most twice the number of views.
    quantile_keep : float
        Percentage of frames, those with the least variance, that the model is fitted to.
    inflate : bool
        Whether the noise of an observation that contradicts the other views is inflated.

    Returns
    -------
    tracks : list of Track
        One per keypoint, its observations shifted by ``offset``.
    offset : (keypoint, 2 view)
        To be added to ``H @ state``.

    Raises
    ------
    PoseDataError
        Too few frames in which all views see a keypoint.
    """
    n_obs = 2 * centre.shape[0]
    if not 1 <= n_latent <= n_obs:
        raise PoseDataError(
            f"the linear smoother cannot have {n_latent} dimensions with {n_obs // 2} views",
            expected=f"between 1 and {n_obs}",
        )
    columns = [side_by_side(centre[:, :, k]) for k in range(len(keypoints))]
    noises = [side_by_side(variance[:, :, k]) for k in range(len(keypoints))]
    good = [_good_frames(y, v, quantile_keep) for y, v in zip(columns, noises, strict=True)]
    for name, frames in zip(keypoints, good, strict=True):
        if len(frames) <= n_latent + 1:
            raise PoseDataError(
                f"all views see the keypoint {name} together in {len(frames)} frames only",
                expected=f"more than {n_latent + 1} for a linear model with {n_latent} dimensions",
                todo="Leave the keypoint out, lower the minimum likelihood, or smooth each view "
                "by itself (mode 'single')",
            )
    # The published code keeps equally many frames of every keypoint, the first ones.
    shortest = min(len(frames) for frames in good)
    tracks, offsets = [], []
    for y, v, frames in zip(columns, noises, good, strict=True):
        kept = frames[:shortest] if as_published else frames
        track, offset = _pca_track(y, v, kept, n_latent, searched, inflate, as_published, cancelled)
        tracks.append(track)
        offsets.append(offset)
    return tracks, np.array(offsets)


def single_tracks(
    centre: NDArray[np.float32],
    variance: NDArray[np.float32],
    searched: NDArray[np.bool_],
    *,
    as_published: bool,
) -> tuple[list[Track], Float64]:
    """Each view of one keypoint by itself.

    Parameters
    ----------
    centre, variance : (view, frame, 2)
    searched : (frame,) bool

    Returns
    -------
    tracks : list of Track
        One per view; a view that never saw the keypoint has a track without observations.
    offset : (view, 2)
        To be added to the state.
    """
    tracks, offsets = [], []
    for y, v in zip(centre.astype(np.float64), variance.astype(np.float64), strict=True):
        observed = observed_mask(y)
        offset = y[observed].mean(axis=0) if observed.any() else np.zeros(2)
        extent = y[observed].var(axis=0) if observed.any() else np.ones(2)
        shifted = y - offset
        r = np.ascontiguousarray(v) if as_published else _shrunk(v, observed)
        track = _finish(
            shifted, r, np.zeros(2), np.diag(extent), np.eye(2), np.eye(2), searched, as_published
        )
        tracks.append(track)
        offsets.append(offset)
    return tracks, np.array(offsets)


def _good_frames(y: Float64, v: Float64, quantile_keep: float) -> NDArray[np.intp]:
    complete = np.isfinite(y).all(axis=1) & np.isfinite(v).all(axis=1)
    if not complete.any():
        return np.array([], dtype=np.intp)
    worst = np.where(complete, v.max(axis=1), np.inf)
    limit = np.percentile(worst[complete], quantile_keep)
    return np.flatnonzero(worst <= limit)


def _pca_track(
    y: Float64,
    v: Float64,
    frames: NDArray[np.intp],
    n_latent: int,
    searched: NDArray[np.bool_],
    inflate: bool,
    as_published: bool,
    cancelled: IsCancelled,
) -> tuple[Track, Float64]:
    good = y[frames]
    offset = good.mean(axis=0)
    _, _, axes = np.linalg.svd(good - offset, full_matrices=False)
    H = np.ascontiguousarray(axes[:n_latent].T)
    scores = (good - offset) @ H
    S0 = np.diag(scores.var(axis=0))
    if as_published:
        steps = np.diff(scores, axis=0)
    else:
        # A step over a gap of g frames has g times the variance of one frame's.
        steps = np.diff(scores, axis=0) / np.sqrt(np.diff(frames))[:, None]
    Q = np.atleast_2d(np.cov(steps.T))
    Q = Q / max(float(np.abs(Q).max()), 1e-300)
    shifted = y - offset
    if as_published:
        r = v
    else:
        spread = v.reshape(len(v), -1, 2).mean(axis=-1)
        left_over = shifted - (shifted @ H) @ H.T
        n_obs = y.shape[1]
        if n_obs > n_latent:
            squared = (left_over.reshape(len(y), -1, 2) ** 2).mean(axis=-1)
            squared = squared * (n_obs / (n_obs - n_latent))
        else:
            squared = np.full_like(spread, np.nan)
        r = np.repeat(learned_variance(spread, squared), 2, axis=1)
    if inflate:
        r = inflated_variance(shifted, r, n_latent, cancelled)
        if as_published:
            # In single precision, in which the published smoother keeps it.
            r = r.astype(np.float32).astype(np.float64)
    track = _finish(shifted, r, np.zeros(n_latent), S0, Q, H, searched, as_published)
    return track, offset


def _shrunk(v: Float64, observed: NDArray[np.bool_]) -> Float64:
    """Half the frame's own ensemble variance, half the typical one, and never below the floor."""
    if not observed.any():
        return np.ascontiguousarray(v)
    typical = np.median(v[observed], axis=0)
    return np.ascontiguousarray(np.maximum(0.5 * (v + typical), VARIANCE_FLOOR))


def _finish(
    y: Float64,
    r: Float64,
    m0: Float64,
    S0: Float64,
    Q: Float64,
    H: Float64,
    searched: NDArray[np.bool_],
    as_published: bool,
) -> Track:
    if as_published:
        return Track(
            y,
            r,
            m0,
            S0,
            Q,
            H,
            np.ascontiguousarray(y[searched]),
            steady_variance(r[searched]),
            _JITTER,
        )
    search_y = y if searched.all() else np.where(searched[:, None], y, np.nan)
    return Track(y, r, m0, S0, Q, H, search_y, r)
