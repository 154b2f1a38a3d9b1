"""The numbers below the header rows: read fast, or with a general parser that finds the fault."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.storage.input_files import input_errors, open_input
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled, Progress

from .plain_csv import NumberBuffer, TableShape, read_plain
from .table_faults import MISSING, TOO_LARGE, find_fault, longest_line

if TYPE_CHECKING:
    import pandas as pd

# Large enough for the parser to be busy, small enough to cancel within a second.
_CELLS_AT_ONCE = 1_000_000


def read_numbers(
    path: Path,
    header: TableShape,
    dtype: type[np.floating[Any]],
    *,
    buffer: NumberBuffer | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> NDArray[np.floating[Any]]:
    """Read the body of a pose table; where it may overwrite the one before, into ``buffer``.

    Returns
    -------
    (frame, column) array of `dtype`
        The columns of `header`, without frame numbers; NaN for empty cells.

    Raises
    ------
    PoseDataError
        For a file without data, a line with too few or too many cells, a cell that is no finite
        number, and frame numbers that are not 0, 1, 2, ...; names the line and the column.
    Cancelled
        When `cancelled` returns true between two blocks.
    """
    with input_errors(path):
        if dtype is np.float32:
            plain = read_plain(path, header, buffer=buffer, progress=progress, cancelled=cancelled)
            if plain is not None:
                return plain
        return _read_any(path, header, dtype, progress, cancelled)


def _read_any(
    path: Path,
    header: TableShape,
    dtype: type[np.floating[Any]],
    progress: Progress | None,
    cancelled: IsCancelled | None,
) -> NDArray[np.floating[Any]]:
    """As `read_numbers`, for a table in any form."""
    n_lines, n_commas, longest = count_lines(path)
    if longest > longest_line(header):
        find_fault(path, header)
    expected = max(n_lines - header.n_rows, 0)
    numbers = np.empty((expected, len(header.columns)), dtype)
    stop = 0
    in_order = True
    try:
        with np.errstate(over="ignore"):  # what is too large becomes infinite and is found
            for block in _blocks(path, header, dtype):
                start, stop = stop, stop + len(block)
                numbers[start:stop] = block[:, 1:]
                # As float32, frame numbers beyond 16 million are rounded; on both sides alike.
                frames = np.arange(start, stop).astype(dtype)
                in_order = in_order and bool(np.array_equal(block[:, 0], frames))
                if cancelled is not None and cancelled():
                    raise Cancelled
                if progress is not None:
                    progress(f"reading {path.name}", stop, expected)
    except ValueError as error:
        # Also pandas' ParserError and UnicodeDecodeError: in each case some line is at fault.
        find_fault(path, header)
        raise PoseDataError(f"cannot be read ({str(error).strip()})", file=path) from error
    if not stop:
        raise PoseDataError(
            "the file has a header but no data",
            file=path,
            place=f"line {header.n_rows + 1}",
            expected="a line for each frame",
        )
    numbers = numbers[:stop]
    # The parser fills short lines with NaN without a word; their missing commas give them away.
    all_cells = n_commas == (header.n_cells - 1) * (stop + header.n_rows)
    with np.errstate(invalid="ignore"):
        limit = np.inf if dtype is np.float32 else TOO_LARGE
        too_large = bool((np.abs(numbers) >= limit).any())
    if not (all_cells and in_order) or too_large:
        find_fault(path, header)
    return numbers


def _blocks(
    path: Path, header: TableShape, dtype: type[np.floating[Any]]
) -> Iterator[NDArray[np.floating[Any]]]:
    import pandas as pd

    n = 1 + len(header.columns)
    dtypes: Any = dict.fromkeys(range(n), dtype) | {n: str} if header.has_set_column else dtype
    options: dict[str, Any] = {
        "header": None,
        "skiprows": header.n_rows,
        "dtype": dtypes,
        "engine": "c",
        "keep_default_na": False,
        "na_values": sorted(MISSING),
    }
    frame: pd.DataFrame
    try:
        if path.stat().st_size < 2 * _CELLS_AT_ONCE:
            yield _checked(pd.read_csv(path, **options), header)
            return
        rows = max(1, _CELLS_AT_ONCE // header.n_cells)
        with pd.read_csv(path, chunksize=rows, **options) as reader:
            for frame in reader:
                yield _checked(frame, header)
    except pd.errors.EmptyDataError:
        return


def _checked(frame: pd.DataFrame, header: TableShape) -> NDArray[Any]:
    if frame.shape[1] != header.n_cells:
        raise ValueError(f"{frame.shape[1]} cells in the first line of data")
    return frame.iloc[:, : 1 + len(header.columns)].to_numpy()


def count_lines(path: str | os.PathLike[str]) -> tuple[int, int, int]:
    """How many lines and commas a file has, and bytes in its longest line.

    A last line without an end counts.

    Raises
    ------
    PoseDataError
        When the file cannot be read.
    """
    lines = commas = longest = 0
    since = 0
    with open_input(path) as stream, input_errors(path):
        while raw := stream.read(1 << 20):
            block = np.frombuffer(raw, np.uint8)
            ends = np.flatnonzero(block == ord("\n"))
            commas += int(np.count_nonzero(block == ord(",")))
            if len(ends):
                longest = max(longest, since + int(ends[0]), int(np.diff(ends).max(initial=0)))
                lines, since = lines + len(ends), len(block) - int(ends[-1]) - 1
            else:
                since += len(block)
    return lines + (since > 0), commas, max(longest, since)
