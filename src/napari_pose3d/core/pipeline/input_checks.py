"""What a run finds out about its input before it computes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from napari_pose3d.core.calibration.lint.rig_lint import faults
from napari_pose3d.core.cameras.calibration_fit import CalibrationFit, calibration_fit
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.poses.arrays import AnyEnsemble, FloatArray, observed_mask
from napari_pose3d.core.poses.left_right import left_right_pairs
from napari_pose3d.core.poses.report import Mode
from napari_pose3d.core.poses.time_axis import TimeAxis
from napari_pose3d.core.projects.naming.file_names import composed
from napari_pose3d.core.smoothing.ensemble.ensemble_statistics import (
    EnsembleStatistics,
    at_placeholder,
    ensemble_statistics,
)
from napari_pose3d.core.smoothing.ensemble.time_rows import at_frames, in_rows
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import (
    IsCancelled,
    Progress,
    SmoothingSettings,
    TriangulationSettings,
)

AnySettings = TypeVar("AnySettings", SmoothingSettings, TriangulationSettings)

# Of fewer prediction sets the variance says little about an observation.
_MIN_MODELS = 3
_SAMPLE = 100_000
# What is said of keypoints that fewer frames observe, and of so many predictions at exactly 0.
_HARDLY, _FEWEST_ZEROS = 0.05, 3
# For the calibration: frames that are looked through, the part of the usual likelihood below which
# an observation says nothing, and how many points must remain.
_FRAMES, _DOUBTED, _FEWEST_TRUSTED = 4000, 0.5, 50


@dataclass(frozen=True, eq=False)
class CheckedInput:
    """An ensemble reduced to its statistics, and what was found out about it.

    Attributes
    ----------
    statistics : EnsembleStatistics
    pairs : list of (int, int)
        Left and right keypoints that are compared.
    notes : list of str
        For the report; it grows.
    left_out : tuple of int
        Keypoints that cannot be computed.
    fit : CalibrationFit or None
        None without a rig.
    """

    statistics: EnsembleStatistics
    pairs: list[tuple[int, int]]
    notes: list[str]
    left_out: tuple[int, ...]
    fit: CalibrationFit | None

    @property
    def mismatch(self) -> str:
        """In words, that the calibration does not fit; "" where it does."""
        return (self.fit.warning() or "") if self.fit is not None else ""

    @property
    def calibration_residuals(self) -> list[float]:
        """By view; see `ViewReport.calibration_residual`."""
        if self.fit is None:
            return [np.nan] * len(self.statistics.centre)
        return list(self.fit.residuals.values())


def checked_input(
    ensemble: AnyEnsemble,
    rig: Rig | None,
    settings: SmoothingSettings | TriangulationSettings,
    mode: Mode | None,
    notes: Sequence[str],
    progress: Progress,
    cancelled: IsCancelled,
    axis: TimeAxis | None = None,
) -> CheckedInput:
    """Reduce an ensemble and check it.

    Parameters
    ----------
    rig : Rig or None
        Its cameras are in the order of the views.
    mode : str or None
        The smoother; None: triangulation frame by frame.
    notes : sequence of str
        What is known before.
    axis : TimeAxis, optional
        Where the ensemble holds each view's own frames: the statistics are in its rows then.

    Raises
    ------
    PoseDataError
        No keypoint can be computed, or the names of left and right are unknown.
    """
    # The published smoother takes what it is given.
    published = isinstance(settings, SmoothingSettings) and settings.as_published
    pairs = [] if published else left_right_pairs(settings.left_right, ensemble.keypoints)
    statistics = ensemble_statistics(
        ensemble,
        settings.avg_mode,
        settings.var_mode,
        progress,
        cancelled,
        settings.threads,
        pairs,
        settings.fix_swaps,
        keep_placeholders=published,
    )
    compared = statistics
    if axis is not None:
        statistics = in_rows(statistics, axis, ensemble.views)
        compared = at_frames(statistics, axis)
    notes = [*ensemble.warnings, *notes, *placeholder_notes(statistics)]
    notes += unrated_notes(statistics, ensemble, published)
    left_out = uncomputable(ensemble, compared, mode, notes)
    if mode == "linear" and isinstance(settings, SmoothingSettings):
        left_out += without_model(ensemble, compared, settings, left_out, notes)
    if mode == "single":
        notes += empty_views(ensemble, compared, left_out)
    fit = None if rig is None else check_calibration(rig, ensemble, compared, cancelled)
    found = CheckedInput(statistics, pairs, notes, left_out, fit)
    if found.mismatch:
        notes.insert(0, found.mismatch)
    return found


def spelled_as_in(settings: AnySettings, keypoints: Sequence[str]) -> AnySettings:
    """The settings, with keypoints spelled as the ensemble has them.

    The same umlaut may be one character in a file and two in what was typed.
    """
    spelling = {composed(name): name for name in keypoints}

    def spelled(name: str) -> str:
        return spelling.get(composed(name), name)

    def grouped(groups: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(spelled(name) for name in group) for group in groups)

    if isinstance(settings, TriangulationSettings):
        return replace(settings, left_right=grouped(settings.left_right))
    return replace(
        settings,
        left_right=grouped(settings.left_right),
        blocks=grouped(settings.blocks),
        skeleton=grouped(settings.skeleton),
        smooth_params=tuple((spelled(name), s) for name, s in settings.smooth_params),
    )


def rig_of_views(rig: Rig, ensemble: AnyEnsemble, notes: list[str]) -> Rig:
    """The cameras of the views, in their order; ``notes`` grows by warnings."""
    notes += rig.warnings
    if len(rig.cameras) > 1:
        notes += [f"the calibration is doubtful: {each.problem}" for each in faults(rig)]
    extra = [name for name in rig.names if name not in ensemble.views]
    if extra:
        notes.append(f"cameras without predictions are left out: {', '.join(extra)}")
    return rig.subset(ensemble.views)


def check_calibration(
    rig: Rig, ensemble: AnyEnsemble, statistics: EnsembleStatistics, cancelled: IsCancelled
) -> CalibrationFit:
    """Whether the ensemble's centre fits the rig, whose cameras are in the order of the views."""
    spread = 0.0
    if len(ensemble.models) >= _MIN_MODELS:
        variance = statistics.variance.reshape(-1)
        some = variance[:: 1 + variance.size // _SAMPLE]
        if np.isfinite(some).any():
            spread = float(np.sqrt(np.nanmedian(some)))
    return calibration_fit(rig, _trusted(statistics), spread, cancelled)


def _trusted(statistics: EnsembleStatistics) -> FloatArray:
    """The centre in frames from all over the recording, without what the networks doubt themselves.

    Nor with what may stand for nothing found, (0, 0) and (-1, -1), whatever its likelihood. A view
    that is lost for most of a short recording tells nothing about the calibration.
    """
    step = 1 + statistics.centre.shape[1] // _FRAMES
    centre, likelihood = statistics.centre[:, ::step], statistics.likelihood[:, ::step]
    usual = float(np.nanmedian(likelihood)) if np.isfinite(likelihood).any() else 0.0
    doubted = likelihood < _DOUBTED * usual
    doubted |= at_placeholder(centre)
    kept = np.where(doubted[..., None], np.nan, centre)
    # Where one view is doubted throughout, it is compared all the same.
    enough = (observed_mask(kept).sum(axis=0) == len(kept)).sum() >= _FEWEST_TRUSTED
    return kept if enough else centre


def uncomputable(
    ensemble: AnyEnsemble, statistics: EnsembleStatistics, mode: Mode | None, notes: list[str]
) -> tuple[int, ...]:
    """Keypoints, by index, that too few views ever observe.

    ``notes`` names them, and those that are hardly ever observed.

    Parameters
    ----------
    mode : str or None
        The smoother; None: triangulation frame by frame.

    Raises
    ------
    PoseDataError
        No keypoint can be computed.
    """
    views_needed = 1 if mode == "single" else 2
    # A track has two points.
    frames_needed = 2 if mode == "calibrated" else 1
    empty, hardly, most = [], [], 0
    for k in range(len(ensemble.keypoints)):
        n_views = observed_mask(statistics.centre[:, :, k]).sum(axis=0)
        n_usable = int((n_views >= views_needed).sum())
        most = max(most, n_usable)
        if n_usable < frames_needed:
            empty.append(k)
        elif n_usable < _HARDLY * statistics.n_frames:
            hardly.append(f"{ensemble.keypoints[k]} (in {n_usable:,})")
    who = "observed" if views_needed == 1 else "observed by two views"
    if hardly:
        notes.append(
            f"{who} in less than {100 * _HARDLY:.0f} % of {statistics.n_frames:,} frames: "
            f"{', '.join(hardly)}"
        )
    if not empty:
        return ()
    names = ", ".join(ensemble.keypoints[k] for k in empty)
    how = f"{who} in {'no frame' if frames_needed == 1 else 'fewer than two frames'}"
    if len(empty) == len(ensemble.keypoints):
        if most:
            how = f"{who} in {most} of {statistics.n_frames} frames only"
        raise PoseDataError(
            f"every keypoint ({names}) is {how}",
            expected="predictions of the same frames in two or more views"
            if views_needed > 1
            else "predictions with positions",
            todo="Check that the files belong together, and the minimum likelihood"
            + ("; single frames can be triangulated" if most else ""),
        )
    notes.append(f"{how}, left empty: {names}")
    return tuple(empty)


def empty_views(
    ensemble: AnyEnsemble, statistics: EnsembleStatistics, left_out: Sequence[int]
) -> Iterable[str]:
    """A note on keypoints that some views never observe, where each view is smoothed by itself."""
    named = []
    for k, name in enumerate(ensemble.keypoints):
        observed = observed_mask(statistics.centre[:, :, k])
        views = [view for v, view in enumerate(ensemble.views) if not observed[v].any()]
        if views and k not in left_out:
            named.append(f"{name} in {', '.join(views)}")
    if named:
        yield f"observed in no frame of a view, left empty there: {'; '.join(named)}"


def without_model(
    ensemble: AnyEnsemble,
    statistics: EnsembleStatistics,
    settings: SmoothingSettings,
    left_out: Sequence[int],
    notes: list[str],
) -> tuple[int, ...]:
    """Further keypoints, by index, that all views observe together too rarely for a linear model.

    ``notes`` names them; where no keypoint would remain, that is left to the smoother to refuse.
    """
    from napari_pose3d.core.smoothing.linear.linear_smoother import n_training_frames

    n_latent = min(settings.n_latent, 2 * len(ensemble.views))
    found: dict[int, int] = {}
    rest = [k for k in range(len(ensemble.keypoints)) if k not in left_out]
    for k in rest:
        centre, variance = statistics.centre[:, :, k], statistics.variance[:, :, k]
        n = n_training_frames(centre, variance, settings.quantile_keep_pca)
        if n <= n_latent + 1:
            found[k] = n
    if len(found) == len(rest):
        return ()
    if found:
        named = ", ".join(f"{ensemble.keypoints[k]} (in {n})" for k, n in found.items())
        notes.append(
            f"observed by all views together in fewer frames than the {n_latent + 2} that a "
            f"linear model needs, left empty: {named}; smooth each view by itself (mode 'single') "
            "to keep them"
        )
    return tuple(found)


def placeholder_notes(statistics: EnsembleStatistics) -> Iterable[str]:
    """Notes on predictions that are no positions."""
    if n := int(statistics.n_placeholders.sum()):
        yield (
            f"{n:,} predictions at (0, 0) with likelihood 0 or none, or beyond that corner, stand "
            "for nothing found; they are treated as missing"
        )
    if (n := int(statistics.n_zeros.sum())) >= _FEWEST_ZEROS:
        yield (
            f"{n:,} predictions lie at exactly (0, 0) or (-1, -1) and are taken as positions; if "
            "they stand for nothing found, leave them out by a minimum likelihood"
        )
    if n := int(statistics.n_impossible.sum()):
        yield (
            f"{n:,} predictions are infinite or more than a million px away; they are treated as "
            "missing"
        )


def unrated_notes(
    statistics: EnsembleStatistics, ensemble: AnyEnsemble, published: bool
) -> Iterable[str]:
    """Notes on predictions whose likelihood tells nothing."""
    if not statistics.unrated.any():
        return
    by_view: dict[tuple[str, ...], list[str]] = {}
    for view, unrated in zip(ensemble.views, statistics.unrated, strict=True):
        names = tuple(k for k, flag in zip(ensemble.keypoints, unrated, strict=True) if flag)
        by_view.setdefault(names, []).append(view)
    where = "; ".join(
        f"{'all keypoints' if len(names) == len(ensemble.keypoints) else ', '.join(names)} in "
        f"{', '.join(views)}"
        for names, views in by_view.items()
        if names
    )
    what = (
        f"the likelihood is missing, or next to 0 throughout, where there are positions ({where})"
    )
    if published:
        yield f"{what}; as published, these positions have next to no weight"
    else:
        yield f"{what}; it tells nothing there and was not used: they count as any other"
