"""Image layers of videos, side by side, and what is odd about the videos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.projects.naming.file_names import parse_stem
from napari_pose3d.core.projects.project import video_in_project
from napari_pose3d.errors import PoseDataError
from napari_pose3d.wording import counted

if TYPE_CHECKING:
    from napari_pose3d.core.video.reader_factory import FirstImage
    from napari_pose3d.core.video.session_video import SessionVideo
    from napari_pose3d.core.video.video_array import VideoArray

    from .layer_styles import LayerData
    from .view_layout import Tile

AnyVideo: TypeAlias = "VideoArray | SessionVideo | FirstImage"

VIDEO = "video"
"""Role of a video's layer (`layers.ROLE_KEY`)."""


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

    sizes = {view: size_of(video) for _, _, view, video in videos}
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
        # What is wrong with the project is reported where it is opened.
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
        "index": f"{counted(len(video), 'frame')}, read from the {video.index.how}",
        "warnings": list(video.warnings),
        "damaged": _kept_up_to_date(video, path.name),
    }
    return VideoLayerData(video), attributes, "image"


def size_of(video: AnyVideo) -> tuple[float, float]:
    """(width, height) in px."""
    from napari_pose3d.core.video.reader_factory import FirstImage

    height, width = video.array.shape[:2] if isinstance(video, FirstImage) else video.shape[1:3]
    return float(width), float(height)


def _kept_up_to_date(video: VideoArray | SessionVideo, name: str) -> list[int]:
    """The unreadable frames of a video; the list grows, and a warning names the first."""
    from napari.utils.notifications import show_warning

    damaged = list(video.damaged)

    def warn() -> None:
        known = bool(damaged)
        damaged[:] = video.damaged
        if damaged and not known:
            show_warning(
                f"Frame {damaged[0]} is unreadable: {name} is damaged. There may be more such "
                "frames; they are hatched, and the layer's metadata lists those met so far."
            )

    video.on_damage(warn)
    return damaged


def warn_of_videos(
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
