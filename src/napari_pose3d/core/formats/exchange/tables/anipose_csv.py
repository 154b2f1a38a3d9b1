"""Anipose's ``pose-3d`` table, as movement and keypoint-moseq read it.

Notes
-----
movement refuses any column more, so that variances and the mask lie in a side file; keypoint-moseq
passes over names that hold anything but letters, digits and underscores.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from napari_pose3d.core.storage.input_files import input_errors, open_input

from ...predictions.anipose3d_csv import read_anipose3d_csv
from ..destination import Destination
from ..keypoint_names import notes_of, with_readable_names
from ..session_poses import SessionPoses
from ..side_file import poses_with_facts, read_side_file, write_side_file

_PROGRAM = "Anipose's pose-3d table"
_LAST = (
    *(f"M_{i}{j}" for i in range(3) for j in range(3)),
    *(f"center_{i}" for i in range(3)),
    "fnum",
)
_NOT_TURNED = ",1.0,0.0,0.0,0.0,1.0,0.0,0.0,0.0,1.0,0.0,0.0,0.0,"
_BLOCK = 500


def write_anipose_csv(poses: SessionPoses, to: Destination) -> list[str]:
    """Write 3-D positions with residual, number of views and confidence; returns notes.

    ``error`` is the mean residual in px, ``score`` the smallest likelihood of the views used.

    Raises
    ------
    PoseDataError
        There are no 3-D positions, or two keypoints have one name without its odd letters.
    """
    space = poses.in_space(_PROGRAM)
    named, changed = with_readable_names(poses, r"\W", ("M", "center"))
    stream = to.files.open(to.path)
    ends = ("x", "y", "z", "error", "ncams", "score")
    csv.writer(stream, lineterminator="\n").writerow(
        [*(f"{name}_{end}" for name in named.keypoints for end in ends), *_LAST]
    )
    n_views = space.n_views.astype(np.float64)
    n_views[n_views < 2] = np.nan
    others = np.stack([poses.mean_residual(), n_views, poses.confidence3d()], axis=-1)
    template = ",".join(["%.9g"] * (6 * len(named.keypoints)))
    for start in range(0, poses.n_frames, _BLOCK):
        to.check_cancelled()
        part = slice(start, start + _BLOCK)
        block = np.concatenate([space.xyz[part], others[part]], axis=-1)
        block[~np.isfinite(block)] = np.nan
        rows = block.reshape(len(block), -1).tolist()
        stream.write(
            "".join(
                f"{template % tuple(row)}{_NOT_TURNED}{frame}\n".replace("nan", "")
                for frame, row in enumerate(rows, start)
            )
        )
        to.report(min(start + _BLOCK, poses.n_frames), poses.n_frames)
    write_side_file(named, to.path, to.files, changed)
    return [*notes_of(changed), "not kept: uncertainty"]


def read_anipose_csv(path: Path) -> SessionPoses:
    """Read 3-D positions in the frame of the calibration, with residual, views and confidence.

    Raises
    ------
    PoseDataError
        As `read_anipose3d_csv`.
    """
    import pandas as pd

    table = read_anipose3d_csv(path)
    shape = table.xyz.shape[:2]
    found = {}
    with open_input(path) as stream, input_errors(path, LookupError, TypeError):
        columns = pd.read_csv(stream, encoding="utf-8-sig", low_memory=False)
        frames = columns["fnum"].to_numpy(np.int64)
        for end in ("error", "ncams", "score"):
            values = np.full(shape, np.nan)
            for k, name in enumerate(table.keypoints):
                if f"{name}_{end}" in columns:
                    values[frames, k] = columns[f"{name}_{end}"].to_numpy(np.float64)
            values[~np.isfinite(values)] = np.nan
            found[end] = values
    facts = read_side_file(path)
    scores = found["score"].astype(np.float32)
    poses = poses_with_facts(
        table.xyz,
        table.keypoints,
        facts,
        path.stem,
        scores=scores if np.isfinite(scores).any() else None,
        n_views=np.clip(np.nan_to_num(found["ncams"]), 0, 1000),
        residual=found["error"],
    )
    return poses.renamed(facts.renamed)
