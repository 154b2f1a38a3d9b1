"""A folder of videos and tables, as any laboratory has it, and a list of files."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from napari_pose3d.core.formats.predictions.table_header import TableHeader, is_empty
from napari_pose3d.errors import PoseDataError

from ..naming.camera_folders import camera_folders
from ..naming.file_names import (
    composed,
    home_of,
    is_called,
    is_drawn_video,
    is_video,
    matches_in,
    natural_order,
    prediction_set_of,
    seed_of_folders,
    stem_of,
    take_seed,
    views_that_occur,
)
from ..naming.naming_rule import Naming
from ..scan.exported_files import exported_files, why_left_out
from ..scan.folder_listing import Listing, folder_of, name_of
from ..scan.own_results import results_beside_records
from ..scan.scanned_files import ScannedFile, ScannedFiles
from ..scan.table_headers import (
    NOT_USABLE,
    TABLE_SUFFIXES,
    header_or_reason,
    is_foreign_table,
    reason_by_name,
    scorer_of,
    tables_of,
)
from ..session import SetKind
from .lightning_pose import sort_images, sort_video

_SPACE = re.compile(r"(?:^|[_.-])3d(?:_results)?$")
_NO_RIG = ("config.toml", "project.toml", "pyproject.toml")
_ONE_WORD = re.compile(r"[^_.]+")
_MOST_OPENED = 20
# Of more tables than these, the names alone count.
_MOST_HEADERS = 2_000
# Seconds after which a copy in another format is not of the same analysis.
_LATER = 600


def sort_plain(
    listing: Listing, naming: Naming, given: Collection[str] | None = None
) -> ScannedFiles:
    """Sort files by their names, and tables by their first lines, unless there are very many.

    Parameters
    ----------
    given : collection of str, optional
        The files that were asked for, where not all of the folder is.
    """
    found = ScannedFiles(naming)
    read = len(tables_of(listing)) <= _MOST_HEADERS
    ours = results_beside_records(listing)
    made = exported_files(listing, given)
    for relative in listing.files:
        path = listing.path(relative)
        if relative in made:
            found.unmatched.append((path, why_left_out(relative)))
        elif is_video(relative) or relative.endswith("_bbox.csv"):
            sort_video(found, relative, path, home_of(relative), in_folders=True)
        elif is_drawn_video(relative):
            found.unmatched.append((path, "a copy of a video with keypoints drawn into it"))
        elif relative in ours:
            if (result := ours[relative]) is not None:
                found.files.append(result)
        elif path.suffix.lower() in TABLE_SUFFIXES:
            if read and is_foreign_table(path):
                reason = reason_by_name(path) or header_or_reason(path)
                found.unmatched.append((path, str(reason)))
            else:
                sort_table(found, listing, relative, given=given, read=read)
    sort_images(found, listing)
    return found


def plain_naming(listing: Listing, given: Sequence[str], rig_names: Sequence[str]) -> Naming:
    """How names are read: with the given names of views, else the cameras', else the videos'."""
    # Results are named after their session, which tells nothing about the place of the view.
    ours = results_beside_records(listing).keys() | exported_files(listing)
    listing = replace(listing, files=[f for f in listing.files if f not in ours])
    tables = [f for f in tables_of(listing) if not _SPACE.search(Path(f).stem)]
    if len(tables) <= _MOST_HEADERS:
        # Nor do tables that hold no poses, such as times of frames.
        tables = [f for f in tables if not is_foreign_table(listing.path(f))]
    paths = [listing.path(f) for f in (*filter(is_video, listing.files), *tables)]
    paths = [path for path in paths if is_video(path.name) or reason_by_name(path) is None]
    naming = _views_of(listing, given, rig_names)
    return naming.fitted(naming.stem(path, scorer_of) for path in paths)


def _views_of(listing: Listing, given: Sequence[str], rig_names: Sequence[str]) -> Naming:
    if given:
        return Naming(tuple(given))
    videos = [f for f in listing.files if is_video(f)]
    # Not read in all of thousands of files: names repeat from recording to recording.
    stems = [stem_of(f) for f in (*videos, *tables_of(listing))][:200]
    folders = {part for folder in listing.folders for part in folder.split("/")}
    in_folders = [name for name in rig_names if any(is_called(part, name) for part in folders)]
    if rig_names and (views_that_occur(stems, rig_names) or len(in_folders) > 1):
        return Naming((*rig_names, *_uncalibrated([stem_of(f) for f in videos], rig_names)))
    # Asked of one after the other, since the first that lies elsewhere settles it.
    tables = (
        f
        for f in tables_of(listing)[:_MOST_HEADERS]
        if reason_by_name(listing.path(f)) is None and not is_foreign_table(listing.path(f))
    )
    if cameras := camera_folders(chain(videos, tables)):
        return Naming(cameras)
    of_videos = Naming(None).fitted(stem_of(f) for f in videos)
    if of_videos.slot is not None or of_videos.unit is not None:
        return of_videos
    parsed = (of_videos.parse(stem_of(f)).view for f in videos)
    views = sorted({view for view in parsed if view}, key=natural_order)
    return Naming(tuple(views), guessed=True) if views else Naming(None)


def _uncalibrated(stems: Sequence[str], cameras: Sequence[str]) -> tuple[str, ...]:
    """Views whose videos differ from a calibrated camera's only in the name of the view."""
    rests = {take_seed(composed(stem))[0] for stem in stems}
    around = set()
    nameless = []
    for rest in rests:
        matches = matches_in(rest, cameras)
        around |= {(rest[:start], rest[end:]) for _, start, end in matches}
        if not matches:
            nameless.append(rest)
    found = set()
    for rest in nameless:
        for before, after in around:
            name = rest.removeprefix(before).removesuffix(after)
            # Nothing around it would make a view of any name.
            if (before or after) and before + name + after == rest and _ONE_WORD.fullmatch(name):
                found.add(name)
    return tuple(sorted(found, key=natural_order))


def plain_rigs(
    listing: Listing, cameras: Mapping[str, str]
) -> tuple[Callable[[str, str], Path | None], tuple[str, ...]]:
    """Which calibration a session (name, home) has, and the views of its cameras.

    It is the session's by name, else the one beside it or in a folder above, else the only one.

    Parameters
    ----------
    cameras : mapping of view to camera
        Where the calibration has other names, as `Rig.renamed` takes it.
    """
    from napari_pose3d.core.cameras.rig_file import load_rig

    tomls = [f for f in listing.files if f.endswith(".toml") and name_of(f) not in _NO_RIG]
    likely = [f for f in tomls if "calib" in f.lower()]
    names: dict[str, None] = {}
    rigs = list(likely)
    for relative in (likely or tomls)[:_MOST_OPENED]:
        try:
            rig = load_rig(listing.path(relative)).renamed(cameras)
        except PoseDataError:
            continue  # another TOML file, or reported when the session's rig is loaded
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
            named = [f for f in here if composed(Path(f).stem) == session]
            common = [f for f in here if name_of(f) == "calibration.toml"]
            for candidates in (named, common, here):
                if len(candidates) == 1:
                    return listing.path(candidates[0])
            at = folder_of(at) if at else None
        return None

    return rig_of, tuple(names)


def sort_table(
    found: ScannedFiles,
    listing: Listing,
    relative: str,
    kind: SetKind = "predictions",
    set_name: str | None = None,
    *,
    given: Collection[str] | None = None,
    read: bool = True,
) -> None:
    """Note a table of predictions, or of 3-D positions.

    Parameters
    ----------
    set_name : str, optional
        Not given: what the folders say, ``models/<set>/`` and seeds.
    given : collection of str, optional
        The files that were asked for, where not all of the folder is.
    read : bool
        Whether the first lines are read.
    """
    path = listing.path(relative)
    reason = reason_by_name(path) or _twin(listing, relative, given)
    # Opening an .h5 takes as long as opening a hundred tables.
    read = read and path.suffix.lower() == ".csv"
    header = header_or_reason(path) if read and reason is None else None
    if isinstance(header, str) and not header.startswith(("not usable", "3-D")):
        reason = header
    if reason is not None:
        found.unmatched.append((path, reason))
        return
    home, place = home_of(relative), folder_of(relative)
    stem = composed(path.stem)
    in_space = isinstance(header, str) and header.startswith("3-D")
    # A recording may be called 3d, too.
    if in_space or (_SPACE.search(stem) and not isinstance(header, TableHeader)):
        session = _SPACE.sub("", stem)
        found.files.append(ScannedFile("set", session, "", path, home, "3d", "3-D", place))
        return
    name = found.parsed(path, relative=relative)
    if name is None:
        return
    if name.place:
        home, place = home_of(name.place), folder_of(name.place)
    if set_name is None:
        model = prediction_set_of(path)
        set_name = model[0] if model else ""
        if (isinstance(header, TableHeader) and header.smoothed) or (
            model and (model[1] / "ensemble.yaml").is_file()
        ):
            kind = "smoothed"
    seed = name.seed or seed_of_folders(path)
    label = " ".join(part for part in (set_name, seed) if part)
    found.files.append(
        ScannedFile("set", name.key, name.view or "", path, home, kind, label, place)
    )


def _written(path: Path) -> float:
    """When a file was last written, in seconds; 0 where that cannot be known."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _twin(listing: Listing, relative: str, given: Collection[str] | None) -> str | None:
    """Why a table is left out beside another: DeepLabCut writes each twice, and filters it."""
    stem, _, suffix = relative.rpartition(".")
    # Where only some files were asked for, the others do not stand in for them.
    among = listing.names if given is None or relative not in given else given
    for other in (f"{stem}{ending}" for ending in TABLE_SUFFIXES):
        if other != relative and other in among and not is_empty(listing.path(other)):
            if is_empty(listing.path(relative)):
                return f"{NOT_USABLE}: the file is empty"
            if suffix.lower() == "h5":
                # DeepLabCut writes the CSV after it, in the same minute or so.
                if _written(listing.path(relative)) > _written(listing.path(other)) + _LATER:
                    return (
                        f"{name_of(other)} is read, by its name the same; but this file is newer: "
                        "take the older one away if it was not made again"
                    )
                return f"same as {name_of(other)}"
    raw = stem.removesuffix("_filtered")
    for ending in TABLE_SUFFIXES:
        if raw != stem and raw + ending in among:
            return f"filtered copy of {name_of(raw + ending)}"
    return None
