"""A Lightning Pose project: where it keeps videos, predictions, labels and calibrations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from napari_pose3d.core.formats.predictions.table_header import kind_of
from napari_pose3d.core.formats.projects.project_yaml import (
    CALIBRATIONS_CSV,
    LightningProject,
    read_calibrations_csv,
)

from ..matching.prediction_matching import reason_by_name
from ..naming import SINGLE_VIEW, home_of
from ..scan.folder_listing import LABELED_DATA, Listing, folder_of, list_folder, name_of
from ..scan.found_files import Item, Sorted
from ..scan.name_patterns import Names, is_video, stem_of_file

LabelFiles = dict[str, dict[str, Path]]
"""By key (``CollectedData``) and view."""

LABELS = "CollectedData"
_QUEUE = ".unlabeled.jsonl"
# Tables at the top of a project that are opened to see whether they hold labels.
_MOST_OPENED = 50


def names_of(project: LightningProject) -> Names:
    """How names of its files are read."""
    return Names(project.view_names or None, single=not project.view_names)


def sort_lightning(listing: Listing, names: Names, elsewhere: Iterable[Path] = ()) -> Sorted:
    """Sort the files of a Lightning Pose project by where they lie.

    Parameters
    ----------
    elsewhere : paths
        Videos, and folders of videos, that were left where they are.
    """
    found = Sorted()
    smoothers = {folder_of(f) for f in listing.files if name_of(f) == "ensemble.yaml"}
    for relative in listing.files:
        parts = relative.split("/")
        if parts[0].startswith("videos") and len(parts) > 1:
            sort_video(found, names, relative, listing.path(relative))
        elif parts[0] == "models" and "video_preds" in parts[1:-1]:
            _sort_prediction(found, names, relative, listing.path(relative), smoothers)
    for place in elsewhere:
        for path in videos_at(place):
            sort_video(found, names, path.name, path, home_elsewhere(path))
    sort_images(found, names, listing)
    return found


def home_elsewhere(path: Path) -> str:
    """The home of a video outside the folder: where it names no session, its folder does."""
    return name_of(home_of(path))


def videos_at(place: Path) -> list[Path]:
    """The videos in a folder, or the video itself; empty when it is not there."""
    if not place.is_dir():
        return [place] if is_video(place.name) and place.exists() else []
    below = list_folder(place)
    return [below.path(f) for f in below.files if is_video(f)]


def sort_video(found: Sorted, names: Names, relative: str, path: Path, home: str = "") -> None:
    """Note a video, or the bounding boxes beside one."""
    if is_video(relative):
        parsed = found.parsed(names, stem_of_file(relative), path)
        if parsed is not None:
            found.items.append(Item("video", parsed[1], parsed[0], path, home))
    elif relative.endswith("_bbox.csv"):
        parsed = found.parsed(names, path.stem.removesuffix("_bbox"), path)
        if parsed is not None:
            found.items.append(Item("boxes", parsed[1], parsed[0], path, home))


def sort_images(found: Sorted, names: Names, listing: Listing) -> None:
    """Note the folders of labeled images."""
    for folder in sorted(listing.folders):
        if folder_of(folder) == LABELED_DATA:
            parsed = found.parsed(names, name_of(folder), listing.path(folder))
            if parsed is not None:
                found.items.append(Item("images", parsed[1], parsed[0], listing.path(folder)))


def label_files(
    listing: Listing, names: Names, *, any_name: bool = True
) -> tuple[LabelFiles, LabelFiles]:
    """Label files and queues of frames to be labeled, at the top of a project.

    Parameters
    ----------
    any_name : bool
        Whether tables that are not called ``CollectedData`` are looked into.
    """
    labels: LabelFiles = {}
    queues: LabelFiles = {}
    opened = 0
    for relative in listing.files:
        if "/" in relative or relative.startswith("bbox"):
            continue
        path = listing.path(relative)
        is_queue = relative.endswith(_QUEUE)
        if not is_queue and path.suffix.lower() != ".csv":
            continue
        stem = relative.removesuffix(_QUEUE) if is_queue else path.stem
        if not is_queue and not stem.startswith(LABELS):
            opened += 1
            if not any_name or opened > _MOST_OPENED or kind_of(path) != "labels":
                continue
        if names.single:
            key, view = stem, SINGLE_VIEW
        else:
            # Not all tables are of our views: one that is not, is not worth a word.
            parsed = Sorted().parsed(names, stem, path)
            if parsed is None or parsed[0] == LABELS:
                continue
            view, key = parsed[0], parsed[1] or LABELS
        (queues if is_queue else labels).setdefault(key, {})[view] = path
    return labels, queues


def lightning_rigs(listing: Listing) -> Callable[[str, str], Path | None]:
    """Which calibration a session (name, home) has: the rule of `project.calibration_of`."""
    files = set(listing.files)
    listed = read_calibrations_csv(listing.root) if CALIBRATIONS_CSV in files else {}

    def rig_of(session: str, home: str) -> Path | None:
        if f"calibrations/{session}.toml" in files:
            return listing.path(f"calibrations/{session}.toml")
        named = listed.get(session)
        if named is not None and named.is_file():
            return named
        return listing.path("calibration.toml") if "calibration.toml" in files else None

    return rig_of


def _sort_prediction(
    found: Sorted, names: Names, relative: str, path: Path, smoothers: set[str]
) -> None:
    reason = reason_by_name(path)
    if reason is not None:
        if path.suffix.lower() in (".csv", ".h5"):
            found.unmatched.append((path, reason))
        return
    parsed = found.parsed(names, stem_of_file(relative), path)
    if parsed is None:
        return
    view, key, seed = parsed
    parts = relative.split("/")
    model = "/".join(parts[1 : parts.index("video_preds")])
    name = " ".join(part for part in (model, seed) if part)
    smoothed = f"models/{model}" in smoothers
    found.items.append(
        Item("set", key, view, path, "", "smoothed" if smoothed else "predictions", name)
    )
