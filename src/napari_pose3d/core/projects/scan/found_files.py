"""What the files of a folder were found to be, before they are put together to sessions."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from napari_pose3d.core.errors import PoseDataError

from ..issues import Issue
from ..session import SetKind
from .name_patterns import Names

Role = Literal["video", "set", "boxes", "images"]


@dataclass(frozen=True)
class Item:
    """One file (or folder of images) of one view of one session.

    Attributes
    ----------
    role : {"video", "set", "boxes", "images"}
    session : str
        The key in its name.
    view : str
        "" for 3-D positions.
    path : Path
    home : str
        The folder of the recording, relative to the root; files of one key in different homes may
        be different recordings.
    kind : {"predictions", "smoothed", "3d"}
        Of a set.
    set_name : str
        Model and seed.
    place : str
        Tells sets of the same name apart.
    own : bool
        Whether we wrote it.
    """

    role: Role
    session: str
    view: str
    path: Path
    home: str = ""
    kind: SetKind = "predictions"
    set_name: str = ""
    place: str = ""
    own: bool = False


@dataclass
class Sorted:
    """Items, and what was not used.

    Attributes
    ----------
    unmatched : list of (path, reason)
    """

    items: list[Item] = field(default_factory=list)
    unmatched: list[tuple[Path, str]] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    nameless: list[Path] = field(default_factory=list)

    def parsed(self, names: Names, stem: str, path: Path) -> tuple[str, str, str] | None:
        """(view, key, seed) of a stem; None, and the reason noted, where it names no view."""
        try:
            name = names.parse(stem)
        except PoseDataError as error:
            self.unmatched.append((path, error.problem))
            self.issues.append(
                Issue("error", error.problem, path.name, error.todo or "Rename the file")
            )
            return None
        if name.view is None:
            self.unmatched.append((path, "its name holds none of the views"))
            self.nameless.append(path)
            return None
        return name.view, name.key, name.seed
