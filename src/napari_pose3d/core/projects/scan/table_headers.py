"""Which tables hold predictions, by their names and first lines; each is read once."""

from __future__ import annotations

import os
import stat
from functools import lru_cache
from pathlib import Path

from napari_pose3d.core.formats.predictions.prediction_h5 import read_h5_header
from napari_pose3d.core.formats.predictions.table_header import (
    TableHeader,
    looks_like_pose_table,
    read_header,
)
from napari_pose3d.errors import PoseDataError

from ..naming.file_names import VIDEO_SUFFIXES
from .folder_listing import Listing

TABLE_SUFFIXES = (".csv", ".h5")

NOT_USABLE = "not usable"
_METRICS = ("_temporal_norm", "_pixel_error", "_reprojection_error", "_error", "_loss", "_norm")
_NO_TABLE = "no prediction file (the first cell is not 'scorer')"

# A header, why there is none, or what is wrong with it; and the first cell of the data.
_Found = tuple[TableHeader | str | PoseDataError, str]


def tables_of(listing: Listing) -> list[str]:
    """Files that may hold predictions."""
    return [f for f in listing.files if f.lower().endswith(TABLE_SUFFIXES)]


def reason_by_name(path: Path) -> str | None:
    """Why a file holds no predictions, as far as its name tells; None when it may."""
    stem = path.stem
    if path.suffix.lower() not in TABLE_SUFFIXES:
        return "no prediction file (not .csv or .h5)"
    if path.name.startswith("._"):
        return "what macOS stores beside a file, not predictions"
    if stem.startswith("CollectedData"):
        return "labels, not predictions"
    if stem.endswith(_METRICS):
        return "a quality measure of Lightning Pose, not predictions"
    if stem.startswith("bboxes_") or stem == "bbox" or stem.endswith("_bbox"):
        return "bounding boxes, not predictions"
    return None


def what_else(path: Path) -> str:
    """What a file is that is no table, by its name."""
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return "a video, not predictions"
    if suffix == ".toml":
        return "a calibration, not predictions"
    if path.name.endswith("_run.json"):
        return "the record of a run, not predictions; it names the files that were smoothed"
    return "no prediction file (not .csv or .h5)"


def header_or_reason(path: Path, *, strict: bool = False) -> TableHeader | str:
    """The header of a file of predictions, or why it is none.

    Parameters
    ----------
    strict : bool
        Raise what is wrong with a damaged file, instead of giving it as the reason.

    Raises
    ------
    PoseDataError
        When it is damaged, and `strict`.
    """
    if reason := reason_by_name(path):
        return reason
    header, first = _read(path)
    if isinstance(header, PoseDataError):
        if strict:
            raise header.located()
        return f"{NOT_USABLE}: {header.place + ', ' if header.place else ''}{header.problem}"
    if isinstance(header, str):
        return header
    if header.kind == "labels":
        return "labels, not predictions (no likelihood column)"
    if header.kind == "poses3d":
        return "3-D positions, not predictions of one view"
    if "/" in first or first.lower().endswith((".png", ".jpg", ".jpeg")):
        return "predictions for single images, not for a video"
    return header


def is_foreign_table(path: Path) -> bool:
    """Whether a table holds no poses at all.

    A file that is damaged or still empty, as of a network that is just at work, may.
    """
    return path.suffix.lower() == ".csv" and _read(path)[0] == _NO_TABLE


def scorer_of(path: Path) -> str:
    """The scorer in the header of a table; "" where there is none that can be read."""
    header = _read(path)[0] if path.suffix.lower() in TABLE_SUFFIXES else ""
    return header.scorer if isinstance(header, TableHeader) else ""


def _read(path: Path) -> _Found:
    try:
        found = os.stat(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        return PoseDataError(f"cannot be read ({reason})", file=path), ""
    if not stat.S_ISREG(found.st_mode):
        return PoseDataError("this is no file that can be read", file=path), ""
    return _read_once(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=16_384)
def _read_once(path: Path, changed: int, size: int) -> _Found:
    """Read the first lines; ``changed`` and ``size`` tell whether they are the same still."""
    try:
        if path.suffix.lower() == ".h5":
            return read_h5_header(path), "0"
        if size and not looks_like_pose_table(path):
            return _NO_TABLE, ""
        return read_header(path)
    except PoseDataError as error:
        # Without what it was raised in: kept errors would keep files and frames alive.
        return error.located().with_traceback(None), ""
