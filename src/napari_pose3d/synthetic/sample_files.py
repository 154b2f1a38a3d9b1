"""The small files of the sample session: all but the images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_pose3d.core.formats.predictions.poses3d_csv import write_poses3d_csv
from napari_pose3d.core.formats.predictions.prediction_csv import write_header, write_prediction_csv
from napari_pose3d.core.poses.arrays import Ensemble, Poses3D
from napari_pose3d.settings import IsCancelled, Progress

from .network_errors import PredictionTruth
from .scene import UNITS, Scene

SESSION = "arena"
SCORER = "heatmap_tracker"
LABELER = "synthetic"

_KINEMATICS = """\
knee = { angle = ["back", "knee_left", "hindpaw_left"] }
bend = { angle = ["neck", "back", "tail_base"] }
body = { length = ["neck", "tail_base"] }
heading = { direction = ["tail_base", "neck"] }
turning = { direction_rate = ["tail_base", "neck"] }
pace = { speed = "back" }
"""
_LABEL_NOISE = 0.7  # px, sd of x and of y: nobody clicks better


def write_project(folder: Path, scene: Scene) -> None:
    """``project.yaml``; the skeleton and what is measured in our own ``project.toml``."""
    import yaml

    content = {
        "view_names": list(scene.rig.names),
        "keypoint_names": list(scene.keypoints),
        "schema_version": 1,
    }
    text = yaml.safe_dump(content, sort_keys=False)
    (folder / "project.yaml").write_text(text, encoding="utf-8")
    # Names of our own scene: nothing in them needs escaping in TOML.
    pairs = "".join(f'    ["{a}", "{b}"],\n' for a, b in scene.skeleton)
    (folder / "napari-pose3d" / "project.toml").write_text(
        f"schema_version = 1\nskeleton = [\n{pairs}]\n\n[kinematics]\n{_KINEMATICS}",
        encoding="utf-8",
    )


def write_truth(folder: Path, scene: Scene) -> None:
    """Where the animal really was, as CSV of 3-D positions; all variances are zero."""
    n_frames, n_keypoints = scene.xyz.shape[:2]
    n_views = len(scene.rig.names)
    poses = Poses3D(
        xyz=scene.xyz,
        covariance=np.zeros((n_frames, n_keypoints, 3, 3)),
        n_views=np.full((n_frames, n_keypoints), n_views),
        residuals=np.zeros((n_views, n_frames, n_keypoints), np.float32),
        inferred=np.zeros((n_frames, n_keypoints), bool),
        views=scene.rig.names,
        keypoints=scene.keypoints,
        session=SESSION,
        units=UNITS,
    )
    write_poses3d_csv(
        folder / "napari-pose3d" / "truth" / f"{SESSION}_3d.csv", poses, scorer="truth"
    )


def write_predictions(
    folder: Path, ensemble: Ensemble, progress: Progress | None, cancelled: IsCancelled | None
) -> None:
    """One CSV per seed and view, where Lightning Pose puts a model's predictions."""
    total = len(ensemble.models) * len(ensemble.views)
    for done, (model, view) in enumerate(
        (model, view) for model in ensemble.models for view in ensemble.views
    ):
        if progress is not None:
            progress("writing predictions", done, total)
        path = folder / "models" / model / "video_preds" / f"{SESSION}_{view}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_prediction_csv(
            path, ensemble.poses(model), view=view, scorer=SCORER, cancelled=cancelled
        )


def image_name(view: str, frame: int) -> str:
    """The image of a labeled frame, relative to the project."""
    return f"labeled-data/{SESSION}_{view}/img{frame:08d}.png"


def write_labels(
    folder: Path,
    scene: Scene,
    truth: PredictionTruth,
    frames: list[int],
    rng: np.random.Generator,
) -> None:
    """One ``CollectedData_<view>.csv`` per view; a keypoint that is hidden has empty cells."""
    xy = scene.xy[:, frames]
    xy = xy + _LABEL_NOISE * rng.standard_normal(xy.shape)
    xy[truth.occluded[:, frames]] = np.nan
    for view, positions in zip(scene.rig.names, xy, strict=True):
        path = folder / f"CollectedData_{view}.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            write_header(stream, LABELER, scene.keypoints, ("x", "y"))
            for frame, row in zip(frames, positions.reshape(len(frames), -1), strict=True):
                cells = ["" if np.isnan(value) else f"{value:.2f}" for value in row]
                stream.write(",".join([image_name(view, frame), *cells]) + "\n")
