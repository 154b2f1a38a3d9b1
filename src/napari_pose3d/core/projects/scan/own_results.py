"""Which files are results of ours: their frames are session frames, their pixels the rig's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from napari_pose3d.core.storage.input_files import input_errors, read_text
from napari_pose3d.errors import PoseDataError

from ..naming.file_names import composed
from ..project_toml import OWN_FOLDER
from .folder_listing import Listing, folder_of, name_of
from .scanned_files import ScannedFile

RUN_RECORD = "_run.json"
"""What the name of our record of a run ends in, after the session."""

_LARGEST_RECORD = 64 << 20


def results_beside_records(listing: Listing) -> dict[str, ScannedFile | None]:
    """Results that lie anywhere in a folder, by their names in the listing.

    A result is what the record of a run beside it names: a session's name may begin with
    another's, and predictions may lie beside the results made from them. None for files of a run
    that hold no positions.
    """
    found: dict[str, ScannedFile | None] = {}
    files = set(listing.files)
    for record in (f for f in listing.files if f.endswith(RUN_RECORD)):
        folder, stem = folder_of(record), name_of(record).removesuffix(RUN_RECORD)
        label = name_of(folder) or "smoothed"
        content = _content(listing.path(record))
        # The files may have been given another name than that of the session (--save-filename).
        session = content.get("session")
        if not isinstance(session, str) or not session or session == stem:
            session = stem
        else:
            label = stem
        views = content.get("views")
        if isinstance(views, list) and all(isinstance(view, str) for view in views):
            names = [stem + ending for ending in _endings(content.get("mode"), views)]
        else:
            # A record of another origin: what begins with the session's name.
            names = [
                name_of(f)
                for f in listing.files
                if folder_of(f) == folder and name_of(f).startswith(f"{stem}_")
            ]
        for name in names:
            relative = f"{folder}/{name}" if folder else name
            if relative in files and relative != record:
                found[relative] = own_result(session, listing.path(relative), label, stem)
    return found


def results_in_own_folder(listing: Listing) -> list[ScannedFile]:
    """Results in our own folder of a project: ``smoothed/<session>/`` and ``triangulated/``."""
    found = []
    for relative in listing.own:
        _, kind, *below = relative.split("/")
        path = listing.path(relative)
        if kind == "truth" and path.stem.endswith("_3d"):
            session = path.stem.removesuffix("_3d")
        elif kind in ("smoothed", "triangulated") and len(below) == 2:
            session = below[0]
        else:
            continue
        result = own_result(session, path, kind)
        if result is not None:
            found.append(result)
    return found


def own_result(session: str, path: Path, name: str, stem: str | None = None) -> ScannedFile | None:
    """A file that `result_files.save_result` wrote; None for those that are no positions.

    Parameters
    ----------
    name : str
        Of the set.
    stem : str, optional
        What the names of the files begin with; not given: the session.
    """
    rest = composed(path.stem).removeprefix(f"{composed(stem or session)}_")
    if path.suffix.lower() != ".csv" or rest.endswith("_reprojection_error"):
        return None
    if rest == "3d":
        return ScannedFile("set", composed(session), "", path, "", "3d", name, own=True)
    return ScannedFile("set", composed(session), rest, path, "", "smoothed", name, own=True)


def is_in_own_folder(relative: str) -> bool:
    """Whether a listed file is in the folder of our results."""
    return relative.split("/", 1)[0] == OWN_FOLDER


def _endings(mode: Any, views: Iterable[str]) -> list[str]:
    if mode == "triangulated":
        return ["_3d.csv", *(f"_{view}_reprojection_error.csv" for view in views)]
    return ["_3d.csv", *(f"_{view}.csv" for view in views)]


def _content(path: Path) -> Mapping[str, Any]:
    """What a record says; empty where it cannot be read: the results do not depend on it."""
    try:
        text = read_text(path, largest=_LARGEST_RECORD)
        with input_errors(path):
            content = json.loads(text)
    except PoseDataError:
        return {}
    return content if isinstance(content, dict) else {}
