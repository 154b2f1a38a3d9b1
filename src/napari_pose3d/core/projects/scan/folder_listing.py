"""One look at a folder and all below it: names only, no file is opened."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from napari_pose3d.core.storage.group_record import is_trace
from napari_pose3d.core.storage.group_recovery import recover_named
from napari_pose3d.errors import PoseDataError

from ..project_toml import OWN_FOLDER

LABELED_DATA = "labeled-data"
"""Lightning Pose's folder of labeled images: its folders are listed, the images are not."""

# What Lightning Pose and Anipose make from videos and predictions: no videos and predictions.
_MADE = frozenset(
    {
        *("tb_logs", "image_preds", "labeled_videos", "exports_onnx", "exports_trt"),
        *("calibration_backups", "backups"),
        *("videos-labeled", "videos-labeled-filtered", "videos-3d", "videos-3d-filtered"),
        *("videos-combined", "videos-compare", "videos-2d-proj", "pose-2d-proj"),
        *("angles", "summaries"),
        *("node_modules", "__pycache__"),
    }
)
_DEEPEST = 8
_MOST = 200_000


@dataclass
class Listing:
    """Files and folders below a root.

    Attributes
    ----------
    root : Path
    files : list of str
        Relative to the root, with ``/``, sorted.
    folders : set of str
        Likewise.
    own : list of str
        Files in our own folder, likewise.
    unreadable : list of str
        Folders that may not be looked into.
    cut : bool
        Whether the folder holds more files than anybody has in a project.
    """

    root: Path
    files: list[str] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)
    own: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    cut: bool = False

    @cached_property
    def names(self) -> frozenset[str]:
        """The files, to look one up."""
        return frozenset(self.files)

    def path(self, relative: str) -> Path:
        """Where a listed file lies."""
        return self.root / relative

    def without_folders_that_hold(self, name: str) -> list[str]:
        """Take out all below folders with a file of this name; these folders, outermost only."""
        folders: list[str] = []
        for folder in sorted(folder_of(f) for f in self.files if name_of(f) == name):
            if folder and not any(folder.startswith(f"{outer}/") for outer in folders):
                folders.append(folder)
        if folders:
            inside = tuple(f"{folder}/" for folder in folders)
            self.files = [f for f in self.files if not f.startswith(inside)]
            self.__dict__.pop("names", None)
            self.folders = {f for f in self.folders if not f"{f}/".startswith(inside)}
        return folders


def list_folder(root: Path, most: int = _MOST) -> Listing:
    """List a folder and those below it, without hidden ones and those that tools make.

    Links to folders elsewhere are followed, each folder once.

    Parameters
    ----------
    most : int
        After so many files no more are looked for.
    """
    listing = Listing(root)
    waiting = [("", listing.files)]
    seen = [os.path.realpath(root)]
    while waiting:
        at, files = waiting.pop()
        try:
            inside = _entries(root / at if at else root)
        except OSError as error:
            if not at:
                raise PoseDataError(
                    f"the folder cannot be looked into ({error.strerror or error})",
                    file=root,
                    todo="Check its permissions",
                ) from error
            listing.unreadable.append(at)
            continue
        for entry in inside:
            name = f"{at}/{entry.name}" if at else entry.name
            if entry.name.startswith("."):
                continue
            if not _is_folder(entry):
                files.append(name)
                continue
            if entry.is_symlink() and not _first_time(entry, seen):
                continue
            listing.folders.add(name)
            if entry.name == OWN_FOLDER and not at:
                waiting.append((name, listing.own))
            elif _worth_entering(name, entry.name, at):
                waiting.append((name, files))
        if len(listing.files) > most:
            listing.cut = True
            break
    listing.files.sort()
    listing.own.sort()
    return listing


def list_files(paths: Iterable[Path]) -> Listing:
    """A listing of the given files only, below the folder that they have in common.

    Raises
    ------
    PoseDataError
        When they have none, on Windows.
    """
    paths = sorted(paths)
    try:
        root = Path(os.path.commonpath([path.parent for path in paths]))
    except ValueError:
        raise PoseDataError(
            "the files lie on different drives", expected="the files of one folder"
        ) from None
    files = [path.relative_to(root).as_posix() for path in paths]
    return Listing(root, files, {f.rpartition("/")[0] for f in files} - {""})


def folder_of(relative: str) -> str:
    """The folder of a file; "" for the root."""
    return relative.rpartition("/")[0]


def name_of(relative: str) -> str:
    """The file name of a path."""
    return relative.rpartition("/")[2]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What a folder holds, after changes that were interrupted by a kill came to an end."""
    for again in (True, False):
        with os.scandir(folder) as entries:
            inside = list(entries)
        traces = [entry.name for entry in inside if is_trace(entry.name)] if again else []
        if not traces:
            break
        recover_named(folder, traces)
    return inside


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link in a circle


def _first_time(entry: os.DirEntry[str], seen: list[str]) -> bool:
    """Whether a link leads to where we do not come anyway."""
    target = os.path.realpath(entry.path)
    known = any(target == each or target.startswith(each + os.sep) for each in seen)
    seen.append(target)
    return not known


def _worth_entering(name: str, last: str, at: str) -> bool:
    return (
        last not in _MADE
        and last != OWN_FOLDER
        and not (at == LABELED_DATA or at.endswith(f"/{LABELED_DATA}"))
        and name.count("/") < _DEEPEST
    )
