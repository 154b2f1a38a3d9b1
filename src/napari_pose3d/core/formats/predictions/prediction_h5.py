"""DeepLabCut's predictions in HDF5 (``.h5``), as pandas writes them."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_pose3d.core.errors import PoseDataError

from .prediction_csv import check_is_predictions
from .prediction_table import PredictionTable, choose_individual, table_from_numbers
from .table_header import TableHeader, header_from_rows, in_file

if TYPE_CHECKING:
    import pandas as pd


def read_h5_header(path: str | os.PathLike[str]) -> TableHeader:
    """Names of scorer, individuals, keypoints and coordinates; reads no positions.

    Raises
    ------
    PoseDataError
        When the file holds no table of DeepLabCut's, or reading HDF5 is not installed.
    """
    path = Path(path)
    return _header_of(read_frame(path, stop=1), path)


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
    frame = read_frame(path)
    header = _header_of(frame, path)
    check_is_predictions(header, path)
    try:
        individual = choose_individual(header, individual)
    except PoseDataError as error:
        raise in_file(error, path) from None
    if not len(frame):
        raise PoseDataError("the file has no frames", file=path)
    wrong = np.flatnonzero(frame.index.to_numpy() != np.arange(len(frame)))
    if len(wrong):
        row = int(wrong[0])
        raise PoseDataError(
            f"the frame number is {frame.index[row]}",
            file=path,
            place=f"row {row + 1}",
            expected=f"{row}: frames are numbered 0, 1, 2, ... without gaps",
        )
    # A copy: pandas may keep its own numbers from being written to.
    numbers = np.array(frame.iloc[:, : len(header.columns)], dtype=np.float32)
    if len(bad := np.argwhere(np.isinf(numbers))):
        row, column = (int(i) for i in bad[0])
        raise PoseDataError(
            "a position is infinite",
            file=path,
            place=f"frame {row}, {header.describe_cell(column + 1)}",
            expected="a number, or NaN where it is missing",
        )
    return table_from_numbers(header, numbers, individual)


def read_frame(path: Path, stop: int | None = None) -> pd.DataFrame:
    """The one table of a file, or its first rows.

    Raises
    ------
    PoseDataError
        When the file does not hold one table, or reading HDF5 is not installed.
    """
    import pandas as pd

    try:
        tables: Any = importlib.import_module("tables")
    except ImportError as error:
        raise PoseDataError(
            "reading .h5 files needs the package 'tables', which is not installed",
            file=path,
            todo="Install it with: pip install napari-pose3d[h5] - or export CSV from DeepLabCut",
        ) from error
    try:
        with pd.HDFStore(str(path), mode="r") as store:
            names = store.keys()
            if len(names) == 1:
                frame = store.select(names[0], stop=stop)
                if isinstance(frame, pd.DataFrame):
                    return frame
    except (OSError, ValueError, TypeError, KeyError, tables.HDF5ExtError) as error:
        raise PoseDataError(
            "this is no readable HDF5 table", file=path, expected="a DeepLabCut prediction file"
        ) from error
    raise PoseDataError(
        f"the file holds {len(names)} tables" if len(names) != 1 else "the file holds no table",
        file=path,
        expected="one table, as in a DeepLabCut prediction file",
    )


def _header_of(frame: pd.DataFrame, path: Path) -> TableHeader:
    names = [str(name) for name in frame.columns.names]
    if names not in (
        ["scorer", "bodyparts", "coords"],
        ["scorer", "individuals", "bodyparts", "coords"],
    ):
        raise PoseDataError(
            "this is no DeepLabCut table",
            file=path,
            expected="columns named by scorer, bodyparts, coords",
        )
    rows = [[str(v) for v in frame.columns.get_level_values(i)] for i in range(len(names))]
    try:
        return header_from_rows(rows, names)
    except PoseDataError as error:
        raise in_file(error, path) from None
