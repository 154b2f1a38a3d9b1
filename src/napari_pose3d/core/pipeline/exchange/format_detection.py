"""Which format a file or folder is of, by what it begins with."""

from __future__ import annotations

from pathlib import Path

from napari_pose3d.core.formats.containers.hdf5_files import is_hdf5, open_hdf5
from napari_pose3d.core.formats.exchange.datasets.dannce import is_dannce
from napari_pose3d.core.formats.exchange.datasets.deeplabcut_project import is_dlc_project
from napari_pose3d.core.formats.exchange.datasets.jarvis import is_jarvis_set
from napari_pose3d.core.formats.exchange.datasets.label3d import is_label3d
from napari_pose3d.core.formats.exchange.motion.c3d import is_c3d
from napari_pose3d.core.formats.exchange.motion.trc import is_trc
from napari_pose3d.core.formats.predictions.anipose3d_csv import is_anipose3d_csv
from napari_pose3d.core.formats.predictions.table_header import kind_of
from napari_pose3d.core.storage.input_files import input_errors, open_input
from napari_pose3d.errors import PoseDataError, Remedy

_HEAD = 4096
_BLOCK, _LONGEST_KEY = 1 << 22, 64
_DLC_TABLE = b"df_with_missing"


def detect(path: Path) -> str:
    """The key of a format.

    Raises
    ------
    PoseDataError
        None of those that are known begins so, or the file cannot be read.
    """
    found = _of_folder(path) if path.is_dir() else _of_file(path)
    if found is None:
        raise PoseDataError(
            "no known format begins like this",
            file=path,
            todo="Say which format it is of",
            remedy=Remedy("format"),
        )
    return found


def _of_folder(path: Path) -> str | None:
    if is_jarvis_set(path):
        return "jarvis"
    return "dlc-project" if is_dlc_project(path) else None


def _of_file(path: Path) -> str | None:
    with open_input(path) as stream:
        head = stream.read(_HEAD)
    if is_trc(path):
        return "trc"
    if head.startswith(b"PAR1"):
        return "tidy-parquet"
    if path.suffix.lower() == ".json" and b"{" in head:
        if path.name.startswith("instances_") and _holds(path, b'"keypoint_names"'):
            return "jarvis"
        # Calibrations and records are in JSON, too.
        return "coco" if _holds(path, b'"annotations"', b'"images"') else None
    if head.startswith(b"MATLAB 5.0"):
        return "label3d" if is_label3d(path) else "dannce" if is_dannce(path) else None
    if is_hdf5(head) and _DLC_TABLE in head:
        # Told without h5py, which DeepLabCut's tables do not need.
        return "dlc-h5"
    if is_hdf5(head):
        return _of_hdf5(path)
    if path.suffix.lower() == ".c3d" and is_c3d(head):
        return "c3d"
    first = head.decode("utf-8-sig", "replace").partition("\n")[0]
    if {"frame", "keypoint", "x", "y"} <= {cell.strip() for cell in first.split(",")}:
        return "tidy-csv"
    if path.suffix.lower() == ".csv" and is_anipose3d_csv(path):
        return "anipose"
    if kind_of(path) == "predictions":
        return "dlc-csv"
    return None


def _holds(path: Path, *keys: bytes) -> bool:
    """Whether all keys are in a text, wherever they stand."""
    missing, before = set(keys), b""
    with open_input(path) as stream, input_errors(path):
        while missing and (block := stream.read(_BLOCK)):
            missing -= {key for key in missing if key in before + block}
            before = block[-_LONGEST_KEY:]
    return not missing


def _of_hdf5(path: Path) -> str | None:
    with open_hdf5(path, "hdf5", "HDF5 of a known format") as file:
        names = set(file)
        # A table of pandas may have any name, also that of a data set of another program.
        if any("pandas_type" in each.attrs for each in file.values()):
            return "dlc-h5"
    if {"videos_json", "frames", "instances"} <= names:
        return "sleap"
    if {"processing", "session_start_time"} <= names:
        return "nwb"
    if "position" in names and "space" in names:
        return "movement"
    if "tracks" in names and "track_names" not in names:
        return "sleap-anipose"
    return None
