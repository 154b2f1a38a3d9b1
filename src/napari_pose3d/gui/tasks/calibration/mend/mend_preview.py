"""Where points fall in the views by the rig as it is, and by the mended one: layers to look at."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate
from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable
from napari_pose3d.core.pipeline.rigs.point_sources import SharedPoints, session_points
from napari_pose3d.core.projects.session import Session
from napari_pose3d.gui.layers.layer_styles import LayerData
from napari_pose3d.gui.layers.recording_layers import table_layers
from napari_pose3d.gui.layers.session_layers import RESULT_KEY, SESSION_KEY
from napari_pose3d.gui.layers.view_layout import Tile
from napari_pose3d.gui.session.current_session import OpenSession
from napari_pose3d.settings import IsCancelled, Progress

BEFORE, MENDED = "by the rig before", "by the mended rig"


def preview_layers(
    opened: OpenSession,
    rigs: Mapping[str, Rig],
    source: str,
    min_likelihood: float,
    placed: Mapping[str, Tile],
    progress: Progress,
    cancelled: IsCancelled,
) -> list[LayerData]:
    """Reprojections of the session's labels or predictions, a layer for each view and rig.

    Parameters
    ----------
    rigs : mapping of name to Rig
    placed : mapping of view to Tile
        Where the views lie in the viewer.
    """
    progress("reading points", 0, 0)
    session = opened.session
    points = session_points(opened.project, session, source, min_likelihood)
    layers: list[LayerData] = []
    for name, rig in rigs.items():
        progress(f"projecting {name}", 0, 0)
        tables = reprojections(rig, points, session)
        named = [(f"{view} {name}", view, table) for view, table in tables.items()]
        layers += table_layers(named, placed=placed, rig=rig, colours=session.colours)
    shown = [layer for layer in layers if layer[2] == "points"]
    for _, attributes, _ in shown:
        attributes["metadata"][SESSION_KEY] = session.name
        attributes["metadata"][RESULT_KEY] = True
    return shown


def reprojections(rig: Rig, points: SharedPoints, session: Session) -> dict[str, PredictionTable]:
    """Where a rig sees the points that all views tell, by view, in px of the videos."""
    cameras = rig.subset(points.views)
    known = cameras.project(triangulate(cameras, points.xy).xyz)
    # Labels are of some frames only.
    n_frames = int(points.frames.max()) + 1 if len(points.frames) else 0
    xy = np.full((len(points.views), n_frames, *known.shape[2:]), np.nan)
    xy[:, points.frames] = known
    out = {}
    for i, view in enumerate(points.views):
        frames = session.to_video(view, np.arange(xy.shape[1]))
        of_points = np.broadcast_to(frames[:, None], xy.shape[1:3])
        there = session.to_video_pixels(view, xy[i], of_points)
        likelihood = np.ones(there.shape[:2], np.float32)
        out[view] = PredictionTable(points.keypoints, there.astype(np.float32), likelihood)
    return out
