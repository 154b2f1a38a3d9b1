"""Prediction CSV of Lightning Pose, DeepLabCut and the Ensemble Kalman Smoother."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import numpy as np

from napari_pose3d.core.poses.arrays import Poses2D
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import IsCancelled, Progress

from ..number_text.number_reader import count_lines, read_numbers
from ..number_text.number_writer import write_lines
from ..number_text.plain_csv import NumberBuffer
from .prediction_table import PredictionTable, choose_individual, table_from_numbers
from .table_header import PAIRS, POSITION, TableHeader, in_file, kind_of, read_header

SCORER = "napari-pose3d"


def is_prediction_csv(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a prediction CSV, judged by its first lines; never raises."""
    return kind_of(path) == "predictions"


def read_prediction_csv(
    path: str | os.PathLike[str],
    individual: str | None = None,
    *,
    buffer: NumberBuffer | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> PredictionTable:
    """Read one view's predictions.

    Understood are the three header rows ``scorer, bodyparts, coords``, the four with
    ``individuals`` between, a last column ``set`` (ignored), and a smoother's nine columns for
    each keypoint.

    Parameters
    ----------
    individual : str, optional
        Which animal, when the file holds several.
    buffer : NumberBuffer, optional
        Where to put the numbers, for a table that is not needed any more when the next is read.

    Returns
    -------
    PredictionTable
        float32, pixels; NaN for empty cells.

    Raises
    ------
    PoseDataError
        When the file is no prediction CSV, is damaged, or holds several individuals and none was
        chosen; names the line and the column.
    Cancelled
        When `cancelled` returns true.
    """
    path = Path(path)
    header, _ = read_header(path)
    check_is_predictions(header, path)
    try:
        individual = choose_individual(header, individual)
    except PoseDataError as error:
        raise in_file(error, path) from None
    numbers = read_numbers(
        path, header, np.float32, buffer=buffer, progress=progress, cancelled=cancelled
    )
    return table_from_numbers(header, numbers, individual)


def read_individuals_csv(path: str | os.PathLike[str]) -> tuple[PredictionTable, ...]:
    """As `read_prediction_csv`, for every individual of the file, in file order."""
    path = Path(path)
    header, _ = read_header(path)
    check_is_predictions(header, path)
    numbers = read_numbers(path, header, np.float32)
    return tuple(
        table_from_numbers(header, numbers, name) for name in header.individuals or (None,)
    )


def count_frames(path: str | os.PathLike[str]) -> int:
    """How many lines of data a file has, without reading the numbers."""
    header, _ = read_header(path)
    return max(count_lines(path)[0] - header.n_rows, 0)


def check_is_predictions(header: TableHeader, path: Path) -> None:
    """Raise a `PoseDataError` for a table of labels or of 3-D positions."""
    if header.kind != "predictions":
        what = "3-D positions" if header.kind == "poses3d" else "labels (no likelihood column)"
        raise PoseDataError(
            f"the file holds {what}, not predictions of one view",
            file=path,
            expected="columns x, y, likelihood for each keypoint",
        )


def write_prediction_csv(
    target: str | os.PathLike[str] | TextIO,
    table: PredictionTable | Poses2D,
    *,
    view: str | int | None = None,
    scorer: str | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> None:
    """Write one view's predictions; reading them back gives the same numbers.

    Columns are x, y, likelihood, then the ensemble's median and variance and the posterior
    variance where the table has them (nine in all, in the order of the Ensemble Kalman
    Smoother). A table with an individual gets the row ``individuals``.

    Parameters
    ----------
    target : path or text stream
        A path appears complete or not at all, and replaces a file of that name. A stream must
        have been opened with ``newline=""``; `FileGroup` does so.
    table : PredictionTable or Poses2D
    view : str or int, optional
        Which view of a `Poses2D`; may be left out when there is only one.
    scorer : str, optional
        For the header; else the table's own, else "napari-pose3d".

    Raises
    ------
    PoseDataError
        When the file cannot be written, or `view` names no view.
    Cancelled
        When `cancelled` returns true; a path is then left as it was.
    """
    if isinstance(table, Poses2D):
        table = PredictionTable.from_poses(table, view)
    if isinstance(target, str | os.PathLike):
        with FileGroup(overwrite=True) as group:
            write_prediction_csv(
                group.open(target), table, scorer=scorer, progress=progress, cancelled=cancelled
            )
        return
    pairs = {name: a for name in PAIRS if (a := getattr(table, name)) is not None}
    coords = [*POSITION, *(c for name in pairs for c in PAIRS[name])]
    arrays = [table.xy, table.likelihood[..., None], *pairs.values()]
    write_header(
        target, scorer or table.scorer or SCORER, table.keypoints, coords, table.individual
    )
    write_lines(target, arrays, np.float32, progress=progress, cancelled=cancelled)


def write_header(
    stream: TextIO,
    scorer: str,
    keypoints: Sequence[str],
    coords: Sequence[str],
    individual: str | None = None,
) -> None:
    """Write the header rows of a table with `coords` for every keypoint."""
    n = len(keypoints) * len(coords)
    out = csv.writer(stream, lineterminator="\n")
    out.writerow(["scorer", *[scorer] * n])
    if individual is not None:
        out.writerow(["individuals", *[individual] * n])
    out.writerow(["bodyparts", *(name for name in keypoints for _ in coords)])
    out.writerow(["coords", *list(coords) * len(keypoints)])
