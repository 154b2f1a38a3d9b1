"""What a folder holds: its sessions with their views, films, predictions, labels and rigs.

Only names are looked at, so that a project of thousands of files opens at once; `check_session`
looks into the files of a session.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from .errors import PoseDataError
from .finding.anipose import anipose_names, anipose_rigs, is_anipose, sort_anipose
from .finding.assemble import Recording, RigOf, assemble
from .finding.contents import check_session
from .finding.items import Sorted
from .finding.lightning import (
    LABELS,
    label_files,
    lightning_rigs,
    names_of,
    sort_lightning,
)
from .finding.listing import Listing, list_files, list_folder
from .finding.naming import Names, is_film
from .finding.plain import plain_names, plain_rigs, sort_own, sort_plain
from .finding.problems import problems_of_folder, problems_of_recording
from .formats.lightning_project import FILE_NAME, LightningProject, read_project
from .formats.own_project import FILE_NAME as OWN_FILE
from .formats.own_project import OWN_FOLDER, OwnProject, read_own_project
from .problems import Problem
from .project import find_project, natural_order
from .session import Session

AnyPath = str | os.PathLike[str]
ProjectKind = Literal["lightning-pose", "anipose", "folder", "files"]


__all__ = ["OverviewRow", "Project", "check_session", "open_project"]


@dataclass(frozen=True)
class OverviewRow:
    """A line of the table of what was found: one view of one session.

    Attributes
    ----------
    session, view : str
    film : Path or None
    sets : tuple of str
        Names of the prediction sets that have this view.
    labels : Path or None
    pictures : Path or None
        Folder of labeled pictures.
    rig : Path or None
    adjusted : str
        In words, how the view is adjusted; "" for not.
    """

    session: str
    view: str
    film: Path | None
    sets: tuple[str, ...]
    labels: Path | None
    pictures: Path | None
    rig: Path | None
    adjusted: str


@dataclass(frozen=True, eq=False)
class Project:
    """What a folder holds.

    Attributes
    ----------
    folder : Path
    kind : {"lightning-pose", "anipose", "folder", "files"}
    sessions : tuple of Session
        By name.
    views : tuple of str
        Of all sessions, in the order of the project.
    keypoints : tuple of str
        As ``project.yaml`` says; may be empty.
    skeleton, colours
        As our own ``project.toml`` says.
    label_files, queues : mapping of key to mapping of view to Path
        ``<key>_<view>.csv`` and ``<key>_<view>.unlabeled.jsonl``; the usual key is CollectedData.
    own : OwnProject
        Our own ``project.toml``.
    unmatched : tuple of (path, reason)
        Films and tables that belong to no session.
    problems : tuple of Problem
        Of the whole; each session has its own besides.
    """

    folder: Path
    kind: ProjectKind
    sessions: tuple[Session, ...]
    views: tuple[str, ...]
    keypoints: tuple[str, ...]
    own: OwnProject
    label_files: Mapping[str, Mapping[str, Path]] = field(default_factory=dict)
    queues: Mapping[str, Mapping[str, Path]] = field(default_factory=dict)
    unmatched: tuple[tuple[Path, str], ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def skeleton(self) -> tuple[tuple[str, str], ...]:
        return self.own.skeleton

    @property
    def colours(self) -> Mapping[str, str]:
        return self.own.colours

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def all_problems(self) -> tuple[Problem, ...]:
        """Those of the whole and of each session."""
        return (*self.problems, *(p for session in self.sessions for p in session.problems))

    def session(self, name: str) -> Session:
        """A session by its name.

        Raises
        ------
        PoseDataError
            When there is none of that name.
        """
        for each in self.sessions:
            if each.name == name:
                return each
        names = ", ".join(each.name for each in self.sessions) or "no session at all"
        raise PoseDataError(
            f"no session is called '{name}'", file=self.folder, expected=f"one of {names}"
        )

    def table(self) -> list[OverviewRow]:
        """Sessions x views: what each has."""
        return [
            OverviewRow(
                session.name,
                view,
                session.films.get(view),
                tuple(each.name for each in session.sets if view in each.files),
                session.labels.get(view),
                session.pictures.get(view),
                session.rig_path,
                session.adjustment(view).describe(),
            )
            for session in self.sessions
            for view in session.views
        ]


def open_project(
    path: AnyPath | Iterable[AnyPath], *, views: Sequence[str] | None = None
) -> Project:
    """Find the sessions in a folder, by the names of its files.

    Understood are a Lightning Pose project (or its ``project.yaml``), a session folder of
    Anipose's or several in a folder, any folder of films and prediction files, and a list of
    films and prediction files. Films and large tables are not opened.

    Parameters
    ----------
    path : path or several files
        A folder inside a Lightning Pose project opens the whole project.
    views : sequence of str, optional
        Names of the views. Not given: those of ``project.yaml``, else of our own
        ``project.toml``, else of the calibration's cameras, else what the names of films end in.

    Returns
    -------
    Project

    Raises
    ------
    PoseDataError
        When there is no such folder, or a file that says what the project is like is damaged.
    """
    if not isinstance(path, str | os.PathLike):
        paths = [Path(os.path.abspath(each)) for each in path]
        if len(paths) != 1:
            return _open_files(paths, views)
        path = paths[0]
    path = Path(os.path.abspath(path))
    if not path.exists():
        raise PoseDataError("there is no such file or folder", file=path)
    if not path.is_dir():
        if path.name == FILE_NAME:
            path = path.parent
        elif path.name == OWN_FILE and path.parent.name == OWN_FOLDER:
            path = path.parent.parent
        else:
            return _open_files([path], views)
    lightning = find_project(path)
    if lightning is not None:
        return _open_lightning(lightning, views)
    listing = list_folder(path)
    projects = listing.without_folders_that_hold(FILE_NAME)
    if len(projects) == 1 and not any(is_film(f) for f in listing.files):
        return _open_lightning(read_project(listing.path(projects[0])), views)
    if is_anipose(listing):
        opened = _open_anipose(listing, views)
    else:
        opened = _open_plain(listing, views, "folder")
    return replace(opened, problems=(*opened.problems, *(_is_a_project(p) for p in projects)))


def _is_a_project(folder: str) -> Problem:
    return Problem(
        "note", "this is a Lightning Pose project of its own", folder, "Open it by itself"
    )


def _open_lightning(lightning: LightningProject, views: Sequence[str] | None) -> Project:
    listing = list_folder(lightning.folder)
    own = read_own_project(lightning.folder)
    names = Names(tuple(views)) if views else names_of(lightning)
    found = sort_lightning(listing, names, own.films)
    labels, queues = label_files(listing, names)
    return _project(
        "lightning-pose",
        listing,
        own,
        found,
        names,
        lightning_rigs(listing),
        keypoints=lightning.keypoint_names,
        labels=labels,
        queues=queues,
    )


def _open_anipose(listing: Listing, views: Sequence[str] | None) -> Project:
    own = read_own_project(listing.root)
    _, rig_names = plain_rigs(listing)
    given = views or own.view_names
    names = Names(tuple(given)) if given else anipose_names(listing, rig_names)
    found = sort_anipose(listing, names)
    return _project("anipose", listing, own, found, names, anipose_rigs(listing))


def _open_plain(
    listing: Listing, views: Sequence[str] | None, kind: Literal["folder", "files"]
) -> Project:
    own = read_own_project(listing.root)
    rig_of, rig_names = plain_rigs(listing)
    names = plain_names(listing, views or own.view_names, rig_names)
    found = sort_plain(listing, names)
    labels, queues = label_files(listing, names, any_name=False)
    return _project(
        kind, listing, own, found, names, rig_of, labels=labels, queues=queues, rig_names=rig_names
    )


def _open_files(paths: Sequence[Path], views: Sequence[str] | None) -> Project:
    if not paths:
        raise PoseDataError("no file and no folder was given", expected="a folder or files")
    for path in paths:
        if not path.exists():
            raise PoseDataError("there is no such file or folder", file=path)
    files = [path for path in paths if not path.is_dir()]
    for folder in (path for path in paths if path.is_dir()):
        below = list_folder(folder)
        files += [below.path(f) for f in below.files]
    if not files:
        raise PoseDataError("the folders hold no files", file=paths[0])
    return _open_plain(list_files(dict.fromkeys(files)), views, "files")


def _project(
    kind: ProjectKind,
    listing: Listing,
    own: OwnProject,
    found: Sorted,
    names: Names,
    rig_of: RigOf,
    *,
    keypoints: Sequence[str] = (),
    labels: Mapping[str, Mapping[str, Path]] | None = None,
    queues: Mapping[str, Mapping[str, Path]] | None = None,
    rig_names: Sequence[str] = (),
) -> Project:
    labels = labels or {}
    sort_own(found, listing)
    recordings = assemble(found.items, listing.root.name)
    known = names.views or ()
    order = {view: i for i, view in enumerate(known)}

    def in_order(views: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(views, key=lambda v: (order.get(v, len(order)), natural_order(v))))

    common = labels.get(LABELS) or next(iter(labels.values()), {})

    def session(recording: Recording) -> Session:
        views = in_order(recording.views)
        return Session(
            name=recording.name,
            folder=listing.root,
            views=views,
            films=recording.films,
            sets=tuple(recording.sets),
            labels={view: common[view] for view in views if view in common},
            pictures=recording.pictures,
            boxes=recording.boxes,
            rig_path=rig_of(recording.name, recording.home),
            keypoints=tuple(keypoints),
            skeleton=own.skeleton,
            colours=own.colours,
            adjustments={
                view: adjustment
                for view, adjustment in own.adjustments(recording.name, views).items()
                if not adjustment.is_identity
            },
            problems=problems_of_recording(recording, views, known if kind != "folder" else ()),
        )

    sessions = tuple(session(each) for each in recordings)
    of_all = {view for each in sessions for view in each.views}
    return Project(
        folder=listing.root,
        kind=kind,
        sessions=sessions,
        views=in_order({*of_all, *known} if kind == "lightning-pose" else of_all),
        keypoints=tuple(keypoints),
        own=own,
        label_files=labels,
        queues=queues or {},
        unmatched=tuple(found.unmatched),
        problems=problems_of_folder(
            listing, found, sessions, names, rig_names, kind == "lightning-pose"
        ),
    )
