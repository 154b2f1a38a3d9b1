"""A low-dimensional model of a keypoint's pixels in all views, for recordings without calibration.

Notes
-----
The pixels of one keypoint in C views are 2 C numbers that depend on three: its position. For
parallel projections the dependence is linear, and principal components describe it. Perspective
makes it curved: with cameras at a few body lengths the linear model is off by several px, in the
same way in frame after frame, so that no amount of data averages it away. The curvature is small
beside the extent of the movement and nearly quadratic::

    y = mean + H z + B phi(z) + e

with the loadings ``H``, the scores ``z``, and ``phi`` all products of two scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import IsCancelled

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

# Frames per coefficient that the quadratic terms are estimated from, at least.
_FRAMES_PER_TERM = 10
# Residuals of more than so many times the median have less and less weight in the first fit.
_OUTLIER = 3.0
_FIRST_ITERATIONS, _ITERATIONS = 10, 6
# Scores are taken to lie within this multiple of the range that the model was fitted to.
_RANGE = 1.25
# So many frames determine the coefficients.
_MANY_FRAMES = 6_000
# Frames at once, between two checks for a cancellation.
_FRAMES_AT_ONCE = 20_000


@dataclass(frozen=True, eq=False)
class LatentModel:
    """Pixels of one keypoint in all views as a function of a few scores.

    Attributes
    ----------
    mean : (2 view,)
        px.
    loadings : (2 view, latent)
        Orthonormal columns, or nearly so.
    curvature : (2 view, latent (latent + 1) / 2)
        ``B``, px: coefficients of the products of the scaled scores; zero for a linear model.
    scale : (latent,)
        Standard deviation of the scores that the model was fitted to, px.
    limit : (latent,)
        Largest scaled score for which the quadratic terms are evaluated.
    """

    mean: Float64
    loadings: Float64
    curvature: Float64
    scale: Float64
    limit: Float64

    @property
    def curved(self) -> bool:
        """Whether there are quadratic terms."""
        return bool(self.curvature.any())

    def bend(self, scores: Float64) -> Float64:
        """``B phi(z)``: departure from the linear model, ``(frame, 2 view)`` px.

        Parameters
        ----------
        scores : (frame, latent)
        """
        scaled = np.clip(scores / self.scale, -self.limit, self.limit)
        return np.asarray(_products(scaled) @ self.curvature.T)

    def pixels(self, scores: Float64) -> Float64:
        """Pixels of scores, ``(frame, latent)`` -> ``(frame, 2 view)``."""
        found = scores @ self.loadings.T + self.mean
        return found + self.bend(scores) if self.curved else found

    def jacobian(self, scores: Float64) -> Float64:
        """Derivative of `pixels`, ``(frame, 2 view, latent)``."""
        n_frames, n_latent = scores.shape
        found = np.empty((n_frames, *self.loadings.shape))
        found[:] = self.loadings
        if self.curved:
            scaled = np.clip(scores / self.scale, -self.limit, self.limit)
            inside = np.abs(scores / self.scale) < self.limit
            first, second = np.triu_indices(n_latent)
            for i in range(n_latent):
                derivative = scaled[:, second] * (first == i) + scaled[:, first] * (second == i)
                slope = derivative @ self.curvature.T / self.scale[i]
                found[:, :, i] += np.where(inside[:, i, None], slope, 0.0)
        return found


def fit_latent_model(y: Float64, n_latent: int, *, curved: bool) -> tuple[LatentModel, Float64]:
    """Principal components, and the quadratic terms.

    Parameters
    ----------
    y : (frame, 2 view)
        Complete frames only, px.
    n_latent : int
    curved : bool
        Whether to estimate quadratic terms, where there are enough frames.

    Returns
    -------
    model : LatentModel
    scores : (frame, latent)
        Of the frames given.
    """
    n_terms = 1 + n_latent + n_latent * (n_latent + 1) // 2
    if not curved or y.shape[1] <= n_latent or len(y) < _FRAMES_PER_TERM * n_terms:
        return _fit(y, n_latent, curved=False)
    model, _ = _fit(y[:: 1 + len(y) // _MANY_FRAMES], n_latent, curved=True)
    return model, (y - model.mean) @ model.loadings


def refined_model(
    model: LatentModel, y: Float64, thresholds: Float64 | None, cancelled: IsCancelled
) -> LatentModel:
    """A model fitted again to the inliers of all frames, complete or not.

    Parameters
    ----------
    model : LatentModel
        The start.
    y : (frame, 2 view)
        px; NaN where missing.
    thresholds : (view,) or None
        As for `consensus`.

    Returns
    -------
    LatentModel
        ``model`` itself where too few frames have inliers.
    """
    some = y[:: 1 + len(y) // _MANY_FRAMES]
    n_views = y.shape[1] // 2
    for _ in range(_ITERATIONS):
        scores, inliers = consensus(model, some, thresholds, cancelled)
        usable = np.isfinite(scores[:, 0]) & (inliers.sum(axis=1) >= min(n_views, 3))
        fitted = _regression(model, some[usable], scores[usable], inliers[usable])
        if fitted is None:
            return model
        model = fitted
    return model


def consensus(
    model: LatentModel, y: Float64, thresholds: Float64 | None, cancelled: IsCancelled
) -> tuple[Float64, Bool]:
    """Scores of each frame by itself, from the views that agree.

    Each pair of views proposes scores; those with the least truncated squared residual over all
    views win, and the views within the threshold of them are solved once more.

    Parameters
    ----------
    model : LatentModel
    y : (frame, 2 view)
        px; NaN where missing.
    thresholds : (view,) or None
        Residual in px of an outlier; None: found from the residuals. Infinite: every observation is
        an inlier.

    Returns
    -------
    scores : (frame, latent)
        NaN with fewer than two views, and where of three or more views only two agree.
    inliers : (frame, view) bool
    """
    scores = np.full((len(y), model.loadings.shape[1]), np.nan)
    inliers = np.zeros((len(y), y.shape[1] // 2), dtype=bool)
    if thresholds is None:
        sample = y[:: 1 + len(y) // _MANY_FRAMES]
        thresholds = _auto_thresholds(model, sample)
    for start in range(0, len(y), _FRAMES_AT_ONCE):
        if cancelled():
            raise Cancelled
        part = slice(start, start + _FRAMES_AT_ONCE)
        scores[part], inliers[part] = _agreeing(model, y[part], thresholds)
    return scores, inliers


def _agreeing(model: LatentModel, y: Float64, thresholds: Float64) -> tuple[Float64, Bool]:
    n_views = len(thresholds)
    observed = np.asarray(np.isfinite(y).reshape(len(y), n_views, 2).all(axis=-1))
    best: Float64 = np.full(len(y), np.inf)
    members = np.zeros(observed.shape, dtype=bool)
    groups: list[Sequence[int]] = list(combinations(range(n_views), 2))
    if not np.isfinite(thresholds).all():
        groups = []
        members = observed & (observed.sum(axis=1) > 1)[:, None]
    for group in groups:
        there = np.flatnonzero(observed[:, group].all(axis=1) & (best > 0))
        squared = _view_residuals(model, y[there], _solve_group(model, y[there], group))
        ratio = np.where(observed[there], squared / thresholds**2, np.inf)
        cost: Float64 = np.where(observed[there], np.fmin(ratio, 1.0), 0.0).sum(axis=1)
        before = best[there]
        improved = np.flatnonzero(cost < before)
        better = there[improved]
        best[better] = cost[improved]
        chosen = np.asarray(ratio[improved] <= 1.0)
        chosen[:, list(group)] = True
        members[better] = chosen
    n_observed, n_members = observed.sum(axis=1), members.sum(axis=1)
    open_frames = (n_members < 2) | ((n_observed > 2) & (n_members == 2))
    members[open_frames] = False
    scores = np.full((len(y), model.loadings.shape[1]), np.nan)
    solved = ~open_frames
    scores[solved] = _solve_members(model, y[solved], members[solved])
    return scores, members


def _auto_thresholds(model: LatentModel, y: Float64) -> Float64:
    """Five times the median residual of each view, at least 3 px, of the views that agree."""
    n_views = y.shape[1] // 2
    if n_views < 3:
        return np.full(n_views, np.inf)
    thresholds = np.full(n_views, 30.0)
    # From generous thresholds down: the median does not depend on a few outliers.
    for _ in range(3):
        scores, members = _agreeing(model, y, thresholds)
        squared = np.where(members, _view_residuals(model, y, scores), np.nan)
        if not np.isfinite(squared).any(axis=0).all():
            break
        thresholds = np.maximum(5.0 * np.sqrt(np.nanmedian(squared, axis=0)), 3.0)
    return thresholds


def _view_residuals(model: LatentModel, y: Float64, scores: Float64) -> Float64:
    """Squared length of the residual in each view, ``(frame, view)`` px^2; NaN where missing."""
    rest = (y - model.pixels(scores)) ** 2
    return np.asarray(rest[:, 0::2] + rest[:, 1::2])


def _ridge(model: LatentModel) -> Float64:
    """Weak prior on the scores, for directions that a group of views hardly determines."""
    return np.diag(1.0 / np.maximum(model.scale, 1e-6) ** 2)


def _solve_group(model: LatentModel, y: Float64, group: Sequence[int]) -> Float64:
    """Scores by least squares from some views, the same ones in all frames."""
    columns = [2 * view + i for view in group for i in range(2)]
    H = model.loadings[columns]
    solver = np.linalg.solve(H.T @ H + _ridge(model), H.T).T
    shifted = y[:, columns] - model.mean[columns]
    scores = shifted @ solver
    for _ in range(2 if model.curved else 0):
        scores = (shifted - model.bend(scores)[:, columns]) @ solver
    return np.asarray(scores)


def _solve_members(model: LatentModel, y: Float64, members: Bool) -> Float64:
    """Scores by least squares from the views ``members (frame, view)``."""
    H = model.loadings
    weights = np.repeat(members.astype(np.float64), 2, axis=1)
    information = np.einsum("di,td,dj->tij", H, weights, H, optimize=True) + _ridge(model)
    shifted = np.where(weights > 0, y - model.mean, 0.0)
    scores = np.zeros((len(y), H.shape[1]))
    for _ in range(3 if model.curved else 1):
        rest = weights * (shifted - model.bend(scores))
        scores = np.linalg.solve(information, (rest @ H)[..., None])[..., 0]
    return scores


def _regression(
    model: LatentModel, y: Float64, scores: Float64, inliers: Bool
) -> LatentModel | None:
    """Coefficients of each view by least squares on the scores of its inliers."""
    n_latent = scores.shape[1]
    scale = np.maximum(scores.std(axis=0), 1e-9) if len(scores) else model.scale
    scaled = scores / scale
    terms = np.concatenate([np.ones((len(scores), 1)), scaled], axis=1)
    if model.curved:
        terms = np.concatenate([terms, _products(scaled)], axis=1)
    found = np.zeros((y.shape[1], terms.shape[1]))
    for view in range(inliers.shape[1]):
        kept = inliers[:, view]
        if kept.sum() < _FRAMES_PER_TERM * terms.shape[1]:
            return None
        columns = slice(2 * view, 2 * view + 2)
        found[columns] = np.linalg.lstsq(terms[kept], y[kept, columns], rcond=1e-6)[0].T
    curvature = found[:, 1 + n_latent :] if model.curved else np.zeros_like(model.curvature)
    return LatentModel(
        found[:, 0],
        np.ascontiguousarray(found[:, 1 : 1 + n_latent] / scale),
        np.ascontiguousarray(curvature),
        scale,
        _RANGE * np.abs(scaled).max(axis=0),
    )


def _fit(y: Float64, n_latent: int, *, curved: bool) -> tuple[LatentModel, Float64]:
    weights = np.ones(len(y))
    for iteration in range(_FIRST_ITERATIONS if curved else 1):
        mean = weights @ y / weights.sum()
        root = np.sqrt(weights)[:, None]
        _, _, axes = np.linalg.svd(root * (y - mean), full_matrices=False)
        loadings = np.ascontiguousarray(axes[:n_latent].T)
        z = (y - mean) @ loadings
        scale = np.maximum(np.sqrt(weights @ z**2 / weights.sum()), 1e-9)
        flat = np.zeros((y.shape[1], n_latent * (n_latent + 1) // 2))
        model = LatentModel(mean, loadings, flat, scale, np.full(n_latent, np.inf))
        if curved and iteration:
            scaled = z / scale
            terms = np.concatenate([np.ones((len(z), 1)), _products(scaled)], axis=1)
            rest = y - mean - z @ loadings.T
            coefficients = np.linalg.lstsq(root * terms, root * rest, rcond=1e-6)[0].T
            model = replace(
                model,
                mean=mean + coefficients[:, 0],
                curvature=np.ascontiguousarray(coefficients[:, 1:]),
                limit=_RANGE * np.abs(scaled).max(axis=0),
            )
        squared = _squared_residual(model, y)
        # Redescending weights of whole frames (Geman & McClure 1987).
        weights = (1.0 + squared / (_OUTLIER**2 * np.median(squared) + 1e-12)) ** -2
    return model, z


def _squared_residual(model: LatentModel, y: Float64) -> Float64:
    """Mean squared residual of complete frames, ``(frame,)`` px^2."""
    z = (y - model.mean) @ model.loadings
    return np.asarray(((y - model.pixels(z)) ** 2).mean(axis=1))


def _products(z: Float64) -> Float64:
    """All products of two columns, ``(frame, n (n + 1) / 2)``."""
    first, second = np.triu_indices(z.shape[1])
    return np.asarray(z[:, first] * z[:, second])
