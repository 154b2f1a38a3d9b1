"""3-D positions as CSV: ``x y z`` and their variances and covariances for each keypoint under the
header rows ``scorer, bodyparts, coords``; of our smoother also those of the way from the frame
before to the frame after.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import FloatArray, Poses3D
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import IsCancelled, Progress

from ..number_text.number_reader import read_numbers
from ..number_text.number_writer import short_decimals, write_lines
from .prediction_csv import SCORER, write_header
from .table_header import DISPLACEMENT, SPACE, SPACE_COVARIANCE, SPACE_VARIANCE, read_header

_ENTRIES = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


@dataclass(frozen=True, eq=False)
class Poses3DTable:
    """What a 3-D CSV holds.

    Attributes
    ----------
    keypoints : tuple of str
    xyz : (frame, keypoint, 3) float64
        Units of the rig; NaN where unknown.
    covariance : (frame, keypoint, 3, 3) float64 or None
        In squared units of the rig; NaN between the axes in files that hold the variances only.
    scorer : str
    displacement_covariance : (frame, keypoint, 3, 3) float64 or None
        See `Poses3D`.
    """

    keypoints: tuple[str, ...]
    xyz: NDArray[np.float64]
    covariance: NDArray[np.float64] | None
    scorer: str
    displacement_covariance: NDArray[np.float64] | None = None

    @property
    def variance(self) -> NDArray[np.float64] | None:
        """Of x, y and z, ``(frame, keypoint, 3)``."""
        if self.covariance is None:
            return None
        return np.asarray(np.diagonal(self.covariance, axis1=-2, axis2=-1))


def read_poses3d_csv(
    path: str | os.PathLike[str],
    *,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> Poses3DTable:
    """Read 3-D positions.

    Raises
    ------
    PoseDataError
        When the file is no CSV of 3-D positions or is damaged; names the line and the column.
    Cancelled
        When `cancelled` returns true.
    """
    path = Path(path)
    header, _ = read_header(path)
    if header.kind != "poses3d" or header.individuals:
        raise PoseDataError(
            "the file holds no 3-D positions",
            file=path,
            expected=f"columns {', '.join(SPACE)} for each keypoint",
        )
    numbers: NDArray[Any] = read_numbers(
        path, header, np.float64, progress=progress, cancelled=cancelled
    )

    def columns(names: Sequence[str]) -> NDArray[np.float64]:
        return np.stack([numbers[:, header.columns_of(None, name)] for name in names], axis=-1)

    def matrices(names: Sequence[str]) -> NDArray[np.float64] | None:
        """Of the variances of x, y, z and, where they are there, the covariances behind them."""
        if names[0] not in header.coordinates:
            return None
        there = [name for name in names if name in header.coordinates]
        out = np.full((*numbers.shape[:1], len(header.keypoints(None)), 3, 3), np.nan)
        for (i, j), name in zip(_ENTRIES, there, strict=False):
            out[..., i, j] = out[..., j, i] = numbers[:, header.columns_of(None, name)]
        return out

    return Poses3DTable(
        header.keypoints(None),
        columns(SPACE),
        matrices((*SPACE_VARIANCE, *SPACE_COVARIANCE)),
        header.scorer,
        matrices(DISPLACEMENT),
    )


def write_poses3d_csv(
    target: str | os.PathLike[str] | TextIO,
    poses: Poses3D,
    *,
    scorer: str = SCORER,
    compact: bool = False,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> None:
    """Write 3-D positions with their covariances.

    Parameters
    ----------
    target : path or text stream
        As for `write_prediction_csv`.
    compact : bool
        Whether to leave out the covariances and write positions in single precision.

    Raises
    ------
    PoseDataError
        When the file cannot be written.
    Cancelled
        When `cancelled` returns true; a path is then left as it was.
    """
    if isinstance(target, str | os.PathLike):
        with FileGroup(overwrite=True) as group:
            write_poses3d_csv(
                group.open(target),
                poses,
                scorer=scorer,
                compact=compact,
                progress=progress,
                cancelled=cancelled,
            )
        return
    if compact:
        write_header(target, scorer, poses.keypoints, SPACE)
        write_lines(target, [poses.xyz], np.float32, progress=progress, cancelled=cancelled)
        return
    known = np.isfinite(poses.covariance[..., 0, 1]).any()
    columns = [*SPACE, *SPACE_VARIANCE, *(SPACE_COVARIANCE if known else ())]
    parts = [poses.xyz, _entries(poses.covariance)[..., : len(columns) - len(SPACE)]]
    if poses.displacement_covariance is not None:
        columns += DISPLACEMENT
        parts.append(_entries(poses.displacement_covariance))
    write_header(target, scorer, poses.keypoints, columns)
    write_lines(target, parts, np.float64, progress=progress, cancelled=cancelled)


def _entries(covariance: FloatArray) -> FloatArray:
    """``(..., 3, 3)`` to ``(..., 6)``, in the order of the columns.

    In single precision, written with as many digits as that needs: uncertainties have no more.
    """
    entries = np.stack([covariance[..., i, j] for i, j in _ENTRIES], axis=-1)
    return short_decimals(entries.astype(np.float32))
