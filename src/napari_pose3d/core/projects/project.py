"""What a folder holds: its sessions with their views, videos, predictions, labels and rigs.

Only names are read, so that a project of thousands of files opens at once; `check_session`
looks into the files of a session.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_pose3d.core.storage.path_lists import Paths, path_list
from napari_pose3d.errors import PoseDataError, Remedy

from .issues import Issue
from .layouts.lightning_pose import LABELS
from .naming.file_names import natural_order
from .naming.naming_rule import Naming
from .project_toml import OwnProject
from .scan.folder_scan import FolderScan, ProjectKind, scan_folder
from .scan.recordings import Recording, assemble, restricted
from .scan.scan_issues import issues_of_folder, issues_of_recording
from .session import Session
from .session_checks import check_session

__all__ = ["OverviewRow", "Project", "check_session", "open_paths", "open_project"]


_MOST_NAMED = 20


@dataclass(frozen=True)
class OverviewRow:
    """A line of the table of what was found: one view of one session.

    Attributes
    ----------
    session, view : str
    video : Path or None
    sets : tuple of str
        Names of the prediction sets that have this view.
    labels : Path or None
    images : Path or None
        Folder of labeled images.
    rig : Path or None
    adjusted : str
        In words, how the view is adjusted; "" for not.
    """

    session: str
    view: str
    video: Path | None
    sets: tuple[str, ...]
    labels: Path | None
    images: Path | None
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
    naming : Naming
        How the names of its files are read.
    unmatched : tuple of (path, reason)
        Videos and tables that belong to no session.
    issues : tuple of Issue
        Of the whole; each session has its own besides.
    """

    folder: Path
    kind: ProjectKind
    sessions: tuple[Session, ...]
    views: tuple[str, ...]
    keypoints: tuple[str, ...]
    own: OwnProject
    naming: Naming
    label_files: Mapping[str, Mapping[str, Path]] = field(default_factory=dict)
    queues: Mapping[str, Mapping[str, Path]] = field(default_factory=dict)
    unmatched: tuple[tuple[Path, str], ...] = ()
    issues: tuple[Issue, ...] = ()

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
    def all_issues(self) -> tuple[Issue, ...]:
        """Those of the whole and of each session."""
        return (*self.issues, *(p for session in self.sessions for p in session.issues))

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

    def session_or_only(self, name: str | None) -> Session:
        """A session by its name; without a name the only one.

        Raises
        ------
        PoseDataError
            There is none of that name, or several and none is named.
        """
        if name is not None:
            return self.session(name)
        if len(self.sessions) != 1:
            names = ", ".join(each.name for each in self.sessions[:_MOST_NAMED])
            if len(self.sessions) > _MOST_NAMED:
                names += f" and {len(self.sessions) - _MOST_NAMED} more"
            raise PoseDataError(
                f"there are several sessions: {names}" if names else "there is no session here",
                file=self.folder,
                expected="one session",
                todo="Choose one" if names else "Give a project, a folder or files of poses",
                remedy=Remedy("session"),
            )
        return self.sessions[0]

    def table(self) -> list[OverviewRow]:
        """Sessions x views: what each has."""
        return [
            OverviewRow(
                session.name,
                view,
                session.videos.get(view),
                tuple(each.name for each in session.sets if view in each.files),
                session.labels.get(view),
                session.images.get(view),
                session.rig_path,
                session.alignment(view).describe(),
            )
            for session in self.sessions
            for view in session.views
        ]


def open_project(path: Paths, *, views: Sequence[str] | None = None) -> Project:
    """Find the sessions in a folder, by the names of its files.

    Understood are a Lightning Pose project (or its ``project.yaml``), a session folder of
    Anipose's or several in a folder, any folder of videos and prediction files, and a list of
    videos and prediction files. Videos and large tables are not opened.

    Parameters
    ----------
    path : path or several files
        A folder inside a project opens the whole project. Files have the session, view and set
        that they have in the folder around them.
    views : sequence of str, optional
        Names of the views. Not given: those of ``project.yaml``, else of our own
        ``project.toml``, else of the calibration's cameras, else what the names of videos end in.

    Returns
    -------
    Project

    Raises
    ------
    PoseDataError
        When there is no such folder, or a file that says what the project is like is damaged.
    """
    return project_of(scan_folder(path, tuple(views or ())))


def open_paths(paths: Paths, views: Sequence[str] | None = None) -> Project:
    """A project or folder as a whole, or several files of one; errors as for `open_project`."""
    given = path_list(paths)
    return open_project(given[0] if len(given) == 1 else given, views=views)


def video_in_project(
    path: str | os.PathLike[str], known: Sequence[str] = ()
) -> tuple[Session, str] | None:
    """The session and view of a video, by the folder or project that it lies in.

    Parameters
    ----------
    known : sequence of str
        Names of views for a folder that tells none itself.

    Returns
    -------
    (Session, str) or None
        The session with this video only; None where its name holds none of the views.

    Raises
    ------
    PoseDataError
        As `open_project`.
    """
    project = open_project([path])
    if known and (project.naming.guessed or project.naming.views is None):
        project = open_project([path], views=known)
    wanted = os.path.abspath(path)
    for session in project.sessions:
        for view, video in session.videos.items():
            if str(video) == wanted:
                return session, view
    return None


def project_of(scan: FolderScan) -> Project:
    """The sessions of what was scanned: those files of them that were asked for."""
    recordings = assemble(scan.files.files, scan.listing.root.name)
    if not scan.given.everything:
        recordings = restricted(recordings, scan.given)
    sessions = tuple(_session(scan, recording) for recording in recordings)
    of_all = {view for each in sessions for view in each.views}
    return Project(
        folder=scan.folder,
        kind=scan.kind,
        sessions=sessions,
        views=_in_order({*of_all, *scan.expected}, scan.naming),
        keypoints=scan.keypoints,
        own=scan.own,
        naming=scan.naming,
        label_files=scan.labels,
        queues=scan.queues,
        unmatched=tuple((p, why) for p, why in scan.files.unmatched if p in scan.given),
        issues=issues_of_folder(scan, sessions),
    )


def _session(scan: FolderScan, recording: Recording) -> Session:
    views = _in_order(recording.views, scan.naming)
    labels = scan.labels.get(LABELS) or next(iter(scan.labels.values()), {})
    alignments = scan.own.alignments(recording.name, views)
    # Of some files nobody expects that they are all there are.
    expected = scan.expected if scan.given.everything else ()
    return Session(
        name=recording.name,
        folder=scan.folder,
        views=views,
        videos=recording.videos,
        sets=tuple(recording.sets),
        labels={view: labels[view] for view in views if view in labels},
        images=recording.images,
        boxes=recording.boxes,
        rig_path=scan.rig_of(recording.name, recording.home),
        keypoints=scan.keypoints,
        skeleton=scan.own.skeleton,
        colours=scan.own.colours,
        kinematics=scan.own.kinematics,
        body_frame=scan.own.body_frame,
        cameras=scan.own.cameras,
        alignments={view: a for view, a in alignments.items() if not a.is_identity},
        triggered=scan.own.triggered,
        issues=issues_of_recording(recording, views, expected),
    )


def _in_order(views: Iterable[str], naming: Naming) -> tuple[str, ...]:
    order = {view: i for i, view in enumerate(naming.views or ())}
    return tuple(sorted(views, key=lambda v: (order.get(v, len(order)), natural_order(v))))
