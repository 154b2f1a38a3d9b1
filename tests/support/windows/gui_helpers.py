"""Small recordings with known truth for the tests of the napari side."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.rig_file import save_rig
from napari_pose3d.core.formats.predictions.prediction_csv import write_prediction_csv
from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable
from napari_pose3d.core.poses.arrays import Poses2D, Poses3D, Result
from napari_pose3d.core.poses.report import Report
from tests.support.recordings.scenes import ARC_VIEWS, arc_rig

VIEWS = ARC_VIEWS
SIZE = (640, 480)


def make_result(n_frames: int = 20, n_keypoints: int = 3, rig: Rig | None = None) -> Result:
    """Points that wander about the origin; smoothed is the truth, raw is the truth plus noise."""
    rng = np.random.default_rng(0)
    rig = rig or arc_rig()
    start = rng.uniform(-1, 1, (1, n_keypoints, 3))
    xyz = start + np.cumsum(rng.normal(0, 0.3 / np.sqrt(n_frames), (n_frames, n_keypoints, 3)), 0)
    xy = rig.project(xyz).astype(np.float32)
    shape = xy.shape[:3]
    keypoints = tuple(f"kp{i}" for i in range(n_keypoints))
    poses2d = Poses2D(
        xy,
        rng.uniform(0.5, 1, shape).astype(np.float32),
        rig.names,
        keypoints,
        variance=np.ones_like(xy),
        ensemble_median=(xy + rng.normal(0, 2, xy.shape)).astype(np.float32),
        ensemble_variance=np.ones_like(xy),
        session="walk",
    )
    poses3d = Poses3D(
        xyz,
        np.broadcast_to(np.eye(3), (n_frames, n_keypoints, 3, 3)),
        np.full(shape[1:], len(rig.cameras)),
        rng.uniform(0, 3, shape).astype(np.float32),
        np.zeros(shape[1:], dtype=bool),
        rig.names,
        keypoints,
        session="walk",
        units="mm",
    )
    report = Report("calibrated", dict.fromkeys(keypoints, 1.0), True, int(np.prod(shape)), 0, 0, 0)
    return Result(poses2d, poses3d, np.ones(n_keypoints), report)


def make_table(n_frames: int = 20, n_keypoints: int = 3, **extra: str | None) -> PredictionTable:
    """One view's predictions with one empty cell: keypoint 1 in frame 4."""
    poses = make_result(n_frames, n_keypoints).poses2d
    xy = poses.xy[0].copy()
    xy[4, 1] = np.nan
    likelihood = poses.likelihood[0].copy()
    likelihood[4, 1] = np.nan
    return PredictionTable(poses.keypoints, xy, likelihood, scorer="net", **extra)  # type: ignore[arg-type]


def write_session(folder: Path, n_frames: int = 60, seeds: int = 2) -> tuple[Path, Path]:
    """A folder of prediction CSVs and the calibration beside it."""
    rng = np.random.default_rng(1)
    rig = arc_rig()
    result = make_result(n_frames, 3, rig)
    predictions = folder / "predictions"
    predictions.mkdir(parents=True)
    for seed in range(seeds):
        for i, view in enumerate(rig.names):
            xy = result.poses2d.xy[i] + rng.normal(0, 1.5, result.poses2d.xy[i].shape)
            table = PredictionTable(
                result.poses2d.keypoints,
                xy.astype(np.float32),
                np.full(xy.shape[:2], 0.9, dtype=np.float32),
                scorer="net",
            )
            write_prediction_csv(predictions / f"walk_{view}_seed={seed}.csv", table)
    save_rig(rig, folder / "rig.toml")
    return predictions, folder / "rig.toml"
