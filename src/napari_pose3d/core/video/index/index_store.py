"""Packet tables kept in the user's cache folder, so that a long video is read through once."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.user_folders import user_cache_folder
from napari_pose3d.errors import PoseDataError

from .frame_index import FrameIndex, VideoStamp

_VERSION = 4
_END = 65536
_MOST_FILES = 300
# Among them RuntimeError, of which zipfile makes what it cannot unpack, or takes for encrypted.
_DAMAGED = (
    *(PoseDataError, OSError, ValueError, KeyError, EOFError, RuntimeError, MemoryError),
    *(zipfile.BadZipFile, zlib.error),
)
_COLUMNS = ("pts", "dts", "position", "size", "key", "empty", "rank", "checksum")


def load_index(path: str | os.PathLike[str]) -> FrameIndex | None:
    """The kept table of a video; None where there is none, or it is damaged or of another video."""
    try:
        place = _place(path)
        stamp = VideoStamp.of(path)
        with place.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            columns = {name: file[name] for name in _COLUMNS}
    except _DAMAGED:
        return None
    n = len(columns["rank"])
    sound = (
        about.get("version") == _VERSION
        and about.get("stamp") == [stamp.size, stamp.modified]
        and all(column.shape == (n,) for column in columns.values())
        and np.array_equal(np.sort(columns["rank"]), np.arange(n))
        and not columns["empty"].all()
    )
    if not sound:
        return None
    return FrameIndex(
        **columns,
        time_base=Fraction(about["time_base"]),
        how=about["how"],
        stamp=stamp,
        warnings=tuple(about["warnings"]),
        details=about["details"],
    )


def save_index(path: str | os.PathLike[str], index: FrameIndex) -> None:
    """Keep the table of a video; where nothing can be written, it is not kept."""
    about: dict[str, Any] = {
        "version": _VERSION,
        "video": os.path.basename(path),
        "stamp": [index.stamp.size, index.stamp.modified],
        "time_base": str(index.time_base),
        "how": index.how,
        "warnings": list(index.warnings),
        "details": index.details,
    }
    columns = {name: getattr(index, name) for name in _COLUMNS}
    try:
        place = _place(path)
        with FileGroup(overwrite=True) as group:
            np.savez(group.path(place), about=np.array(json.dumps(about)), **columns)
        _drop_oldest(place.parent)
    except (PoseDataError, OSError):
        # A read-only home is no reason not to show a video.
        return


def _place(path: str | os.PathLike[str]) -> Path:
    stamp = VideoStamp.of(path)
    digest = hashlib.blake2b(f"{stamp.size} {stamp.modified} ".encode(), digest_size=16)
    # The ends differ between videos that were copied with the same size and time.
    with open(path, "rb") as stream:
        digest.update(stream.read(_END))
        stream.seek(max(0, stamp.size - _END))
        digest.update(stream.read(_END))
    return user_cache_folder() / "video-index" / f"{digest.hexdigest()}.npz"


def _drop_oldest(folder: Path) -> None:
    files = sorted(folder.glob("*.npz"), key=lambda file: file.stat().st_mtime)
    for file in files[:-_MOST_FILES]:
        file.unlink(missing_ok=True)
