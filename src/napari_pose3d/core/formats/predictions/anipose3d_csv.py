"""3-D positions as Anipose writes them: one header line, a line for each frame.

The columns are ``<keypoint>_x, _y, _z, _error, _ncams, _score`` for each keypoint, then ``M_00`` to
``M_22``, ``center_0`` to ``center_2`` and the frame number ``fnum``.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np

from napari_pose3d.core.storage.input_files import input_errors, open_input
from napari_pose3d.errors import PoseDataError

from .poses3d_csv import Poses3DTable

_FRAME = "fnum"
SCORER = "anipose"
_TURNED = [f"M_{i}{j}" for i in range(3) for j in range(3)]
_SHIFTED = [f"center_{i}" for i in range(3)]
_ONE_FRAME = "one rotation in M_00 to M_22, one shift in center_0 to center_2"
_LARGEST_HEADER = 4_194_304
# A frame number far beyond the number of lines is a slip, and would take memory for all between.
_MOST_FRAMES_PER_LINE = 100


def is_anipose3d_csv(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a table of Anipose's 3-D positions, by its first line; never raises."""
    try:
        return bool(_keypoints(_header(Path(path))))
    except PoseDataError:
        return False


def read_anipose3d_csv(path: str | os.PathLike[str]) -> Poses3DTable:
    """Read Anipose's 3-D positions; a frame that has no line is missing.

    The positions may be turned and shifted as a whole (``reference_point`` and ``axes`` in
    ``config.toml``). The columns ``M_..`` and ``center_..`` say how, and this is undone: what is
    returned is in the frame of the calibration.

    Raises
    ------
    PoseDataError
        When it is no such table, or a cell is no number.
    """
    import pandas as pd

    path = Path(path)
    header = _header(path)
    keypoints = _keypoints(header)
    if not keypoints:
        raise PoseDataError(
            "the file holds no 3-D positions of Anipose",
            file=path,
            expected=f"columns <keypoint>_x, _y, _z, and {_FRAME}",
        )
    expected = "a number in each cell, or an empty one where it is missing"
    with (
        open_input(path) as stream,
        input_errors(path, LookupError, TypeError, expected=expected),
    ):
        table = pd.read_csv(stream, encoding="utf-8-sig", low_memory=False)
        numbers = table[[f"{k}_{axis}" for k in keypoints for axis in "xyz"]].to_numpy(np.float64)
        numbered = table[_FRAME].to_numpy(np.float64)
        if not np.array_equal(numbered, np.trunc(numbered)) or not (np.abs(numbered) < 2**53).all():
            raise ValueError(f"a number in {_FRAME} is no frame number")
        frames = numbered.astype(np.int64)
    if np.isinf(numbers).any():
        row = int(np.argwhere(np.isinf(numbers))[0, 0])
        raise PoseDataError(
            "a position is infinite", file=path, place=f"line {row + 2}", expected=expected
        )
    if len(frames) and (frames[0] < 0 or (np.diff(frames) <= 0).any()):
        raise PoseDataError(
            f"the frames in the column {_FRAME} do not rise",
            file=path,
            expected="each frame once, in order",
        )
    n_frames = int(frames[-1]) + 1 if len(frames) else 0
    if n_frames > _MOST_FRAMES_PER_LINE * (len(frames) + 1000):
        raise PoseDataError(
            f"the last frame is {n_frames - 1}, and there are {len(frames)} lines",
            file=path,
            expected="a line for most frames",
        )
    xyz = numbers.reshape(len(frames), len(keypoints), 3)
    if len(frames) and all(name in header for name in (*_TURNED, *_SHIFTED)):
        with input_errors(path, TypeError, expected=_ONE_FRAME):
            moved = table[[*_TURNED, *_SHIFTED]].to_numpy(np.float64)
        rotation, centre = moved[0, :9].reshape(3, 3), moved[0, 9:]
        with np.errstate(all="ignore"):
            turns = np.isfinite(moved[0]).all() and np.allclose(
                rotation @ rotation.T, np.eye(3), atol=1e-3
            )
        # The same in all lines: a damaged one would move all positions.
        if not turns or not (moved == moved[0]).all():
            raise PoseDataError(
                "the columns M_.. and center_.. are no rotation and shift, or differ from line to "
                "line",
                file=path,
                expected=_ONE_FRAME,
            )
        # Anipose stores (p @ M.T) - centre.
        xyz = (xyz + centre) @ np.linalg.inv(rotation).T
    whole = np.full((n_frames, len(keypoints), 3), np.nan)
    whole[frames] = xyz
    return Poses3DTable(keypoints, whole, None, SCORER)


def _header(path: Path) -> list[str]:
    with open_input(path) as stream, input_errors(path):
        line = stream.readline(_LARGEST_HEADER).decode("utf-8-sig")
        return [cell.strip() for cell in next(csv.reader([line]), [])]


def _keypoints(header: list[str]) -> tuple[str, ...]:
    names = set(header)
    if _FRAME not in names:
        return ()
    ends = [name.removesuffix("_x") for name in header if name.endswith("_x")]
    return tuple(k for k in ends if {f"{k}_y", f"{k}_z"} <= names)
