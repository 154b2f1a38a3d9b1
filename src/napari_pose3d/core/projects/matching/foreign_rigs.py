"""Calibrations of other programs that lie beside a recording: they are named, and not used."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from napari_pose3d.errors import PoseDataError

from ..naming.file_names import names_a_kind

CONVERT = "convert it to Anipose's TOML with napari-pose3d rig convert"

_SUFFIXES = (".toml", ".yaml", ".yml", ".xml", ".mat")
# Of others, only files that are called so; DeepLabCut writes pickles for each video.
_NAMES = ("dlt", "camera", "calib", "stereo_params")
_OTHERS = (".csv", ".pickle", ".pkl")
_NO_RIG = ("project.yaml", "project.toml", "config.yaml", "config.toml", "pyproject.toml")
_LARGEST = 4 << 20
_MOST = 20


def foreign_rig_beside(files: Iterable[Path]) -> str:
    """In words, a calibration of another program beside the files; "" where there is none.

    Parameters
    ----------
    files : iterable of Path
        Of one recording: their folders are looked into, and those that these lie in where a
        folder's name says only what kind of file is in it.
    """
    likely = list(_likely(_folders(files)))
    if not likely:
        return ""
    from napari_pose3d.core.formats.calibrations.rig_conversion import (
        FORMATS,
        detect_format,
        read_rig,
    )

    for path in likely:
        try:
            key = detect_format(path)
            if key == "anipose":
                continue
            read_rig(path)
        except PoseDataError as error:
            # Some hold all but the size of the images.
            if all(remedy.kind != "size" for remedy in error.remedies):
                continue
        return f"{path.name} is a calibration of another program ({FORMATS[key].title})"
    return ""


def _folders(files: Iterable[Path]) -> list[Path]:
    found: dict[Path, None] = {}
    for folder in dict.fromkeys(path.parent for path in files):
        found[folder] = None
        if names_a_kind(folder.name):
            found[folder.parent] = None
    return list(found)


def _likely(folders: Iterable[Path]) -> Iterator[Path]:
    n = 0
    for folder in folders:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue  # said when the folder is listed
        for entry in entries:
            if _may_be_rig(entry):
                n += 1
                yield Path(entry.path)
            if n == _MOST:
                return


def _may_be_rig(entry: os.DirEntry[str]) -> bool:
    name = entry.name.lower()
    if name.startswith(".") or name in _NO_RIG:
        return False
    try:
        if entry.is_dir():
            return name.startswith("calib")
        small = entry.is_file() and entry.stat().st_size <= _LARGEST
    except OSError:
        return False
    named = name.endswith(_OTHERS) and any(part in name for part in _NAMES)
    return small and (named or name.endswith(_SUFFIXES))
