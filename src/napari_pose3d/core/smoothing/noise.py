"""How noisy the observations really are, learned from what the views say about each other.

The spread of three seeds is a poor measure of the noise: by chance it is often near zero, and
seeds share most of their errors. The residuals against a model that several views agree on hold
both; the spread is kept as a covariate, since it does grow where the networks are unsure.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# A network's sub-pixel position is never better than this, px^2.
VARIANCE_FLOOR = 1.0
# Below so many observations the two numbers of the regression would themselves be noise.
_MIN_OBSERVATIONS = 50
_MANY_OBSERVATIONS = 200_000


def learned_variance(
    spread: NDArray[np.float64],
    squared_error: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Observation variance ``max(a + b * spread, VARIANCE_FLOOR)`` in px^2.

    ``squared_error ~ a + b * spread`` is fitted with ``a, b >= 0`` as a gamma regression
    (variance proportional to the squared mean, as for squared Gaussian errors) by iteratively
    reweighted least squares.

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
    from .noise_kernels import gamma_regression

    # Evenly over the recording: so many tell the two numbers to a fraction of a percent.
    some = slice(None, None, 1 + spread.size // _MANY_OBSERVATIONS)
    a, b = gamma_regression(spread[some].ravel(), squared_error[some].ravel(), _MIN_OBSERVATIONS)
    return np.maximum(a + b * spread, VARIANCE_FLOOR)


def steady_variance(variance: NDArray[Any], floor: float = 1e-4) -> NDArray[np.float64]:
    """Median over time of the ensemble variance, ``(1, 2 view)``: the published search's noise."""
    finite = np.where(np.isfinite(variance), variance, np.nan)
    with np.errstate(invalid="ignore"):
        median = np.array([np.nanmedian(c) if np.isfinite(c).any() else np.nan for c in finite.T])
    return np.maximum(median, floor)[None, :]
