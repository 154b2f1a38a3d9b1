"""Centre and spread of an ensemble of prediction sets."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import AnyEnsemble, Ensemble
from napari_pose3d.core.poses.certain import CertainCells, CertainObservations
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled, Progress

Centre = Literal["median", "mean"]
Spread = Literal["confidence_weighted_var", "var"]

# What the published smoother assumes where no variance can be computed, px^2.
UNKNOWN_VARIANCE = 1000.0
_LOWEST_LIKELIHOOD = 1e-5
_NO_LIKELIHOOD = 1e-6
# Where nothing in the whole input is more likely, the likelihoods tell nothing.
_NO_NETWORK_SO_UNSURE = 1e-3
# No image is so large, px.
_FARTHEST = 1e6
# So that the intermediate arrays stay small beside those that are kept.
_FRAMES_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class EnsembleStatistics:
    """An ensemble reduced over its models.

    Attributes
    ----------
    centre : (view, frame, keypoint, 2) float32
        Median (or mean) over the models that observed the keypoint; NaN where none did.
    variance : (view, frame, keypoint, 2) float32
        Variance over the models in px^2, divided by the mean likelihood; from one model only,
        ``1 / likelihood``, unless its file already gave a variance. NaN where there is no centre.
    likelihood : (view, frame, keypoint) float32
        Mean over the models.
    swapped : (view, frame, pair) uint8
        Models that hold the left and right of a pair the other way round than most.
    n_placeholders, n_impossible : (view,) int64
        Predictions that were taken as missing: (0, 0) with likelihood 0 or none, and infinite ones
        or more than a million px away.
    n_zeros : (view,) int64
        Predictions at exactly (0, 0) or (-1, -1) that were taken as positions.
    unrated : (view, keypoint) bool
        Whether there are positions whose likelihood is missing, or 0 throughout. It tells nothing
        about them, so it divides no variance, unless as published.
    certain : CertainObservations or None
        Positions that a person gave; they are in the arrays.
    """

    centre: NDArray[np.float32]
    variance: NDArray[np.float32]
    likelihood: NDArray[np.float32]
    swapped: NDArray[np.uint8]
    n_placeholders: NDArray[np.int64]
    n_impossible: NDArray[np.int64]
    n_zeros: NDArray[np.int64]
    unrated: NDArray[np.bool_]
    certain: CertainObservations | None = None

    @property
    def n_frames(self) -> int:
        return int(self.likelihood.shape[1])

    def certain_of(self, k: int) -> CertainCells | None:
        """Positions of a keypoint that a person gave; None where there are none."""
        return None if self.certain is None else self.certain.of_keypoint(k)


def ensemble_statistics(
    ensemble: AnyEnsemble,
    centre: Centre = "median",
    spread: Spread = "confidence_weighted_var",
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
    threads: int | None = None,
    pairs: Sequence[tuple[int, int]] = (),
    fix_swaps: bool = False,
    keep_placeholders: bool = False,
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
    pairs : sequence of (int, int)
        Keypoints, left and right, that a model may have taken for each other.
    fix_swaps : bool
        Whether a model that does so, unlike most, has them exchanged first.
    keep_placeholders : bool
        Whether (0, 0) with likelihood 0 or none is a position like any other, as the published
        smoother takes it; otherwise it is missing.

    Returns
    -------
    EnsembleStatistics

    Raises
    ------
    PoseDataError
        When there is no frame, or a file cannot be read.
    """
    found: EnsembleStatistics | None = None
    divided: list[bool] = []
    with ThreadPoolExecutor(max_workers=threads or os.cpu_count() or 1) as pool:
        for view in range(len(ensemble.views)):
            part = ensemble.one_view(view, progress, cancelled, threads)
            if found is None or part.n_frames > found.n_frames:
                found = _with_room(found, len(ensemble.views), part, len(pairs))
            sides = np.array(pairs, dtype=np.int64).reshape(-1, 2)
            options = _Options(centre, spread, sides, fix_swaps, keep_placeholders)
            reduce = partial(_reduce, part, options, found, view)
            for counts in pool.map(reduce, range(0, part.n_frames, _FRAMES_AT_ONCE)):
                found.n_placeholders[view] += counts[0]
                found.n_impossible[view] += counts[1]
                found.n_zeros[view] += counts[2]
                if cancelled is not None and cancelled():
                    raise Cancelled
            divided.append(options.divides(part))
            del part, reduce  # before the next view is read
    if found is None or not found.n_frames:
        raise PoseDataError(
            "the ensemble holds no frame or no view", expected="one or more of each"
        )
    _leave_unrated(found, [each and not keep_placeholders for each in divided])
    return found


def at_placeholder(xy: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Whether positions ``(..., 2)`` are exactly what programs write where they found nothing."""
    same = xy[..., 0] == xy[..., 1]
    return same & ((xy[..., 0] == 0) | (xy[..., 0] == -1))


def _with_room(
    old: EnsembleStatistics | None, n_views: int, part: Ensemble, n_pairs: int
) -> EnsembleStatistics:
    """The same with as many frames as ``part`` has, nothing observed in the new ones."""
    shape = (n_views, part.n_frames, len(part.keypoints))
    new = EnsembleStatistics(
        np.full((*shape, 2), np.nan, np.float32),
        np.full((*shape, 2), np.nan, np.float32),
        np.full(shape, np.nan, np.float32),
        np.zeros((*shape[:2], n_pairs), np.uint8),
        np.zeros(n_views, np.int64),
        np.zeros(n_views, np.int64),
        np.zeros(n_views, np.int64),
        np.zeros((n_views, shape[2]), bool),
    )
    if old is not None:
        for name in ("n_placeholders", "n_impossible", "n_zeros", "unrated"):
            getattr(new, name)[:] = getattr(old, name)
        for name in ("centre", "variance", "likelihood", "swapped"):
            getattr(new, name)[:, : old.n_frames] = getattr(old, name)
    return new


@dataclass(frozen=True, eq=False)
class _Options:
    centre: Centre
    spread: Spread
    pairs: NDArray[np.int64]
    fix_swaps: bool
    keep_placeholders: bool

    def divides(self, part: Ensemble) -> bool:
        """Whether variances are divided by the likelihood."""
        if len(part.models) > 1:
            return self.spread == "confidence_weighted_var"
        return part.variance is None or not np.isfinite(part.variance).any()


def _reduce(
    part: Ensemble, options: _Options, into: EnsembleStatistics, view: int, start: int
) -> tuple[int, int, int]:
    """Reduce some frames of the one view in ``part``; the numbers of what was no position."""
    from . import swap_kernels
    from .ensemble_kernels import reduce_models

    frames = slice(start, min(start + _FRAMES_AT_ONCE, part.n_frames))
    likelihood = into.likelihood[view, frames]
    # How many models observed the keypoint.
    n_models = np.empty(likelihood.shape, np.min_scalar_type(len(part.models)))
    variance, middle = into.variance[view, frames], into.centre[view, frames]
    # Contiguous, so that the kernels are compiled for one layout.
    with np.errstate(over="ignore"):
        xy = np.ascontiguousarray(part.xy[:, 0, frames], dtype=np.float32)
    confidence = np.ascontiguousarray(part.likelihood[:, 0, frames], dtype=np.float32)
    # Programs write 0 or -1 where they found nothing.
    placeholder = (xy[..., 0] <= 0) & (xy[..., 1] <= 0)
    n_zeros = 0
    if placeholder.any():
        exact = at_placeholder(xy)
        placeholder &= (confidence < _NO_LIKELIHOOD) | (
            np.isnan(confidence) & (xy == 0).all(axis=-1)
        )
        if options.keep_placeholders:
            placeholder[:] = False
        n_zeros = int((exact & ~placeholder).sum())
    impossible = (np.abs(xy[..., 0]) > _FARTHEST) | (np.abs(xy[..., 1]) > _FARTHEST)
    if placeholder.any() or impossible.any():
        xy = np.where((placeholder | impossible)[..., None], np.float32(np.nan), xy)
    pairs = options.pairs
    median = options.centre == "median"
    reduce_models(xy, confidence, median, middle, variance, likelihood, n_models)
    # Of two models either can be wrong.
    if len(pairs) and len(part.models) > 2:
        n_swapped = swap_kernels.count_models(xy, middle, pairs, into.swapped[view, frames])
        if options.fix_swaps and n_swapped:
            xy, confidence = xy.copy(), confidence.copy()
            swap_kernels.exchange_models(xy, confidence, middle, pairs)
            reduce_models(xy, confidence, median, middle, variance, likelihood, n_models)
    mean_confidence = np.fmax(likelihood, np.float32(_LOWEST_LIKELIHOOD))[..., None]
    if len(part.models) > 1:
        if options.divides(part):
            variance /= mean_confidence
    elif part.variance is not None and not options.divides(part):
        variance[:] = part.variance[0, 0, frames]
    else:
        variance[:] = 1 / mean_confidence
    variance[np.isnan(variance)] = UNKNOWN_VARIANCE
    variance[n_models == 0] = np.nan
    return int(placeholder.sum()), int(impossible.sum()), n_zeros


def _leave_unrated(found: EnsembleStatistics, divided: Sequence[bool]) -> None:
    """Take back what a likelihood did to the variances of positions that it tells nothing about.

    A missing one was counted as 0, which would leave its positions next to no weight. So would one
    that is 0 throughout, as tools write it that know none: for all keypoints of a view, or in all
    views of a keypoint. Of a single keypoint in a single view it may mean that it is never seen.
    """
    best = np.zeros(found.unrated.shape, np.float32)
    for view, likelihood in enumerate(found.likelihood):
        observed = np.isfinite(found.centre[view, ..., 0])
        best[view] = np.fmax.reduce(np.where(observed, likelihood, 0), axis=0, initial=0)
    everywhere = best.max(initial=0) < _NO_NETWORK_SO_UNSURE
    for view, likelihood in enumerate(found.likelihood):
        observed = np.isfinite(found.centre[view, ..., 0])
        void = (best.max(axis=0) == 0) | (best[view].max() == 0) | everywhere
        unrated = observed & (np.isnan(likelihood) | void)
        found.unrated[view] = unrated.any(axis=0)
        if divided[view] and unrated.any():
            factor = np.fmax(likelihood, np.float32(_LOWEST_LIKELIHOOD))[..., None]
            unrated = unrated[..., None] & (found.variance[view] != UNKNOWN_VARIANCE)
            np.multiply(found.variance[view], factor, out=found.variance[view], where=unrated)
