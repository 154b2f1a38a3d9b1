"""Opening videos: one lazy Image layer each, side by side, behind everything else."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.errors import Cancelled, PoseDataError
from napari_pose3d.core.projects.naming.file_names import VIDEO_SUFFIXES, parse_stem
from napari_pose3d.core.projects.project import video_in_project

if TYPE_CHECKING:
    from napari_pose3d.core.settings import IsCancelled, Progress
    from napari_pose3d.core.video.reader_factory import FirstImage
    from napari_pose3d.core.video.session_video import SessionVideo
    from napari_pose3d.core.video.video_array import VideoArray

    from .layer_styles import LayerData
    from .view_layout import Tile

AnyVideo: TypeAlias = "VideoArray | SessionVideo | FirstImage"
Reader = Callable[[str | Sequence[str]], "list[LayerData]"]

VIDEO = "video"
"""Role of a video's layer (`layers.ROLE_KEY`)."""

# What napari takes for "nothing to add".
_NOTHING: Any = (None,)

# Seconds. A video that is open by then, as most are, needs no first image to wait with.
_AT_ONCE = 0.05

_UNTIL_PAINTED_MS = 50

_WATCHED: weakref.WeakSet[Any] = weakref.WeakSet()


class VideoLayerData:
    """A video with the axes of the main viewer, ``(frame, 1, y, x[, 3])``; still lazy.

    napari aligns the last axes of all layers: the axis of length 1 is where 3-D layers have z.

    Parameters
    ----------
    video : VideoArray or SessionVideo
    """

    def __init__(self, video: VideoArray | SessionVideo) -> None:
        self.video = video
        self.shape = (video.shape[0], 1, *video.shape[1:])
        self.dtype = video.dtype
        self.ndim = video.ndim + 1
        self.size = video.size

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[Any]:
        parts = list(key) if isinstance(key, tuple) else [key]
        if Ellipsis in parts:
            at = parts.index(Ellipsis)
            parts[at : at + 1] = [slice(None)] * (self.ndim - len(parts) + 1)
        parts += [slice(None)] * (self.ndim - len(parts))
        depth = parts.pop(1)
        images = self.video[tuple(parts)]
        # Where the axis lies in what is left once integers have taken theirs away.
        axis = 0 if isinstance(parts[0], int | np.integer) else 1
        return np.expand_dims(images, axis)[(slice(None),) * axis + (depth,)]


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """The reader for videos; None for anything else."""
    paths = [path] if isinstance(path, str) else list(path)
    if paths and all(Path(each).suffix.lower() in VIDEO_SUFFIXES for each in paths):
        return read_videos
    return None


def read_videos(path: str | Sequence[str]) -> list[LayerData]:
    """Layers for one or more videos, to the right of those that are open already.

    A video that cannot be read is told to the user, and the others are opened.
    """
    import napari

    from .layer_styles import ROLE_KEY, new_frames, tiles_of
    from .view_layout import place_views

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
    say_what_is_odd(videos, layers)
    _warn_of_alignments(videos)
    if viewer is not None:
        _keep_behind(viewer)
    taken = {layer.metadata["view"] for layer in layers if layer.metadata.get(ROLE_KEY) == VIDEO}
    tiles: dict[str, Tile] = {}
    added: list[LayerData] = []
    for file, session, view, video in videos:
        # One after the other, as napari does with dropped files: the places are the same then.
        place = f"{session} {view}" if view in taken else view
        tiles |= place_views({place: _size(video)}, placed | tiles)
        added.append(video_layer(file, session, view, video, tiles[place]))
        taken.add(view)
    return [*new_frames(tiles, placed), *added]


def video_layers(
    videos: Sequence[tuple[Path, str, str, AnyVideo]], placed: dict[str, Tile]
) -> list[LayerData]:
    """Image layers of the videos of a session, in rows, and the names of views that are new.

    Parameters
    ----------
    videos : sequence of (path, session, view, video)
    placed : mapping of view to Tile
        Views that are in the viewer already.
    """
    from .layer_styles import new_frames
    from .view_layout import place_views

    sizes = {view: _size(video) for _, _, view, video in videos}
    tiles = place_views(sizes, placed)
    images = [
        video_layer(path, session, view, video, tiles[view])
        for path, session, view, video in videos
    ]
    return [*new_frames(tiles, placed), *images]


def name_of(path: Path, known: Sequence[str] = ()) -> tuple[str, str]:
    """(session, view) of a video from its name.

    Parameters
    ----------
    path : Path
    known : sequence of str
        Views in the viewer, for videos that lie in no project.
    """
    try:
        found = video_in_project(path, known)
    except PoseDataError:
        # What is wrong with the project is said where it is opened.
        found = None
    if found is not None:
        return found[0].name, found[1]
    parsed = parse_stem(path.stem, None)
    return parsed.key, parsed.view or path.stem


def video_layer(
    path: Path, session: str, view: str, video: AnyVideo, tile: Tile | None = None
) -> LayerData:
    """The Image layer of one video.

    A video whose index is being made has one frame, so that none is shown under a number that is
    not certain.

    Parameters
    ----------
    path, session, view, video
    tile : Tile, optional
        Where the view lies.
    """
    from napari_pose3d.core.video.reader_factory import FirstImage

    from .layer_styles import AXES, ROLE_KEY

    attributes: dict[str, Any] = {
        "name": f"{session} {view}".strip(),
        "translate": (0.0, 0.0, 0.0, 0.0) if tile is None else (0.0, 0.0, tile.y, tile.x),
        "axis_labels": AXES,
        "rgb": not video.is_grey,
        "metadata": {ROLE_KEY: VIDEO, "session": session, "view": view, "path": str(path)},
    }
    if video.is_grey:
        attributes["colormap"] = "gray"
        attributes["contrast_limits"] = (0, 2**video.bits - 1)
    if isinstance(video, FirstImage):
        attributes["metadata"]["index"] = "being made"
        return video.array[None, None], attributes, "image"
    attributes["metadata"] |= {
        "frame_rate": video.frame_rate,
        "index": f"{len(video)} frames, read from the {video.index.how}",
        "warnings": list(video.warnings),
        "damaged": _kept_up_to_date(video, path.name),
    }
    return VideoLayerData(video), attributes, "image"


def _size(video: AnyVideo) -> tuple[float, float]:
    """(width, height) in px."""
    from napari_pose3d.core.video.reader_factory import FirstImage

    height, width = video.array.shape[:2] if isinstance(video, FirstImage) else video.shape[1:3]
    return float(width), float(height)


def _kept_up_to_date(video: VideoArray | SessionVideo, name: str) -> list[int]:
    """The unreadable frames of a video; the list grows, and the first ones are told to the user."""
    from napari.utils.notifications import show_warning

    damaged = list(video.damaged)

    def tell() -> None:
        known = bool(damaged)
        damaged[:] = video.damaged
        if damaged and not known:
            show_warning(
                f"Frame {damaged[0]} is unreadable: {name} is damaged. There may be more such "
                "frames; they are hatched, and the layer's metadata lists those met so far."
            )

    video.when_damage_is_found(tell)
    return damaged


def _open(path: Path, viewer: Any) -> VideoArray | FirstImage | None:
    """The video, or its first image when it takes long to index.

    None when that failed or was cancelled, and the user has been told.
    """
    from napari.utils.notifications import show_error
    from qtpy.QtCore import QTimer
    from qtpy.QtWidgets import QApplication

    from napari_pose3d.core.video.video_array import open_video

    if QApplication.instance() is None:
        return open_video(path)
    # Here, since loading it takes as long as opening most videos.
    import av  # noqa: F401

    from napari_pose3d.gui.qt.job_wait import wait_for
    from napari_pose3d.gui.qt.jobs import Job

    from .pending_videos import PendingVideo

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
        # Whatever is wrong, whoever opens the video will be told.
        return None


def say_what_is_odd(
    videos: Sequence[tuple[Path, str, str, AnyVideo]], layers: Sequence[Any]
) -> None:
    """Say at once what is odd about videos, and when views do not have equally many frames.

    Parameters
    ----------
    videos : sequence of (path, session, view, video)
    layers : napari layers
        The videos among them may be views of the same sessions.
    """
    from napari.utils.notifications import show_warning

    from napari_pose3d.core.video.reader_factory import FirstImage

    from .layer_styles import ROLE_KEY

    counts: dict[str, dict[str, int]] = {}
    for layer in layers:
        if layer.metadata.get(ROLE_KEY) == VIDEO and isinstance(layer.data, VideoLayerData):
            views = counts.setdefault(layer.metadata["session"], {})
            views[layer.metadata["view"]] = len(layer.data)
    opened = set()
    for path, session, view, video in videos:
        if isinstance(video, FirstImage):
            continue
        opened.add(session)
        counts.setdefault(session, {})[view] = len(video)
        for warning in video.warnings:
            show_warning(f"{path.name}: {warning}")
    for session in sorted(opened):
        views = counts[session]
        if len(set(views.values())) > 1:
            listed = ", ".join(f"{view} {count:,}" for view, count in views.items())
            show_warning(
                f"The views of {session or 'the session'} differ in their number of frames: "
                f"{listed}. Frame n may not be the same moment in all of them."
            )


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
                "without it; open the session with the widget Session."
            )


def _keep_behind(viewer: Any) -> None:
    """Videos go to the back of the viewer, where they hide no points, whenever they are added."""
    if viewer not in _WATCHED:
        _WATCHED.add(viewer)
        # Last: napari's own window must know the layer before it moves.
        viewer.layers.events.inserted.connect(_send_to_back, position="last")


def _send_to_back(event: Any) -> None:
    from .layer_styles import ROLE_KEY

    if event.value.metadata.get(ROLE_KEY) != VIDEO:
        return
    layers = event.source
    layers.move(layers.index(event.value), 0)
    # The outlines of the views stay behind the videos: their faces would veil them.
    for layer in [each for each in layers if each.metadata.get(ROLE_KEY) == "frames"]:
        layers.move(layers.index(layer), 0)
