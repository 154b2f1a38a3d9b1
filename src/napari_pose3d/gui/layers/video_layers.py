"""Opening films: one lazy Image layer each, side by side, behind everything else."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.errors import Cancelled, PoseDataError
from napari_pose3d.core.projects.naming import VIDEO_SUFFIXES, find_project, parse_stem
from napari_pose3d.core.projects.project_toml import find_own_project

if TYPE_CHECKING:
    from napari_pose3d.core.settings import IsCancelled, Progress
    from napari_pose3d.core.video.reader_factory import FirstPicture
    from napari_pose3d.core.video.session_video import SessionFilm
    from napari_pose3d.core.video.video_array import VideoArray

    from .layer_styles import LayerData
    from .view_layout import Tile

AnyFilm: TypeAlias = "VideoArray | SessionFilm | FirstPicture"
Reader = Callable[[str | Sequence[str]], "list[LayerData]"]

FILM = "film"
"""Role of a film's layer (`layers.ROLE_KEY`)."""

# What napari takes for "nothing to add".
_NOTHING: Any = (None,)

# Seconds. A film that is open by then, as most are, needs no first picture to wait with.
_AT_ONCE = 0.05

_UNTIL_PAINTED_MS = 50

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

    from .layer_styles import ROLE_KEY, new_frames, tiles_of
    from .view_layout import place_views

    paths = [Path(path)] if isinstance(path, str) else [Path(each) for each in path]
    viewer = napari.current_viewer()
    layers = () if viewer is None else tuple(viewer.layers)
    placed = tiles_of(layers)
    films = [
        (each, *name_of(each, tuple(placed)), film)
        for each in paths
        if (film := _open(each, viewer)) is not None
    ]
    if not films:
        return [_NOTHING]
    say_what_is_odd(films, layers)
    _warn_of_adjustments(films)
    if viewer is not None:
        _keep_behind(viewer)
    taken = {layer.metadata["view"] for layer in layers if layer.metadata.get(ROLE_KEY) == FILM}
    tiles: dict[str, Tile] = {}
    added: list[LayerData] = []
    for file, session, view, film in films:
        # One after the other, as napari does with dropped files: the places are the same then.
        place = f"{session} {view}" if view in taken else view
        tiles |= place_views({place: _size(film)}, placed | tiles)
        added.append(film_layer(file, session, view, film, tiles[place]))
        taken.add(view)
    return [*new_frames(tiles, placed), *added]


def film_layers(
    films: Sequence[tuple[Path, str, str, AnyFilm]], placed: dict[str, Tile]
) -> list[LayerData]:
    """Image layers of the films of a session, in rows, and the names of views that are new.

    Parameters
    ----------
    films : sequence of (path, session, view, film)
    placed : mapping of view to Tile
        Views that are in the viewer already.
    """
    from .layer_styles import new_frames
    from .view_layout import place_views

    sizes = {view: _size(film) for _, _, view, film in films}
    tiles = place_views(sizes, placed)
    pictures = [
        film_layer(path, session, view, film, tiles[view]) for path, session, view, film in films
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


def film_layer(
    path: Path, session: str, view: str, film: AnyFilm, tile: Tile | None = None
) -> LayerData:
    """The Image layer of one film.

    A film whose index is being made has one frame, so that none is shown under a number that is
    not certain.

    Parameters
    ----------
    path, session, view, film
    tile : Tile, optional
        Where the view lies.
    """
    from napari_pose3d.core.video.reader_factory import FirstPicture

    from .layer_styles import AXES, ROLE_KEY

    attributes: dict[str, Any] = {
        "name": f"{session} {view}".strip(),
        "translate": (0.0, 0.0, 0.0, 0.0) if tile is None else (0.0, 0.0, tile.y, tile.x),
        "axis_labels": AXES,
        "rgb": not film.is_grey,
        "metadata": {ROLE_KEY: FILM, "session": session, "view": view, "path": str(path)},
    }
    if film.is_grey:
        attributes["colormap"] = "gray"
        attributes["contrast_limits"] = (0, 2**film.bits - 1)
    if isinstance(film, FirstPicture):
        attributes["metadata"]["index"] = "being made"
        return film.array[None, None], attributes, "image"
    attributes["metadata"] |= {
        "frame_rate": film.frame_rate,
        "index": f"{len(film)} frames, read from the {film.index.how}",
        "warnings": list(film.warnings),
        "damaged": _kept_up_to_date(film, path.name),
    }
    return FilmData(film), attributes, "image"


def _size(film: AnyFilm) -> tuple[float, float]:
    """(width, height) in px."""
    from napari_pose3d.core.video.reader_factory import FirstPicture

    height, width = film.array.shape[:2] if isinstance(film, FirstPicture) else film.shape[1:3]
    return float(width), float(height)


def _kept_up_to_date(film: VideoArray | SessionFilm, name: str) -> list[int]:
    """The unreadable frames of a film; the list grows, and the first ones are told to the user."""
    from napari.utils.notifications import show_warning

    damaged = list(film.damaged)

    def tell() -> None:
        known = bool(damaged)
        damaged[:] = film.damaged
        if damaged and not known:
            show_warning(
                f"Frame {damaged[0]} is unreadable: {name} is damaged. There may be more such "
                "frames; they are hatched, and the layer's metadata lists those met so far."
            )

    film.when_damage_is_found(tell)
    return damaged


def _open(path: Path, viewer: Any) -> VideoArray | FirstPicture | None:
    """The film, or its first picture when it takes long to index.

    None when that failed or was cancelled, and the user has been told.
    """
    from napari.utils.notifications import show_error
    from qtpy.QtCore import QTimer
    from qtpy.QtWidgets import QApplication

    from napari_pose3d.core.video.video_array import open_video

    if QApplication.instance() is None:
        return open_video(path)
    # Here, since loading it takes as long as opening most films.
    import av  # noqa: F401

    from napari_pose3d.gui.qt.job_wait import wait_for
    from napari_pose3d.gui.qt.jobs import Job

    from .pending_videos import LateFilm

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
        first = _first_picture(path)
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
    LateFilm(viewer, path, first, job)
    # The search would hold up the window while it is to show the picture.
    may_go_on.clear()
    QTimer.singleShot(_UNTIL_PAINTED_MS, may_go_on.set)
    return first


def _first_picture(path: Path) -> FirstPicture | None:
    from napari_pose3d.core.video.reader_factory import first_picture

    try:
        return first_picture(path)
    except PoseDataError:
        # Whatever is wrong, whoever opens the film will be told.
        return None


def say_what_is_odd(films: Sequence[tuple[Path, str, str, AnyFilm]], layers: Sequence[Any]) -> None:
    """Say at once what is odd about films, and when views do not have equally many frames.

    Parameters
    ----------
    films : sequence of (path, session, view, film)
    layers : napari layers
        The films among them may be views of the same sessions.
    """
    from napari.utils.notifications import show_warning

    from napari_pose3d.core.video.reader_factory import FirstPicture

    from .layer_styles import ROLE_KEY

    counts: dict[str, dict[str, int]] = {}
    for layer in layers:
        if layer.metadata.get(ROLE_KEY) == FILM and isinstance(layer.data, FilmData):
            views = counts.setdefault(layer.metadata["session"], {})
            views[layer.metadata["view"]] = len(layer.data)
    opened = set()
    for path, session, view, film in films:
        if isinstance(film, FirstPicture):
            continue
        opened.add(session)
        counts.setdefault(session, {})[view] = len(film)
        for warning in film.warnings:
            show_warning(f"{path.name}: {warning}")
    for session in sorted(opened):
        views = counts[session]
        if len(set(views.values())) > 1:
            listed = ", ".join(f"{view} {count:,}" for view, count in views.items())
            show_warning(
                f"The views of {session or 'the session'} differ in their number of frames: "
                f"{listed}. Frame n may not be the same moment in all of them."
            )


def _warn_of_adjustments(films: Sequence[tuple[Path, str, str, AnyFilm]]) -> None:
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
    from .layer_styles import ROLE_KEY

    if event.value.metadata.get(ROLE_KEY) != FILM:
        return
    layers = event.source
    layers.move(layers.index(event.value), 0)
    # The outlines of the views stay behind the films: their faces would veil them.
    for layer in [each for each in layers if each.metadata.get(ROLE_KEY) == "frames"]:
        layers.move(layers.index(layer), 0)
