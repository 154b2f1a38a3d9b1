"""Rows of a table, each with its frame, as arrays over all frames."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import PoseDataError

# A number far beyond that of the rows is a slip, and would take memory for all between.
_MOST_FRAMES_PER_ROW = 100


def check_frames(
    frames: NDArray[np.floating[Any]], path: str | os.PathLike[str], place: str
) -> NDArray[np.int64]:
    """Frames as whole numbers from 0 that a table of so many rows may have.

    Raises
    ------
    PoseDataError
        One is no frame, or much larger than the number of rows.
    """
    numbers = np.asarray(frames, np.float64)
    with np.errstate(invalid="ignore"):
        wrong = ~((numbers >= 0) & (numbers < 2**53) & (numbers == np.trunc(numbers)))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise PoseDataError(
            f"{numbers[row]:g} is no frame number",
            file=path,
            place=f"{place}, row {row + 1}",
            expected="whole numbers from 0",
        )
    whole = numbers.astype(np.int64)
    last = int(whole.max(initial=-1))
    if last >= _MOST_FRAMES_PER_ROW * (len(whole) + 1000):
        raise PoseDataError(
            f"the last frame is {last}, and there are {len(whole)} rows",
            file=path,
            place=place,
            expected="a row for most frames",
        )
    return whole


def refuse_infinite(
    values: NDArray[np.floating[Any]], path: str | os.PathLike[str], what: str = "a position"
) -> None:
    """Refuse numbers that are neither finite nor missing; names the first index."""
    wrong = np.isinf(values)
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise PoseDataError(
            f"{what} is infinite",
            file=path,
            place=f"row {at[0] + 1}",
            expected="a number, or NaN where it is missing",
        )


def checked_positions(
    positions: NDArray[np.float64], path: str | os.PathLike[str]
) -> NDArray[np.float64]:
    """Positions ``(..., 2 or 3)`` that are wholly there or wholly NaN.

    Raises
    ------
    PoseDataError
        One is infinite.
    """
    refuse_infinite(positions, path)
    return np.where(np.isfinite(positions).all(axis=-1, keepdims=True), positions, np.nan)


def refuse_repeated(names: tuple[str, ...], path: str | os.PathLike[str]) -> None:
    """Refuse two keypoints of one name, and none at all."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names:
        raise PoseDataError(
            f"two keypoints are called {', '.join(twice)[:200]}" if twice else "it has no keypoint",
            file=path,
            expected="keypoints with a name of their own each",
            todo="Rename one of them in the program that wrote the file",
        )
