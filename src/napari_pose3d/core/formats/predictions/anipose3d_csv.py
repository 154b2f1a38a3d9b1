"""3-D positions as Anipose writes them: one header line, a line for each frame.

The columns are ``<keypoint>_x, _y, _z, _error, _ncams, _score`` for each keypoint, then ``M_00`` to
``M_22``, ``center_0`` to ``center_2`` and the frame number ``fnum``.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np

from napari_pose3d.core.errors import PoseDataError

from .poses3d_csv import Poses3DTable

_FRAME = "fnum"
SCORER = "anipose"


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
    try:
        table = pd.read_csv(path, encoding="utf-8-sig")
        numbers = table[[f"{k}_{axis}" for k in keypoints for axis in "xyz"]].to_numpy(np.float64)
        frames = table[_FRAME].to_numpy(np.int64)
    except (OSError, ValueError, KeyError) as error:
        raise PoseDataError(f"the table cannot be read ({error})", file=path) from error
    if len(frames) and (frames[0] < 0 or (np.diff(frames) <= 0).any()):
        raise PoseDataError(
            f"the frames in the column {_FRAME} do not rise",
            file=path,
            expected="each frame once, in order",
        )
    xyz = numbers.reshape(len(frames), len(keypoints), 3)
    moved = [f"M_{i}{j}" for i in range(3) for j in range(3)], [f"center_{i}" for i in range(3)]
    if all(name in header for names in moved for name in names) and len(frames):
        rotation = table[moved[0]].to_numpy(np.float64)[0].reshape(3, 3)
        centre = table[moved[1]].to_numpy(np.float64)[0]
        # Anipose stores (p @ M.T) - centre.
        xyz = (xyz + centre) @ np.linalg.inv(rotation).T
    whole = np.full((int(frames[-1]) + 1 if len(frames) else 0, len(keypoints), 3), np.nan)
    whole[frames] = xyz
    return Poses3DTable(keypoints, whole, None, SCORER)


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return [cell.strip() for cell in next(csv.reader(stream), [])]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PoseDataError(
            f"cannot be read ({getattr(error, 'strerror', None) or error})", file=path
        ) from error


def _keypoints(header: list[str]) -> tuple[str, ...]:
    names = set(header)
    if _FRAME not in names:
        return ()
    ends = [name.removesuffix("_x") for name in header if name.endswith("_x")]
    return tuple(k for k in ends if {f"{k}_y", f"{k}_z"} <= names)
