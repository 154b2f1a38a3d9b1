"""The one place that strings the steps together: files to poses, poses to smoothed poses."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .checks import check_robust, check_settings, check_threads, chosen_mode, without_effect
from .inputs import Inputs, match_inputs, open_inputs, read_inputs
from .poses import Ensemble, Poses2D, Poses3D, Report, Result, observed
from .settings import (
    IsCancelled,
    Progress,
    SmoothingSettings,
    TriangulationSettings,
)

if TYPE_CHECKING:
    from .cameras.rig import Rig
    from .cameras.triangulation import Triangulation
    from .smoothing.eks import SmoothedKeypoint
    from .smoothing.ensemble import EnsembleStatistics

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
    ensemble: Ensemble,
    rig: Rig | None = None,
    settings: SmoothingSettings | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> Result:
    """Smooth an ensemble, and triangulate it where a rig is given.

    Parameters
    ----------
    ensemble : Ensemble
        One or more prediction sets.
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
    from .smoothing import eks
    from .smoothing.ensemble import ensemble_statistics

    settings = settings or SmoothingSettings()
    progress = progress or (lambda stage, done, total: None)
    cancelled = cancelled or (lambda: False)
    started = time.perf_counter()
    check_settings(settings)
    mode = chosen_mode(ensemble, rig, settings)
    notes = [*ensemble.warnings, *without_effect(settings, mode)]
    if mode != "calibrated":
        rig = None
    elif rig is not None:
        rig = _rig_of_views(rig, ensemble, notes)

    progress("Reducing the ensemble", 0, 0)
    statistics = ensemble_statistics(ensemble, settings.avg_mode, settings.var_mode)
    if mode == "calibrated":
        assert rig is not None
        parts = eks.smooth_calibrated(ensemble, statistics, rig, settings, progress, cancelled)
    elif mode == "linear":
        parts = eks.smooth_linear(ensemble, statistics, settings, progress, cancelled)
    else:
        parts = eks.smooth_single(ensemble, statistics, settings, progress, cancelled)

    poses2d = _poses2d(ensemble, statistics, parts)
    poses3d = None if rig is None else _poses3d(ensemble, statistics, parts, rig)
    params = np.array([part.smooth_param for part in parts])
    used = np.stack([part.used for part in parts])
    unseen = ~used.any(axis=1)
    blank = np.stack([np.isnan(part.xy[..., 0]).all(axis=0) for part in parts])
    report = Report(
        mode=mode,
        smooth_param=dict(zip(ensemble.keypoints, params.tolist(), strict=True)),
        searched=settings.smooth_param is None,
        observations=int(used.sum()),
        missing=int((statistics.n_models == 0).sum()),
        rejected=int(sum(part.rejected.sum() for part in parts)),
        inferred=int((unseen & ~blank).sum()),
        left_missing=int((unseen & blank).sum()),
        settings=dataclasses.asdict(settings),
        warnings=tuple(notes),
        seconds=time.perf_counter() - started,
    )
    return Result(poses2d, poses3d, params, report)


def triangulate_ensemble(
    ensemble: Ensemble,
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
        A setting that cannot be meant, a view without camera, one view only.
    """
    from .smoothing.blocks import each_block
    from .smoothing.ensemble import ensemble_statistics
    from .smoothing.framewise import triangulate_framewise

    settings = settings or TriangulationSettings()
    cancelled = cancelled or (lambda: False)
    progress = progress or (lambda stage, done, total: None)
    started = time.perf_counter()
    check_robust(settings.robust)
    check_threads(settings.threads)
    chosen_mode(ensemble, rig, SmoothingSettings(mode="calibrated"))
    notes = list(ensemble.warnings)
    rig = _rig_of_views(rig, ensemble, notes)
    progress("Reducing the ensemble", 0, 0)
    statistics = ensemble_statistics(ensemble, settings.avg_mode, settings.var_mode)

    def one(block: tuple[int, ...]) -> list[Triangulation]:
        centre = statistics.centre[:, :, block[0]]
        spread = statistics.variance[:, :, block[0]].mean(axis=-1, dtype=np.float64)
        return [triangulate_framewise(rig, centre, spread, settings.robust, cancelled)]

    singly = [(k,) for k in range(len(ensemble.keypoints))]
    stage = "Triangulating keypoints"
    found = each_block(one, singly, settings.threads, progress, cancelled, stage)
    xyz = np.stack([part.xyz for part in found], axis=1)
    inliers = np.stack([part.inliers for part in found], axis=-1)
    n_views = np.stack([part.n_views for part in found], axis=1)
    residuals = np.stack([part.residuals for part in found], axis=-1).astype(np.float32)
    seen = observed(statistics.centre)
    alone = int((seen & (n_views == 0)).sum())
    if alone:
        notes.append(
            f"{alone:,} observations give no point: no second view saw the keypoint in that "
            "frame, or the rays do not meet in front of the cameras"
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
        missing=int((~seen).sum()),
        rejected=int((seen & ~inliers & (n_views > 0)).sum()),
        inferred=0,
        left_missing=int((n_views == 0).sum()),
        settings=dataclasses.asdict(settings),
        warnings=tuple(notes),
        seconds=time.perf_counter() - started,
    )
    return Result(poses2d, poses3d, np.full(len(ensemble.keypoints), np.nan), report)


def _rig_of_views(rig: Rig, ensemble: Ensemble, notes: list[str]) -> Rig:
    """The cameras of the views, in their order; ``notes`` grows by what there is to say."""
    notes += rig.warnings
    extra = [name for name in rig.names if name not in ensemble.views]
    if extra:
        notes.append(f"cameras without predictions are left out: {', '.join(extra)}")
    return rig.subset(ensemble.views)


def smooth(
    ensemble: Ensemble,
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
        See `napari_pose3d.core.pipeline.run`.
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


def _poses2d(
    ensemble: Ensemble, statistics: EnsembleStatistics, parts: list[SmoothedKeypoint]
) -> Poses2D:
    from .smoothing.eks import stack

    variance = statistics.variance
    changed = [part.ensemble_variance for part in parts if part.ensemble_variance is not None]
    if changed:
        variance = stack(changed, 2, np.float32)
    return Poses2D(
        xy=stack((part.xy for part in parts), 2, np.float32),
        likelihood=statistics.likelihood,
        views=ensemble.views,
        keypoints=ensemble.keypoints,
        variance=stack((part.variance for part in parts), 2, np.float32),
        ensemble_median=statistics.centre,
        ensemble_variance=variance,
        session=ensemble.session,
        individual=ensemble.individual,
    )


def _poses3d(
    ensemble: Ensemble,
    statistics: EnsembleStatistics,
    parts: list[SmoothedKeypoint],
    rig: Rig,
) -> Poses3D:
    from .smoothing.eks import stack

    residuals = stack(
        (
            np.linalg.norm(statistics.centre[:, :, k] - part.xy, axis=-1)
            for k, part in enumerate(parts)
        ),
        2,
        np.float32,
    )
    n_views = np.stack([part.used.sum(axis=0) for part in parts], axis=1)
    xyz = stack((part.xyz for part in parts if part.xyz is not None), 1, np.float64)
    return Poses3D(
        xyz=xyz,
        covariance=stack(
            (part.covariance for part in parts if part.covariance is not None), 1, np.float64
        ),
        n_views=n_views,
        residuals=residuals,
        inferred=(n_views == 0) & np.isfinite(xyz[..., 0]),
        views=ensemble.views,
        keypoints=ensemble.keypoints,
        session=ensemble.session,
        units=rig.units,
    )
