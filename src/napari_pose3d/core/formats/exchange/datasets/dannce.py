"""DANNCE's predictions: ``save_data_AVG.mat`` with ``pred (frame, 3, keypoint)``.

Notes
-----
MATLAB version 5. ``sampleID`` counts frames from 0; names, units and frame rate lie in the side
file, as there is no place for them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_pose3d.core.formats.containers.mat_variables import read_mat
from napari_pose3d.errors import PoseDataError

from ..destination import Destination
from ..frame_rows import checked_positions
from ..session_poses import SessionPoses
from ..side_file import names_in_order, poses_with_facts, read_side_file, write_side_file

_EXPECTED = "DANNCE's predictions: pred (frame, 3, keypoint)"
# MATLAB's version 5 counts the bytes of a variable in 32 bits.
_LARGEST = (1 << 31) - (1 << 16)


def write_dannce(poses: SessionPoses, to: Destination) -> list[str]:
    """Write 3-D positions.

    Raises
    ------
    PoseDataError
        There are no 3-D positions, or more than the format can hold.
    """
    from scipy.io import savemat

    space = poses.in_space("DANNCE")
    pred = np.ascontiguousarray(np.swapaxes(space.xyz, 1, 2), np.float64)
    if pred.nbytes > _LARGEST:
        raise PoseDataError(
            f"{poses.n_frames:,} frames are more than a .mat of version 5 can hold",
            todo="Choose another format",
        )
    frames = np.arange(poses.n_frames, dtype=np.float64)[None]
    p_max = np.nan_to_num(poses.confidence3d().astype(np.float64))
    content: dict[str, Any] = {"pred": pred, "sampleID": frames, "p_max": p_max}
    with to.files.path(to.path).open("wb") as stream:
        savemat(stream, content)
    write_side_file(poses, to.path, to.files)
    return [
        "names: the file has none; the side file lists them in order",
        "not kept: uncertainty",
    ]


def is_dannce(path: Path) -> bool:
    """Whether a ``.mat`` holds 3-D predictions."""
    return "pred" in read_mat(path, largest_variable=_LARGEST)


def read_dannce(path: Path) -> SessionPoses:
    """Read 3-D positions of one animal.

    Raises
    ------
    PoseDataError
        It is no such file, or damaged.
    """
    content = read_mat(path, largest_variable=_LARGEST)
    pred = content.get("pred")
    if not isinstance(pred, np.ndarray) or pred.ndim not in (2, 3) or 0 in pred.shape:
        raise PoseDataError("there are no predictions in it", file=path, expected=_EXPECTED)
    # MATLAB drops the last axis of a single keypoint.
    pred = pred[..., None] if pred.ndim == 2 else pred
    if pred.shape[1] != 3:
        raise PoseDataError(f"pred has the shape {pred.shape}", file=path, expected=_EXPECTED)
    xyz = checked_positions(np.swapaxes(pred, 1, 2), path)
    facts = read_side_file(path)
    names, notes = names_in_order(facts, xyz.shape[1])
    known = np.isfinite(xyz[..., 0])
    p_max = content.get("p_max")
    scores = None
    if isinstance(p_max, np.ndarray) and p_max.shape == xyz.shape[:2]:
        scores = np.where(known, np.clip(p_max, 0, 1), np.nan).astype(np.float32)
    return poses_with_facts(xyz, names, facts, path.stem, scores=scores, notes=notes)
