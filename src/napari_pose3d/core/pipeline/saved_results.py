"""Results that were saved, read back: as good as new, but for what the files do not hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from napari_pose3d.core.errors import PoseDataError
from napari_pose3d.core.poses.arrays import Kind, Poses2D, Poses3D, Report, Result, observed_mask
from napari_pose3d.core.projects.alignment.view_alignment import Pixels
from napari_pose3d.core.projects.session import PredictionSet, Session
from napari_pose3d.core.settings import IsCancelled, Progress, ReadingSettings

_KINDS: tuple[Kind, ...] = ("calibrated", "linear", "single", "triangulated")


def load_result(
    session: Session,
    smoothed: PredictionSet,
    *,
    pixels: Pixels = "rig",
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> Result:
    """What a smoother wrote about a session.

    Parameters
    ----------
    session : Session
    smoothed : PredictionSet
        One of the session's sets of kind "smoothed"; the 3-D positions beside its files belong to
        it.
    pixels : {"rig", "image"}
        Of which image the 2-D positions are.

    Returns
    -------
    Result
        The covariance of a point holds the variances only, the others being nowhere in the files;
        a point counts as inferred where no view has a centre of the ensemble.

    Raises
    ------
    PoseDataError
        When a file is damaged, or files do not belong together.
    """
    reading = ReadingSettings(views=tuple(v for v in session.views if v in smoothed.files))
    stored = session.load_predictions(smoothed, reading, pixels=pixels)
    poses2d = stored.in_memory(progress, cancelled).poses(0)
    space = next(
        (
            each
            for each in session.sets
            if each.space is not None and each.space.parent in _folders(smoothed)
        ),
        None,
    )
    poses3d = None if space is None else _space(session, space, poses2d)
    return Result(
        poses2d,
        poses3d,
        np.full(len(poses2d.keypoints), np.nan),
        _report(smoothed, session.name, poses2d, poses3d),
    )


def _folders(smoothed: PredictionSet) -> set[Path]:
    return {path.parent for path in smoothed.files.values()}


def _space(session: Session, space: PredictionSet, poses2d: Poses2D) -> Poses3D:
    table = session.load_poses3d(space)
    absent = [name for name in poses2d.keypoints if name not in table.keypoints]
    if absent or len(table.xyz) != poses2d.n_frames:
        problem = (
            f"it lacks the keypoints {', '.join(absent)}"
            if absent
            else f"it has {len(table.xyz)} frames, the files of the views have {poses2d.n_frames}"
        )
        raise PoseDataError(
            problem,
            file=space.space,
            expected="3-D positions that were saved together with the files of the views",
            todo="Smooth the session again",
        )
    order = [table.keypoints.index(name) for name in poses2d.keypoints]
    xyz = table.xyz[:, order]
    covariance = np.full((*xyz.shape, 3), np.nan)
    if table.variance is not None:
        covariance[:] = table.variance[:, order, :, None] * np.eye(3)
    centre = poses2d.xy if poses2d.ensemble_median is None else poses2d.ensemble_median
    n_views = observed_mask(centre).sum(axis=0)
    rig = session.load_rig()
    return Poses3D(
        xyz,
        covariance,
        n_views.astype(np.int16),
        np.linalg.norm(centre - poses2d.xy, axis=-1).astype(np.float32),
        (n_views == 0) & np.isfinite(xyz[..., 0]),
        poses2d.views,
        poses2d.keypoints,
        session.name,
        "" if rig is None else rig.units,
    )


def _report(
    smoothed: PredictionSet, session: str, poses2d: Poses2D, poses3d: Poses3D | None
) -> Report:
    """From the record beside the files, or, without one, from the arrays."""
    record: dict[str, Any] = {}
    for folder in _folders(smoothed):
        path = folder / f"{session}_run.json"
        if path.exists():
            try:
                record = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                # The record is for people; the arrays do not depend on it.
                record = {}
    counts = record.get("counts", {})
    mode = record.get("mode")
    usual: Kind = "single" if poses3d is None else "calibrated"
    observed = observed_mask(
        poses2d.xy if poses2d.ensemble_median is None else poses2d.ensemble_median
    )
    return Report(
        mode=mode if mode in _KINDS else usual,
        smooth_param=dict(record.get("smooth_param", {})),
        searched=bool(record.get("smooth_param_searched", False)),
        observations=int(counts.get("observations", observed.sum())),
        missing=int(counts.get("missing", (~observed).sum())),
        rejected=int(counts.get("rejected", 0)),
        inferred=int(counts.get("inferred", 0 if poses3d is None else poses3d.inferred.sum())),
        settings=dict(record.get("settings", {})),
        seconds=float(record.get("seconds", 0.0)),
        left_missing=int(counts.get("left_missing", 0)),
    )
