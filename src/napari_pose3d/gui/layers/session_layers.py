"""A session becomes layers: its videos, and what the user wants to see on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable
from napari_pose3d.core.pipeline.exchange.poses_of_session import frame_rate_of
from napari_pose3d.core.pipeline.results.saved_results import load_result
from napari_pose3d.core.projects.session import PredictionSet, Session
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled, Progress, ReadingSettings

from .layer_poses import NOTHING_MEASURED, Measuring
from .layer_styles import TILES_KEY, LayerData
from .view_layout import Tile

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig
    from napari_pose3d.core.poses.arrays import Result
    from napari_pose3d.core.video.session_video import SessionVideo
    from napari_pose3d.core.video.video_array import VideoArray

SESSION_KEY = "napari_pose3d_session"
"""Of layers that belong to a session: its name."""

RESULT_KEY = "napari_pose3d_result"
"""Of those that a run made of the session, rather than its files."""


def session_layers(
    session: Session, sets: Sequence[PredictionSet], progress: Progress, cancelled: IsCancelled
) -> list[LayerData]:
    """Layers of the videos, and of some of the sets in front of them.

    Everything is in session frames, and in the pixels of the videos.

    Raises
    ------
    PoseDataError
        A video or a file of predictions cannot be read.
    Cancelled
        When `cancelled` returns true.
    """
    from .video_layers import video_layers, warn_of_videos

    videos = [
        (session.videos[view], session.name, view, video)
        for view, video in open_videos(session, progress, cancelled).items()
    ]
    layers = video_layers(videos, {}) if videos else []
    warn_of_videos(videos, [])
    placed: dict[str, Tile] = {}
    for _, attributes, _ in layers:
        placed |= attributes["metadata"].get(TILES_KEY, {})
    for each in sets:
        progress(f"reading {each.name}", 0, 0)
        added = _set_layers(session, each, placed, len(sets) > 1, progress, cancelled)
        for _, attributes, _ in added:
            placed |= attributes["metadata"].get(TILES_KEY, {})
        layers += added
    for _, attributes, _ in layers:
        attributes["metadata"][SESSION_KEY] = session.name
    return layers


def open_videos(
    session: Session, progress: Progress, cancelled: IsCancelled
) -> dict[str, VideoArray | SessionVideo]:
    """The videos of a session by view, all of them in session frames.

    A video that cannot be read is reported and left out; it is an error only when there
    is no other.
    """
    import numpy as np
    from napari.utils.notifications import show_error

    from napari_pose3d.core.video.session_video import SessionVideo
    from napari_pose3d.core.video.video_array import open_video

    videos: dict[str, VideoArray] = {}
    damaged: list[PoseDataError] = []
    for view in session.views:
        if view not in session.videos:
            continue
        path = session.videos[view]

        def report(done: int, total: int, name: str = path.name) -> None:
            if cancelled():
                raise Cancelled
            progress(f"opening {name}", done, total)

        report(0, 0)
        try:
            videos[view] = open_video(path, report=report)
        except PoseDataError as error:
            damaged.append(error)
    if damaged and not videos and not session.sets:
        raise damaged[0]
    for each in damaged:
        show_error(str(each))
    if not any(session.alignment(view).shifts_frames for view in videos):
        return dict(videos)
    n_frames = session.n_frames({view: len(video) for view, video in videos.items()})
    frames = np.arange(n_frames)
    return {
        view: SessionVideo(video, session.to_video(view, frames, len(video)))
        for view, video in videos.items()
    }


def measuring_of(session: Session | None) -> Measuring:
    """What the project of a session measures; nothing without a session."""
    if session is None or not session.kinematics:
        return NOTHING_MEASURED
    return Measuring(session.kinematics, frame_rate_of(session))


def _set_layers(
    session: Session,
    each: PredictionSet,
    placed: dict[str, Tile],
    named: bool,
    progress: Progress,
    cancelled: IsCancelled,
) -> list[LayerData]:
    from .recording_layers import result_layers, space_table_layers, table_layers

    rig = session.load_rig()
    if each.kind == "3d":
        units = "" if rig is None else rig.units
        table = session.load_poses3d(each)
        return space_table_layers(
            each.name,
            table,
            session.name,
            units,
            session.colours,
            session.skeleton,
            measuring_of(session),
        )
    if each.kind == "smoothed":
        result = load_result(session, each, pixels="image", progress=progress, cancelled=cancelled)
        cameras = raw_xyz = None
        if rig is not None and result.poses3d is not None:
            cameras = rig.subset([view for view in result.poses2d.views if view in rig.names])
            raw_xyz = _raw_points(session, each, result, rig, progress, cancelled)
        return result_layers(
            result,
            cameras,
            placed=placed,
            colours=session.colours,
            skeleton=session.skeleton,
            raw_xyz=raw_xyz,
            measuring=measuring_of(session),
        )
    reading = ReadingSettings(
        views=tuple(view for view in session.views if view in each.files), allow_missing=True
    )
    ensemble = session.load_predictions(each, reading, pixels="image")
    poses = ensemble.in_memory(progress, cancelled).poses(0)
    tables = [
        (
            f"{view} {each.name}" if named else view,
            view,
            PredictionTable.from_poses(poses, view),
        )
        for view in poses.views
    ]
    return table_layers(tables, placed=placed, rig=rig, colours=session.colours)


def _raw_points(
    session: Session,
    each: PredictionSet,
    result: Result,
    rig: Rig,
    progress: Progress,
    cancelled: IsCancelled,
) -> NDArray[Any] | None:
    """What the networks gave, in space."""
    from napari_pose3d.core.pipeline.raw_points import raw_points

    if any(session.alignment(view).moves_pixels for view in result.poses2d.views):
        result = load_result(session, each, pixels="rig", progress=progress, cancelled=cancelled)
    assert result.poses3d is not None
    return raw_points(result.poses2d, rig, result.poses3d.xyz, cancelled)
