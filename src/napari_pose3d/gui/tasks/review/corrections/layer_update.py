"""What a correction changed, in the arrays behind the layers that show it."""

from __future__ import annotations

import numpy as np

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.pipeline.raw_points import raw_points
from napari_pose3d.core.poses.arrays import Result
from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.smoothing.certain.local_update import UpdatedStretch
from napari_pose3d.gui.layers.layer_poses import LayerPoses


def write_stretch(
    poses: LayerPoses,
    result: Result,
    rig: Rig | None,
    session: Session,
    stretch: UpdatedStretch,
) -> bool:
    """Write what was corrected into the arrays behind a layer.

    Parameters
    ----------
    poses : LayerPoses
        Behind the layer, of one view or in space; its positions and residuals change.
    result : Result
        As it is now.
    rig : Rig, optional
    session : Session
    stretch : UpdatedStretch

    Returns
    -------
    bool
        False where the layer shows other poses.
    """
    if stretch.keypoint not in poses.keypoints or poses.n_frames != result.poses2d.n_frames:
        return False
    frames = slice(stretch.start, stretch.end + 1)
    to, k = (
        poses.keypoints.index(stretch.keypoint),
        result.poses2d.keypoints.index(stretch.keypoint),
    )
    if poses.is_3d:
        space = result.poses3d
        xyz = None if space is None else space.xyz[frames, k]
        if space is not None and rig is not None and poses.stage == "raw":
            raw = raw_points(result.poses2d, rig, space.xyz, keypoints=[k], frames=frames)
            xyz = None if raw is None else raw[:, 0]
        if xyz is None:
            return False
        poses.positions[frames, to] = xyz
        return True
    if poses.view not in result.poses2d.views:
        return False
    v = result.poses2d.views.index(poses.view)
    from_raw = poses.stage == "raw"
    source = result.poses2d.ensemble_median if from_raw else result.poses2d.xy
    assert source is not None
    videos = session.to_video(poses.view, np.arange(stretch.start, stretch.end + 1))
    poses.positions[frames, to] = session.to_video_pixels(
        poses.view, source[v, frames, k], np.maximum(videos, 0)
    )
    if poses.residual is not None and result.poses3d is not None:
        poses.residual[frames, to] = result.poses3d.residuals[v, frames, k]
    return True
