"""Observation noise, estimated from residuals with the ensemble variance as a covariate.

Notes
-----
The variance of three seeds is a poor measure of the noise: by chance it is often near zero, and
seeds share most of their errors. The residuals against a model of several views contain both; the
ensemble variance is kept as a covariate, since it grows where the networks are uncertain.

References
----------
McCullagh & Nelder, "Generalized Linear Models", 2nd ed., 1989, chapter 8 (gamma regression).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Lower bound of an observation's variance, px^2: networks are not more precise than a pixel.
VARIANCE_FLOOR = 1.0
# Below so many observations the two numbers of the regression would themselves be noise.
_MIN_OBSERVATIONS = 50
_MANY_OBSERVATIONS = 200_000


def learned_variance(
    spread: NDArray[np.float64],
    squared_error: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Observation variance in px^2: ``a + b * spread``, corrected where it does not fit.

    ``squared_error ~ a + b * spread`` is fitted with ``a, b >= 0`` as a gamma regression
    (variance proportional to the squared mean, as for squared Gaussian errors) by iteratively
    reweighted least squares. One line does not fit visible and hidden
    keypoints at once: it is multiplied by the mean ratio of squared error to fit in each of a few
    ranges of ``spread``. At least `VARIANCE_FLOOR`.

    Parameters
    ----------
    spread : (frame, ...)
        Ensemble variance of each observation, px^2 (mean of x and y).
    squared_error : (frame, ...)
        Mean of x and y of the squared residual, corrected for the degrees of freedom that the
        model took; NaN where the observation was not used.

    Returns
    -------
    (frame, ...) float64
        NaN where ``spread`` is NaN.
    """
    from . import noise_kernels as kernels

    # Evenly over the recording: so many determine the curve to a fraction of a percent.
    some = slice(None, None, 1 + spread.size // _MANY_OBSERVATIONS)
    x, u = spread[some].ravel(), squared_error[some].ravel()
    a, b = kernels.gamma_regression(x, u, _MIN_OBSERVATIONS)
    middle = float(np.nanmedian(x)) if np.isfinite(x).any() else 1.0
    middle = middle if middle > 0 else 1.0
    ratios = np.empty(kernels.N_BINS)
    kernels.correction(x, u, a, b, middle, ratios)
    flat = np.ascontiguousarray(spread).ravel()
    return kernels.corrected(flat, a, b, middle, ratios, VARIANCE_FLOOR).reshape(spread.shape)


def steady_variance(variance: NDArray[Any], floor: float = 1e-4) -> NDArray[np.float64]:
    """Median over time of the ensemble variance, ``(1, 2 view)``: the published search's noise."""
    finite = np.where(np.isfinite(variance), variance, np.nan)
    with np.errstate(invalid="ignore"):
        median = np.array([np.nanmedian(c) if np.isfinite(c).any() else np.nan for c in finite.T])
    return np.maximum(median, floor)[None, :]
