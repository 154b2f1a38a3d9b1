"""Variance inflation of observations that do not fit the other views, by Mahalanobis distance.

As ensemble-kalman-smoother 4.6.2 does it: a linear model of all views (factor analysis) is fitted
to the frames with the least variance, and where a view lies too far from what all views together
predict, its variance is multiplied; then all is repeated until no view lies too far.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import IsCancelled

from ..kalman.state_space import Float64

# Squared Mahalanobis distance of a view (two coordinates) above which it is inflated, and by how
# much in each iteration.
_LIMIT = 5.0
_FACTOR = 10.0
_EPSILON = 1e-6
# Percentage of the frames, those with the least variance, that the model is fitted to.
_LOW_VARIANCE_PERCENT = 50.0
# The published loop ends when nothing is inflated; with a variance of zero it never would.
_MOST_ITERATIONS = 30

# Frames at once, between two checks for a cancellation.
_FRAMES_AT_ONCE = 20_000
_TOLERANCE = 1e-2
_MOST_STEPS = 1000


def inflated_variance(
    y: Float64,
    variance: Float64,
    n_latent: int,
    cancelled: IsCancelled,
) -> Float64:
    """Variances of one keypoint's observations, larger where a view contradicts the others.

    Parameters
    ----------
    y, variance : (frame, 2 view)
        Observations (px) and their variance (px^2), x and y of each view in turn; NaN where
        missing.
    n_latent : int
        Dimensions of the linear model.

    Returns
    -------
    (frame, 2 view)
        ``variance`` itself where too few frames are complete to fit a model. An observation is
        left as it is in frames with fewer coordinates than the model has dimensions.
    """
    inflated = variance.copy()
    for _ in range(_MOST_ITERATIONS):
        if cancelled():
            raise Cancelled
        frames = _low_variance_frames(y, inflated, n_latent + 2)
        if len(frames) < n_latent + 2:
            return inflated
        mean, loadings = factor_analysis(y[frames], n_latent)
        parts = []
        for start in range(0, len(y), _FRAMES_AT_ONCE):
            if cancelled():
                raise Cancelled
            part = slice(start, start + _FRAMES_AT_ONCE)
            parts.append(_distances(y[part] - mean, inflated[part], loadings) > _LIMIT)
        too_far = np.concatenate(parts)
        if too_far.shape[1] == 2:
            # Two views that contradict each other: either can be wrong.
            too_far |= too_far.any(axis=1, keepdims=True)
        if not too_far.any():
            break
        columns = np.repeat(too_far, 2, axis=1)
        inflated[columns] = np.maximum(inflated[columns], _EPSILON) * _FACTOR
    return inflated


def factor_analysis(x: Float64, n_latent: int) -> tuple[Float64, Float64]:
    """Mean and loadings of ``x = mean + loadings @ z + e``, z standard normal, e independent.

    Maximum likelihood by expectation maximisation with the loadings in closed form (Barber,
    "Bayesian Reasoning and Machine Learning", 2012, 21.2.2). It starts from unit noise and stops
    when a step gains less than 0.01 in log-likelihood: the published smoother's factor analysis
    does so, and further steps would change its result.

    Parameters
    ----------
    x : (frame, column)
    n_latent : int

    Returns
    -------
    mean : (column,)
    loadings : (column, n_latent)
    """
    n, n_columns = x.shape
    mean = x.mean(axis=0)
    centred = x - mean
    covariance = centred.T @ centred / n
    total = np.diagonal(covariance)
    noise = np.ones(n_columns)
    loadings = np.zeros((n_columns, n_latent))
    before = -np.inf
    for _ in range(_MOST_STEPS):
        root = np.sqrt(noise) + 1e-12
        values, vectors = np.linalg.eigh(covariance / np.outer(root, root))
        values, vectors = values[::-1], vectors[:, ::-1]
        kept = np.maximum(values[:n_latent], 1e-300)
        loadings = root[:, None] * vectors[:, :n_latent] * np.sqrt(np.maximum(kept - 1, 0.0))
        cost = np.log(kept).sum() + values[n_latent:].sum() + np.log(noise).sum()
        likelihood = -0.5 * n * float(cost)
        if likelihood - before < _TOLERANCE:
            break
        before = likelihood
        noise = np.maximum(total - (loadings**2).sum(axis=1), 1e-12)
    return mean, loadings


def _low_variance_frames(y: Float64, variance: Float64, enough: int) -> NDArray[np.intp]:
    """Complete frames whose largest variance is below the median of the complete frames."""
    complete = np.isfinite(y).all(axis=1) & np.isfinite(variance).all(axis=1)
    if not complete.any():
        return np.array([], dtype=np.intp)
    worst = np.where(complete, variance.max(axis=1), np.inf)
    limit = np.percentile(worst[complete], _LOW_VARIANCE_PERCENT)
    below = np.flatnonzero(worst < limit)
    # Where half of the variances are equal, as with a floor, hardly any is below their median.
    return below if len(below) >= enough else np.flatnonzero(worst <= limit)


def _distances(x: Float64, variance: Float64, loadings: Float64) -> Float64:
    """Squared Mahalanobis distance of each view from the model's reconstruction, (frame, view)."""
    n_frames, n_columns = x.shape
    n_latent = loadings.shape[1]
    observed = np.isfinite(x) & np.isfinite(variance)
    precision = np.where(observed, 1.0 / (np.where(observed, variance, 1.0) + _EPSILON), 0.0)
    weighted = precision[:, :, None] * loadings
    B = np.linalg.pinv(np.einsum("di,tdj->tij", loadings, weighted), hermitian=True)
    z = np.einsum("tij,tdj,td->ti", B, weighted, np.where(observed, x, 0.0), optimize=True)
    error = (x - z @ loadings.T).reshape(n_frames, -1, 2)
    by_view = loadings.reshape(n_columns // 2, 2, n_latent)
    S = np.einsum("cai,tij,cbj->tcab", by_view, B, by_view, optimize=True)
    S[..., [0, 1], [0, 1]] += variance.reshape(n_frames, -1, 2)
    determinant = S[..., 0, 0] * S[..., 1, 1] - S[..., 0, 1] ** 2
    ex, ey = error[..., 0], error[..., 1]
    squares = ex**2 * S[..., 1, 1] - 2 * ex * ey * S[..., 0, 1] + ey**2 * S[..., 0, 0]
    # With no more coordinates than dimensions everything fits, and rounding decides nothing.
    usable = observed.reshape(n_frames, -1, 2).all(axis=-1) & (determinant > 0)
    usable &= (observed.sum(axis=1) > n_latent)[:, None]
    return np.where(usable, squares / np.where(usable, determinant, 1.0), 0.0)
