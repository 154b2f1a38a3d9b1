"""3-D positions as CSV: ``x y z x_posterior_var y_posterior_var z_posterior_var`` for each
keypoint under the header rows ``scorer, bodyparts, coords``; of our smoother also
``path_posterior_var``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import Poses3D
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import IsCancelled, Progress

from ..number_text.number_reader import read_numbers
from ..number_text.number_writer import write_lines
from .prediction_csv import SCORER, write_header
from .table_header import PATH_VARIANCE, SPACE, SPACE_VARIANCE, read_header


@dataclass(frozen=True, eq=False)
class Poses3DTable:
    """What a 3-D CSV holds.

    Attributes
    ----------
    keypoints : tuple of str
    xyz : (frame, keypoint, 3) float64
        Units of the rig; NaN where unknown.
    variance : (frame, keypoint, 3) float64 or None
        Of x, y and z, in squared units of the rig; covariances between them are not in the file.
    scorer : str
    path_variance : (frame, keypoint) float64 or None
        See `Poses3D`.
    """

    keypoints: tuple[str, ...]
    xyz: NDArray[np.float64]
    variance: NDArray[np.float64] | None
    scorer: str
    path_variance: NDArray[np.float64] | None = None


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

    def triple(names: tuple[str, ...]) -> NDArray[np.float64]:
        return np.stack([numbers[:, header.columns_of(None, name)] for name in names], axis=-1)

    variance = triple(SPACE_VARIANCE) if SPACE_VARIANCE[0] in header.coordinates else None
    path_variance = None
    if PATH_VARIANCE in header.coordinates:
        path_variance = np.asarray(numbers[:, header.columns_of(None, PATH_VARIANCE)], np.float64)
    return Poses3DTable(
        header.keypoints(None), triple(SPACE), variance, header.scorer, path_variance
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
    """Write 3-D positions and the variances of x, y and z.

    Parameters
    ----------
    target : path or text stream
        As for `write_prediction_csv`.
    compact : bool
        Whether to leave out the variances and write positions in single precision.

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
    variance = np.diagonal(poses.covariance, axis1=-2, axis2=-1)
    columns, parts = [*SPACE, *SPACE_VARIANCE], [poses.xyz, variance]
    if poses.path_variance is not None:
        columns.append(PATH_VARIANCE)
        parts.append(poses.path_variance[..., None])
    write_header(target, scorer, poses.keypoints, columns)
    write_lines(target, parts, np.float64, progress=progress, cancelled=cancelled)
