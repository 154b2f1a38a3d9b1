"""Centre and spread of an ensemble of prediction sets."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import Cancelled, PoseDataError
from ..poses import AnyEnsemble, Ensemble
from ..settings import IsCancelled, Progress

Centre = Literal["median", "mean"]
Spread = Literal["confidence_weighted_var", "var"]

# What the published smoother assumes where no variance can be computed, px^2.
UNKNOWN_VARIANCE = 1000.0
_LOWEST_LIKELIHOOD = 1e-5
# So that the intermediate arrays stay small beside those that are kept.
_FRAMES_AT_ONCE = 4096


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

    @property
    def n_frames(self) -> int:
        return int(self.likelihood.shape[1])


def ensemble_statistics(
    ensemble: AnyEnsemble,
    centre: Centre = "median",
    spread: Spread = "confidence_weighted_var",
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
    threads: int | None = None,
) -> EnsembleStatistics:
    """Reduce an ensemble over its models, in single precision as the published smoother does.

    It is done view by view; of an ensemble in files no more than one view is held.

    Parameters
    ----------
    ensemble : Ensemble or StoredEnsemble
    centre : {"median", "mean"}
    spread : {"confidence_weighted_var", "var"}
        Whether the variance over the models is divided by their mean likelihood.
    progress, cancelled : callable, optional
    threads : int, optional
        For reading the files.

    Returns
    -------
    EnsembleStatistics

    Raises
    ------
    PoseDataError
        When there is no frame, or a file cannot be read.
    """
    found: EnsembleStatistics | None = None
    with ThreadPoolExecutor(max_workers=threads or os.cpu_count() or 1) as pool:
        for view in range(len(ensemble.views)):
            part = ensemble.one_view(view, progress, cancelled, threads)
            if found is None or part.n_frames > found.n_frames:
                found = _with_room(found, len(ensemble.views), part)
            reduce = partial(_reduce, part, centre, spread, found, view)
            for _ in pool.map(reduce, range(0, part.n_frames, _FRAMES_AT_ONCE)):
                if cancelled is not None and cancelled():
                    raise Cancelled
    if found is None or not found.n_frames:
        raise PoseDataError("the ensemble holds no frame or no view")
    return found


def _with_room(old: EnsembleStatistics | None, n_views: int, part: Ensemble) -> EnsembleStatistics:
    """The same with as many frames as ``part`` has, nothing observed in the new ones."""
    shape = (n_views, part.n_frames, len(part.keypoints))
    new = EnsembleStatistics(
        np.full((*shape, 2), np.nan, np.float32),
        np.full((*shape, 2), np.nan, np.float32),
        np.full(shape, np.nan, np.float32),
        np.zeros(shape, np.min_scalar_type(len(part.models))),
    )
    if old is not None:
        for name in ("centre", "variance", "likelihood", "n_models"):
            getattr(new, name)[:, : old.n_frames] = getattr(old, name)
    return new


def _reduce(
    part: Ensemble,
    centre: Centre,
    spread: Spread,
    into: EnsembleStatistics,
    view: int,
    start: int,
) -> None:
    """Reduce some frames of the one view in ``part``."""
    from .ensemble_kernels import reduce_models

    frames = slice(start, min(start + _FRAMES_AT_ONCE, part.n_frames))
    likelihood, n_models = into.likelihood[view, frames], into.n_models[view, frames]
    variance = into.variance[view, frames]
    reduce_models(
        part.xy[:, 0, frames].astype(np.float32, copy=False),
        part.likelihood[:, 0, frames].astype(np.float32, copy=False),
        centre == "median",
        into.centre[view, frames],
        variance,
        likelihood,
        n_models,
    )
    trust = np.fmax(likelihood, np.float32(_LOWEST_LIKELIHOOD))[..., None]
    if len(part.models) > 1:
        if spread == "confidence_weighted_var":
            variance /= trust
    elif part.variance is not None and np.isfinite(part.variance).any():
        variance[:] = part.variance[0, 0, frames]
    else:
        variance[:] = 1 / trust
    variance[np.isnan(variance)] = UNKNOWN_VARIANCE
    variance[n_models == 0] = np.nan
