"""Opening films: one lazy Image layer each, side by side, behind everything else."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import Cancelled, PoseDataError
from ..core.formats.own_project import find_own_project
from ..core.project import VIDEO_SUFFIXES, find_project, parse_stem

if TYPE_CHECKING:
    from ..core.settings import IsCancelled, Progress
    from ..core.video.array import VideoArray
    from ..core.video.session_film import SessionFilm
    from .layers import LayerData
    from .layout import Tile

Reader = Callable[[str | Sequence[str]], "list[LayerData]"]

FILM = "film"
"""Role of a film's layer (`layers.ROLE_KEY`)."""

# What napari takes for "nothing to add".
_NOTHING: Any = (None,)

_WATCHED: weakref.WeakSet[Any] = weakref.WeakSet()


class FilmData:
    """A film with the axes of the main viewer, ``(frame, 1, y, x[, 3])``; still lazy.

    napari aligns the last axes of all layers: the axis of length 1 is where 3-D layers have z.

    Parameters
    ----------
    video : VideoArray or SessionFilm
    """

    def __init__(self, video: VideoArray | SessionFilm) -> None:
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
        pictures = self.video[tuple(parts)]
        # Where the axis lies in what is left once integers have taken theirs away.
        axis = 0 if isinstance(parts[0], int | np.integer) else 1
        return np.expand_dims(pictures, axis)[(slice(None),) * axis + (depth,)]


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """The reader for films; None for anything else."""
    paths = [path] if isinstance(path, str) else list(path)
    if paths and all(Path(each).suffix.lower() in VIDEO_SUFFIXES for each in paths):
        return read_films
    return None


def read_films(path: str | Sequence[str]) -> list[LayerData]:
    """Layers for one or more films, to the right of those that are open already.

    A film that cannot be read is told to the user, and the others are opened.
    """
    import napari

    from .layers import tiles_of

    paths = [Path(path)] if isinstance(path, str) else [Path(each) for each in path]
    viewer = napari.current_viewer()
    layers = () if viewer is None else tuple(viewer.layers)
    placed = tiles_of(layers)
    films = [
        (each, *name_of(each, tuple(placed)), film)
        for each in paths
        if (film := _open(each)) is not None
    ]
    if not films:
        return [_NOTHING]
    _warn_of_lengths(films, layers)
    _warn_of_adjustments(films)
    if viewer is not None:
        _keep_behind(viewer)
    return film_layers(films, placed)


def film_layers(
    films: Sequence[tuple[Path, str, str, VideoArray | SessionFilm]], placed: dict[str, Tile]
) -> list[LayerData]:
    """Image layers of films, and the names of views that are new.

    Parameters
    ----------
    films : sequence of (path, session, view, VideoArray or SessionFilm)
    placed : mapping of view to Tile
        Views that are in the viewer already.
    """
    from .layers import new_frames
    from .layout import place_views

    sizes = {view: (float(video.shape[2]), float(video.shape[1])) for _, _, view, video in films}
    tiles = place_views(sizes, placed)
    pictures = [
        _film_layer(path, session, view, video, tiles[view]) for path, session, view, video in films
    ]
    return [*new_frames(tiles, placed), *pictures]


def name_of(path: Path, known: Sequence[str] = ()) -> tuple[str, str]:
    """(session, view) of a film from its name.

    Parameters
    ----------
    path : Path
    known : sequence of str
        Views in the viewer, for films that lie in no project.
    """
    project = find_project(path)
    views = project.view_names if project is not None else tuple(known)
    if views:
        parsed = parse_stem(path.stem, views)
        if parsed.view is not None:
            return parsed.key, parsed.view
    parsed = parse_stem(path.stem, None)
    return parsed.key, parsed.view or path.stem


def _film_layer(
    path: Path, session: str, view: str, video: VideoArray | SessionFilm, tile: Tile
) -> LayerData:
    from .layers import AXES, ROLE_KEY

    rate = video.frame_rate
    attributes: dict[str, Any] = {
        "name": f"{session} {view}".strip(),
        "translate": (0.0, 0.0, tile.y, tile.x),
        "axis_labels": AXES,
        "rgb": not video.is_grey,
        "metadata": {
            ROLE_KEY: FILM,
            "session": session,
            "view": view,
            "path": str(path),
            "frame_rate": rate,
            "index": f"{len(video)} frames, read from the {video.index.how}",
            "warnings": list(video.warnings),
        },
    }
    if video.is_grey:
        attributes["colormap"] = "gray"
        attributes["contrast_limits"] = (0, 2**video.bits - 1)
    return FilmData(video), attributes, "image"


def _open(path: Path) -> VideoArray | None:
    """The film, or None when that was cancelled or failed and the user has been told.

    In a window a dialog shows the progress where the whole file has to be read through.
    """
    from qtpy.QtWidgets import QApplication

    from ..core.video.array import open_video

    if QApplication.instance() is None:
        return open_video(path)
    from .waiting import wait_for

    def work(progress: Progress, cancelled: IsCancelled) -> VideoArray:
        def report(done: int, total: int) -> None:
            if cancelled():
                raise Cancelled
            progress("looking for its frames", done, total)

        return open_video(path, report=report)

    film: VideoArray | None = wait_for(work, f"Opening {path.name}")
    return film


def _warn_of_lengths(
    films: Sequence[tuple[Path, str, str, VideoArray]], layers: Sequence[Any]
) -> None:
    """Say at once when the views of a session do not have equally many frames, or are odd."""
    from napari.utils.notifications import show_warning

    from .layers import ROLE_KEY

    counts: dict[str, dict[str, int]] = {}
    for layer in layers:
        if layer.metadata.get(ROLE_KEY) == FILM:
            views = counts.setdefault(layer.metadata["session"], {})
            views[layer.metadata["view"]] = len(layer.data)
    opened = {session for _, session, _, _ in films}
    for path, session, view, video in films:
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


def _warn_of_adjustments(films: Sequence[tuple[Path, str, str, VideoArray]]) -> None:
    """Say when a project knows that a film is shifted or cut out: single files are shown as is."""
    from napari.utils.notifications import show_warning

    for path, session, view, _ in films:
        try:
            own = find_own_project(path)
        except PoseDataError as error:
            show_warning(str(error))
            continue
        words = "" if own is None else own.adjustments(session, [view])[view].describe()
        if words:
            show_warning(
                f"{path.name}: the project says of view {view}: {words}. Single files are shown "
                "without it; open the session with the widget Session."
            )


def _keep_behind(viewer: Any) -> None:
    """Films go to the back of the viewer, where they hide no points, whenever they are added."""
    if viewer not in _WATCHED:
        _WATCHED.add(viewer)
        # Last: napari's own window must know the layer before it moves.
        viewer.layers.events.inserted.connect(_send_to_back, position="last")


def _send_to_back(event: Any) -> None:
    from .layers import ROLE_KEY

    if event.value.metadata.get(ROLE_KEY) != FILM:
        return
    layers = event.source
    layers.move(layers.index(event.value), 0)
    # The outlines of the views stay behind the films: their faces would veil them.
    for layer in [each for each in layers if each.metadata.get(ROLE_KEY) == "frames"]:
        layers.move(layers.index(layer), 0)
