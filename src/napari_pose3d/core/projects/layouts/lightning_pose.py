"""A Lightning Pose project: where it keeps videos, predictions, labels and calibrations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from napari_pose3d.core.formats.predictions.table_header import kind_of
from napari_pose3d.core.formats.projects.project_yaml import (
    CALIBRATIONS_CSV,
    LightningProject,
    read_calibrations_csv,
)

from ..naming.file_names import SINGLE_VIEW, composed, home_of, is_video, seed_of_folders
from ..naming.naming_rule import Naming
from ..scan.exported_files import exported_files, why_left_out
from ..scan.folder_listing import LABELED_DATA, Listing, folder_of, list_folder, name_of
from ..scan.scanned_files import Role, ScannedFile, ScannedFiles
from ..scan.table_headers import TABLE_SUFFIXES, reason_by_name, scorer_of
from ..session import SetKind

LabelFiles = dict[str, dict[str, Path]]
"""By key (``CollectedData``) and view."""

LABELS = "CollectedData"
_QUEUE = ".unlabeled.jsonl"
# Tables at the top of a project that are opened to see whether they hold labels.
_MOST_OPENED = 50


def lightning_naming(
    listing: Listing,
    project: LightningProject,
    given: Sequence[str] = (),
    elsewhere: Iterable[Path] = (),
) -> Naming:
    """How names of its files are read.

    Parameters
    ----------
    given : sequence of str
        Names of views that go before those of ``project.yaml``.
    elsewhere : paths
        Videos, and folders of videos, outside the project.
    """
    views = tuple(given) or project.view_names
    if not views:
        return Naming(None, single=True)
    naming = Naming(views)
    paths = [listing.path(f) for f in listing.files if is_claimed(f)]
    paths += [path for place in elsewhere for path in videos_at(place)]
    return naming.fitted((naming.stem(path, scorer_of) for path in paths), end_wins=True)


def is_claimed(relative: str) -> bool:
    """Whether a file lies where Lightning Pose keeps videos or predictions."""
    parts = relative.split("/")
    if parts[0].startswith("videos") and len(parts) > 1:
        return is_video(relative) or relative.endswith("_bbox.csv")
    return _is_prediction(relative) and reason_by_name(Path(relative)) is None


def sort_lightning(
    listing: Listing, naming: Naming, elsewhere: Iterable[Path] = ()
) -> ScannedFiles:
    """Sort the files of a Lightning Pose project by where they lie.

    Parameters
    ----------
    elsewhere : paths
        Videos, and folders of videos, that were left where they are.
    """
    found = ScannedFiles(naming)
    smoothers = {folder_of(f) for f in listing.files if name_of(f) == "ensemble.yaml"}
    made = {f for f in exported_files(listing) if is_video(f)}
    for relative in listing.files:
        parts = relative.split("/")
        if relative in made:
            found.unmatched.append((listing.path(relative), why_left_out(relative)))
        elif parts[0].startswith("videos") and len(parts) > 1:
            sort_video(found, relative, listing.path(relative))
        elif _is_prediction(relative):
            _sort_prediction(found, relative, listing.path(relative), smoothers)
    for place in elsewhere:
        for path in videos_at(place):
            sort_video(found, path.name, path, home_elsewhere(path))
    sort_images(found, listing)
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


def sort_video(
    found: ScannedFiles, relative: str, path: Path, home: str = "", *, in_folders: bool = False
) -> None:
    """Note a video, or the bounding boxes beside one.

    Parameters
    ----------
    in_folders : bool
        Whether folders may name the view.
    """
    below = relative if in_folders else ""
    if is_video(relative):
        role: Role = "video"
        name = found.parsed(path, relative=below)
    elif relative.endswith("_bbox.csv"):
        role = "boxes"
        name = found.parsed(path, path.stem.removesuffix("_bbox"), relative=below)
    else:
        return
    if name is not None:
        home = home_of(name.place) if name.place else home
        found.files.append(ScannedFile(role, name.key, name.view or "", path, home))


def sort_images(found: ScannedFiles, listing: Listing) -> None:
    """Note the folders of labeled images."""
    for folder in sorted(listing.folders):
        if folder_of(folder) == LABELED_DATA:
            path = listing.path(folder)
            if name := found.parsed(path, name_of(folder)):
                found.files.append(ScannedFile("images", name.key, name.view or "", path))


def label_files(
    listing: Listing, naming: Naming, *, any_name: bool = True
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
        if naming.single:
            key, view = stem, SINGLE_VIEW
        else:
            # Not all tables are of our views: one that is not, is not worth a word.
            name = ScannedFiles(naming).parsed(path, stem)
            if name is None or name.view == LABELS:
                continue
            view, key = name.view or "", name.key or LABELS
        (queues if is_queue else labels).setdefault(key, {})[view] = path
    return labels, queues


def lightning_rigs(listing: Listing) -> Callable[[str, str], Path | None]:
    """Which calibration a session (name, home) has.

    It is its own, ``calibrations/<session>.toml``, else what ``calibrations.csv`` says for its
    labeled frames, else that of the project, ``calibration.toml``.
    """
    files = {composed(f): f for f in listing.files}
    listed = read_calibrations_csv(listing.root) if CALIBRATIONS_CSV in files else {}

    def rig_of(session: str, home: str) -> Path | None:
        own = files.get(f"calibrations/{session}.toml")
        if own is not None:
            return listing.path(own)
        named = listed.get(session)
        if named is not None and named.is_file():
            return named
        return listing.path("calibration.toml") if "calibration.toml" in files else None

    return rig_of


def _is_prediction(relative: str) -> bool:
    parts = relative.split("/")
    return parts[0] == "models" and "video_preds" in parts[1:-1]


def _sort_prediction(found: ScannedFiles, relative: str, path: Path, smoothers: set[str]) -> None:
    reason = reason_by_name(path)
    if reason is not None:
        if path.suffix.lower() in TABLE_SUFFIXES:
            found.unmatched.append((path, reason))
        return
    name = found.parsed(path)
    if name is None:
        return
    parts = relative.split("/")
    model = "/".join(parts[1 : parts.index("video_preds")])
    label = " ".join(part for part in (model, name.seed or seed_of_folders(path)) if part)
    kind: SetKind = "smoothed" if f"models/{model}" in smoothers else "predictions"
    found.files.append(
        ScannedFile("set", name.key, name.view or "", path, kind=kind, set_name=label)
    )
