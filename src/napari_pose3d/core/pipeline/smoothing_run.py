"""The one place that strings the steps together: files to poses, poses to smoothed poses."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from napari_pose3d.core.poses.arrays import AnyEnsemble, Result
from napari_pose3d.core.poses.certain import Positions
from napari_pose3d.core.poses.output_times import at_wanted, corrections_in_rows
from napari_pose3d.core.poses.report import Report
from napari_pose3d.core.poses.time_axis import CameraTimes, camera_times, time_axis
from napari_pose3d.core.projects.matching.inputs import (
    Inputs,
    match_inputs,
    open_inputs,
    read_inputs,
)
from napari_pose3d.core.smoothing.keypoint_blocks import check_smooth_params
from napari_pose3d.core.smoothing.smoother_choice import (
    check_asynchronous,
    chosen_mode,
    without_effect,
)
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import (
    IsCancelled,
    Progress,
    SmoothingSettings,
    check_settings,
    never_cancelled,
    no_progress,
)

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig

__all__ = [
    "Inputs",
    "chosen_mode",
    "match_inputs",
    "open_inputs",
    "read_inputs",
    "run",
    "smooth",
]

_TOGETHER = "the views are only smoothed together; there are no positions in space"


def run(
    ensemble: AnyEnsemble,
    rig: Rig | None = None,
    settings: SmoothingSettings | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
    corrections: Positions | None = None,
    times: CameraTimes | None = None,
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
    corrections : mapping of Cell (view, frame, keypoint) to (x, y), optional
        Positions that a person gave, by names, in frames of the session and pixels of the rig's
        image. They take the place of predictions and are never set aside.
    times : CameraTimes, optional
        Of the calibrated smoother: the frames of the ensemble are each view's own, taken at these
        times, in the order of the views; a view's frames beyond them are missing. Frames of
        ``corrections`` and of the result are the instants that are wanted.

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
    from napari_pose3d.core.smoothing.certain.observations import put_certain, with_certain
    from napari_pose3d.core.smoothing.ensemble.swaps import exchange, find_swaps
    from napari_pose3d.core.smoothing.linear.lasting_shifts import shift_note
    from napari_pose3d.core.smoothing.result_builder import ResultBuilder

    from .input_checks import checked_input, rig_of_views, spelled_as_in

    settings = spelled_as_in(settings or SmoothingSettings(), ensemble.keypoints)
    progress = progress or no_progress
    cancelled = cancelled or never_cancelled
    started = time.perf_counter()
    check_settings(settings)
    check_smooth_params(settings, ensemble.keypoints)
    mode = chosen_mode(ensemble, rig, settings)
    axis = None
    if times is not None:
        check_asynchronous(mode, settings)
        axis = time_axis(times)
    notes = without_effect(settings, mode, len(ensemble.views))
    if mode == "linear":
        why = "without a calibration" if rig is None else "mode 'linear' uses no calibration:"
        notes.insert(0, f"{why} {_TOGETHER}")
    if mode != "calibrated":
        rig = None
    elif rig is not None:
        rig = rig_of_views(rig, ensemble, notes)
    bones = [] if settings.as_published else bone_ends(settings.skeleton, ensemble.keypoints)
    checked = checked_input(ensemble, rig, settings, mode, notes, progress, cancelled, axis)
    statistics, pairs, notes = checked.statistics, checked.pairs, checked.notes
    if corrections and settings.as_published:
        notes.append("as published: what was corrected in review is not used")
    elif corrections:
        if axis is not None:
            corrections = corrections_in_rows(corrections, axis, ensemble.views)
        statistics, more = with_certain(statistics, corrections, ensemble.views, ensemble.keypoints)
        notes += more
    certain = statistics.certain

    def smoothed() -> ResultBuilder:
        common = settings, progress, cancelled, checked.left_out
        if rig is not None:
            parts = eks.smooth_calibrated(ensemble, statistics, rig, *common, axis)
        elif mode == "linear":
            parts = eks.smooth_linear(ensemble, statistics, *common)
        else:
            parts = eks.smooth_single(ensemble, statistics, *common)
        found = ResultBuilder(statistics, rig is not None, axis)
        for k in checked.left_out:
            found.leave_empty(k)
        with contextlib.closing(parts):
            for k, part in parts:
                found.put(k, part)
        return found

    try:
        found = smoothed()
    except PoseDataError as error:
        if checked.mismatch:
            raise PoseDataError(f"{error.problem}; {checked.mismatch}", todo=error.todo) from error
        raise
    swaps = None
    if pairs:
        in_space = None if rig is None else found.xy
        swaps = find_swaps(statistics, in_space, pairs, ensemble.keypoints, settings.fix_swaps)
        if swaps.corrected and swaps.views.any():
            exchange(statistics, swaps.views, pairs)
            if certain is not None:
                put_certain(statistics, certain)
            del found, in_space  # never two of them in memory
            found = smoothed()
        notes += swaps.describe(ensemble.views)

    if rig is not None and bones:
        apply_bones(found, rig, bones)
    poses2d = found.poses2d(ensemble)
    serious = [checked.mismatch] if checked.mismatch else []
    if mode == "linear" and (note := shift_note(poses2d, len(ensemble.models), cancelled)):
        notes.insert(0, note)
        serious.append(note)

    params = found.smooth_param
    report = Report(
        mode=mode,
        smooth_param={
            name: s
            for name, s in zip(ensemble.keypoints, params.tolist(), strict=True)
            if np.isfinite(s)
        },
        searched=any(settings.given_s(name) is None for name in ensemble.keypoints),
        observations=int(found.used_by_view.sum()),
        missing=int(found.missing.sum()),
        rejected=int(found.rejected_by_view.sum()),
        inferred=found.inferred,
        left_missing=found.left_missing,
        settings=dataclasses.asdict(settings),
        warnings=tuple(notes),
        serious=tuple(serious),
        seconds=time.perf_counter() - started,
        views=found.view_reports(ensemble.views, checked.calibration_residuals),
    )
    poses3d = None if rig is None else found.poses3d(ensemble, rig.units)
    result = Result(poses2d, poses3d, params, report, swaps, found.process_noise, certain)
    if axis is None or times is None:
        return result
    return replace(at_wanted(result, axis), times=times.wanted)


def smooth(
    ensemble: AnyEnsemble,
    rig: Rig | None = None,
    settings: SmoothingSettings | None = None,
    *,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
    corrections: Positions | None = None,
    times: Mapping[str, ArrayLike] | None = None,
    output_times: str | float | ArrayLike = "",
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
    progress, cancelled, corrections : optional
        See `napari_pose3d.core.pipeline.smoothing_run.run`.
    times : mapping of view to (frame,), optional
        When the frames of each view were taken, by one clock: cameras of different rates or that
        do not start together. Frame n of a view is then its own n-th frame (those that a view
        lacks at the end are NaN), and each observation counts at its own time. Needs a rig.
    output_times : str, float or (output,), optional
        With ``times``: where results are wanted. The name of a view: at its frames; a number:
        so many per unit of time; or instants. Not given: at the frames of the slowest view.
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
    clock = None
    if times is not None:
        clock = camera_times(times, ensemble.views, output_times)
        named = str(output_times) if isinstance(output_times, str | float | int) else ""
        settings = replace(settings, own_times=True, output_times=named)
    known = {field.name for field in dataclasses.fields(settings)}
    unknown = sorted(set(changes) - known)
    if unknown:
        raise TypeError(f"smooth() has no setting called {', '.join(unknown)}")
    settings = replace(settings, **changes)  # type: ignore[arg-type]
    return run(ensemble, rig, settings, progress, cancelled, corrections, clock)
