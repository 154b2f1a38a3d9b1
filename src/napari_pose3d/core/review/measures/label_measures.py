"""Lightning Pose's measures that need labels, of a session's raw predictions."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import Result

from .lightning_pose_metrics import multi_view_pca_error, pixel_error, single_view_pca_error
from .measures import raw_positions

if TYPE_CHECKING:
    from napari_pose3d.core.labels.label_arrays import LabelArrays
    from napari_pose3d.core.projects.session import Session

POSE_DISTANCE = "labeled_pose_distance"
LABEL_MEASURES = ("pixel_error", "pca_singleview_error", "pca_multiview_error", POSE_DISTANCE)
"""The first three under the names that Lightning Pose's files have."""


def measure_against_labels(
    result: Result, labels: LabelArrays, session: Session, names: Collection[str]
) -> dict[str, NDArray[Any]]:
    """Compare raw predictions with labels.

    Parameters
    ----------
    result : Result
    labels : LabelArrays
        Of all sessions: poses are compared with all of them, positions with those of the session.
    session : Session
    names : collection of str
        Of `LABEL_MEASURES`; the distance from labeled poses is not of single views, and left out.

    Returns
    -------
    dict of str to (view, frame, keypoint) float64
        Pixels of the videos; NaN where there is nothing to compare.

    Raises
    ------
    PoseDataError
        Too few labels for principal components.
    """
    poses = result.poses2d
    raw = np.array(raw_positions(poses), np.float64)
    numbers = np.arange(poses.n_frames)
    for v, view in enumerate(poses.views):
        if view in session.alignments:
            at = np.broadcast_to(session.to_video(view, numbers)[:, None], raw.shape[1:3])
            raw[v] = session.to_video_pixels(view, raw[v], at)
    labeled = labels.in_order(poses.views, poses.keypoints)
    out: dict[str, NDArray[Any]] = {}
    if "pixel_error" in names:
        error = np.full(raw.shape[:3], np.nan)
        for i, key in enumerate(labels.frames):
            if key.session == session.name and 0 <= key.frame < poses.n_frames:
                error[:, key.frame] = pixel_error(labeled[:, i], raw[:, key.frame])
        out["pixel_error"] = error
    if "pca_singleview_error" in names:
        parts = [single_view_pca_error(labeled[v], raw[v]) for v in range(len(raw))]
        out["pca_singleview_error"] = np.stack(parts)
    if "pca_multiview_error" in names:
        out["pca_multiview_error"] = multi_view_pca_error(labeled, raw)
    return out
