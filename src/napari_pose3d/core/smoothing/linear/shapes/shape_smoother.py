"""Smoothing the centre and the sizes of a shape from the points that lie on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import AnyEnsemble
from napari_pose3d.core.smoothing.ensemble.ensemble_statistics import EnsembleStatistics
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled, ShapeSettings, never_cancelled

from .shape import USUAL_ANGLES, Shape, places_of

Float64 = NDArray[np.float64]

_LEAST_FRAMES = 10
_FLOOR = 1e-12
# Of ours: two networks that agree are not certain.
_LEAST_VARIANCE = 0.01
_BOUNDS = (1e-3, 1 - 1e-3)
_START = (0.99, 0.98)


@dataclass(frozen=True, eq=False)
class ShapeTrack:
    """A shape in one view over time.

    Attributes
    ----------
    shape : Shape
    view : str
    state : (frame, size + 2)
        Sizes, then x and y of the centre, px.
    covariance : (frame, size + 2, size + 2)
        px^2.
    points : (frame, point, 2)
        Where the points of the shape are, px.
    point_variance : (frame, point, 2)
        px^2.
    smooth_param : (float, float)
        Of the sizes and of the centre: 0 to 1, the larger the smoother.
    """

    shape: Shape
    view: str
    state: Float64
    covariance: Float64
    points: Float64
    point_variance: Float64
    smooth_param: tuple[float, float]


@dataclass(frozen=True, eq=False)
class _Model:
    """What the filter is given, about means that are added again later."""

    y: Float64
    r: Float64
    mean: Float64
    m0: Float64
    scale: Float64
    n_sizes: int

    def motion(self, s: Float64) -> tuple[Float64, Float64]:
        """How much of each part is left after a frame, and the variance that is added."""
        keep = np.array([s[0]] * self.n_sizes + [s[1]] * 2)
        return keep, self.scale * (1 - keep**2)


def smooth_shape(
    ensemble: AnyEnsemble,
    shape: Shape,
    settings: ShapeSettings | None = None,
    cancelled: IsCancelled | None = None,
) -> list[ShapeTrack]:
    """Smooth a shape in every view, each by itself.

    Parameters
    ----------
    ensemble : Ensemble or StoredEnsemble
    shape : Shape
    settings : ShapeSettings, optional
    cancelled : callable, optional

    Returns
    -------
    list of ShapeTrack
        In the order of the views.

    Raises
    ------
    PoseDataError
        A point is not among the keypoints, hardly anything was observed, or the shape is none that
        ensemble-kalman-smoother has and its numbers are asked for.
    Cancelled

    Notes
    -----
    State: sizes and centre, each an autoregressive process ``x' = s x + w`` about its mean, with
    the variance that it has over the recording. ``s`` of the sizes and of the centre maximise the
    likelihood.

    As published (``ibl-pupil`` of ensemble-kalman-smoother 4.6.2) the diameter returns to zero
    rather than to its mean, and the noise is the ensemble's variance. Ours adds to it what points
    deviate from the shape, and skips what is missing. The published program writes the right point
    in the columns of the bottom one and the other way round, and posterior variances of other
    coordinates than it says; here each is in its own place.
    """
    from napari_pose3d.core.smoothing.ensemble.ensemble_statistics import ensemble_statistics

    settings = settings or ShapeSettings()
    cancelled = cancelled or never_cancelled
    for s in (settings.size_s, settings.centre_s):
        if s is not None and not 0 < s < 1:
            raise PoseDataError(f"s of a shape is {s}", expected="above 0 and below 1")
    places = places_of(shape, ensemble.keypoints)
    statistics: EnsembleStatistics = ensemble_statistics(ensemble, cancelled=cancelled)
    tracks = []
    for v, view in enumerate(ensemble.views):
        flat = (statistics.n_frames, 2 * len(places))
        y = statistics.centre[v][:, places].reshape(flat).astype(float)
        variance = statistics.variance[v][:, places].reshape(flat).astype(float)
        if int(np.isfinite(y).all(axis=1).sum()) < _LEAST_FRAMES:
            raise PoseDataError(
                f"hardly any frame of view {view} has all points of the {shape.name}",
                expected=f"at least {_LEAST_FRAMES}",
            )
        model = (_published if settings.as_published else _ours)(y, variance, shape)
        tracks.append(_solved(model, shape, view, settings, cancelled))
    return tracks


def _solved(
    model: _Model, shape: Shape, view: str, settings: ShapeSettings, cancelled: IsCancelled
) -> ShapeTrack:
    from .shape_kernels import backward, forward

    design = shape.design()
    n_frames, n = len(model.y), design.shape[1]
    means, covs = np.empty((n_frames, n)), np.empty((n_frames, n, n))
    S0 = np.diag(model.scale)

    def loss(s: Float64) -> float:
        if cancelled():
            raise Cancelled
        a, q = model.motion(s)
        return float(forward(design, model.y, model.r, a, q, model.m0, S0, means, covs))

    s = np.clip(_searched(settings, loss), *_BOUNDS)
    a, q = model.motion(s)
    forward(design, model.y, model.r, a, q, model.m0, S0, means, covs)
    backward(a, q, means, covs)
    state = means + model.mean
    return ShapeTrack(
        shape,
        view,
        state,
        covs,
        (state @ design.T).reshape(n_frames, -1, 2),
        np.einsum("ki,tij,kj->tk", design, covs, design).reshape(n_frames, -1, 2),
        (float(s[0]), float(s[1])),
    )


def _searched(settings: ShapeSettings, loss: Callable[[Float64], float]) -> Float64:
    """``s`` of the sizes and of the centre: as given, else those that maximise the likelihood."""
    from scipy.optimize import minimize

    given = np.array([np.nan if s is None else s for s in (settings.size_s, settings.centre_s)])
    free = np.isnan(given)
    if not free.any():
        return given
    low, high = _BOUNDS

    def s_of(u: Float64) -> Float64:
        s = given.copy()
        s[free] = low + (high - low) / (1 + np.exp(-u))
        return s

    start = np.array(_START)[free]
    found = minimize(
        lambda u: loss(s_of(u)),
        np.log(start / (1 - start)),
        method="Nelder-Mead",
        options={"xatol": 1e-3, "fatol": 1e-4},
    )
    return s_of(found.x)


def _ours(y: Float64, variance: Float64, shape: Shape) -> _Model:
    design = shape.design()
    whole = np.isfinite(y).all(axis=1)
    states = y[whole] @ np.linalg.pinv(design).T
    residuals = y[whole] - states @ design.T
    spare = design.shape[0] - design.shape[1]
    # The median, since some frames hold outliers; that of a chi-square is its degrees of freedom
    # less about two thirds (Wilson and Hilferty 1931).
    deviation = np.median((residuals**2).sum(axis=1)) / max(spare - 2 / 3, 1)
    excess = max(deviation - float(np.median(variance[whole])), _LEAST_VARIANCE)
    mean = states.mean(axis=0)
    scale = np.maximum(states.var(axis=0), _LEAST_VARIANCE)
    return _Model(
        y - design @ mean,
        variance + excess,
        mean,
        np.zeros(len(mean)),
        scale,
        len(shape.sizes),
    )


def _published(y: Float64, variance: Float64, shape: Shape) -> _Model:
    if shape.kind != "circle" or shape.angles != USUAL_ANGLES:
        raise PoseDataError(
            f"ensemble-kalman-smoother has no such shape: {shape.name}",
            expected="a circle with four points: top, bottom, right and left",
        )
    points = y.reshape(len(y), 4, 2)
    top, bottom, right, left = points.transpose(1, 0, 2)
    across = [np.linalg.norm(top - bottom, axis=1), np.linalg.norm(left - right, axis=1)]
    across += [
        np.linalg.norm(one - other, axis=1) * 2**0.5
        for one in (top, bottom)
        for other in (left, right)
    ]
    diameter = np.nanmedian(across, axis=0)
    centre = points.mean(axis=1)
    middle = centre.mean(axis=0)
    return _Model(
        y - np.tile(middle, 4),
        np.maximum(variance, _FLOOR),
        np.array([0.0, *middle]),
        np.array([diameter.mean(), 0.0, 0.0]),
        np.array([diameter.var(), *centre.var(axis=0)]),
        1,
    )
