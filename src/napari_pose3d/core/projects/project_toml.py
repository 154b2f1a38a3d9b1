"""``napari-pose3d/project.toml``: what Lightning Pose has no place for.

The skeleton, the colours of keypoints, which camera of the calibration each view is, how it lies
in its session, and how the window is arranged. Keys that we do not know are kept when the file is
written again.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from napari_pose3d.core.formats.predictions.table_header import in_file
from napari_pose3d.core.formats.projects.toml_edit import edited_toml
from napari_pose3d.core.poses.kinematics.body_frame import BodyFrameEntry
from napari_pose3d.core.poses.kinematics.measurements import Measurement, measurements_of
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.file_lock import FileLock
from napari_pose3d.core.storage.group_recovery import recover
from napari_pose3d.core.storage.input_files import input_errors, read_text
from napari_pose3d.core.storage.safe_names import refuse_unsafe_names
from napari_pose3d.core.storage.toml_text import toml_values
from napari_pose3d.errors import PoseDataError

from .alignment.alignment_table import KEYS, alignment_from, relative_to, table_of
from .alignment.view_alignment import ViewAlignment
from .naming.file_names import composed

OWN_FOLDER = "napari-pose3d"
FILE_NAME = "project.toml"
SCHEMA_VERSION = 1
_LARGEST = 4 << 20

# What version 0.1 called the list of videos.
_VIDEOS_BEFORE = "films"

_KNOWN = (
    *("schema_version", "view_names", "skeleton", "colours", "cameras", "videos", _VIDEOS_BEFORE),
    *("layout", "triggered", "kinematics", "animals", "body_frame", "views", "sessions"),
)
_Value = TypeVar("_Value")

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class OwnProject:
    """What ``napari-pose3d/project.toml`` says; all empty where there is no such file.

    Attributes
    ----------
    folder : Path
        The project (not our folder in it).
    view_names : tuple of str
        Names of the views of a folder that has no ``project.yaml``.
    skeleton : tuple of (str, str)
        Pairs of keypoints that are joined by a line.
    colours : mapping of str to str
        ``#rrggbb`` for keypoints whose colour the user chose.
    cameras : mapping of view to str
        The camera in the calibration that a view is, where that has another name.
    videos : tuple of Path
        Videos, and folders of videos, that are left outside the project.
    layout : mapping
        How the camera views are arranged; only the widgets know what is in it.
    animals : mapping of session to str
        The animal of a session, where its name does not tell.
    triggered : bool
        Whether one signal triggers all cameras: their videos are of one frame rate then, whatever
        their headers state.
    kinematics : tuple of Measurement
        What is measured of the poses.
    body_frame : BodyFrameEntry or None
        The frame of reference of the animal.
    """

    folder: Path
    view_names: tuple[str, ...] = ()
    skeleton: tuple[tuple[str, str], ...] = ()
    colours: Mapping[str, str] = field(default_factory=dict)
    cameras: Mapping[str, str] = field(default_factory=dict)
    videos: tuple[Path, ...] = ()
    layout: Mapping[str, Any] = field(default_factory=dict)
    triggered: bool = False
    kinematics: tuple[Measurement, ...] = ()
    animals: Mapping[str, str] = field(default_factory=dict)
    body_frame: BodyFrameEntry | None = None
    _of_views: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    _of_sessions: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(
        default_factory=dict, repr=False
    )
    _unknown: tuple[str, ...] = ()

    @property
    def sessions(self) -> tuple[str, ...]:
        """Sessions that the file mentions."""
        return tuple(self._of_sessions)

    @property
    def adjusted(self) -> tuple[tuple[str | None, str], ...]:
        """(session, view) of all that is adjusted; None for what holds in all sessions."""
        of_all = ((None, view) for view, table in self._of_views.items() if table)
        of_some = ((s, v) for s, t in self._of_sessions.items() for v, table in t.items() if table)
        return (*of_all, *of_some)

    @property
    def unknown(self) -> tuple[tuple[str, str], ...]:
        """(table, key) of all that is not understood; the table is "" at the top of the file."""
        of_views = ((f"views.{v}", table) for v, table in self._of_views.items())
        of_sessions = (
            (f"sessions.{s}.{v}", table)
            for s, tables in self._of_sessions.items()
            for v, table in tables.items()
        )
        inside = ((n, k) for n, t in (*of_views, *of_sessions) for k in t if k not in KEYS)
        return (*(("", key) for key in self._unknown), *inside)

    def alignment(self, session: str | None, view: str) -> ViewAlignment:
        """How a view is adjusted: the session's own settings over those of all sessions.

        Parameters
        ----------
        session : str or None
            None for what holds in all sessions.
        """
        own = self._of_sessions.get(session, _EMPTY).get(view, _EMPTY) if session else _EMPTY
        return alignment_from({**self._of_views.get(view, _EMPTY), **own}, self.folder)

    def alignments(self, session: str | None, views: Sequence[str]) -> dict[str, ViewAlignment]:
        """The alignment of each view, with the times of all of them."""
        found = {view: self.alignment(session, view) for view in views}
        clocks = tuple(a.timestamps for a in found.values() if a.timestamps is not None)
        return {view: replace(alignment, clocks=clocks) for view, alignment in found.items()}


def own_project_path(folder: str | os.PathLike[str]) -> Path:
    """Where the file of a project lies."""
    return Path(folder) / OWN_FOLDER / FILE_NAME


def read_own_project(folder: str | os.PathLike[str]) -> OwnProject:
    """Read ``napari-pose3d/project.toml`` of a project.

    Raises
    ------
    PoseDataError
        When it cannot be read, is not TOML, is of a later version, or a value is invalid;
        names the key.
    """
    folder = Path(folder)
    path = own_project_path(folder)
    try:
        return _parse(_parsed(_text(path), path), folder)
    except PoseDataError as error:
        raise in_file(error, path) from None


def update_own_project(
    folder: str | os.PathLike[str],
    *,
    view_names: Sequence[str] | None = None,
    skeleton: Sequence[tuple[str, str]] | None = None,
    colours: Mapping[str, str] | None = None,
    cameras: Mapping[str, str] | None = None,
    videos: Sequence[Path] | None = None,
    layout: Mapping[str, Any] | None = None,
    alignments: Mapping[tuple[str | None, str], ViewAlignment] | None = None,
    triggered: bool | None = None,
    group: FileGroup | None = None,
) -> OwnProject:
    """Change parts of ``napari-pose3d/project.toml``; makes it where there is none.

    The file is read again first, under the project's lock, and only what is given here is changed:
    what others wrote into it in the meantime stays, and so do keys that we do not know, comments
    and the order.

    Parameters
    ----------
    layout : mapping
        Entries of the layout; those of other names stay.
    alignments : mapping of (session or None, view) to ViewAlignment
        None for what holds in all sessions. For a session only that is written which differs
        from it.
    group : FileGroup, optional
        Files that the new one is to appear together with; it may replace existing ones. It holds
        the project's lock until its end.

    Returns
    -------
    OwnProject
        The whole file as it is now, or will be when the group is put in place.

    Raises
    ------
    PoseDataError
        When the file there is damaged or cannot be written, or a value is invalid; nothing
        has changed then.
    """
    folder = Path(folder)
    path = own_project_path(folder)
    read_own_project(folder)
    with FileGroup(overwrite=True) if group is None else nullcontext(group) as files:
        # In a folder that the group makes is nobody else yet, and it goes when that fails.
        if group is None or path.parent.is_dir():
            files.hold(project_lock(folder))
            recover(path.parent)
        text = _text(path)
        document = {"schema_version": SCHEMA_VERSION, **_parsed(text, path)}
        if view_names is not None:
            document["view_names"] = list(view_names)
        if skeleton is not None:
            document["skeleton"] = [list(pair) for pair in skeleton]
        if colours is not None:
            document["colours"] = dict(colours)
        if cameras is not None:
            document["cameras"] = dict(cameras)
            if not cameras:
                del document["cameras"]
        if videos is not None:
            document.pop(_VIDEOS_BEFORE, None)
            document["videos"] = [relative_to(each, folder) for each in dict.fromkeys(videos)]
        if triggered is not None:
            document["triggered"] = triggered
        if layout is not None:
            document["layout"] = {**_table(document, "layout"), **layout}
        # Those of all sessions first: the others are written as their difference.
        for (session, view), alignment in sorted(
            (alignments or {}).items(), key=lambda item: item[0][0] is not None
        ):
            _put_alignment(document, folder, session, view, alignment)
        project = _parse(document, folder)
        with input_errors(path):
            new = edited_toml(text, document)
        files.open(path).write(new)
    return project


def project_lock(folder: str | os.PathLike[str]) -> FileLock:
    """The lock that a process holds while it reads and then changes files of a project.

    Entering it raises `PoseDataError` when another program holds it for half a minute.
    """
    return FileLock(Path(folder) / OWN_FOLDER / "project.lock")


def text_with_renamed(folder: str | os.PathLike[str], keypoints: Mapping[str, str]) -> str:
    """The file after keypoints got other names, in skeleton, colours, kinematics and body frame.

    Raises
    ------
    PoseDataError
        When the file there is damaged.
    """
    project = read_own_project(folder)
    path = own_project_path(folder)
    text = _text(path)
    document = _parsed(text, path)
    if "skeleton" in document:
        document["skeleton"] = [[keypoints.get(n, n) for n in pair] for pair in project.skeleton]
    if "colours" in document:
        document["colours"] = {keypoints.get(n, n): c for n, c in project.colours.items()}
    if "kinematics" in document:
        document["kinematics"] = {
            each.name: {each.kind: [keypoints.get(n, n) for n in each.keypoints]}
            for each in project.kinematics
        }
    if project.body_frame is not None:
        document["body_frame"] = project.body_frame.table(keypoints)
    with input_errors(path):
        return edited_toml(text, document)


def find_own_project(path: str | os.PathLike[str]) -> OwnProject | None:
    """The project with a file of ours that `path` lies in: the nearest upward, or None.

    Raises
    ------
    PoseDataError
        When its file is damaged.
    """
    start = Path(path).absolute()
    for folder in (start, *start.parents):
        if own_project_path(folder).is_file():
            return read_own_project(folder)
    return None


def _text(path: Path) -> str:
    """The text of the file; "" where there is none."""
    return read_text(path, largest=_LARGEST) if os.path.lexists(path) else ""


def _parsed(text: str, path: Path) -> dict[str, Any]:
    with input_errors(path):
        try:
            return toml_values(text)
        except tomllib.TOMLDecodeError as error:
            raise PoseDataError(
                f"this is not valid TOML ({error})", file=path, todo="Mend this line"
            ) from error


def _parse(document: Mapping[str, Any], folder: Path) -> OwnProject:
    """What a document says; errors are without the name of the file."""
    version = document.get("schema_version", SCHEMA_VERSION)
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise PoseDataError(
            f"the file is of version {version}",
            expected=f"schema_version {SCHEMA_VERSION}",
            todo="Update napari-pose3d: the file was written by a later one",
        )
    sessions = _table(document, "sessions")
    # As the names of files are compared: an umlaut may be one character or two.
    views = tuple(map(composed, _names(document.get("view_names", []), "view_names")))
    refuse_unsafe_names((*views, *_table(document, "views")), "view")
    key = "videos" if "videos" in document else _VIDEOS_BEFORE
    project = OwnProject(
        folder,
        views,
        _skeleton(document.get("skeleton", [])),
        _colours(_table(document, "colours")),
        _cameras(_table(document, "cameras")),
        tuple(folder / name for name in _names(document.get(key, []), key)),
        _table(document, "layout"),
        _flag(document, "triggered"),
        _measurements(_table(document, "kinematics")),
        _animals(_table(document, "animals")),
        _body_frame(_table(document, "body_frame")) if "body_frame" in document else None,
        _composed(_tables(document, "views")),
        _composed({name: _composed(_tables(sessions, name)) for name in sessions}),
        tuple(key for key in document if key not in _KNOWN),
    )
    # What is wrong in it is reported now, not when a session is opened.
    for view in project._of_views:
        _checked(project, None, view)
    for session, tables in project._of_sessions.items():
        for view in tables:
            _checked(project, session, view)
    return project


def _measurements(table: Mapping[str, Any]) -> tuple[Measurement, ...]:
    try:
        return measurements_of(table)
    except PoseDataError as error:
        raise error.located(place=f"[kinematics] {error.place}") from None


def _body_frame(table: Mapping[str, Any]) -> BodyFrameEntry:
    try:
        return BodyFrameEntry.of_table(table)
    except PoseDataError as error:
        raise error.located(place="[body_frame]") from None


def _checked(project: OwnProject, session: str | None, view: str) -> None:
    try:
        project.alignment(session, view)
    except PoseDataError as error:
        place = f"[views.{view}]" if session is None else f"[sessions.{session}.{view}]"
        where = ", ".join(p for p in (place, error.place) if p)
        raise error.located(place=where) from None


def _put_alignment(
    document: dict[str, Any], folder: Path, session: str | None, view: str, new: ViewAlignment
) -> None:
    tables = document.setdefault("views" if session is None else "sessions", {})
    if session is not None:
        tables = tables.setdefault(_key_like(tables, session), {})
    of_all = document.get("views", {})
    common = {} if session is None else of_all.get(_key_like(of_all, view), {})
    view = _key_like(tables, view)
    base = table_of(alignment_from(common, folder), folder)
    values = {k: v for k, v in table_of(new, folder).items() if v != base[k]}
    kept = {k: v for k, v in tables.get(view, {}).items() if k not in KEYS}
    tables[view] = kept | values
    if not tables[view]:
        del tables[view]


def _names(values: Any, key: str) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(v, str) and v for v in values):
        raise PoseDataError(f"'{key}' is not a list of names", expected='such as ["top", "side"]')
    if twice := [name for i, name in enumerate(values) if name in values[:i]]:
        raise PoseDataError(f"'{twice[0]}' is in '{key}' twice", todo="Remove one")
    return tuple(values)


def _flag(document: Mapping[str, Any], key: str) -> bool:
    value = document.get(key, False)
    if not isinstance(value, bool):
        raise PoseDataError(f"'{key}' is {value!r}", expected="true or false")
    return value


def _skeleton(values: Any) -> tuple[tuple[str, str], ...]:
    for pair in values if isinstance(values, list) else [values]:
        whole = isinstance(pair, list) and len(pair) == 2 and all(isinstance(n, str) for n in pair)
        if not whole or pair[0] == pair[1]:
            raise PoseDataError(
                f"'skeleton' holds {pair!r}",
                expected='pairs of two keypoints, such as [["nose", "neck"], ["neck", "tail"]]',
            )
    return tuple((a, b) for a, b in values)


def _colours(values: Mapping[str, Any]) -> Mapping[str, str]:
    for name, colour in values.items():
        if not isinstance(colour, str) or not _COLOUR.fullmatch(colour):
            raise PoseDataError(
                f"the colour of {name} is {colour!r}", expected="a text such as '#e69f00'"
            )
    return MappingProxyType(dict(values))


def _cameras(values: Mapping[str, Any]) -> Mapping[str, str]:
    seen: dict[str, str] = {}
    for view, camera in values.items():
        if not isinstance(camera, str) or not camera:
            raise PoseDataError(
                f"the camera of view {view} is {camera!r}",
                expected="its name in the calibration, such as 'camera 3'",
            )
        if camera in seen:
            raise PoseDataError(
                f"the views {seen[camera]} and {view} are both camera '{camera}'",
                place="[cameras]",
                expected="a camera of its own for each view",
            )
        seen[camera] = view
    refuse_unsafe_names(values, "view")
    return _composed({view: composed(camera) for view, camera in values.items()})


def _composed(table: Mapping[str, _Value]) -> Mapping[str, _Value]:
    return MappingProxyType({composed(name): value for name, value in table.items()})


def _key_like(table: Mapping[str, Any], name: str) -> str:
    """The key that a name has in a table already, where only its accents are stored otherwise."""
    return next((key for key in table if composed(key) == composed(name)), name)


def _animals(values: Mapping[str, Any]) -> Mapping[str, str]:
    for session, animal in values.items():
        if not isinstance(animal, str) or not animal:
            raise PoseDataError(
                f"the animal of session {session} is {animal!r}",
                place="[animals]",
                expected="its name, such as 'mouse 3'",
            )
    return _composed(values)


def _table(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key, {})
    if not isinstance(value, Mapping):
        raise PoseDataError(f"'{key}' is not a table", expected=f"a section [{key}]")
    return MappingProxyType(dict(value))


def _tables(document: Mapping[str, Any], key: str) -> Mapping[str, Mapping[str, Any]]:
    table = _table(document, key)
    return MappingProxyType({name: _table(table, name) for name in table})
