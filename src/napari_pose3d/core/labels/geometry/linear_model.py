"""Filling views without a rig: what the labeled frames teach about how the views hang together.

A point in space has three coordinates, so its pixels in all views lie near a surface of three
dimensions, whichever keypoint it is. Around the labels of one keypoint that surface is flat: it is
the plane that a principal component analysis of similar labels gives, as in the linear smoother.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_pose3d.core.poses.arrays import observed_mask
from napari_pose3d.errors import PoseDataError

from .label_projection import CLICK_SD

Float64 = NDArray[np.float64]

# Space has no more dimensions than this.
_N_LATENT = 3
# Labels of one keypoint in the same views and frame that it takes to learn anything.
_MIN_ROWS = 20
# More would cost time and change nothing.
_MOST_ROWS = 5000
# The plane is fitted to so many similar labels; those at the distance of the middle one count 0.6.
_NEIGHBOURS = 60
# A label this many times the typical distance away from the plane is a mistake.
_OUTLIER = 5.0
# A position is worth showing when its standard deviation is below this part of the labels' spread,
# or so many times that of a click.
_WORTH_OF_SPREAD, _WORTH_OF_CLICK = 0.1, 4.0


@dataclass(frozen=True, eq=False)
class LinearProjection:
    """Positions of each view as predicted from the labels of the others.

    Attributes
    ----------
    xy : (view, keypoint, 2) float64
        In px; in a labeled view as well, from the labels of the others. NaN where the model cannot
        tell.
    uncertainty : (view, keypoint, 2, 2) float64
        Covariance of ``xy`` in px^2, from how well it would have found similar labels.
    """

    xy: Float64
    uncertainty: Float64


@dataclass(frozen=True, eq=False)
class LinearModel:
    """Labels that views share; made by `learn`.

    Attributes
    ----------
    rows : (row, view, 2) float64
        Labels of one keypoint in one frame each, px; NaN where a view has none.
    spread : (view,) float64
        Standard deviation of all labels in a view, px, along their longest direction.
    """

    rows: Float64
    spread: Float64

    def project(self, xy: ArrayLike, max_sd: float | None = None) -> LinearProjection:
        """Fill views of one frame from the labels of its other views.

        Parameters
        ----------
        xy : (view, keypoint, 2)
            Labels that a person stands behind, px; NaN elsewhere.
        max_sd : float, optional
            Positions with a larger standard deviation (px, in the direction where it is largest)
            are left out; by default a tenth of the labels' spread in the view, at least 6 px.

        Raises
        ------
        PoseDataError
            The labels do not have the model's number of views.
        """
        labels = np.asarray(xy, dtype=np.float64)
        n_views = self.rows.shape[1]
        if labels.ndim != 3 or labels.shape[0] != n_views or labels.shape[-1] != 2:
            raise PoseDataError(
                f"the labels have shape {labels.shape}",
                expected=f"({n_views}, keypoint, 2), the views that the model was learned from",
            )
        filled = np.full(labels.shape, np.nan)
        uncertainty = np.full((*labels.shape, 2), np.nan)
        seen, known = observed_mask(labels), observed_mask(self.rows)
        for k in range(labels.shape[1]):
            for view in range(n_views):
                given = [int(v) for v in np.flatnonzero(seen[:, k]) if v != view]
                given = _enough_rows(known, given, view)
                if not given:
                    continue
                rows = self.rows[known[:, [*given, view]].all(axis=1)][:, [*given, view]]
                position, spread = _predicted(rows.reshape(len(rows), -1), labels[given, k].ravel())
                limit = max_sd
                if limit is None:
                    limit = max(_WORTH_OF_SPREAD * self.spread[view], _WORTH_OF_CLICK * CLICK_SD)
                if np.linalg.eigvalsh(spread)[-1] <= limit**2:
                    filled[view, k], uncertainty[view, k] = position, spread
        return LinearProjection(filled, uncertainty)


def learn(xy: ArrayLike) -> LinearModel | None:
    """Learn from labeled frames how the views hang together.

    Parameters
    ----------
    xy : (frame, view, keypoint, 2)
        Labels that a person stands behind, px; NaN elsewhere. All keypoints teach the same model,
        since the same cameras video them.

    Returns
    -------
    LinearModel or None
        None when no two views have labels of the same keypoint in the same frame at least 20 times
        (two fully labeled frames of ten keypoints).
    """
    labels = np.asarray(xy, dtype=np.float64)
    n_views = labels.shape[1]
    rows = np.moveaxis(labels, 1, 2).reshape(-1, n_views, 2)
    rows = np.where(observed_mask(rows)[..., None], rows, np.nan)
    seen = observed_mask(rows)
    rows = rows[seen.sum(axis=1) >= 2]
    seen = observed_mask(rows)
    together = seen.T.astype(np.int64) @ seen.astype(np.int64)
    np.fill_diagonal(together, 0)
    if not together.size or together.max() < _MIN_ROWS:
        return None
    if len(rows) > _MOST_ROWS:
        kept = np.random.default_rng(0).choice(len(rows), _MOST_ROWS, replace=False)
        rows = rows[np.sort(kept)]
    spread = [_spread(rows[observed_mask(rows)[:, v], v]) for v in range(n_views)]
    return LinearModel(rows, np.array(spread))


def _spread(xy: Float64) -> float:
    """Standard deviation of positions along their longest direction."""
    return float(np.sqrt(np.linalg.eigvalsh(np.cov(xy.T))[-1])) if len(xy) > 1 else 0.0


def _enough_rows(known: NDArray[np.bool_], given: list[int], view: int) -> list[int]:
    """The given views without those that were too seldom labeled together with the others."""
    while given:
        if known[:, [*given, view]].all(axis=1).sum() >= _MIN_ROWS:
            return given
        without = [[v for v in given if v != left] for left in given]
        given = max(without, key=lambda kept: known[:, [*kept, view]].all(axis=1).sum())
    return []


def _predicted(rows: Float64, given: Float64) -> tuple[Float64, Float64]:
    """Position in the last two columns from those before, and its covariance.

    Parameters
    ----------
    rows : (row, column)
        Similar labels, complete.
    given : (column - 2,)
    """
    n_given = len(given)
    distance = np.sqrt(((rows[:, :n_given] - given) ** 2).mean(axis=1))
    nearest = np.argsort(distance)[:_NEIGHBOURS]
    rows, distance = rows[nearest], distance[nearest]
    # No finer than labels are exact, however near they are to one another.
    reach = max(float(distance[len(distance) // 2]), 10.0 * CLICK_SD)
    weight = np.exp(-0.5 * (distance / reach) ** 2)
    mean, gain, left_over = _plane(rows, weight, n_given)
    away = np.linalg.norm(left_over, axis=1)
    agreed = away <= _OUTLIER * np.median(away) + 1e-9
    if not agreed.all() and agreed.sum() > _MIN_ROWS // 2:
        rows, weight = rows[agreed], weight[agreed]
        mean, gain, left_over = _plane(rows, weight, n_given)
    position = mean[n_given:] + gain @ (given - mean[:n_given])
    effective = weight.sum() ** 2 / (weight**2).sum()
    parameters = min(_N_LATENT, n_given) + 1
    error = left_over * (weight / weight.sum())[:, None]
    covariance = error.T @ left_over * effective / max(effective - parameters, 1.0)
    # The plane itself is uncertain, the more so the further from its middle it is asked.
    return position, covariance * (1 + parameters / effective)


def _plane(rows: Float64, weight: Float64, n_given: int) -> tuple[Float64, Float64, Float64]:
    """Weighted plane through rows: mean, how the given columns tell the others, what is left over.

    Probabilistic principal components (Tipping & Bishop, 1999): with fewer given columns than
    dimensions the rest is expected at its mean.
    """
    share = weight / weight.sum()
    mean = share @ rows
    centred = rows - mean
    values, vectors = np.linalg.eigh((centred * share[:, None]).T @ centred)
    n_latent = min(_N_LATENT, len(values) - 1)
    noise = max(float(values[:-n_latent].mean()), 1e-3)
    loadings = vectors[:, -n_latent:] * np.sqrt(np.maximum(values[-n_latent:] - noise, 0.0))
    seen, sought = loadings[:n_given], loadings[n_given:]
    inner = seen.T @ seen + noise * np.eye(n_latent)
    gain = sought @ np.linalg.solve(inner, seen.T)
    left_over = centred[:, n_given:] - centred[:, :n_given] @ gain.T
    return mean, gain, left_over
