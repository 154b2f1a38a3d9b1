"""Results that were saved, read back: as good as new, but for what the files do not hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_pose3d.core.poses.arrays import Poses2D, Poses3D, Result, observed_mask
from napari_pose3d.core.poses.report import Kind, Report
from napari_pose3d.core.projects.alignment.view_alignment import Pixels
from napari_pose3d.core.projects.session import PredictionSet, Session
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import IsCancelled, Progress, ReadingSettings

from .run_record import is_number, read_record, views_of_record

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
    space = space_of(session, smoothed)
    poses3d = None if space is None else _space(session, space, poses2d)
    return Result(
        poses2d,
        poses3d,
        np.full(len(poses2d.keypoints), np.nan),
        _report(smoothed, session.name, poses2d, poses3d),
    )


def space_of(session: Session, smoothed: PredictionSet) -> PredictionSet | None:
    """The 3-D positions beside the files of a smoothed set; None where it has none."""
    folders = _folders(smoothed)
    sets = (each for each in session.sets if each.space is not None)
    return next((each for each in sets if each.space and each.space.parent in folders), None)


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
    if table.covariance is not None:
        covariance[:] = table.covariance[:, order]
        # Files of earlier versions have the variances only.
        covariance[np.isnan(covariance) & ~np.eye(3, dtype=bool)] = 0.0
    centre = poses2d.xy if poses2d.ensemble_median is None else poses2d.ensemble_median
    n_views = observed_mask(centre).sum(axis=0)
    rig, displacement = session.load_rig(), table.displacement_covariance
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
        None if displacement is None else displacement[:, order],
    )


def _mapping(record: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = record.get(name)
    return dict(found) if isinstance(found, dict) else {}


def _count(counts: Mapping[str, Any], name: str, usual: int) -> int:
    found: Any = counts.get(name)
    return int(found) if is_number(found) else int(usual)


def _report(
    smoothed: PredictionSet, session: str, poses2d: Poses2D, poses3d: Poses3D | None
) -> Report:
    """From the record beside the files, or, without one, from the arrays."""
    record: dict[str, Any] = {}
    for folder in _folders(smoothed):
        path = folder / f"{session}_run.json"
        if path.exists():
            record = read_record(path)
    counts = _mapping(record, "counts")
    mode = record.get("mode")
    usual: Kind = "single" if poses3d is None else "calibrated"
    observed = observed_mask(
        poses2d.xy if poses2d.ensemble_median is None else poses2d.ensemble_median
    )
    return Report(
        mode=mode if isinstance(mode, str) and mode in _KINDS else usual,
        smooth_param={
            name: float(value)
            for name, value in _mapping(record, "smooth_param").items()
            if is_number(value)
        },
        searched=bool(record.get("smooth_param_searched", False)),
        observations=_count(counts, "observations", observed.sum()),
        missing=_count(counts, "missing", (~observed).sum()),
        rejected=_count(counts, "rejected", 0),
        inferred=_count(counts, "inferred", 0 if poses3d is None else poses3d.inferred.sum()),
        settings=_mapping(record, "settings"),
        seconds=float(record["seconds"]) if is_number(record.get("seconds")) else 0.0,
        left_missing=_count(counts, "left_missing", 0),
        views=views_of_record(record),
    )
