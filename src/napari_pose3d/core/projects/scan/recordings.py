"""From sorted files to sessions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..issues import Issue
from ..naming import name_with_home, natural_order
from ..session import PredictionSet, SetKind
from .found_files import Item

RigOf = Callable[[str, str], Path | None]


@dataclass
class Recording:
    """The files of one session, by role and view."""

    name: str
    home: str
    videos: dict[str, Path] = field(default_factory=dict)
    boxes: dict[str, Path] = field(default_factory=dict)
    images: dict[str, Path] = field(default_factory=dict)
    sets: list[PredictionSet] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)

    @property
    def views(self) -> set[str]:
        """Views that any file is of."""
        of_sets = {view for each in self.sets for view in each.files}
        return {*self.videos, *self.boxes, *self.images, *of_sets}


def assemble(items: Sequence[Item], folder_name: str) -> list[Recording]:
    """Put items together to recordings, ordered by name.

    Items of one key are one recording, unless videos of one view lie in several homes: then each
    home is a recording of its own.

    Parameters
    ----------
    folder_name : str
        Name of a session whose files have no name but that of the view.
    """
    by_key: dict[str, dict[str, list[Item]]] = {}
    for item in items:
        key = item.session or _last(item.home)
        by_key.setdefault(key, {}).setdefault(item.home, []).append(item)
    members: dict[str, list[Item]] = {}
    for key, homes in by_key.items():
        apart = _videos_collide(homes)
        for home in sorted(homes):
            name = name_with_home(home, key) if apart else key
            members.setdefault(name or folder_name, []).extend(homes[home])
    recordings = [_recording(name, members[name]) for name in members]
    return sorted(recordings, key=lambda r: natural_order(r.name))


def _videos_collide(homes: Mapping[str, Sequence[Item]]) -> bool:
    seen: set[str] = set()
    for members in homes.values():
        videos = {item.view for item in members if item.role == "video"}
        if videos & seen:
            return True
        seen |= videos
    return False


def _recording(name: str, items: Sequence[Item]) -> Recording:
    home = next((item.home for item in items if item.role == "video"), items[0].home)
    recording = Recording(name, home)
    tables: dict[tuple[str, SetKind, bool], dict[str, list[Item]]] = {}
    for item in items:
        if item.role == "set":
            what = (item.set_name, item.kind, item.own)
            tables.setdefault(what, {}).setdefault(item.place, []).append(item)
            continue
        role = {
            "video": recording.videos,
            "boxes": recording.boxes,
            "images": recording.images,
        }[item.role]
        _put(role, item.view, item.path, recording)
    used: set[str] = set()
    in_order = sorted(tables, key=lambda t: (natural_order(t[0]), t[1] == "3d"))
    for what in in_order:
        (label, kind, own), places = what, tables[what]
        # One folder for each view is one set; the same view in several folders is several.
        if len(places) > 1 and not _same_view_twice(places):
            places = {"": [item for members in places.values() for item in members]}
        for place, members in sorted(places.items()):
            parts = [place.replace("/", " ") if len(places) > 1 else "", label]
            wanted = " ".join(part for part in parts if part) or kind
            recording.sets.append(_set(_unused(wanted, kind, used), kind, own, members, recording))
    return recording


def _set(
    name: str, kind: SetKind, own: bool, members: Sequence[Item], recording: Recording
) -> PredictionSet:
    if kind == "3d":
        first, *others = members
        for other in others:
            recording.issues.append(_twice("3-D positions", first.path, other.path, recording))
        return PredictionSet(name, kind, {}, first.path, own)
    files: dict[str, Path] = {}
    for item in members:
        _put(files, item.view, item.path, recording)
    return PredictionSet(name, kind, files, None, own)


def _unused(name: str, kind: SetKind, used: set[str]) -> str:
    """A name that no other set of the session has."""
    wanted = f"{name} 3-D" if kind == "3d" and name in used else name
    number = 2
    while wanted in used:
        wanted, number = f"{name} {number}", number + 1
    used.add(wanted)
    return wanted


def _same_view_twice(places: Mapping[str, Sequence[Item]]) -> bool:
    views = [item.view for members in places.values() for item in members]
    return len(views) > len(set(views))


def _put(files: dict[str, Path], view: str, path: Path, recording: Recording) -> None:
    first = files.setdefault(view, path)
    if first != path:
        recording.issues.append(_twice(f"view {view}", first, path, recording))


def _twice(what: str, first: Path, other: Path, recording: Recording) -> Issue:
    return Issue(
        "error",
        f"{first.name} and {other.name} cannot be told apart: both are {what}; the first is used",
        recording.name,
        f"Rename or remove one of {first} and {other}",
    )


def _last(home: str) -> str:
    return home.rpartition("/")[2]
