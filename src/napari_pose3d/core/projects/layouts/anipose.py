"""Anipose's folders: a session has ``videos-raw``, ``pose-2d``, ``pose-3d`` and ``calibration``."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from napari_pose3d.core.storage.input_files import input_errors, read_text
from napari_pose3d.core.storage.toml_text import toml_values
from napari_pose3d.errors import PoseDataError

from ..issues import Issue
from ..naming.file_names import composed, is_video, stem_of, views_that_occur
from ..naming.naming_rule import Naming
from ..scan.folder_listing import Listing, folder_of, name_of
from ..scan.scanned_files import ScannedFile, ScannedFiles
from ..scan.table_headers import TABLE_SUFFIXES, scorer_of
from ..session import SetKind
from .lightning_pose import sort_video
from .plain_folder import sort_table

VIDEOS = "videos-raw"
_TABLES: dict[str, SetKind] = {"pose-2d": "predictions", "pose-2d-filtered": "smoothed"}
_SPACES = ("pose-3d", "pose-3d-filtered")
_CALIBRATION = "calibration/calibration.toml"
_CONFIG = "config.toml"
_LEVELS_UP = 3
_LARGEST_CONFIG = 1 << 20


def is_anipose(listing: Listing) -> bool:
    """Whether the folder is a session of Anipose's, or holds some."""
    return any(name_of(folder) == VIDEOS for folder in listing.folders)


def sort_anipose(
    listing: Listing, naming: Naming, given: Collection[str] | None = None
) -> ScannedFiles:
    """Sort the files of one or several session folders; ``given`` as for `sort_plain`."""
    found = ScannedFiles(naming)
    for relative in listing.files:
        folder = folder_of(relative)
        kind, home, path = name_of(folder), folder_of(folder), listing.path(relative)
        if kind == VIDEOS:
            sort_video(found, relative, path, home)
        elif kind in _TABLES and path.suffix.lower() in TABLE_SUFFIXES:
            sort_table(found, listing, relative, _TABLES[kind], kind, given=given)
        elif kind in _SPACES and path.suffix.lower() == ".csv":
            session = composed(path.stem)
            found.files.append(ScannedFile("set", session, "", path, home, "3d", kind))
    return found


def is_claimed(relative: str) -> bool:
    """Whether a file lies where Anipose keeps videos or poses."""
    return name_of(folder_of(relative)) in (VIDEOS, *_TABLES, *_SPACES)


def anipose_naming(listing: Listing, given: Sequence[str], rig_names: Sequence[str]) -> Naming:
    """How names are read: with the given views, else ``cam_regex`` of ``config.toml``, else the
    cameras'.
    """
    paths = [
        listing.path(f)
        for f in listing.files
        if name_of(folder_of(f)) == VIDEOS or name_of(folder_of(f)) in _TABLES
    ]
    naming = _views_of(listing, given, rig_names)
    return naming.fitted(naming.stem(path, scorer_of) for path in paths)


def _views_of(listing: Listing, given: Sequence[str], rig_names: Sequence[str]) -> Naming:
    if given:
        return Naming(tuple(given))
    pattern = _cam_regex(_config_above(listing.root))
    if pattern is not None:
        return Naming(None, pattern=pattern)
    videos = [stem_of(f) for f in listing.files if is_video(f) and VIDEOS in f.split("/")]
    if not rig_names or views_that_occur(videos[:200], rig_names):
        return Naming(tuple(rig_names) or None)
    # Cameras A and B, files vid1-camA and vid1-camB.
    either = "|".join(map(re.escape, sorted(rig_names, key=len, reverse=True)))
    return Naming(None, pattern=re.compile(rf"[-_. ]?[Cc]am[-_ ]?({either})(?![^\W_])"))


def anipose_rigs(listing: Listing) -> Callable[[str, str], Path | None]:
    """The calibration of a session (name, home): its own, or in a folder above."""
    files = set(listing.files)

    def rig_of(session: str, home: str) -> Path | None:
        at = home
        while True:
            relative = f"{at}/{_CALIBRATION}" if at else _CALIBRATION
            if relative in files:
                return listing.path(relative)
            if not at:
                break
            at = folder_of(at)
        # A session folder of a project may have been opened by itself.
        for folder in list(listing.root.parents)[:_LEVELS_UP]:
            if (folder / _CALIBRATION).is_file():
                return folder / _CALIBRATION
        return None

    return rig_of


def anipose_crops(listing: Listing) -> list[Issue]:
    """What ``config.toml`` says about videos that were cut out of the camera's image.

    Anipose adds these corners when it triangulates; a crop has to be noticed here.
    """
    cameras = _config_above(listing.root).get("cameras", {})
    corners: dict[str, list[Any]] = {}
    for name, camera in cameras.items() if isinstance(cameras, dict) else ():
        corner = camera.get("offset") if isinstance(camera, dict) else None
        if isinstance(corner, list) and any(corner):
            corners[str(name)] = corner
    if not corners:
        return []
    listed = "; ".join(f"{name} at {', '.join(map(str, at))}" for name, at in corners.items())
    return [
        Issue(
            "warning",
            f"{_CONFIG} says that videos are cut out of the full image ({listed})",
            "",
            "Say so for each view, if not done yet: crop = [x, y, width, height] in "
            "napari-pose3d/project.toml",
        )
    ]


def _config_above(folder: Path) -> dict[str, Any]:
    """The content of the nearest ``config.toml``; empty where there is none of Anipose's."""
    for _ in range(_LEVELS_UP):
        path = folder / _CONFIG
        try:
            text = read_text(path, largest=_LARGEST_CONFIG)
            with input_errors(path):
                return toml_values(text)
        except PoseDataError:
            # None here, or not Anipose's: the names are read by our own rule then.
            folder = folder.parent
    return {}


def _cam_regex(config: dict[str, Any]) -> re.Pattern[str] | None:
    triangulation = config.get("triangulation")
    text = triangulation.get("cam_regex") if isinstance(triangulation, dict) else None
    try:
        pattern = re.compile(text) if isinstance(text, str) else None
    except re.error:
        return None
    return pattern if pattern is not None and pattern.groups else None
