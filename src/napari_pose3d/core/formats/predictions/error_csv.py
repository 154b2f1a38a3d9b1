"""How far observations lie from a reprojection, as CSV in the layout of Lightning Pose's metrics:
one header row with the keypoints, then one line per frame that begins with the frame number.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.settings import IsCancelled, Progress

from ..number_text.number_writer import write_lines


def write_error_csv(
    target: str | os.PathLike[str] | TextIO,
    error: NDArray[np.floating[Any]],
    keypoints: Sequence[str],
    *,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> None:
    """Write the errors of one view.

    Parameters
    ----------
    target : path or text stream
        A path is replaced as a whole or not at all.
    error : (frame, keypoint)
        Pixels; NaN becomes an empty cell.
    keypoints : sequence of str

    Raises
    ------
    PoseDataError
        When the file cannot be written.
    Cancelled
        When `cancelled` returns true; a path is then left as it was.
    """
    if isinstance(target, str | os.PathLike):
        with FileGroup(overwrite=True) as group:
            write_error_csv(
                group.open(target), error, keypoints, progress=progress, cancelled=cancelled
            )
        return
    csv.writer(target, lineterminator="\n").writerow(["", *keypoints])
    write_lines(target, (error[..., None],), np.float32, progress=progress, cancelled=cancelled)
