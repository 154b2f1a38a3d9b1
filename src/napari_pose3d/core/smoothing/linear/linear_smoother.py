"""The linear smoother: a Kalman smoother on the scores of a model of all views, no calibration.

Notes
-----
As published (ensemble-kalman-smoother 4.6.2) the model is linear, from principal components. This
module computes that, and our variant for other numbers of scores than three, in which the model is
curved (`latent_model`): the departure from the linear model at the current scores is subtracted
from the observations, which are then smoothed again. The default, with three scores, is in
`robust_linear`.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled
from napari_pose3d.wording import counted

from ..kalman.state_space import (
    Float64,
    Track,
    side_by_side,
    smooth_track,
)
from ..noise.observation_noise import VARIANCE_FLOOR, learned_variance, steady_variance
from ..published.variance_inflation import inflated_variance
from .latent_model import LatentModel, fit_latent_model

_JITTER = 1e-9
# Relinearisations of a curved model; the second one moves a point by some hundredths of a px.
_ITERATIONS = 2
# Frames at once where scores are computed frame by frame, between two checks for a cancellation.
_FRAMES_AT_ONCE = 20_000
# Frames beyond which it does not matter how many there are.
_MANY = 1000


@dataclass(frozen=True, eq=False)
class LinearKeypoint:
    """One keypoint's state-space model in all views.

    Attributes
    ----------
    track : Track
        Its state are the scores; its observations are ``y`` without the mean and without the
        departure from the linear model.
    model : LatentModel
    y : (frame, 2 view)
        Observations, px; NaN where missing.
    searched : (frame,) bool
        Frames that the search for ``s`` uses.
    """

    track: Track
    model: LatentModel
    y: Float64
    searched: NDArray[np.bool_]

    def relinearised(self, scores: Float64) -> LinearKeypoint:
        """The same with the departure from the linear model at ``scores (frame, latent)``."""
        y = self.y - self.model.mean - self.model.bend(scores)
        search_y = y if self.searched.all() else np.where(self.searched[:, None], y, np.nan)
        return replace(self, track=replace(self.track, y=y, search_y=search_y))

    def smooth(
        self, cams: Float64, smooth_param: float, cancelled: IsCancelled
    ) -> tuple[Float64, Float64]:
        """Smoothed pixels and their variance, ``(frame, 2 view)`` each, px and px^2.

        Parameters
        ----------
        cams : (0, ...)
            No cameras, packed.
        smooth_param : float
        """
        found = self
        means, covs = smooth_track(cams, found.track, smooth_param, cancelled)
        for _ in range(_ITERATIONS if self.model.curved else 0):
            found = found.relinearised(means)
            means, covs = smooth_track(cams, found.track, smooth_param, cancelled)
        H = self.track.H
        pixels = means @ H.T + self.model.mean
        if self.model.curved:
            pixels += self.model.bend(means)
        return pixels, np.einsum("di,tij,dj->td", H, covs, H, optimize=True)


def training_frames(
    centre: NDArray[np.float32],
    variance: NDArray[np.float32],
    keypoints: tuple[str, ...],
    *,
    n_latent: int,
    quantile_keep: float,
    as_published: bool,
    cancelled: IsCancelled,
    left_out: Container[int] = (),
) -> dict[int, NDArray[np.intp]]:
    """The frames that each keypoint's model is fitted to, complete and of least variance.

    Parameters
    ----------
    centre, variance : (view, frame, keypoint, 2)
        The ensemble's centre (px) and variance (px^2).
    keypoints : tuple of str
    n_latent : int
        Dimensions of the state; at most twice the number of views.
    quantile_keep : float
        Percentage of the complete frames.
    left_out : container of int
        Keypoints, by index, that are passed over.

    Returns
    -------
    dict of int to (n,) int
        Frames by keypoint.

    Raises
    ------
    PoseDataError
        Too many dimensions, or too few frames in which all views observe a keypoint.
    """
    n_obs = 2 * centre.shape[0]
    if not 1 <= n_latent <= n_obs:
        raise PoseDataError(
            f"the linear smoother cannot have {n_latent} dimensions with {n_obs // 2} views",
            expected=f"between 1 and {n_obs}",
        )
    good = {}
    for k, name in enumerate(keypoints):
        if k in left_out:
            continue
        if cancelled():
            raise Cancelled
        y, v = side_by_side(centre[:, :, k]), side_by_side(variance[:, :, k])
        frames = _good_frames(y, v, quantile_keep)
        if len(frames) <= n_latent + 1:
            raise PoseDataError(
                f"all views observe the keypoint {name} together in "
                f"{counted(len(frames), 'frame')} only",
                expected=f"more than {n_latent + 1} for a linear model with {n_latent} dimensions",
                todo="Leave the keypoint out, lower the minimum likelihood, or smooth each view "
                "by itself (mode 'single')",
            )
        good[k] = frames
    if as_published:
        # The published code keeps equally many frames of every keypoint, the first ones.
        shortest = min(map(len, good.values()))
        return {k: frames[:shortest] for k, frames in good.items()}
    return good


def linear_keypoint(
    centre: NDArray[np.float32],
    variance: NDArray[np.float32],
    frames: NDArray[np.intp],
    searched: NDArray[np.bool_],
    *,
    n_latent: int,
    inflate: bool,
    as_published: bool,
    cancelled: IsCancelled,
) -> LinearKeypoint:
    """The model of one keypoint.

    Parameters
    ----------
    centre, variance : (view, frame, 2)
        The ensemble's centre (px) and variance (px^2).
    frames : (n,) int
        From `training_frames`.
    searched : (frame,) bool
    n_latent : int
    inflate : bool
        Whether the variance of an observation that contradicts the other views is inflated.
    as_published : bool
        Whether to compute what ensemble-kalman-smoother 4.6.2 does.
    """
    y, v = side_by_side(centre), side_by_side(variance)
    model, scores = fit_latent_model(y[frames], n_latent, curved=not as_published)
    if cancelled():
        raise Cancelled
    H = model.loadings
    S0 = np.diag(scores.var(axis=0))
    steps = np.diff(scores, axis=0)
    if not as_published:
        # A step over a gap of g frames has g times the variance of one frame's.
        steps = steps / np.sqrt(np.diff(frames))[:, None]
    Q = np.atleast_2d(np.cov(steps.T))
    Q = Q / max(float(np.abs(Q).max()), 1e-300)
    straight = y - model.mean
    if model.curved:
        scores = framewise_scores(model, straight, v, S0, cancelled)
        straight = straight - model.bend(scores)
    r = v if as_published else _noise_of_residuals(straight, v, H)
    if cancelled():
        raise Cancelled
    if inflate:
        r = inflated_variance(straight, r, n_latent, cancelled)
        if as_published:
            # In single precision, in which the published smoother keeps it.
            r = r.astype(np.float32).astype(np.float64)
    track = make_track(straight, r, np.zeros(n_latent), S0, Q, H, searched, as_published)
    return LinearKeypoint(track, model, y, searched)


def framewise_scores(
    model: LatentModel, shifted: Float64, v: Float64, S0: Float64, cancelled: IsCancelled
) -> Float64:
    """Scores of each frame by itself from its observations and the prior, ``(frame, latent)``.

    Parameters
    ----------
    shifted, v : (frame, 2 view)
        Observations without the model's mean (px) and their variance (px^2).
    S0 : (latent, latent)
        Prior covariance, diagonal.
    """
    H = model.loadings
    scores = np.zeros((len(shifted), H.shape[1]))
    prior = np.diag(1.0 / np.maximum(np.diagonal(S0), 1e-12))
    for start in range(0, len(shifted), _FRAMES_AT_ONCE):
        part = slice(start, start + _FRAMES_AT_ONCE)
        y = shifted[part]
        known = np.isfinite(y) & np.isfinite(v[part])
        precision = np.where(known, 1.0 / np.maximum(v[part], VARIANCE_FLOOR), 0.0)
        information = np.einsum("di,td,dj->tij", H, precision, H, optimize=True) + prior
        for _ in range(1 + _ITERATIONS):
            if cancelled():
                raise Cancelled
            rest = np.where(known, y - model.bend(scores[part]), 0.0)
            vector = (precision * rest) @ H
            scores[part] = np.linalg.solve(information, vector[..., None])[..., 0]
    return scores


def n_training_frames(
    centre: NDArray[np.float32], variance: NDArray[np.float32], quantile_keep: float
) -> int:
    """How many frames the model of a keypoint would be fitted to; of many, about how many.

    Parameters
    ----------
    centre, variance : (view, frame, 2)
    quantile_keep : float
        Percentage of the complete frames.
    """
    complete = (np.isfinite(centre).all(axis=-1) & np.isfinite(variance).all(axis=-1)).all(axis=0)
    n = int(complete.sum())
    if not n or n * quantile_keep > 100 * _MANY:
        return int(n * quantile_keep / 100)
    y, v = side_by_side(centre[:, complete]), side_by_side(variance[:, complete])
    return len(_good_frames(y, v, quantile_keep))


def _good_frames(y: Float64, v: Float64, quantile_keep: float) -> NDArray[np.intp]:
    complete = np.isfinite(y).all(axis=1) & np.isfinite(v).all(axis=1)
    if not complete.any():
        return np.array([], dtype=np.intp)
    worst = np.where(complete, v.max(axis=1), np.inf)
    limit = np.percentile(worst[complete], quantile_keep)
    return np.flatnonzero(worst <= limit)


def _noise_of_residuals(straight: Float64, v: Float64, H: Float64) -> Float64:
    """Observation variance from what the linear model leaves over, ``(frame, 2 view)`` px^2."""
    spread = v.reshape(len(v), -1, 2).mean(axis=-1)
    n_obs, n_latent = H.shape
    squared = np.full_like(spread, np.nan)
    if n_obs > n_latent:
        rest = straight - (straight @ H) @ H.T
        squared = (rest.reshape(len(v), -1, 2) ** 2).mean(axis=-1)
        squared *= n_obs / (n_obs - n_latent)
    return np.repeat(learned_variance(spread, squared), 2, axis=1)


def make_track(
    y: Float64,
    r: Float64,
    m0: Float64,
    S0: Float64,
    Q: Float64,
    H: Float64,
    searched: NDArray[np.bool_],
    as_published: bool,
) -> Track:
    """A `Track` with what the search for ``s`` uses; ``y`` and ``r`` are ``(frame, column)``."""
    if as_published:
        search_y = np.ascontiguousarray(y[searched])
        return Track(y, r, m0, S0, Q, H, search_y, steady_variance(r[searched]), _JITTER)
    search_y = y if searched.all() else np.where(searched[:, None], y, np.nan)
    return Track(y, r, m0, S0, Q, H, search_y, r)
