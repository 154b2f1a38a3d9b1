"""Writing the numbers below the header rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import IsCancelled, Progress

_ROWS_WRITTEN_AT_ONCE = 200
_MANY_NUMBERS = 100_000


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
    cell. A first line without any number has ``nan`` in its cells: pandas takes a line of empty
    cells below several header rows for the names of the index, and frame 0 would be lost. Between
    blocks of lines `progress` is called and `cancelled` asked.

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
        first = ""
        if start == 0 and block.size and not np.isfinite(block[0]).any():
            first = ",".join(["0", *["nan"] * block.shape[1]]) + "\n"
            block, start = block[1:], 1
        text = _compiled_lines(block, start) if many else None
        if text is None:
            block[~np.isfinite(block)] = np.nan
            rows = enumerate(_as_text(block), start)
            text = "".join(f"{frame},{row}\n" for frame, row in rows)
        # In one piece: a stream that is flushed line by line takes Python's lock back so often
        # that the thread that draws the window waits for its turn.
        stream.write(first + text)
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
        values = short_decimals(block)
        template = ",".join(["%.9g"] * block.shape[1])
        for row in values.tolist():
            yield (template % tuple(row)).replace("nan", "")
    else:
        for row in block.tolist():
            yield ",".join(map(repr, row)).replace("nan", "")


def short_decimals(block: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
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
