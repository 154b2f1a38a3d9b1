"""Triangulation of an ensemble frame by frame: poses to points, without smoothing."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from typing import TYPE_CHECKING

import numpy as np

from napari_pose3d.core.poses.arrays import (
    AnyEnsemble,
    FloatArray,
    Poses2D,
    Poses3D,
    Result,
    observed_mask,
)
from napari_pose3d.core.poses.certain import Positions
from napari_pose3d.core.poses.report import Report, ViewReport
from napari_pose3d.core.smoothing.smoother_choice import chosen_mode
from napari_pose3d.settings import (
    IsCancelled,
    Progress,
    SmoothingSettings,
    TriangulationSettings,
    check_robust,
    check_threads,
    never_cancelled,
    no_progress,
)

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig
    from napari_pose3d.core.cameras.triangulation.triangulation import Triangulation
    from napari_pose3d.core.smoothing.ensemble.ensemble_statistics import (
        EnsembleStatistics,
    )


def triangulate_ensemble(
    ensemble: AnyEnsemble,
    rig: Rig,
    settings: TriangulationSettings | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
    corrections: Positions | None = None,
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
    corrections : mapping of Cell (view, frame, keypoint) to (x, y), optional
        As in `run`. Frames without a correction are not affected.

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
    from napari_pose3d.core.smoothing.certain.observations import put_certain, with_certain
    from napari_pose3d.core.smoothing.ensemble.swaps import exchange, find_swaps

    from .input_checks import checked_input, rig_of_views, spelled_as_in

    settings = spelled_as_in(settings or TriangulationSettings(), ensemble.keypoints)
    cancelled = cancelled or never_cancelled
    progress = progress or no_progress
    started = time.perf_counter()
    check_robust(settings.robust)
    check_threads(settings.threads)
    chosen_mode(ensemble, rig, SmoothingSettings(mode="calibrated"))
    notes: list[str] = []
    rig = rig_of_views(rig, ensemble, notes)
    checked = checked_input(ensemble, rig, settings, None, notes, progress, cancelled)
    statistics, pairs, notes = checked.statistics, checked.pairs, checked.notes
    if corrections:
        statistics, more = with_certain(statistics, corrections, ensemble.views, ensemble.keypoints)
        notes += more
    certain = statistics.certain

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
            if certain is not None:
                put_certain(statistics, certain)
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
        serious=(checked.mismatch,) if checked.mismatch else (),
        seconds=time.perf_counter() - started,
        views={
            view: ViewReport(
                int(inliers[v].sum()),
                int((observed[v] & ~inliers[v] & (n_views > 0)).sum()),
                _median(residuals[v]),
                checked.calibration_residuals[v],
                int((~observed[v]).sum()),
            )
            for v, view in enumerate(ensemble.views)
        },
    )
    params = np.full(len(ensemble.keypoints), np.nan)
    return Result(poses2d, poses3d, params, report, swaps, certain=certain)


def _each_keypoint(
    statistics: EnsembleStatistics,
    rig: Rig,
    settings: TriangulationSettings,
    progress: Progress,
    cancelled: IsCancelled,
) -> list[Triangulation]:
    """The keypoints triangulated frame by frame, on all cores."""
    from napari_pose3d.core.smoothing.certain.anchors import pinned
    from napari_pose3d.core.smoothing.keypoint_blocks import each_block
    from napari_pose3d.core.smoothing.robust.framewise_triangulation import (
        spread_of,
        triangulate_framewise,
        weights_of,
    )

    def one(block: tuple[int, ...]) -> list[Triangulation]:
        centre = statistics.centre[:, :, block[0]]
        weights = weights_of(spread_of(statistics.variance[:, :, block[0]]))
        found = triangulate_framewise(rig, centre, weights, settings.robust, cancelled)
        cells = statistics.certain_of(block[0])
        if cells is not None and settings.robust != "off":
            found = pinned(rig, centre, weights, found, cells, cancelled)
        return [found]

    singly = [(k,) for k in range(statistics.centre.shape[2])]
    stage = "Triangulating keypoints"
    finished = each_block(one, singly, settings.threads, progress, cancelled, stage)
    with contextlib.closing(finished):
        return [part for _, part in finished]


def _median(values: FloatArray) -> float:
    """Of the finite ones; NaN where there is none."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else float("nan")
