"""Small poses for other programs' formats: odd order of names, a gap, a filled point, two views."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_pose3d import PoseDataError, Poses2D, Poses3D, SessionPoses, export_poses, read_poses
from napari_pose3d.settings import ExportSettings
from tests.support.recordings.scenes import ARC_VIEWS, arc_rig

KEYPOINTS = ("tail", "nose", "paw_L", "ear")
GAP = (2, 1)
"""Frame and keypoint that are missing in space."""
FILLED = (4, 0)
"""Frame and keypoint that were filled in."""


def poses_of(
    n_frames: int = 7,
    keypoints: tuple[str, ...] = KEYPOINTS,
    *,
    seed: int = 0,
    distortion: tuple[float, ...] = (-0.1, 0.02, 0.001, -0.001, 0.003),
) -> SessionPoses:
    """Poses in space and in three views that fit each other; rig in mm, 120 frames a second."""
    rng = np.random.default_rng(seed)
    rig = replace(arc_rig(distortion=distortion), units="mm")
    xyz = rng.uniform(-1, 1, (n_frames, len(keypoints), 3))
    xy = rig.project(xyz).astype(np.float32)
    shape = xyz.shape[:2]
    inferred = np.zeros(shape, bool)
    n_views = np.full(shape, 3, np.int16)
    if n_frames > FILLED[0] and len(keypoints) > GAP[1]:
        xyz[GAP] = np.nan
        xy[:, GAP[0], GAP[1]] = np.nan
        inferred[FILLED], n_views[GAP], n_views[FILLED] = True, 0, 0
    residuals = rng.uniform(0.1, 2, (3, *shape)).astype(np.float32)
    residuals[:, n_views == 0] = np.nan
    factor = rng.normal(size=(*shape, 3, 3))
    covariance = (factor @ np.swapaxes(factor, -1, -2) * 0.01).astype(np.float32)
    likelihood = rng.uniform(0.5, 1, xy.shape[:-1]).astype(np.float32)
    variance = rng.uniform(0.1, 1, xy.shape).astype(np.float32)
    return SessionPoses(
        Poses3D(xyz, covariance, n_views, residuals, inferred, ARC_VIEWS, keypoints, "day1", "mm"),
        Poses2D(xy, likelihood, ARC_VIEWS, keypoints, variance=variance, session="day1"),
        fps=120.0,
        skeleton=((keypoints[0], keypoints[-1]),) if len(keypoints) > 1 else (),
        rig=rig,
    )


def round_trip(
    poses: SessionPoses, key: str, folder: Path, settings: ExportSettings | None = None
) -> tuple[SessionPoses, tuple[str, ...]]:
    """The poses as they are read again, and the notes of the export."""
    done = export_poses(poses, key, folder, settings)
    return read_poses(done.files[0] if done.files[0].parent == folder else folder, key), done.notes


def refusals(
    path: Path, read: Callable[[Path], object], n_trials: int, seed: int = 0
) -> list[PoseDataError]:
    """Damage a file again and again and read it: what it is refused with.

    Anything else than `PoseDataError` passes through. Each error must name the file.
    """
    rng = np.random.default_rng(seed)
    whole = path.read_bytes()
    errors = []
    for trial in range(n_trials):
        data = bytearray(whole)
        kind = trial % 4
        at = int(rng.integers(len(data)))
        if kind == 0:
            del data[at:]
        elif kind == 1:
            for i in rng.integers(len(data), size=int(rng.integers(1, 8))):
                data[i] = int(rng.integers(256))
        elif kind == 2:
            data[at : at + int(rng.integers(1, 40))] = b""
        else:
            part = data[at : at + int(rng.integers(1, 60))]
            data[at:at] = part
        path.write_bytes(bytes(data))
        try:
            read(path)
        except PoseDataError as error:
            errors.append(error)
    path.write_bytes(whole)
    assert all(error.file for error in errors)
    return errors
