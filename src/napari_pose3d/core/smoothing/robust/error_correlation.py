"""Errors that last: how much wider they make a smoothed track's uncertainty.

A smoother takes errors as independent from frame to frame and averages them away. A network's
errors last: for some frames while the image changes slowly, for hundreds where it has a bias
towards one side of a joint. Their correlation in time is read off what the views disagree about,
which no motion of the keypoint can explain or absorb.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..search_frames import stretches

Float64 = NDArray[np.float64]
Influence = Callable[[float], Float64]

_LONGEST_LAG = 60
# Frames whose views tell less than this part of the usual are looked at by themselves, if so many
# degrees of freedom say how long their errors last.
_LITTLE, _ENOUGH = 0.6, 500.0


@dataclass(frozen=True)
class Widening:
    """Factors for the covariance of a smoothed track, at least 1.

    Attributes
    ----------
    usual : float
    where_little : float
        In frames whose views tell less than ``limit`` in all, as of a hidden keypoint: there errors
        last longer, and more frames are averaged.
    limit : float
        Trace of the information, in inverse squared units of length.
    """

    usual: float
    where_little: float
    limit: float

    def of_frames(self, jacobian: Float64, trust: Float64) -> Float64:
        """The factor of each frame; parameters as for `LastingErrors`."""
        squares = np.where(trust > 0, np.einsum("tcij,tcij->tc", jacobian, jacobian), 0.0)
        told = (trust * squares).sum(axis=1)
        return np.where(told < self.limit, self.where_little, self.usual)


class LastingErrors:
    """What the errors of a smoothed track have in common from frame to frame.

    A smoother that gives the observation ``l`` frames away the weight ``w(l)`` has the posterior
    variance ``r w(0)`` from observations of variance r, if their errors are new in every frame.
    With an autocorrelation rho it is off by ``2 r sum rho(l) c(l)`` more, c being the
    autocorrelation of the weights.

    Parameters
    ----------
    error : (frame, view, 2)
        Observation minus reprojection of the smoothed track, px; anything where not trusted.
    slopes : (frame, view, 2, 3)
        Derivative of the projection; anything where not trusted.
    trust : (frame, view)
        Inverse variance of each observation, px^-2; 0 where it does not count.
    influence : callable
        From the variance of a frame's point, in squared units of length, to the smoother's weights
        ``(lag,)``, from the frame itself on.
    """

    def __init__(
        self, error: Float64, jacobian: Float64, trust: Float64, influence: Influence
    ) -> None:
        from .correlation_kernels import unexplained

        self._influence = influence
        # Of a long recording some stretches are enough.
        pieces = stretches(np.ones(len(trust), dtype=bool))
        self._n_lags = min(_LONGEST_LAG, min(each.stop - each.start for each in pieces) - 1)
        self._looked_at = []
        for piece in pieces:
            left, information = np.empty_like(error[piece]), np.empty(len(trust[piece]))
            unexplained(error[piece], jacobian[piece], trust[piece], left, information)
            self._looked_at.append((left, trust[piece], information))
        told = np.concatenate([information for _, _, information in self._looked_at])
        self._told = told[np.isfinite(told)]

    def usual(self) -> float:
        """The factor by which they widen the covariance in all frames together."""
        return self._factor(np.inf, 1.0) or 1.0

    def widening(self) -> Widening:
        """The factors for the usual frame, and where views tell little."""
        usual = self.usual()
        if not len(self._told):
            return Widening(usual, usual, 0.0)
        limit = _LITTLE * float(np.median(self._told))
        where_little = self._factor(limit, _ENOUGH) or usual
        return Widening(usual, max(usual, where_little), limit)

    def _factor(self, below: float, at_least: float) -> float | None:
        """From the frames that tell less than ``below``; None where these are too few."""
        from .correlation_kernels import add_covariances

        products, freedoms = np.zeros(self._n_lags + 1), np.zeros(self._n_lags + 1)
        for left, weight, information in self._looked_at:
            chosen = np.where((information < below)[:, None], weight, 0.0)
            add_covariances(left, chosen, products, freedoms)
        if not (products[0] > 0 and freedoms[0] >= at_least):
            return None
        variance = 3.0 / float(np.median(self._told[self._told < below]))
        return _factor(self._influence(variance), products / np.maximum(freedoms, 1.0))


def _factor(weights: Float64, covariance: Float64) -> float:
    """From the smoother's weights and the errors' covariance, by lag."""
    both_sides = np.concatenate([weights[:0:-1], weights])
    lags = np.arange(1, min(len(covariance), len(both_sides)))
    shared = np.correlate(both_sides, both_sides, "full")[len(both_sides) - 1 + lags]
    lasting = float(shared @ covariance[lags]) / float(weights[0] * covariance[0])
    return 1.0 + max(2 * lasting, 0.0)
