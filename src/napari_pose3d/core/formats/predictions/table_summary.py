"""What a pose table holds, in a few lines for people."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_pose3d.core.formats.containers.table_process import read_stored_table
from napari_pose3d.errors import PoseDataError, Remedy

from .anipose3d_csv import is_anipose3d_csv, read_anipose3d_csv
from .poses3d_csv import Poses3DTable, read_poses3d_csv
from .prediction_csv import read_individuals_csv
from .prediction_h5 import read_h5_header, read_individuals_h5
from .prediction_table import PredictionTable
from .table_header import TableHeader, is_empty, looks_like_pose_table, read_header


def describe_table(path: Path, individual: str | None = None) -> str:
    """Say what a CSV or HDF5 file holds: kind, individuals, frames, keypoints, what is missing.

    Parameters
    ----------
    individual : str, optional
        Describe this one only.

    Raises
    ------
    PoseDataError
        The file is a pose table and damaged, or has no such individual.
    """
    hdf5 = path.suffix.lower() == ".h5"
    if is_empty(path):
        return f"{path}: an empty file"
    if not hdf5 and not looks_like_pose_table(path):
        if is_anipose3d_csv(path):
            return _of_positions(path, read_anipose3d_csv(path))
        return f"{path}: not predictions, labels or 3-D positions"
    header = read_h5_header(path) if hdf5 else read_header(path)[0]
    text = _of_kind(path, header, individual)
    return f"{text}\n  note: {header.describe_unread()}" if header.unread else text


def _of_kind(path: Path, header: TableHeader, individual: str | None) -> str:
    hdf5 = path.suffix.lower() == ".h5"
    if header.kind == "poses3d":
        if not hdf5:
            return _of_positions(path, read_poses3d_csv(path))
        return _in_space(path, len(read_stored_table(path)), _first_keypoints(header))
    if header.kind == "labels":
        return _of_labels(path, header)
    tables = read_individuals_h5(path) if hdf5 else read_individuals_csv(path)
    names = [str(table.individual) for table in tables]
    if individual is not None:
        if individual not in names or tables[0].individual is None:
            listed = ", ".join(header.individuals)
            raise PoseDataError(
                f"no individual is called '{individual}'",
                file=path,
                expected=f"one of {listed}" if listed else "none: the file names no individuals",
                remedy=Remedy("individual"),
            )
        tables = tuple(table for table in tables if table.individual == individual)
    kind = "smoothed predictions" if tables[0].variance is not None else "predictions"
    if len(tables) == 1:
        owner = f" of {tables[0].individual}" if tables[0].individual is not None else ""
        return f"{path}: {kind}{owner}, {_frames(tables[0])} x {_keypoints(tables[0])}"
    lines = [f"{path}: {kind} of {len(tables)} individuals, {_frames(tables[0])}"]
    lines += [f"  {table.individual}: {_keypoints(table)}" for table in tables]
    return "\n".join(lines)


def _frames(table: PredictionTable) -> str:
    return f"{len(table.xy):,} frames"


def _keypoints(table: PredictionTable) -> str:
    missing = 100 * float(np.isnan(table.xy[..., 0]).mean()) if table.xy.size else 0.0
    return (
        f"{len(table.keypoints)} keypoints ({', '.join(table.keypoints)}), scorer {table.scorer}, "
        f"{missing:.1f} % missing"
    )


def _of_positions(path: Path, table: Poses3DTable) -> str:
    return _in_space(path, len(table.xyz), table.keypoints)


def _in_space(path: Path, n_frames: int, keypoints: tuple[str, ...]) -> str:
    names = ", ".join(keypoints)
    return f"{path}: 3-D positions, {n_frames:,} frames x {len(keypoints)} keypoints ({names})"


def _of_labels(path: Path, header: TableHeader) -> str:
    names = dict.fromkeys(column[1] for column in header.columns)
    owners = f" of {', '.join(header.individuals)}" if header.individuals[1:] else ""
    return f"{path}: labels of {len(names)} keypoints ({', '.join(names)}){owners}"


def _first_keypoints(header: TableHeader) -> tuple[str, ...]:
    return header.keypoints(header.individuals[0] if header.individuals else None)
