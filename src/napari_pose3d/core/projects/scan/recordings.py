"""From sorted files to sessions."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..issues import Issue
from ..naming.file_names import name_with_home, natural_order
from ..session import PredictionSet, SetKind
from .scanned_files import ScannedFile

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


def assemble(files: Sequence[ScannedFile], folder_name: str) -> list[Recording]:
    """Put files together to recordings, ordered by name.

    Files of one key are one recording, unless videos of one view lie in several homes: then each
    home is a recording of its own.

    Parameters
    ----------
    folder_name : str
        Name of a session whose files have no name but that of the view.
    """
    by_key: dict[str, dict[str, list[ScannedFile]]] = {}
    for each in files:
        key = each.session or _last(each.home)
        by_key.setdefault(key, {}).setdefault(each.home, []).append(each)
    members: dict[str, list[ScannedFile]] = {}
    for key, homes in by_key.items():
        apart = _videos_collide(homes)
        for home in sorted(homes):
            name = name_with_home(home, key) if apart else key
            members.setdefault(name or folder_name, []).extend(homes[home])
    recordings = [_recording(name, members[name]) for name in members]
    return sorted(recordings, key=lambda r: natural_order(r.name))


def restricted(recordings: Sequence[Recording], given: Container[Path]) -> list[Recording]:
    """The recordings with those of their files only that were asked for."""
    found = []
    for each in recordings:
        part = Recording(each.name, each.home, issues=each.issues)
        part.videos, part.boxes, part.images = (
            {view: path for view, path in files.items() if path in given}
            for files in (each.videos, each.boxes, each.images)
        )
        for one in each.sets:
            # Of files that cannot be told apart, what was asked for is the one that is meant.
            asked = one.only(given)
            if asked.all_files:
                part.sets.append(asked)
        if part.views or part.sets:
            found.append(part)
    return found


def _videos_collide(homes: Mapping[str, Sequence[ScannedFile]]) -> bool:
    seen: set[str] = set()
    for members in homes.values():
        videos = {each.view for each in members if each.role == "video"}
        if videos & seen:
            return True
        seen |= videos
    return False


def _recording(name: str, files: Sequence[ScannedFile]) -> Recording:
    home = next((each.home for each in files if each.role == "video"), files[0].home)
    recording = Recording(name, home)
    tables: dict[tuple[str, SetKind, bool], dict[str, list[ScannedFile]]] = {}
    for each in files:
        if each.role == "set":
            what = (each.set_name, each.kind, each.own)
            tables.setdefault(what, {}).setdefault(each.place, []).append(each)
            continue
        role = {
            "video": recording.videos,
            "boxes": recording.boxes,
            "images": recording.images,
        }[each.role]
        _put(role, each.view, each.path, recording)
    used: set[str] = set()
    for what in sorted(tables, key=lambda t: (natural_order(t[0]), t[1] == "3d")):
        label, kind, own = what
        places = tables[what]
        # One folder for each view is one set; the same view in several folders is several.
        if len(places) > 1 and not _same_view_twice(places):
            places = {"": [each for members in places.values() for each in members]}
        names: dict[str, str] = {}
        for place, members in sorted(places.items()):
            parts = [place.replace("/", " ") if len(places) > 1 else "", label]
            wanted = " ".join(part for part in parts if part) or kind
            names[place] = _unused(wanted, kind, used)
            above = [names[other] for other in names if other != place and _is_in(place, other)]
            recording.sets.append(
                PredictionSet.of_files(
                    names[place],
                    kind,
                    [("" if kind == "3d" else each.view, each.path) for each in members],
                    own=own,
                    above=above[0] if above else "",
                    doubtful=len(places) > 1 and not recording.videos,
                )
            )
    return recording


def _is_in(place: str, other: str) -> bool:
    return not other or place.startswith(f"{other}/")


def _unused(name: str, kind: SetKind, used: set[str]) -> str:
    """A name that no other set of the session has."""
    wanted = f"{name} 3-D" if kind == "3d" and name in used else name
    number = 2
    while wanted in used:
        wanted, number = f"{name} {number}", number + 1
    used.add(wanted)
    return wanted


def _same_view_twice(places: Mapping[str, Sequence[ScannedFile]]) -> bool:
    views = [each.view for members in places.values() for each in members]
    return len(views) > len(set(views))


def _put(files: dict[str, Path], view: str, path: Path, recording: Recording) -> None:
    first = files.setdefault(view, path)
    if first != path:
        recording.issues.append(
            Issue(
                "error",
                f"{first.name} and {path.name} cannot be distinguished: both are view {view}; the "
                "first is used",
                recording.name,
                f"Rename or remove one of {first} and {path}",
            )
        )


def _last(home: str) -> str:
    return home.rpartition("/")[2]
