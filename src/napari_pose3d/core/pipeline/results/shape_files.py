"""Shapes from files to files: smoothed points of each view, and centre and sizes over time."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_pose3d.core.formats.predictions.prediction_csv import write_prediction_csv
from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable
from napari_pose3d.core.poses.arrays import Ensemble, Poses2D
from napari_pose3d.core.smoothing.linear.shapes.shape import places_of
from napari_pose3d.core.smoothing.linear.shapes.shape_smoother import ShapeTrack
from napari_pose3d.core.storage.atomic_files import FileGroup

from .result_files import SCORER


def save_shapes(
    tracks: Sequence[ShapeTrack],
    ensemble: Ensemble,
    folder: str | os.PathLike[str],
    *,
    force: bool = False,
) -> list[Path]:
    """Write the smoothed shape of each view: all files or none.

    ``<session>_<view>.csv`` holds the points as Lightning Pose's predictions, with their variance;
    ``<session>_<view>_<shape>.csv`` a line for each frame: sizes and centre with their standard
    deviations, px.

    Raises
    ------
    PoseDataError
        A file exists and ``force`` is False, or the folder cannot be written to.
    """
    stem = ensemble.session or "recording"
    with FileGroup(overwrite=force) as group:
        for track in tracks:
            shape = track.shape
            v = ensemble.views.index(track.view)
            places = places_of(shape, ensemble.keypoints)
            likelihood = np.mean(ensemble.likelihood[:, v][..., places], axis=0)
            poses = Poses2D(
                track.points[None].astype(np.float32),
                likelihood[None].astype(np.float32),
                (track.view,),
                shape.points,
                variance=track.point_variance[None].astype(np.float32),
                session=ensemble.session,
            )
            table = PredictionTable.from_poses(poses, track.view)
            stream = group.open(Path(folder) / f"{stem}_{track.view}.csv")
            write_prediction_csv(stream, table, scorer=SCORER)
            names = [*shape.sizes, "centre_x", "centre_y"]
            rows = csv.writer(
                group.open(Path(folder) / f"{stem}_{track.view}_{shape.name}.csv"),
                lineterminator="\n",
            )
            rows.writerow(["frame", *names, *(f"{name}_sd" for name in names)])
            deviations = np.sqrt(np.diagonal(track.covariance, axis1=1, axis2=2))
            for frame, values in enumerate(np.hstack([track.state, deviations]).tolist()):
                rows.writerow([frame, *(f"{value:.6g}" for value in values)])
        return list(group.targets)
