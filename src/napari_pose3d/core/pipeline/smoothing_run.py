"""The one place that strings the steps together: files to poses, poses to smoothed poses."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_pose3d.core.poses.arrays import (
    AnyEnsemble,
    FloatArray,
    Poses2D,
    Poses3D,
    Report,
    Result,
    ViewReport,
    observed_mask,
)
from napari_pose3d.core.projects.matching.inputs import (
    Inputs,
    match_inputs,
    open_inputs,
    read_inputs,
)
from napari_pose3d.core.smoothing.smoother_choice import chosen_mode, without_effect
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import (
    IsCancelled,
    Progress,
    SmoothingSettings,
    TriangulationSettings,
    check_robust,
    check_settings,
    check_threads,
)

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig
    from napari_pose3d.core.cameras.triangulation.triangulation import Triangulation
    from napari_pose3d.core.smoothing.ensemble.ensemble_statistics import (
        EnsembleStatistics,
    )

__all__ = [
    "Inputs",
    "chosen_mode",
    "match_inputs",
    "open_inputs",
    "read_inputs",
    "run",
    "smooth",
    "triangulate_ensemble",
]


def run(
    ensemble: AnyEnsemble,
    rig: Rig | None = None,
    settings: SmoothingSettings | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> Result:
    """Smooth an ensemble, and triangulate it where a rig is given.

    Parameters
    ----------
    ensemble : Ensemble or StoredEnsemble
        One or more prediction sets, in memory or still in their files.
    rig : Rig, optional
        Cameras are matched to views by name; extra cameras are left out.
    settings : SmoothingSettings, optional
    progress : callable, optional
        Called with ``(stage, done, total)``.
    cancelled : callable, optional
        Asked often; when it returns True, `Cancelled` is raised.

    Returns
    -------
    Result

    Raises
    ------
    PoseDataError
        Settings that do not fit the input, a view without camera, too little data.
    """
    from napari_pose3d.core.smoothing import smoothers as eks
    from napari_pose3d.core.smoothing.bones.bone_lengths import apply_bones, bone_ends
    from napari_pose3d.core.smoothing.ensemble.ensemble_statistics import (
        ensemble_statistics,
    )
    from napari_pose3d.core.smoothing.ensemble.swaps import (
        exchange,
        find_swaps,
        left_right_pairs,
    )
    from napari_pose3d.core.smoothing.result_builder import ResultBuilder

    from .input_checks import check_calibration, placeholder_notes, uncomputable

    settings = settings or SmoothingSettings()
    progress = progress or (lambda stage, done, total: None)
    cancelled = cancelled or (lambda: False)
    started = time.perf_counter()
    check_settings(settings)
    mode = chosen_mode(ensemble, rig, settings)
    notes = without_effect(settings, mode, len(ensemble.views))
    if mode != "calibrated":
        rig = None
    elif rig is not None:
        rig = _rig_of_views(rig, ensemble, notes)

    # The published smoother takes what it is given.
    ours = not settings.as_published
    pairs = left_right_pairs(settings.left_right, ensemble.keypoints) if ours else []
    bones = bone_ends(settings.skeleton, ensemble.keypoints) if ours else []
    statistics = ensemble_statistics(
        ensemble,
        settings.avg_mode,
        settings.var_mode,
        progress,
        cancelled,
        settings.threads,
        pairs,
        settings.fix_swaps,
        keep_placeholders=settings.as_published,
    )
    notes = [*ensemble.warnings, *notes, *placeholder_notes(statistics)]
    left_out = uncomputable(ensemble, statistics, mode, notes)
    fit = None if rig is None else check_calibration(rig, ensemble, statistics, cancelled)
    if fit is not None and (mismatch := fit.warning()):
        notes.insert(0, mismatch)

    def smoothed() -> ResultBuilder:
        common = settings, progress, cancelled, left_out
        if rig is not None:
            parts = eks.smooth_calibrated(ensemble, statistics, rig, *common)
        elif mode == "linear":
            parts = eks.smooth_linear(ensemble, statistics, *common)
        else:
            parts = eks.smooth_single(ensemble, statistics, *common)
        found = ResultBuilder(statistics, in_space=rig is not None)
        for k in left_out:
            found.leave_empty(k)
        with contextlib.closing(parts):
            for k, part in parts:
                found.put(k, part)
        return found

    try:
        found = smoothed()
    except PoseDataError as error:
        if fit is not None and (mismatch := fit.warning()):
            raise PoseDataError(f"{error.problem}; {mismatch}", todo=error.todo) from error
        raise
    swaps = None
    if pairs:
        in_space = None if rig is None else found.xy
        swaps = find_swaps(statistics, in_space, pairs, ensemble.keypoints, settings.fix_swaps)
        if swaps.corrected and swaps.views.any():
            exchange(statistics, swaps.views, pairs)
            del found, in_space  # never two of them in memory
            found = smoothed()
        notes += swaps.describe(ensemble.views)

    if rig is not None and bones:
        apply_bones(found, rig, bones)

    params = found.smooth_param
    unknown = [np.nan] * len(ensemble.views)
    view_reports = found.view_reports(
        ensemble.views, unknown if fit is None else list(fit.residuals.values())
    )
    report = Report(
        mode=mode,
        smooth_param={
            name: s
            for name, s in zip(ensemble.keypoints, params.tolist(), strict=True)
            if np.isfinite(s)
        },
        searched=settings.smooth_param is None,
        observations=int(found.used_by_view.sum()),
        missing=int(np.isnan(statistics.centre[..., 0]).sum()),
        rejected=int(found.rejected_by_view.sum()),
        inferred=found.inferred,
        left_missing=found.left_missing,
        settings=dataclasses.asdict(settings),
        warnings=tuple(notes),
        seconds=time.perf_counter() - started,
        views=view_reports,
    )
    poses3d = None if rig is None else found.poses3d(ensemble, rig.units)
    return Result(found.poses2d(ensemble), poses3d, params, report, swaps)


def triangulate_ensemble(
    ensemble: AnyEnsemble,
    rig: Rig,
    settings: TriangulationSettings | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> Result:
    """Triangulate the centre of an ensemble frame by frame; nothing is smoothed or filled in.

    Parameters
    ----------
    ensemble : Ensemble
        One or more prediction sets of two or more views.
    rig : Rig
        Cameras are matched to views by name; extra cameras are left out.
    settings : TriangulationSettings, optional
    progress, cancelled : callable, optional
        As in `run`.

    Returns
    -------
    Result
        ``poses3d``, and in ``poses2d`` where its points fall in each view (NaN where there is no
        point; no ``variance``). ``smooth_param`` is NaN.

    Raises
    ------
    PoseDataError
        An invalid setting, a view without camera, one view only.
    """
    from napari_pose3d.core.smoothing.ensemble.ensemble_statistics import (
        ensemble_statistics,
    )
    from napari_pose3d.core.smoothing.ensemble.swaps import (
        exchange,
        find_swaps,
        left_right_pairs,
    )

    from .input_checks import check_calibration, placeholder_notes, uncomputable

    settings = settings or TriangulationSettings()
    cancelled = cancelled or (lambda: False)
    progress = progress or (lambda stage, done, total: None)
    started = time.perf_counter()
    check_robust(settings.robust)
    check_threads(settings.threads)
    chosen_mode(ensemble, rig, SmoothingSettings(mode="calibrated"))
    notes: list[str] = []
    rig = _rig_of_views(rig, ensemble, notes)
    pairs = left_right_pairs(settings.left_right, ensemble.keypoints)
    statistics = ensemble_statistics(
        ensemble,
        settings.avg_mode,
        settings.var_mode,
        progress,
        cancelled,
        settings.threads,
        pairs,
        settings.fix_swaps,
    )
    notes = [*ensemble.warnings, *notes, *placeholder_notes(statistics)]
    uncomputable(ensemble, statistics, None, notes)
    fit = check_calibration(rig, ensemble, statistics, cancelled)
    if mismatch := fit.warning():
        notes.insert(0, mismatch)

    def triangulated() -> list[Triangulation]:
        return _each_keypoint(statistics, rig, settings, progress, cancelled)

    found = triangulated()
    swaps = None
    if pairs:
        xyz = np.stack([part.xyz for part in found], axis=1)
        expected = rig.project(xyz).astype(np.float32)
        swaps = find_swaps(statistics, expected, pairs, ensemble.keypoints, settings.fix_swaps)
        if swaps.corrected and swaps.views.any():
            exchange(statistics, swaps.views, pairs)
            found = triangulated()
        notes += swaps.describe(ensemble.views)
    xyz = np.stack([part.xyz for part in found], axis=1)
    inliers = np.stack([part.inliers for part in found], axis=-1)
    n_views = np.stack([part.n_views for part in found], axis=1)
    residuals = np.stack([part.residuals for part in found], axis=-1).astype(np.float32)
    observed = observed_mask(statistics.centre)
    alone = int((observed & (n_views == 0)).sum())
    if alone:
        notes.append(
            f"{alone:,} observations give no point: no second view observed the keypoint in that "
            "frame, or the rays do not meet in front of the cameras"
        )
    open_questions = sum(int(part.undecided.sum()) for part in found)
    if open_questions:
        notes.append(
            f"in {open_questions:,} points the views contradict each other and it is open which "
            "of them is right"
        )
    poses2d = Poses2D(
        xy=rig.project(xyz).astype(np.float32),
        likelihood=statistics.likelihood,
        views=ensemble.views,
        keypoints=ensemble.keypoints,
        ensemble_median=statistics.centre,
        ensemble_variance=statistics.variance,
        session=ensemble.session,
        individual=ensemble.individual,
    )
    poses3d = Poses3D(
        xyz=xyz,
        covariance=np.stack([part.covariance for part in found], axis=1),
        n_views=n_views,
        residuals=residuals,
        inferred=np.zeros(n_views.shape, dtype=bool),
        views=ensemble.views,
        keypoints=ensemble.keypoints,
        session=ensemble.session,
        units=rig.units,
    )
    report = Report(
        mode="triangulated",
        smooth_param={},
        searched=False,
        observations=int(inliers.sum()),
        missing=int((~observed).sum()),
        rejected=int((observed & ~inliers & (n_views > 0)).sum()),
        inferred=0,
        left_missing=int((n_views == 0).sum()),
        settings=dataclasses.asdict(settings),
        warnings=tuple(notes),
        seconds=time.perf_counter() - started,
        views={
            view: ViewReport(
                int(inliers[v].sum()),
                int((observed[v] & ~inliers[v] & (n_views > 0)).sum()),
                _median(residuals[v]),
                fit.residuals[view],
            )
            for v, view in enumerate(ensemble.views)
        },
    )
    return Result(poses2d, poses3d, np.full(len(ensemble.keypoints), np.nan), report, swaps)


def _each_keypoint(
    statistics: EnsembleStatistics,
    rig: Rig,
    settings: TriangulationSettings,
    progress: Progress,
    cancelled: IsCancelled,
) -> list[Triangulation]:
    """The keypoints triangulated frame by frame, on all cores."""
    from napari_pose3d.core.smoothing.keypoint_blocks import each_block
    from napari_pose3d.core.smoothing.robust.framewise_triangulation import (
        spread_of,
        triangulate_framewise,
        weights_of,
    )

    def one(block: tuple[int, ...]) -> list[Triangulation]:
        centre = statistics.centre[:, :, block[0]]
        weights = weights_of(spread_of(statistics.variance[:, :, block[0]]))
        return [triangulate_framewise(rig, centre, weights, settings.robust, cancelled)]

    singly = [(k,) for k in range(statistics.centre.shape[2])]
    stage = "Triangulating keypoints"
    finished = each_block(one, singly, settings.threads, progress, cancelled, stage)
    with contextlib.closing(finished):
        return [part for _, part in finished]


def _median(values: FloatArray) -> float:
    """Of the finite ones; NaN where there is none."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else float("nan")


def _rig_of_views(rig: Rig, ensemble: AnyEnsemble, notes: list[str]) -> Rig:
    """The cameras of the views, in their order; ``notes`` grows by warnings."""
    notes += rig.warnings
    extra = [name for name in rig.names if name not in ensemble.views]
    if extra:
        notes.append(f"cameras without predictions are left out: {', '.join(extra)}")
    return rig.subset(ensemble.views)


def smooth(
    ensemble: AnyEnsemble,
    rig: Rig | None = None,
    settings: SmoothingSettings | None = None,
    *,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
    **changes: object,
) -> Result:
    """Smooth an ensemble of predictions; with a rig, in space.

    Parameters
    ----------
    ensemble : Ensemble
        From `load_predictions`, or made from arrays.
    rig : Rig, optional
        From `load_rig`. Cameras are matched to views by name.
    settings : SmoothingSettings, optional
    progress, cancelled : callable, optional
        See `napari_pose3d.core.pipeline.smoothing_run.run`.
    **changes
        Fields of `SmoothingSettings`, such as ``smooth_param=1.0``, that replace those of
        ``settings``.

    Returns
    -------
    Result
        ``poses2d``, ``poses3d`` (None without a rig), ``smooth_param``, ``report``.

    Examples
    --------
    >>> ensemble = load_predictions("recording")  # doctest: +SKIP
    >>> result = smooth(ensemble, load_rig("calibration.toml"))  # doctest: +SKIP
    >>> result.poses3d.xyz.shape  # doctest: +SKIP
    (600, 12, 3)
    """
    settings = settings or SmoothingSettings()
    known = {field.name for field in dataclasses.fields(settings)}
    unknown = sorted(set(changes) - known)
    if unknown:
        raise TypeError(f"smooth() has no setting called {', '.join(unknown)}")
    return run(ensemble, rig, replace(settings, **changes), progress, cancelled)  # type: ignore[arg-type]
