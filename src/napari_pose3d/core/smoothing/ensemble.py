"""Centre and spread of an ensemble of prediction sets."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..poses import Ensemble, observed

Centre = Literal["median", "mean"]
Spread = Literal["confidence_weighted_var", "var"]

# What the published smoother assumes where no variance can be computed, px^2.
UNKNOWN_VARIANCE = 1000.0
_LOWEST_LIKELIHOOD = 1e-5


@dataclass(frozen=True, eq=False)
class EnsembleStatistics:
    """An ensemble reduced over its models.

    Attributes
    ----------
    centre : (view, frame, keypoint, 2) float32
        Median (or mean) over the models that saw the keypoint; NaN where none did.
    variance : (view, frame, keypoint, 2) float32
        Variance over the models in px^2, divided by the mean likelihood; from one model only,
        ``1 / likelihood``, unless its file already gave a variance. NaN where there is no centre.
    likelihood : (view, frame, keypoint) float32
        Mean over the models.
    n_models : (view, frame, keypoint) int
        Models that saw the keypoint.
    """

    centre: NDArray[np.float32]
    variance: NDArray[np.float32]
    likelihood: NDArray[np.float32]
    n_models: NDArray[np.integer[Any]]


def ensemble_statistics(
    ensemble: Ensemble,
    centre: Centre = "median",
    spread: Spread = "confidence_weighted_var",
) -> EnsembleStatistics:
    """Reduce an ensemble over its models, in single precision as the published smoother does.

    Parameters
    ----------
    ensemble : Ensemble
    centre : {"median", "mean"}
    spread : {"confidence_weighted_var", "var"}
        Whether the variance over the models is divided by their mean likelihood.

    Returns
    -------
    EnsembleStatistics
    """
    shape = ensemble.likelihood.shape[1:]
    found = EnsembleStatistics(
        np.empty((*shape, 2), np.float32),
        np.empty((*shape, 2), np.float32),
        np.empty(shape, np.float32),
        np.empty(shape, np.int64),
    )
    given = ensemble.variance if len(ensemble.models) == 1 else None
    # View by view, so that the intermediate arrays are those of one view.
    for view in range(shape[0]):
        part = _one_view(
            ensemble.xy[:, view],
            ensemble.likelihood[:, view],
            None if given is None else given[0, view],
            centre,
            spread,
        )
        found.centre[view], found.variance[view] = part.centre, part.variance
        found.likelihood[view], found.n_models[view] = part.likelihood, part.n_models
    return found


def _one_view(
    xy: NDArray[Any],
    confidence: NDArray[Any],
    given: NDArray[Any] | None,
    centre: Centre,
    spread: Spread,
) -> EnsembleStatistics:
    """Statistics of one view: ``xy (model, frame, keypoint, 2)``."""
    n_models = observed(xy).sum(axis=0)
    with warnings.catch_warnings():
        # All-NaN slices are missing observations, not a reason to warn.
        warnings.simplefilter("ignore", RuntimeWarning)
        if len(xy) == 1:
            middle, likelihood = xy[0].astype(np.float32), confidence[0].astype(np.float32)
        else:
            reduce = _nanmedian if centre == "median" else np.nanmean
            middle = reduce(xy, axis=0).astype(np.float32)
            likelihood = np.nanmean(confidence, axis=0, dtype=np.float32)
        trust = np.fmax(likelihood, np.float32(_LOWEST_LIKELIHOOD))[..., None]
        if len(xy) > 1:
            variance = np.nanvar(xy, axis=0, dtype=np.float32)
            if spread == "confidence_weighted_var":
                variance = variance / trust
        elif given is not None and np.isfinite(given).any():
            variance = given.astype(np.float32)
        else:
            variance = np.repeat(1 / trust, 2, axis=-1)
    middle[n_models == 0] = np.nan
    variance[np.isnan(variance)] = UNKNOWN_VARIANCE
    variance[n_models == 0] = np.nan
    return EnsembleStatistics(middle, variance, likelihood, n_models)


def _nanmedian(array: NDArray[Any], axis: int) -> NDArray[Any]:
    """``np.nanmedian`` along the first axis; ten times as fast where nothing is NaN."""
    if np.isfinite(array).all():
        return np.asarray(np.median(array, axis=axis))
    return np.asarray(np.nanmedian(array, axis=axis))
