"""Inflation of a smoothed track's covariance for errors that are correlated in time.

Notes
-----
A Kalman smoother takes observation errors as independent from frame to frame and averages them
away. A network's errors persist: for some frames while the image changes slowly, for hundreds where
it has a bias towards one side of a joint. Their autocorrelation is estimated from the residuals of
single-frame triangulations: what the views of one frame disagree about, no motion of the keypoint
can explain or absorb.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import IsCancelled

from ..kalman.smooth_param_search import sample_stretches

Float64 = NDArray[np.float64]
Influence = Callable[[float], Float64]

_LONGEST_LAG = 60
# Lags up to which the smoother's weights are computed.
_REACH = 100
# Frames with less than this part of the median information get a factor of their own, provided
# that many degrees of freedom determine it.
_LOW_INFORMATION, _MIN_FREEDOMS = 0.6, 500.0
# What a way of two frames, and a second difference, make of the positions of three frames.
WAY, BEND = (-1.0, 0.0, 1.0), (1.0, -2.0, 1.0)


@dataclass(frozen=True)
class InflationFactors:
    """Factors for the covariance of a smoothed track, at least 1 for that of positions.

    Attributes
    ----------
    usual : float
        In frames with the usual information.
    low_information : float
        In frames whose information matrix has a trace below ``limit``, as of a hidden keypoint:
        there errors persist longer, and the smoother averages over more frames.
    limit : float
        Trace of the information matrix, in inverse squared rig units.
    """

    usual: float
    low_information: float
    limit: float

    def of_frames(self, jacobian: Float64, precision: Float64) -> Float64:
        """The factor of each frame, ``(frame,)``; parameters as for `ErrorCorrelation`."""
        squares = np.where(precision > 0, np.einsum("tcij,tcij->tc", jacobian, jacobian), 0.0)
        traces = (precision * squares).sum(axis=1)
        return np.where(traces < self.limit, self.low_information, self.usual)


class ErrorCorrelation:
    """Autocorrelation of the observation errors of one track, and the inflation it calls for.

    Notes
    -----
    A smoother that gives the observation ``l`` frames away the weight ``w(l)`` has the posterior
    variance ``r w(0)`` from observations of variance r, if their errors are independent. With an
    autocorrelation rho of the errors its true variance is larger by ``2 r sum rho(l) c(l)``, c
    being the autocorrelation of the weights.

    Parameters
    ----------
    error : (frame, view, 2)
        Observation minus reprojection of the smoothed track, px; ignored where the precision is 0.
    jacobian : (frame, view, 2, 3)
        Derivative of the projection, px per rig unit; ignored where the precision is 0.
    precision : (frame, view)
        Inverse variance of each observation, px^-2; 0: not used.
    influence : callable
        From the variance of a frame's point, in squared rig units, to the smoother's weights
        ``(lag,)``, from lag 0 on.
    cancelled : callable
        Asked between stretches of frames; True raises `Cancelled`.
    at_once : (view,), optional
        How many observations of a view each of its errors stands for, its precision being that of
        all of them; not given: one. Those between the frames share the errors of both.
    """

    def __init__(
        self,
        error: Float64,
        jacobian: Float64,
        precision: Float64,
        influence: Influence,
        cancelled: IsCancelled,
        at_once: Float64 | None = None,
    ) -> None:
        from .correlation_kernels import whiten_residuals

        self._influence = influence
        self._at_once = np.ones(precision.shape[1]) if at_once is None else at_once
        total = precision.sum(axis=0)
        self._shares = total / total.sum() if total.any() else np.ones(len(total)) / len(total)
        self._cancelled = cancelled
        # A sample of a long recording suffices.
        pieces = sample_stretches(np.ones(len(precision), dtype=bool))
        self._n_lags = min(_LONGEST_LAG, min(each.stop - each.start for each in pieces) - 1)
        self._samples = []
        for piece in pieces:
            if cancelled():
                raise Cancelled
            whitened, traces = np.empty_like(error[piece]), np.empty(len(precision[piece]))
            whiten_residuals(error[piece], jacobian[piece], precision[piece], whitened, traces)
            self._samples.append((whitened, precision[piece], traces))
        everything = np.concatenate([traces for _, _, traces in self._samples])
        self._traces = everything[np.isfinite(everything)]

    def usual_factor(self) -> float:
        """The inflation factor estimated from all frames."""
        return self._factor(np.inf, 1.0) or 1.0

    def factors(self, difference: tuple[float, ...] = ()) -> InflationFactors:
        """The inflation factors of frames with the usual and with little information.

        Parameters
        ----------
        difference : tuple of float
            `WAY` or `BEND`: of that difference of positions of frames in a row, instead of
            positions. Errors that persist cancel out in it, and the factors may be below 1.
        """
        usual = self._factor(np.inf, 1.0, difference) or 1.0
        if not len(self._traces):
            return InflationFactors(usual, usual, 0.0)
        limit = _LOW_INFORMATION * float(np.median(self._traces))
        low = self._factor(limit, _MIN_FREEDOMS, difference) or usual
        return InflationFactors(usual, low if difference else max(usual, low), limit)

    def _factor(
        self, below: float, min_freedoms: float, difference: tuple[float, ...] = ()
    ) -> float | None:
        """From the frames with an information trace ``below``; None where they are too few."""
        from .correlation_kernels import add_covariances

        products, freedoms = np.zeros(self._n_lags + 1), np.zeros(self._n_lags + 1)
        for whitened, precision, traces in self._samples:
            if self._cancelled():
                raise Cancelled
            chosen = np.where((traces < below)[:, None], precision, 0.0)
            add_covariances(whitened, chosen, products, freedoms)
        if not (products[0] > 0 and freedoms[0] >= min_freedoms):
            return None
        variance = 3.0 / float(np.median(self._traces[self._traces < below]))
        covariance = products / np.maximum(freedoms, 1.0)
        weights = self._influence(variance)
        if difference:
            return _inflation_of_difference(weights, covariance, np.array(difference))
        return sum(
            float(self._shares[self._at_once == n].sum()) * _inflation(weights, covariance, n)
            for n in np.unique(self._at_once).tolist()
        )


def weights_by_lag(step: Float64, process_noise: float, prior: Float64, variance: float) -> Float64:
    """The smoother's weights: its response to a unit impulse in one observation.

    Parameters
    ----------
    step : (1, 5)
        That of a frame, from `motion_steps`.
    process_noise : float
        Per frame, squared rig units.
    prior : (6, 6)
        Covariance of position and velocity in the first frame.
    variance : float
        Of a frame's point, squared rig units.

    Returns
    -------
    (lag,) float64
        From lag 0 on, no unit.
    """
    from . import motion_kernels as kernels

    n = 2 * _REACH + 1
    information, track = np.zeros((n, 10)), np.zeros((n, 3))
    information[:, [0, 3, 5]] = 1.0 / variance
    information[_REACH, 6] = 1.0 / variance
    kept = np.empty((n, kernels.N_KEPT))
    xyz, covs = np.empty((n, 3)), np.empty((n, 3, 3))
    model = step, process_noise, np.ones(n)
    kernels.forward(information, track, np.zeros(6), prior.copy(), True, *model, kept)
    adjoint = np.zeros(kernels.N_ADJOINT)
    nothing = np.empty((0, 2, 3, 3))
    kernels.backward(information, track, kept, *model, adjoint, xyz, covs, np.empty(n), nothing)
    return np.ascontiguousarray(xyz[_REACH:, 0])


def _inflation(weights: Float64, covariance: Float64, n: float = 1.0) -> float:
    """From the smoother's weights and the errors' autocovariance, both by lag.

    ``n`` observations in a frame share a weight; their errors at lags below a frame go on from
    those at one and two frames.
    """
    both_sides = np.concatenate([weights[:0:-1], weights])
    lags = np.arange(1, min(len(covariance), len(both_sides)))
    shared = np.correlate(both_sides, both_sides, "full")
    middle = len(both_sides) - 1
    excess = n * float(shared[middle + lags] @ covariance[lags])
    between = np.arange(1, math.ceil(n)) / n
    if len(between) and len(lags) > 1:
        one, two = covariance[1], covariance[2]
        near = np.clip(one + (1 - between) * (one - two), one, max(covariance[0], one))
        excess += float(shared[middle]) * float((1 - between) @ near)
    return 1.0 + max(2 * excess / float(weights[0] * covariance[0]), 0.0)


def _inflation_of_difference(weights: Float64, covariance: Float64, difference: Float64) -> float:
    """The same of a difference of positions, whose weights are differences as well.

    Of its variance (for `WAY` ``2 (w(0) - w(2))``), in units of an observation's, the errors of
    observations make up the sum of its squared weights.
    """
    both_sides = np.concatenate([weights[:0:-1], weights])
    apart = np.convolve(both_sides, difference)
    shared = np.correlate(apart, apart, "full")[len(apart) - 1 :]
    n = min(len(covariance), len(shared))
    errors = 2 * float(shared[1:n] @ covariance[1:n]) / float(covariance[0])
    lags = np.arange(len(difference))
    stated = float(difference @ weights[np.abs(lags[:, None] - lags)] @ difference)
    # Less than nothing cannot be left of the errors.
    return (stated + max(errors, -0.95 * float(shared[0]))) / stated
