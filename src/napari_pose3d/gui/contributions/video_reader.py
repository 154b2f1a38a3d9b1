"""The reader for videos: one lazy Image layer each, side by side, behind everything else."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, cast

from napari_pose3d.core.projects.naming.file_names import VIDEO_SUFFIXES
from napari_pose3d.core.projects.project import video_in_project
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.gui.layers.video_layers import (
    VIDEO,
    AnyVideo,
    name_of,
    size_of,
    video_layer,
    warn_of_videos,
)

if TYPE_CHECKING:
    from napari_pose3d.core.video.reader_factory import FirstImage
    from napari_pose3d.core.video.video_array import VideoArray
    from napari_pose3d.gui.layers.layer_styles import LayerData
    from napari_pose3d.gui.layers.view_layout import Tile
    from napari_pose3d.settings import IsCancelled, Progress

Reader = Callable[[str | Sequence[str]], "list[LayerData]"]

# What napari takes for "nothing to add".
_NOTHING: Any = (None,)

# Seconds. A video that is open by then, as most are, needs no first image to wait with.
_AT_ONCE = 0.05

_UNTIL_PAINTED_MS = 50

_WATCHED: weakref.WeakSet[Any] = weakref.WeakSet()


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """The reader for videos; None for anything else."""
    paths = [path] if isinstance(path, str) else list(path)
    if paths and all(Path(each).suffix.lower() in VIDEO_SUFFIXES for each in paths):
        return read_videos
    return None


def read_videos(path: str | Sequence[str]) -> list[LayerData]:
    """Layers for one or more videos, to the right of those that are open already.

    A video that cannot be read is an error message, and the others are opened.
    """
    import napari

    from napari_pose3d.gui.layers.layer_styles import ROLE_KEY, new_frames, tiles_of
    from napari_pose3d.gui.layers.view_layout import place_views

    paths = [Path(path)] if isinstance(path, str) else [Path(each) for each in path]
    viewer = napari.current_viewer()
    layers = () if viewer is None else tuple(viewer.layers)
    placed = tiles_of(layers)
    videos = [
        (each, *name_of(each, tuple(placed)), video)
        for each in paths
        if (video := _open(each, viewer)) is not None
    ]
    if not videos:
        return [_NOTHING]
    warn_of_videos(videos, layers)
    _warn_of_alignments(videos)
    if viewer is not None:
        _keep_behind(viewer)
    taken = {layer.metadata["view"] for layer in layers if layer.metadata.get(ROLE_KEY) == VIDEO}
    tiles: dict[str, Tile] = {}
    added: list[LayerData] = []
    for file, session, view, video in videos:
        # One after the other, as napari does with dropped files: the places are the same then.
        place = f"{session} {view}" if view in taken else view
        tiles |= place_views({place: size_of(video)}, placed | tiles)
        added.append(video_layer(file, session, view, video, tiles[place]))
        taken.add(view)
    return [*new_frames(tiles, placed), *added]


def _open(path: Path, viewer: Any) -> VideoArray | FirstImage | None:
    """The video, or its first image when it takes long to index.

    None when that failed, which an error has reported, or was cancelled.
    """
    from napari.utils.notifications import show_error
    from qtpy.QtCore import QTimer
    from qtpy.QtWidgets import QApplication

    from napari_pose3d.core.video.video_array import open_video

    if QApplication.instance() is None:
        return open_video(path)
    # Here, since loading it takes as long as opening most videos.
    import av  # noqa: F401

    from napari_pose3d.gui.layers.pending_videos import PendingVideo
    from napari_pose3d.gui.qt.job_wait import wait_for
    from napari_pose3d.gui.qt.jobs import Job

    may_go_on = Event()
    may_go_on.set()

    def work(progress: Progress, cancelled: IsCancelled) -> VideoArray:
        def report(done: int, total: int) -> None:
            may_go_on.wait()
            if cancelled():
                raise Cancelled
            progress("looking for its frames", done, total)

        return open_video(path, report=report)

    job = Job(work)
    job.start()
    ended = job.take(_AT_ONCE)
    first = None
    if ended is None and viewer is not None:
        first = _first_image(path)
        # It may be open by now.
        ended = job.take(_AT_ONCE)
    if ended is not None:
        how, result = ended
        if how == "failed":
            show_error(result)
        return cast("VideoArray | None", result if how == "succeeded" else None)
    if first is None:
        job.abandon()
        return cast("VideoArray | None", wait_for(work, f"Opening {path.name}"))
    PendingVideo(viewer, path, first, job)
    # The search would hold up the window while it is to show the image.
    may_go_on.clear()
    QTimer.singleShot(_UNTIL_PAINTED_MS, may_go_on.set)
    return first


def _first_image(path: Path) -> FirstImage | None:
    from napari_pose3d.core.video.reader_factory import first_image

    try:
        return first_image(path)
    except PoseDataError:
        # Whoever opens the video gets the error.
        return None


def _warn_of_alignments(videos: Sequence[tuple[Path, str, str, AnyVideo]]) -> None:
    """Say when a project knows that a video is shifted or cut out: single files are shown as is."""
    from napari.utils.notifications import show_warning

    for path, _, view, _ in videos:
        try:
            found = video_in_project(path)
        except PoseDataError as error:
            show_warning(str(error))
            continue
        words = "" if found is None else found[0].alignment(found[1]).describe()
        if words:
            show_warning(
                f"{path.name}: the project says of view {view}: {words}. Single files are shown "
                "without it; open the session in the tab Session."
            )


def _keep_behind(viewer: Any) -> None:
    """Videos go to the back of the viewer, where they hide no points, whenever they are added."""
    if viewer not in _WATCHED:
        _WATCHED.add(viewer)
        # Last: napari's own window must know the layer before it moves.
        viewer.layers.events.inserted.connect(_send_to_back, position="last")


def _send_to_back(event: Any) -> None:
    from napari_pose3d.gui.layers.layer_styles import ROLE_KEY

    if event.value.metadata.get(ROLE_KEY) != VIDEO:
        return
    layers = event.source
    layers.move(layers.index(event.value), 0)
    # The outlines of the views stay behind the videos: their faces would veil them.
    for layer in [each for each in layers if each.metadata.get(ROLE_KEY) == "frames"]:
        layers.move(layers.index(layer), 0)
