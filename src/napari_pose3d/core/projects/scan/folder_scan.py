"""What kind of folder it is, and what each of its files is: the one look that everybody shares."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from napari_pose3d.core.formats.projects.project_yaml import (
    FILE_NAME,
    LightningProject,
    find_project,
    read_project,
)
from napari_pose3d.core.storage.path_lists import Paths, path_list
from napari_pose3d.core.storage.safe_names import refuse_unsafe_names
from napari_pose3d.errors import PoseDataError

from ..issues import Issue
from ..layouts import anipose
from ..layouts.lightning_pose import (
    LabelFiles,
    is_claimed,
    label_files,
    lightning_naming,
    lightning_rigs,
    sort_lightning,
)
from ..layouts.plain_folder import plain_naming, plain_rigs, sort_plain
from ..naming.file_names import composed, is_video, names_a_kind
from ..naming.naming_rule import Naming
from ..project_toml import FILE_NAME as OWN_FILE
from ..project_toml import OWN_FOLDER, OwnProject, find_own_project, read_own_project
from .folder_listing import Listing, list_files, list_folder
from .own_results import results_in_own_folder
from .recordings import RigOf
from .scanned_files import ScannedFiles
from .table_headers import tables_of

ProjectKind = Literal["lightning-pose", "anipose", "folder", "files"]

# A folder with more files than this is not listed for the sake of a few files in it.
_MOST_AROUND = 20_000


@dataclass(frozen=True)
class Selection:
    """The files and folders that were asked for.

    Attributes
    ----------
    paths : tuple of Path
    everything : bool
        Whether that is the whole folder of the scan.
    """

    paths: tuple[Path, ...]
    everything: bool = True

    @cached_property
    def _set(self) -> frozenset[Path]:
        return frozenset(self.paths)

    def __contains__(self, path: object) -> bool:
        if self.everything or path in self._set:
            return True
        return isinstance(path, Path) and not self._set.isdisjoint(path.parents)

    def relative(self, listing: Listing) -> frozenset[str] | None:
        """Those of a listing; None for all of them."""
        if self.everything:
            return None
        return frozenset(f for f in listing.files if listing.path(f) in self)


@dataclass
class FolderScan:
    """The files of a folder, and what each of them is.

    Attributes
    ----------
    folder : Path
        The project, or the folder that was looked into.
    files : ScannedFiles
        Of the whole folder, also where some of its files were asked for.
    given : Selection
        What was asked for.
    expected : tuple of str
        Views that every session ought to have; may be empty.
    rig_names : tuple of str
        Names of the cameras in a plain folder.
    lightning : LightningProject or None
    """

    kind: ProjectKind
    folder: Path
    listing: Listing
    own: OwnProject
    files: ScannedFiles
    rig_of: RigOf
    given: Selection
    keypoints: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()
    labels: LabelFiles = field(default_factory=dict)
    queues: LabelFiles = field(default_factory=dict)
    rig_names: tuple[str, ...] = ()
    lightning: LightningProject | None = None

    @property
    def naming(self) -> Naming:
        return self.files.naming


def scan_folder(
    path: Paths, views: Sequence[str] = (), *, whole: bool = True, mirrored: bool = False
) -> FolderScan:
    """Find out what a path is, and what each file there is.

    A path inside a project is scanned as a part of it: its files have the same session, view
    and set as in the whole.

    Parameters
    ----------
    path : path or several
    views : sequence of str
        Names of the views, where they are given.
    whole : bool
        Whether a folder inside a project stands for the project.
    mirrored : bool
        Whether each file holds all views, so that no view is in its name.

    Raises
    ------
    PoseDataError
        When there is no such path, it holds several projects, or a file that says what the
        project is like is damaged.
    """
    refuse_unsafe_names(views, "view")
    views = tuple(composed(view) for view in views)
    paths = _absolute(path)
    for each in paths:
        if not os.path.lexists(each) or not each.exists():
            raise PoseDataError("there is no such file or folder", file=each, todo="Check the path")
    paths = tuple(_project_of_file(each) for each in paths)
    fixed = Naming(None, single=True) if mirrored else None
    lightning = _common_project(paths)
    if lightning is not None:
        root = lightning.folder
        everything = len(paths) == 1 and paths[0].is_dir() and (whole or paths[0] == root)
        return _lightning(lightning, views, fixed, Selection(paths, everything))
    if len(paths) == 1 and paths[0].is_dir():
        return _folder(paths[0], views, fixed, whole)
    return _files(paths, views, fixed)


def _absolute(path: Paths) -> tuple[Path, ...]:
    listed = path_list(path)
    if not listed:
        raise PoseDataError("no file and no folder was given", expected="a folder or files")
    if any("\0" in os.fspath(each) for each in listed):
        raise PoseDataError("the path of a file holds a zero byte", expected="a folder or files")
    return tuple(dict.fromkeys(Path(os.path.abspath(each)) for each in listed))


def _project_of_file(path: Path) -> Path:
    """The folder of a project whose own file was given."""
    if path.name == FILE_NAME and not path.is_dir():
        return path.parent
    if path.name == OWN_FILE and path.parent.name == OWN_FOLDER and not path.is_dir():
        return path.parent.parent
    return path


def _common_project(paths: Sequence[Path]) -> LightningProject | None:
    projects = {}
    for folder in dict.fromkeys(p if p.is_dir() else p.parent for p in paths):
        project = find_project(folder)
        projects[project and project.folder] = project
    if len(projects) > 1 and None not in projects:
        raise PoseDataError(
            f"the input lies in several projects: {', '.join(sorted(map(str, projects)))}",
            expected="one project at a time",
        )
    return projects.popitem()[1] if len(projects) == 1 else None


def _lightning(
    lightning: LightningProject, views: Sequence[str], fixed: Naming | None, given: Selection
) -> FolderScan:
    listing = list_folder(lightning.folder)
    own = read_own_project(lightning.folder)
    naming = fixed or lightning_naming(listing, lightning, views, own.videos)
    files = sort_lightning(listing, naming, own.videos)
    if not given.everything:
        _add_unclaimed(files, listing, given)
    elif not any(each.role == "set" for each in files.files):
        # Predictions that were put anywhere else.
        tables = [f for f in tables_of(listing) if not is_claimed(f)]
        files.files += sort_plain(Listing(listing.root, tables), naming).files
    files.files += results_in_own_folder(listing)
    labels, queues = label_files(listing, naming)
    return FolderScan(
        "lightning-pose" if given.everything else "files",
        lightning.folder,
        listing,
        own,
        files,
        lightning_rigs(listing),
        given,
        lightning.keypoint_names,
        naming.views or (),
        labels,
        queues,
        lightning=lightning,
    )


def _add_unclaimed(files: ScannedFiles, listing: Listing, given: Selection) -> None:
    """Note what was asked for and lies where Lightning Pose keeps neither videos nor predictions.

    Of a folder, only where nothing else was found in it.
    """
    tables = [each.path for each in files.files if each.role == "set"]
    wanted: set[str] = set()
    for path in given.paths:
        if path.is_dir() and any(table.is_relative_to(path) for table in tables):
            continue
        wanted |= Selection((path,), False).relative(listing) or frozenset()
        if not path.is_dir() and path.is_relative_to(listing.root):
            wanted.add(path.relative_to(listing.root).as_posix())
    rest = sorted(f for f in wanted - {*listing.own} if not is_claimed(f))
    part = Listing(listing.root, rest)
    extra = sort_plain(part, files.naming, frozenset(rest))
    files.files += extra.files
    known = {path for path, _ in files.unmatched}
    files.unmatched += [(path, why) for path, why in extra.unmatched if path not in known]
    files.nameless += extra.nameless
    files.issues += extra.issues


def _folder(path: Path, views: Sequence[str], fixed: Naming | None, whole: bool) -> FolderScan:
    own = find_own_project(path)
    root = path if own is None else own.folder
    listing = list_folder(root)
    projects = listing.without_folders_that_hold(FILE_NAME)
    if len(projects) == 1 and not any(is_video(f) for f in listing.files):
        lightning = read_project(listing.path(projects[0]))
        return _lightning(lightning, views, fixed, Selection((lightning.folder,)))
    found = _in_root(listing, views, fixed, Selection((path,), whole or path == root))
    what = "this is a Lightning Pose project of its own"
    found.files.issues += [Issue("note", what, each, "Open it by itself") for each in projects]
    return found


def _in_root(
    listing: Listing, views: Sequence[str], fixed: Naming | None, given: Selection
) -> FolderScan:
    """A folder that is no project of Lightning Pose, with all its files."""
    own = read_own_project(listing.root)
    rig_of, rig_names = plain_rigs(listing, own.cameras)
    known = tuple(views or own.view_names)
    wanted = given.relative(listing)
    labels: LabelFiles = {}
    queues: LabelFiles = {}
    kind: ProjectKind
    if anipose.is_anipose(listing):
        kind = "anipose"
        naming = fixed or anipose.anipose_naming(listing, known, rig_names)
        files = anipose.sort_anipose(listing, naming, wanted)
        files.issues += anipose.anipose_crops(listing)
        rig_of, rig_names = anipose.anipose_rigs(listing), ()
        if wanted is not None:
            rest = sorted(f for f in wanted if not anipose.is_claimed(f))
            files.files += sort_plain(Listing(listing.root, rest), naming, wanted).files
    else:
        kind = "folder"
        naming = fixed or plain_naming(listing, known, rig_names)
        files = sort_plain(listing, naming, wanted)
        labels, queues = label_files(listing, naming, any_name=False)
    files.files += results_in_own_folder(listing)
    return FolderScan(
        kind if given.everything else "files",
        listing.root,
        listing,
        own,
        files,
        rig_of,
        given,
        expected=known,
        labels=labels,
        queues=queues,
        rig_names=rig_names,
    )


def _files(paths: tuple[Path, ...], views: Sequence[str], fixed: Naming | None) -> FolderScan:
    """Files and folders: what they are follows from all that lies around them."""
    try:
        common = Path(os.path.commonpath([p if p.is_dir() else p.parent for p in paths]))
    except ValueError:
        raise PoseDataError(
            "the files lie on different drives", expected="the files of one folder"
        ) from None
    own = find_own_project(common)
    root = common if own is None else own.folder
    while own is None and names_a_kind(root.name) and root.parent != root:
        root = root.parent
    near = any(len(p.relative_to(root).parts) <= 2 for p in paths)
    listing = list_folder(root, _MOST_AROUND) if near or own else None
    if listing is None or listing.cut:
        listing = _only(paths)
    else:
        listing.without_folders_that_hold(FILE_NAME)
        # Hidden files, and those in folders that are not entered, when they are asked for.
        asked = [p for p in paths if not p.is_dir() and p.is_relative_to(root)]
        more = {p.relative_to(root).as_posix() for p in asked} - listing.names - {*listing.own}
        listing = Listing(
            root, sorted({*listing.files, *more}), listing.folders, listing.own, listing.unreadable
        )
    found = _in_root(listing, views, fixed, Selection(paths, False))
    if not any(path in found.given for path in map(listing.path, (*listing.files, *listing.own))):
        raise PoseDataError(
            "the folders hold no files", file=paths[0], expected="videos or predictions"
        )
    return found


def _only(paths: Sequence[Path]) -> Listing:
    files = [path for path in paths if not path.is_dir()]
    for folder in (path for path in paths if path.is_dir()):
        below = list_folder(folder)
        files += [below.path(f) for f in below.files]
    if not files:
        raise PoseDataError(
            "the folders hold no files", file=paths[0], expected="videos or predictions"
        )
    return list_files(dict.fromkeys(files))
