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
    xy = ensemble.xy
    seen = observed(xy)
    n_models = seen.sum(axis=0)
    with warnings.catch_warnings():
        # All-NaN slices are missing observations, not a reason to warn.
        warnings.simplefilter("ignore", RuntimeWarning)
        if len(ensemble.models) == 1:
            middle = xy[0].astype(np.float32, copy=True)
            likelihood = ensemble.likelihood[0].astype(np.float32, copy=True)
        else:
            reduce = _nanmedian if centre == "median" else np.nanmean
            middle = reduce(xy, axis=0).astype(np.float32)
            likelihood = np.nanmean(ensemble.likelihood, axis=0, dtype=np.float32)
        if len(ensemble.models) == 1:
            if ensemble.variance is not None and np.isfinite(ensemble.variance).any():
                variance = ensemble.variance[0].astype(np.float32, copy=True)
            else:
                confidence = np.fmax(likelihood, np.float32(_LOWEST_LIKELIHOOD))
                variance = np.repeat((1 / confidence)[..., None], 2, axis=-1)
        else:
            variance = np.nanvar(xy, axis=0, dtype=np.float32)
            if spread == "confidence_weighted_var":
                confidence = np.fmax(likelihood, np.float32(_LOWEST_LIKELIHOOD))
                variance = variance / confidence[..., None]
    # No likelihood at all counts as full confidence in the variance.
    variance = variance.astype(np.float32)
    middle[n_models == 0] = np.nan
    variance[np.isnan(variance)] = UNKNOWN_VARIANCE
    variance[n_models == 0] = np.nan
    return EnsembleStatistics(middle, variance, likelihood, n_models)


def _nanmedian(array: NDArray[Any], axis: int) -> NDArray[Any]:
    """``np.nanmedian`` along the first axis; ten times as fast where nothing is NaN."""
    if np.isfinite(array).all():
        return np.asarray(np.median(array, axis=axis))
    return np.asarray(np.nanmedian(array, axis=axis))
