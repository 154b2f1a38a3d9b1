"""What kind of folder it is, and its files sorted accordingly."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from napari_pose3d.core.errors import PoseDataError
from napari_pose3d.core.formats.projects.project_yaml import (
    FILE_NAME,
    LightningProject,
    read_project,
)

from ..issues import Issue
from ..layouts.anipose import anipose_crops, anipose_names, anipose_rigs, is_anipose, sort_anipose
from ..layouts.lightning_pose import (
    LabelFiles,
    label_files,
    lightning_rigs,
    names_of,
    sort_lightning,
)
from ..layouts.plain_folder import plain_names, plain_rigs, sort_own, sort_plain
from ..naming import calibration_of, find_project
from ..project_toml import FILE_NAME as OWN_FILE
from ..project_toml import OWN_FOLDER, OwnProject, read_own_project
from .folder_listing import Listing, list_files, list_folder
from .found_files import Sorted
from .name_patterns import Names, is_video
from .recordings import RigOf

AnyPath = str | os.PathLike[str]
ProjectKind = Literal["lightning-pose", "anipose", "folder", "files"]


@dataclass
class Found:
    """The files of a folder, sorted.

    Attributes
    ----------
    folder : Path
    expected : tuple of str
        Views that every session ought to have; may be empty.
    rig_names : tuple of str
        Names of the cameras in a plain folder.
    """

    kind: ProjectKind
    folder: Path
    listing: Listing
    own: OwnProject
    files: Sorted
    names: Names
    rig_of: RigOf
    keypoints: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()
    labels: LabelFiles = field(default_factory=dict)
    queues: LabelFiles = field(default_factory=dict)
    rig_names: tuple[str, ...] = ()


def look(path: AnyPath | Iterable[AnyPath], views: Sequence[str]) -> Found:
    """Find out what a path is, and sort its files; parameters as for `open_project`."""
    if not isinstance(path, str | os.PathLike):
        paths = [Path(os.path.abspath(each)) for each in path]
        if len(paths) != 1:
            return _files(paths, views)
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
            return _files([path], views)
    lightning = find_project(path)
    if lightning is not None:
        return _lightning(lightning, views)
    listing = list_folder(path)
    projects = listing.without_folders_that_hold(FILE_NAME)
    if len(projects) == 1 and not any(is_video(f) for f in listing.files):
        return _lightning(read_project(listing.path(projects[0])), views)
    found = _anipose(listing, views) if is_anipose(listing) else _plain(listing, views)
    what = "this is a Lightning Pose project of its own"
    found.files.issues += [Issue("note", what, each, "Open it by itself") for each in projects]
    return found


def _lightning(lightning: LightningProject, views: Sequence[str]) -> Found:
    listing = list_folder(lightning.folder)
    own = read_own_project(lightning.folder)
    names = Names(tuple(views)) if views else names_of(lightning)
    files = sort_lightning(listing, names, own.videos)
    sort_own(files, listing)
    labels, queues = label_files(listing, names)
    return Found(
        "lightning-pose",
        lightning.folder,
        listing,
        own,
        files,
        names,
        lightning_rigs(listing),
        lightning.keypoint_names,
        names.views or (),
        labels,
        queues,
    )


def _anipose(listing: Listing, views: Sequence[str]) -> Found:
    own = read_own_project(listing.root)
    _, rig_names = plain_rigs(listing)
    given = tuple(views or own.view_names)
    names = Names(given) if given else anipose_names(listing, rig_names)
    files = sort_anipose(listing, names)
    files.issues += anipose_crops(listing)
    sort_own(files, listing)
    rig_of = anipose_rigs(listing)
    return Found("anipose", listing.root, listing, own, files, names, rig_of, expected=given)


def _plain(listing: Listing, views: Sequence[str]) -> Found:
    own = read_own_project(listing.root)
    rig_of, rig_names = plain_rigs(listing)
    given = tuple(views or own.view_names)
    names = plain_names(listing, given, rig_names)
    files = sort_plain(listing, names)
    sort_own(files, listing)
    labels, queues = label_files(listing, names, any_name=False)
    return Found(
        "folder",
        listing.root,
        listing,
        own,
        files,
        names,
        rig_of,
        expected=given,
        labels=labels,
        queues=queues,
        rig_names=rig_names,
    )


def _files(paths: Sequence[Path], views: Sequence[str]) -> Found:
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
    listing = list_files(dict.fromkeys(files))
    lightning = find_project(listing.root)
    if lightning is None:
        found = _plain(listing, views)
        found.kind = "files"
        return found
    # Only these files, but by what their project says.
    names = Names(tuple(views)) if views else names_of(lightning)
    return Found(
        "files",
        lightning.folder,
        listing,
        read_own_project(lightning.folder),
        sort_plain(listing, names),
        names,
        lambda session, home: calibration_of(lightning, session),
        lightning.keypoint_names,
    )
