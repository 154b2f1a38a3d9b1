"""What was matched in an input: sessions, prediction sets, views and their files."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from napari_pose3d.core.formats.predictions.table_header import TableHeader
from napari_pose3d.core.formats.projects.project_yaml import LightningProject
from napari_pose3d.errors import PoseDataError, Remedy

from ..alignment.view_alignment import ViewAlignment
from ..naming.file_names import composed, natural_order

_NAME_VIEWS = "; if these are views of one session, name the views or give their calibration"


@dataclass(frozen=True)
class MatchRow:
    """One file: a view of a prediction set of a session."""

    session: str
    model: str
    view: str
    path: Path
    header: TableHeader = field(repr=False)
    own: bool = False


@dataclass(frozen=True)
class MatchTable:
    """What was found in the input.

    Attributes
    ----------
    rows : tuple of MatchRow
        By session, model and view.
    unmatched : tuple of (path, reason)
        Files that were examined and are not used.
    known_views : tuple of str or None
        The names that were looked for; None when the last part of the file names was taken.
    project : LightningProject or None
        The project that the input lies in.
    rigs : mapping of session to Path
        The calibrations that were found for the sessions.
    alignments : mapping of session to mapping of view to ViewAlignment
        Only of views that have one.
    skeleton : tuple of (str, str)
        Of the project.
    videos : mapping of session to mapping of view to Path
        The videos that were found beside the predictions.
    damaged : mapping of session to mapping of view to Path
        Files that are predictions of a view by their names and cannot be used.
    cameras : mapping of view to str
        Cameras that the project knows by another name than the calibration.
    triggered : bool
        Whether the project says that its cameras are triggered together.
    unused_settings : tuple of str
        What the project says of sessions and views that there are none of.
    """

    rows: tuple[MatchRow, ...]
    unmatched: tuple[tuple[Path, str], ...]
    known_views: tuple[str, ...] | None = None
    project: LightningProject | None = None
    rigs: Mapping[str, Path] = field(default_factory=dict)
    alignments: Mapping[str, Mapping[str, ViewAlignment]] = field(default_factory=dict)
    skeleton: tuple[tuple[str, str], ...] = ()
    videos: Mapping[str, Mapping[str, Path]] = field(default_factory=dict)
    cameras: Mapping[str, str] = field(default_factory=dict)
    damaged: Mapping[str, Mapping[str, Path]] = field(default_factory=dict)
    triggered: bool = False
    unused_settings: tuple[str, ...] = ()

    @property
    def sessions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.session for row in self.rows))

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(sorted({row.model for row in self.rows}, key=natural_order))

    @property
    def views(self) -> tuple[str, ...]:
        """Views that have files, in the order of the known names, else of the alphabet."""
        have = {row.view for row in self.rows}
        if self.known_views is not None:
            return tuple(view for view in self.known_views if view in have)
        return tuple(sorted(have, key=natural_order))

    @property
    def keypoints(self) -> tuple[str, ...]:
        """Keypoints of all files, those of the first file first."""
        return tuple(dict.fromkeys(column[1] for r in self.rows for column in r.header.columns))

    @property
    def individuals(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for r in self.rows for name in r.header.individuals))

    def path(self, model: str, view: str, session: str | None = None) -> Path | None:
        """The file of a cell of the grid; None where it is missing."""
        for row in self.rows:
            if (row.model, row.view) == (model, view) and session in (None, row.session):
                return row.path
        return None

    @property
    def missing(self) -> tuple[tuple[str, str, str], ...]:
        """(session, model, view) of the empty cells of each session's grid."""
        have = {(row.session, row.model, row.view) for row in self.rows}
        cells = [
            (session, model, view)
            for session in self.sessions
            for table in (self._only(session),)
            for model in table.models
            for view in table.views
        ]
        return tuple(cell for cell in cells if cell not in have)

    def for_session(self, session: str | None = None) -> MatchTable:
        """The rows of one session: the one named, or the only one there is.

        Raises
        ------
        PoseDataError
            When there are several and none is named, or not the one named; lists them.
        """
        names = ", ".join(self.sessions)
        session = None if session is None else composed(session)
        if session is not None and session not in self.sessions:
            raise PoseDataError(
                f"no session is called '{session}'",
                expected=f"one of {names}",
                remedy=Remedy("session"),
            )
        if session is None and len(self.sessions) > 1:
            self._refuse_one_view_for_all()
            unknown = self.known_views is None
            others = (Remedy("views"), Remedy("calibration")) if unknown else ()
            raise PoseDataError(
                f"the input holds {len(self.sessions)} sessions: {names}",
                todo=f"Choose one{_NAME_VIEWS if unknown else ''}",
                remedy=(Remedy("session"), *others),
            )
        return self._only(session if session is not None else self.sessions[0])

    def _refuse_one_view_for_all(self) -> None:
        """Refuse files that are all of one view of several, each in a session of its own."""
        found = {row.view for row in self.rows}
        known = self.known_views or ()
        files = [row.path.name for row in self.rows]
        if len(found) > 1 or len(known) < 2 or len(self.sessions) < len(self.rows):
            return
        (view,) = found
        raise PoseDataError(
            f"all files were taken as view {view}, which is in the name of each, and each as a "
            f"session of its own: {', '.join(files[:6])}",
            expected=f"files of the views {', '.join(known)}",
            todo="If another part of the names is the camera, give these parts as the names of the "
            f"views, such as cam{known[0]} cam{known[1]}, and say which camera of the calibration "
            "each is; or choose a session",
            remedy=(Remedy("views"), Remedy("cameras"), Remedy("session")),
        )

    def for_sets(self, names: Collection[str]) -> MatchTable:
        """The rows of some prediction sets; empty: of all.

        Raises
        ------
        PoseDataError
            A name is unknown; lists them.
        """
        have = tuple(dict.fromkeys(row.model for row in self.rows))
        absent = [name for name in names if name not in have]
        if absent:
            raise PoseDataError(
                f"no prediction set is called '{absent[0]}'", expected=f"some of {', '.join(have)}"
            )
        rows = tuple(row for row in self.rows if not names or row.model in names)
        return replace(self, rows=rows)

    def as_text(self) -> str:
        """Aligned tables of prediction sets x views, one for each session, and what is unused."""
        lines = []
        for session in self.sessions:
            table = self._only(session)
            grid = [[session, *table.views]]
            for model in table.models:
                cells = [table.path(model, view) for view in table.views]
                grid.append([f"  {model}", *("missing" if c is None else "found" for c in cells)])
            widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
            lines += ["  ".join(map(str.ljust, row, widths)).rstrip() for row in grid]
        if self.unmatched:
            lines.append("not used:")
            lines += [f"  {path.name}: {reason}" for path, reason in self.unmatched]
        return "\n".join(lines)

    def _only(self, session: str) -> MatchTable:
        rows = tuple(row for row in self.rows if row.session == session)
        return replace(self, rows=rows)
