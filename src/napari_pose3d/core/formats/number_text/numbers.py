"""The numbers below the header rows: read fast, find the fault when there is one, write."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.errors import Cancelled, PoseDataError
from napari_pose3d.core.settings import IsCancelled, Progress

from ..predictions.table_header import TableHeader
from .plain_csv import Room, read_plain

if TYPE_CHECKING:
    import pandas as pd

MISSING = frozenset({"", "nan", "NaN", "NAN", "-nan", "NA", "N/A", "n/a", "null", "NULL", "None"})

# Large enough for the parser to be busy, small enough to cancel within a second.
_CELLS_AT_ONCE = 1_000_000
_ROWS_WRITTEN_AT_ONCE = 200
_MANY_NUMBERS = 100_000
# From here on a number is infinite in single precision. (The largest that is not may be written a
# little larger than it is.)
_TOO_LARGE = 2.0**128 - 2.0**103


def read_numbers(
    path: Path,
    header: TableHeader,
    dtype: type[np.floating[Any]],
    *,
    room: Room | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> NDArray[np.floating[Any]]:
    """Read the body of a pose table; where it may overwrite the one before, into ``room``.

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
        When `cancelled` says so between two blocks.
    """
    if dtype is np.float32:
        plain = read_plain(path, header, room=room, progress=progress, cancelled=cancelled)
        if plain is not None:
            return plain
    n_lines, n_commas = count_lines_and_commas(path)
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
        _find_fault(path, header)
        raise PoseDataError(f"cannot be read ({str(error).strip()})", file=path) from error
    if not stop:
        raise PoseDataError(
            "the file has a header but no data", file=path, place=f"line {header.n_rows + 1}"
        )
    numbers = numbers[:stop]
    # The parser fills short lines with NaN without a word; their missing commas give them away.
    all_cells = n_commas == (header.n_cells - 1) * (stop + header.n_rows)
    if not (all_cells and in_order) or np.isinf(numbers).any():
        _find_fault(path, header)
    return numbers


def write_lines(
    stream: TextIO,
    arrays: Sequence[NDArray[np.floating[Any]]],
    dtype: type[np.floating[Any]],
    *,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> None:
    """Write a line for each frame: its number and, for each keypoint, the values of all arrays.

    Numbers have few digits and read back as the same `dtype`; what is not finite becomes an empty
    cell. Between blocks of lines `progress` is called and `cancelled` asked.

    Parameters
    ----------
    arrays : sequence of (frame, keypoint, value) arrays
    """
    n = len(arrays[0])
    # Loading compiled code takes longer than a short table.
    many = dtype is np.float32 and sum(a.size for a in arrays) >= _MANY_NUMBERS
    for start in range(0, n, _ROWS_WRITTEN_AT_ONCE):
        if cancelled is not None and cancelled():
            raise Cancelled
        stop = min(start + _ROWS_WRITTEN_AT_ONCE, n)
        block = np.concatenate([a[start:stop] for a in arrays], axis=-1).astype(dtype)
        block = block.reshape(stop - start, -1)
        text = _compiled_lines(block, start) if many else None
        if text is None:
            block[~np.isfinite(block)] = np.nan
            rows = enumerate(_as_text(block), start)
            text = "".join(f"{frame},{row}\n" for frame, row in rows)
        # In one piece: a stream that is flushed line by line takes Python's lock back so often
        # that the thread that draws the window waits for its turn.
        stream.write(text)
        if progress is not None:
            progress("writing", stop, n)


def _compiled_lines(block: NDArray[np.floating[Any]], start: int) -> str | None:
    """The lines of a block; None where a number is too small or too large for the compiled loop."""
    from .decimal_kernel import CELL_BYTES, NUMBER_BYTES, format_lines

    text = np.empty(len(block) * NUMBER_BYTES + block.size * CELL_BYTES, np.uint8)
    n_bytes = format_lines(block, start, text)
    return None if n_bytes < 0 else text[:n_bytes].tobytes().decode("ascii")


def _as_text(block: NDArray[np.floating[Any]]) -> Iterator[str]:
    """Each row as comma-separated numbers that read back as the same values."""
    if block.dtype == np.float32:
        values = _rounded(block)
        template = ",".join(["%.9g"] * block.shape[1])
        for row in values.tolist():
            yield (template % tuple(row)).replace("nan", "")
    else:
        for row in block.tolist():
            yield ",".join(map(repr, row)).replace("nan", "")


def _rounded(block: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Single precision as decimals of 6, 7 or 8 digits where those suffice to read it back.

    Nine always suffice; rounding here and printing with nine is several times as fast as asking
    for the shortest text of each number.
    """
    exact = block.astype(np.float64)
    out = exact.copy()
    open_cells = np.isfinite(exact) & (exact != 0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        exponent = np.floor(np.log10(np.abs(exact)))
        for digits in (6, 7, 8):
            scale = 10.0 ** (digits - 1 - exponent)
            short = np.rint(exact * scale) / scale
            same = open_cells & (short.astype(np.float32) == block)
            out[same] = short[same]
            open_cells &= ~same
    return out


def _blocks(
    path: Path, header: TableHeader, dtype: type[np.floating[Any]]
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


def _checked(frame: pd.DataFrame, header: TableHeader) -> NDArray[Any]:
    if frame.shape[1] != header.n_cells:
        raise ValueError(f"{frame.shape[1]} cells in the first line of data")
    return frame.iloc[:, : 1 + len(header.columns)].to_numpy()


def count_lines_and_commas(path: Path) -> tuple[int, int]:
    """How many there are in a file; a last line without an end counts."""
    lines = commas = 0
    last = ord("\n")
    with path.open("rb") as stream:
        while raw := stream.read(1 << 20):
            block = np.frombuffer(raw, np.uint8)
            lines += int(np.count_nonzero(block == ord("\n")))
            commas += int(np.count_nonzero(block == ord(",")))
            last = raw[-1]
    return lines + (last != ord("\n")), commas


def _find_fault(path: Path, header: TableHeader) -> None:
    """Go through the file line by line and raise at the first fault; return if there is none."""
    frame = 0
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        for _ in range(header.n_rows):
            next(stream)
        reader = csv.reader(stream)
        while True:
            try:
                row = next(reader, None)
            except csv.Error as error:
                place = f"line {header.n_rows + reader.line_num}"
                raise PoseDataError(f"{error}", file=path, place=place) from None
            if row is None:
                return
            if not "".join(row).strip() and len(row) <= 1:
                continue  # a blank line; if it stands for a frame, the next number tells
            line = header.n_rows + reader.line_num
            if len(row) != header.n_cells:
                raise _wrong_width(path, header, len(row), line, not next(stream, ""))
            _check_frame(path, row[0], line, frame)
            for cell, text in enumerate(row[1 : 1 + len(header.columns)], start=1):
                if fault := _fault_in(text.strip()):
                    raise PoseDataError(
                        f"'{text[:40]}' {fault}",
                        file=path,
                        place=f"line {line}, {header.describe_cell(cell)}",
                        expected="a number, or an empty cell where it is missing",
                    )
            frame += 1


def _wrong_width(
    path: Path, header: TableHeader, n: int, line: int, is_last: bool
) -> PoseDataError:
    place = f"line {line}"
    problem = f"the line has {n} cells"
    todo = "Mend this line, or export the file again"
    if n < header.n_cells:
        place += f", after {header.describe_cell(n - 1)}"
        problem += " only"
        if is_last:
            problem = f"the last line is cut short: it has {n} cells only"
            todo = "The file was not written or copied to its end: write or copy it again"
    expected = f"{header.n_cells} cells, as in the header"
    return PoseDataError(problem, file=path, place=place, expected=expected, todo=todo)


def _check_frame(path: Path, text: str, line: int, frame: int) -> None:
    text = text.strip()
    if not text:
        problem = "the frame number is missing"
    elif "/" in text or text.lower().endswith((".png", ".jpg", ".jpeg")):
        raise PoseDataError(
            f"the line belongs to a single image ({text[:60]})",
            file=path,
            place=f"line {line}, column 1",
            expected="predictions for every frame of a video, numbered 0, 1, 2, ...",
        )
    elif _fault_in(text) or text in MISSING:
        problem = f"'{text[:40]}' is no frame number"
    elif float(text) != frame:
        problem = f"the frame number is {text}"
    else:
        return
    raise PoseDataError(
        problem,
        file=path,
        place=f"line {line}, column 1",
        expected=f"{frame}: frames are numbered 0, 1, 2, ... without gaps",
        todo="Write a line with empty cells for a frame without predictions",
    )


def _fault_in(text: str) -> str | None:
    if text in MISSING:
        return None
    if "_" in text:  # Python reads 1_000 as a number
        return "is not a number"
    try:
        value = float(text)
    except ValueError:
        return "is not a number"
    if math.isfinite(value) and abs(value) < _TOO_LARGE:
        return None
    return "is not a finite number"
