"""DeepLabCut's predictions in HDF5 (``.h5``), as pandas writes them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.formats.containers.stored_table import StoredTable
from napari_pose3d.core.formats.containers.table_process import read_stored_table
from napari_pose3d.errors import PoseDataError

from ..number_text.table_faults import numbering_advice
from .prediction_csv import check_is_predictions
from .prediction_table import PredictionTable, choose_individual, table_from_numbers
from .table_header import TableHeader, header_from_rows, in_file


def read_h5_header(path: str | os.PathLike[str]) -> TableHeader:
    """Names of scorer, individuals, keypoints and coordinates; reads no positions.

    Raises
    ------
    PoseDataError
        When the file holds no table of DeepLabCut's, or reading HDF5 is not installed.
    """
    path = Path(path)
    return _header_of(read_stored_table(path, stop=1), path)


def read_prediction_h5(
    path: str | os.PathLike[str], individual: str | None = None
) -> PredictionTable:
    """Read one view's predictions from a DeepLabCut ``.h5`` file.

    Parameters
    ----------
    individual : str, optional
        Which animal, when the file holds several.

    Raises
    ------
    PoseDataError
        When the file holds no predictions, is damaged, holds several individuals and none was
        chosen, or reading HDF5 is not installed.
    """
    path = Path(path)
    table = read_stored_table(path)
    header = _header_of(table, path)
    check_is_predictions(header, path)
    try:
        individual = choose_individual(header, individual)
    except PoseDataError as error:
        raise in_file(error, path) from None
    return table_from_numbers(header, _numbers_of(table, header, path), individual)


def read_individuals_h5(path: str | os.PathLike[str]) -> tuple[PredictionTable, ...]:
    """As `read_prediction_h5`, for every individual of the file, in file order."""
    path = Path(path)
    table = read_stored_table(path)
    header = _header_of(table, path)
    check_is_predictions(header, path)
    numbers = _numbers_of(table, header, path)
    return tuple(
        table_from_numbers(header, numbers, name) for name in header.individuals or (None,)
    )


def _numbers_of(table: StoredTable, header: TableHeader, path: Path) -> NDArray[np.float32]:
    """The columns of `header`, checked as those of a CSV are."""
    if not len(table):
        raise PoseDataError("the file has no frames", file=path, expected="a row for each frame")
    exact = table.numbers(path, len(header.columns))
    frames = table.index
    if frames.dtype.kind == "U":
        wrong = np.arange(len(table))
    else:
        wrong = np.flatnonzero(frames != np.arange(len(table)))
    if len(wrong):
        row = int(wrong[0])
        raise PoseDataError(
            f"the frame number is {str(frames[row])[:60]}",
            file=path,
            place=f"row {row + 1}",
            expected=f"{row}: frames are numbered 0, 1, 2, ... without gaps",
            todo=numbering_advice(row),
        )
    with np.errstate(over="ignore"):  # what is too large becomes infinite and is found
        numbers = exact.astype(np.float32)
    if len(bad := np.argwhere(np.isinf(numbers))):
        row, column = (int(i) for i in bad[0])
        raise PoseDataError(
            "a position is infinite",
            file=path,
            place=f"frame {row}, {header.describe_cell(column + 1)}",
            expected="a number, or NaN where it is missing",
        )
    return numbers


def _header_of(table: StoredTable, path: Path) -> TableHeader:
    names = list(table.level_names)
    if names not in (
        ["scorer", "bodyparts", "coords"],
        ["scorer", "individuals", "bodyparts", "coords"],
    ):
        raise PoseDataError(
            "this is no DeepLabCut table",
            file=path,
            expected="columns named by scorer, bodyparts, coords",
        )
    rows = [list(row) for row in table.levels]
    try:
        return replace(header_from_rows(rows, names), unread=table.unread)
    except PoseDataError as error:
        raise in_file(error, path) from None
