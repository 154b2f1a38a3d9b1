"""A folder of videos and tables, as any laboratory has it, and a list of files."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from napari_pose3d.core.errors import PoseDataError
from napari_pose3d.core.formats.predictions.table_header import looks_like_pose_table

from ..matching.prediction_matching import reason_by_name
from ..naming import RUN_RECORD, home_of, natural_order
from ..scan.folder_listing import Listing, folder_of, name_of
from ..scan.found_files import Item, Sorted
from ..scan.name_patterns import Names, is_drawn_video, is_video, stem_of_file, views_that_occur
from ..session import SetKind
from .lightning_pose import sort_images, sort_video

_SPACE = re.compile(r"(?:^|[_.-])3d(?:_results)?$")
_NO_RIG = ("config.toml", "project.toml", "pyproject.toml")
_MOST_OPENED = 20
_MOST_LOOKED_AT = 500


def sort_plain(listing: Listing, names: Names) -> Sorted:
    """Sort files by their names.

    Tables are looked at for their first cell, unless there are very many.
    """
    found = Sorted()
    tables = [f for f in listing.files if f.lower().endswith((".csv", ".h5"))]
    look = len(tables) <= _MOST_LOOKED_AT
    ours = [f.removesuffix(RUN_RECORD) for f in listing.files if f.endswith(RUN_RECORD)]
    by_folder: dict[str, list[str]] = {}
    for stem in ours:
        by_folder.setdefault(folder_of(stem), []).append(name_of(stem))
    files = set(listing.files)
    for relative in listing.files:
        path = listing.path(relative)
        if is_video(relative) or relative.endswith("_bbox.csv"):
            sort_video(found, names, relative, path, home_of(relative))
        elif is_drawn_video(relative):
            found.unmatched.append((path, "a copy of a video with keypoints drawn into it"))
        elif path.suffix.lower() in (".csv", ".h5"):
            session = _longest_start(name_of(relative), by_folder.get(folder_of(relative), ()))
            if session is None and look and path.suffix == ".csv" and not _is_pose_table(path):
                found.unmatched.append((path, "no table of poses (the first cell is not 'scorer')"))
            elif session is None:
                sort_table(found, names, relative, path, files)
            else:
                item = own_result(session, path, name=name_of(folder_of(relative)) or "smoothed")
                if item is not None:
                    found.items.append(item)
    sort_images(found, names, listing)
    return found


def own_result(session: str, path: Path, name: str) -> Item | None:
    """A file that `results.save_result` wrote; None for those that are no positions."""
    rest = path.stem.removeprefix(f"{session}_")
    if path.suffix.lower() != ".csv" or rest.endswith("_reprojection_error"):
        return None
    if rest == "3d":
        return Item("set", session, "", path, "", "3d", name, own=True)
    return Item("set", session, rest, path, "", "smoothed", name, own=True)


def sort_own(found: Sorted, listing: Listing) -> None:
    """Note the results in our own folder of a project."""
    for relative in listing.own:
        _, kind, *below = relative.split("/")
        path = listing.path(relative)
        if kind == "truth" and path.stem.endswith("_3d"):
            session = path.stem.removesuffix("_3d")
        elif kind in ("smoothed", "triangulated") and len(below) == 2:
            session = below[0]
        else:
            continue
        item = own_result(session, path, kind)
        if item is not None:
            found.items.append(item)


def plain_names(listing: Listing, given: Sequence[str], rig_names: Sequence[str]) -> Names:
    """How names are read: with the given names of views, else the cameras', else the videos'."""
    if given:
        return Names(tuple(given))
    tables = [f for f in listing.files if f.lower().endswith((".csv", ".h5"))]
    videos = [f for f in listing.files if is_video(f)]
    stems = [stem_of_file(f) for f in (*videos, *tables)]
    # Not looked at in all of thousands of files: names repeat from recording to recording.
    if rig_names and views_that_occur(stems[:200], rig_names):
        return Names(tuple(rig_names))
    parsed = (Names(None).parse(stem_of_file(f)).view for f in videos)
    views = sorted({view for view in parsed if view}, key=natural_order)
    return Names(tuple(views), guessed=True) if views else Names(None)


def plain_rigs(listing: Listing) -> tuple[Callable[[str, str], Path | None], tuple[str, ...]]:
    """Which calibration a session (name, home) has, and the names of the cameras.

    It is the session's by name, else the one beside it or in a folder above, else the only one.
    """
    from napari_pose3d.core.cameras.rig_file import load_rig

    tomls = [f for f in listing.files if f.endswith(".toml") and name_of(f) not in _NO_RIG]
    likely = [f for f in tomls if "calib" in f.lower()]
    names: dict[str, None] = {}
    rigs = list(likely)
    for relative in (likely or tomls)[:_MOST_OPENED]:
        try:
            rig = load_rig(listing.path(relative))
        except PoseDataError:
            continue  # another TOML file, or said when the session's rig is loaded
        names |= dict.fromkeys(rig.names)
        if not likely:
            rigs.append(relative)
    by_folder: dict[str, list[str]] = {}
    for relative in rigs:
        folder = folder_of(relative)
        while name_of(folder).lower().startswith("calib"):
            folder = folder_of(folder)
        by_folder.setdefault(folder, []).append(relative)

    def rig_of(session: str, home: str) -> Path | None:
        at: str | None = home
        while at is not None:
            here = by_folder.get(at, [])
            named = [f for f in here if Path(f).stem == session]
            common = [f for f in here if name_of(f) == "calibration.toml"]
            for candidates in (named, common, here):
                if len(candidates) == 1:
                    return listing.path(candidates[0])
            at = folder_of(at) if at else None
        return None

    return rig_of, tuple(names)


def sort_table(
    found: Sorted,
    names: Names,
    relative: str,
    path: Path,
    files: set[str],
    kind: SetKind = "predictions",
    set_name: str = "",
) -> None:
    """Note a table of predictions, or of 3-D positions, by its name.

    Parameters
    ----------
    files : set of str
        All files of the listing: DeepLabCut writes its tables twice, and filtered ones beside.
    """
    stem = relative.rpartition(".")[0]
    unfiltered = stem.removesuffix("_filtered")
    reason = reason_by_name(path)
    if reason is None and path.suffix.lower() == ".h5" and f"{stem}.csv" in files:
        reason = f"same as {name_of(stem)}.csv"
    if reason is None and unfiltered != stem and {f"{unfiltered}.csv", f"{unfiltered}.h5"} & files:
        reason = f"filtered copy of {name_of(unfiltered)}"
    if reason is not None:
        found.unmatched.append((path, reason))
        return
    home, place = home_of(relative), folder_of(relative)
    if _SPACE.search(path.stem):
        session = _SPACE.sub("", path.stem)
        found.items.append(Item("set", session, "", path, home, "3d", "3-D", place))
        return
    parsed = found.parsed(names, stem_of_file(relative), path)
    if parsed is not None:
        view, key, seed = parsed
        name = " ".join(part for part in (set_name, seed) if part)
        found.items.append(Item("set", key, view, path, home, kind, name, place))


def _is_pose_table(path: Path) -> bool:
    # An empty file may be of a network that is just at work.
    return looks_like_pose_table(path) or path.stat().st_size == 0


def _longest_start(name: str, starts: Sequence[str]) -> str | None:
    return max((s for s in starts if name.startswith(f"{s}_")), key=len, default=None)
