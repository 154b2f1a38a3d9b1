"""What each file of a folder is, before files are put together to sessions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from napari_pose3d.errors import PoseDataError

from ..issues import Issue
from ..naming.camera_folders import view_of_folder
from ..naming.file_names import ParsedName
from ..naming.naming_rule import Naming
from ..session import SetKind
from .table_headers import scorer_of

Role = Literal["video", "set", "boxes", "images"]

NO_VIEW = "its name holds none of the views"


@dataclass(frozen=True)
class ScannedFile:
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
class ScannedFiles:
    """Files whose view is known, and those that are not used.

    Attributes
    ----------
    naming : Naming
        How their names are read.
    unmatched : list of (path, reason)
    nameless : list of Path
        Those of them whose name holds no view.
    """

    naming: Naming
    files: list[ScannedFile] = field(default_factory=list)
    unmatched: list[tuple[Path, str]] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    nameless: list[Path] = field(default_factory=list)

    def parsed(
        self, path: Path, stem: str | None = None, *, relative: str = ""
    ) -> ParsedName | None:
        """What the name of a file says; None, and the reason noted, where it names no view.

        Parameters
        ----------
        stem : str, optional
            Not given: by the naming rule.
        relative : str
            Its path, where folders may name the view.
        """
        try:
            name = self.naming.parse(self.naming.stem(path, scorer_of) if stem is None else stem)
        except PoseDataError as error:
            self.unmatched.append((path, error.problem))
            self.issues.append(
                Issue(
                    "error",
                    error.problem,
                    path.name,
                    error.todo or "Rename the file",
                    remedies=error.remedies,
                )
            )
            return None
        known = () if self.naming.guessed else self.naming.views or ()
        if name.view is None and (found := view_of_folder(relative, known)) is not None:
            return replace(name, view=found[0], place=found[1])
        if name.view is None:
            self.unmatched.append((path, NO_VIEW))
            self.nameless.append(path)
            return None
        return name
