"""The one place that strings the steps together: files to poses, poses to smoothed poses."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .errors import PoseDataError
from .poses import Ensemble, Mode, Poses2D, Poses3D, Report, Result
from .settings import IsCancelled, Progress, ReadingSettings, SmoothingSettings

if TYPE_CHECKING:
    from .cameras.rig import Rig
    from .match_table import MatchTable
    from .smoothing.eks import SmoothedKeypoint
    from .smoothing.ensemble import EnsembleStatistics

AnyPath = str | os.PathLike[str]


@dataclass(frozen=True)
class Inputs:
    """Files that belong together, before any of them is read.

    Attributes
    ----------
    table : MatchTable
        Prediction files of one session: which view of which prediction set each of them is.
    rig : Rig or None
    notes : tuple of str
        What was chosen without being asked for.
    """

    table: MatchTable
    rig: Rig | None
    notes: tuple[str, ...] = ()


def match_inputs(
    paths: AnyPath | Sequence[AnyPath],
    calibration: AnyPath | None = None,
    reading: ReadingSettings | None = None,
) -> Inputs:
    """Find prediction files and their calibration; reads headers only.

    Parameters
    ----------
    paths : path or sequence of paths
        Folders, or prediction files.
    calibration : path, optional
        Anipose TOML. Without it the calibration of the Lightning Pose project that the
        predictions lie in is used, if there is one (``notes`` says so), else none.
    reading : ReadingSettings, optional

    Raises
    ------
    PoseDataError
        See `napari_pose3d.load_predictions` and `napari_pose3d.load_rig`.
    """
    from .cameras.rig import load_rig
    from .matching import match_predictions
    from .project import calibration_of

    reading = reading or ReadingSettings()
    rig = None if calibration is None else load_rig(calibration)
    table = match_predictions(paths, reading, None if rig is None else rig.names)
    table = table.for_session(reading.session)
    notes: tuple[str, ...] = ()
    if rig is None and table.project is not None:
        found = calibration_of(table.project, table.sessions[0])
        if found is not None:
            rig = load_rig(found)
            notes = (f"the project's own calibration is used: {found}",)
    return Inputs(table, rig, notes)


def read_inputs(
    inputs: Inputs,
    reading: ReadingSettings | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> Ensemble:
    """Read the matched files; ``reading`` is what they were matched with."""
    from .predictions import load_matched

    ensemble = load_matched(
        inputs.table, reading or ReadingSettings(), progress=progress, cancelled=cancelled
    )
    return replace(ensemble, warnings=(*ensemble.warnings, *inputs.notes))


def open_inputs(
    paths: AnyPath | Sequence[AnyPath],
    calibration: AnyPath | None = None,
    reading: ReadingSettings | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> tuple[Ensemble, Rig | None]:
    """Read prediction files and the calibration that belongs to them.

    Parameters and errors are those of `match_inputs`; ``progress`` and ``cancelled`` as in `run`.

    Returns
    -------
    ensemble : Ensemble
    rig : Rig or None
    """
    inputs = match_inputs(paths, calibration, reading)
    return read_inputs(inputs, reading, progress, cancelled), inputs.rig


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
    _check_settings(settings)
    mode = chosen_mode(ensemble, rig, settings)
    notes = list(ensemble.warnings)
    if mode != "calibrated":
        rig = None
    elif rig is not None:
        notes += rig.warnings
        extra = [name for name in rig.names if name not in ensemble.views]
        if extra:
            notes.append(f"cameras without predictions are left out: {', '.join(extra)}")
        rig = rig.subset(ensemble.views)

    progress("Reducing the ensemble", 0, 0)
    statistics = ensemble_statistics(ensemble)
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
    report = Report(
        mode=mode,
        smooth_param=dict(zip(ensemble.keypoints, params.tolist(), strict=True)),
        searched=settings.smooth_param is None,
        observations=int(used.sum()),
        missing=int((statistics.n_models == 0).sum()),
        rejected=int(sum(part.rejected.sum() for part in parts)),
        inferred=int((~used.any(axis=1)).sum()),
        settings=dataclasses.asdict(settings),
        warnings=tuple(notes),
        seconds=time.perf_counter() - started,
    )
    return Result(poses2d, poses3d, params, report)


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


def _check_settings(settings: SmoothingSettings) -> None:
    s = settings.smooth_param
    if s is not None and not (np.isfinite(s) and s > 0):
        raise PoseDataError(
            f"the smoothing parameter is {s}",
            expected="a number above zero; small is smooth, large follows the data",
        )
    if not 0 < settings.quantile_keep_pca <= 100:
        raise PoseDataError(
            f"the percentage of frames for the linear model is {settings.quantile_keep_pca}",
            expected="above 0 and at most 100",
        )


def chosen_mode(ensemble: Ensemble, rig: Rig | None, settings: SmoothingSettings) -> Mode:
    """Which smoother runs on this input; raises `PoseDataError` where it cannot."""
    if ensemble.n_frames == 0 or not ensemble.keypoints or not ensemble.views:
        raise PoseDataError("the ensemble holds no frame, no keypoint or no view")
    if settings.mode == "auto":
        if rig is not None and len(ensemble.views) > 1:
            return "calibrated"
        return "linear" if len(ensemble.views) > 1 else "single"
    if settings.mode == "calibrated":
        if rig is None:
            raise PoseDataError(
                "the calibrated smoother was asked for without a calibration",
                todo="Give a calibration file (TOML), or choose 'linear' or 'single'",
            )
        if len(ensemble.views) < 2:
            raise PoseDataError(
                f"there is one view only, {ensemble.views[0]}",
                expected="two or more views to triangulate",
                todo="Add the other views' files, or choose 'single'",
            )
    if settings.mode == "linear" and len(ensemble.views) < 2:
        raise PoseDataError(
            f"there is one view only, {ensemble.views[0]}",
            expected="two or more views for the linear smoother",
            todo="Add the other views' files, or choose 'single'",
        )
    return settings.mode


def _poses2d(
    ensemble: Ensemble, statistics: EnsembleStatistics, parts: list[SmoothedKeypoint]
) -> Poses2D:
    from .smoothing.eks import stack

    return Poses2D(
        xy=stack((part.xy for part in parts), 2, np.float32),
        likelihood=statistics.likelihood,
        views=ensemble.views,
        keypoints=ensemble.keypoints,
        variance=stack((part.variance for part in parts), 2, np.float32),
        ensemble_median=statistics.centre,
        ensemble_variance=statistics.variance,
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

    xy = np.stack([part.xy for part in parts], axis=2)
    residuals = np.linalg.norm(statistics.centre - xy, axis=-1).astype(np.float32)
    n_views = np.stack([part.used.sum(axis=0) for part in parts], axis=1)
    return Poses3D(
        xyz=stack((part.xyz for part in parts if part.xyz is not None), 1, np.float64),
        covariance=stack(
            (part.covariance for part in parts if part.covariance is not None), 1, np.float64
        ),
        n_views=n_views,
        residuals=residuals,
        inferred=n_views == 0,
        views=ensemble.views,
        keypoints=ensemble.keypoints,
        session=ensemble.session,
        units=rig.units,
    )
