"""Anipose's ``pose-3d`` table, as movement and keypoint-moseq read it.

Notes
-----
movement refuses any column more, so that variances and the mask lie in a side file; keypoint-moseq
passes over names that hold anything but letters, digits and underscores.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.input_files import input_errors, open_input
from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import ExportSettings, IsCancelled, Progress

from ...predictions.anipose3d_csv import read_anipose3d_csv
from ..keypoint_names import notes_of, with_readable_names
from ..session_poses import SessionPoses, poses3d_of
from ..side_file import read_side_file, write_side_file

_PROGRAM = "Anipose's pose-3d table"
_LAST = (
    *(f"M_{i}{j}" for i in range(3) for j in range(3)),
    *(f"center_{i}" for i in range(3)),
    "fnum",
)
_NOT_TURNED = ",1.0,0.0,0.0,0.0,1.0,0.0,0.0,0.0,1.0,0.0,0.0,0.0,"
_BLOCK = 500


def write_anipose_csv(
    poses: SessionPoses,
    path: Path,
    files: FileGroup,
    settings: ExportSettings,
    progress: Progress,
    cancelled: IsCancelled,
) -> list[str]:
    """Write 3-D positions with residual, number of views and confidence; returns notes.

    ``error`` is the mean residual in px, ``score`` the smallest likelihood of the views used.

    Raises
    ------
    PoseDataError
        There are no 3-D positions, or two keypoints have one name without its odd letters.
    """
    space = poses.in_space(_PROGRAM)
    named, changed = with_readable_names(poses, r"\W", ("M", "center"))
    stream = files.open(path)
    ends = ("x", "y", "z", "error", "ncams", "score")
    csv.writer(stream, lineterminator="\n").writerow(
        [*(f"{name}_{end}" for name in named.keypoints for end in ends), *_LAST]
    )
    n_views = space.n_views.astype(np.float64)
    n_views[n_views < 2] = np.nan
    others = np.stack([poses.mean_residual(), n_views, poses.confidence3d()], axis=-1)
    template = ",".join(["%.9g"] * (6 * len(named.keypoints)))
    for start in range(0, poses.n_frames, _BLOCK):
        if cancelled():
            raise Cancelled
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
        progress(f"Writing {path.name}", min(start + _BLOCK, poses.n_frames), poses.n_frames)
    write_side_file(named, path, files, changed)
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
    space = poses3d_of(
        table.xyz,
        table.keypoints,
        session=facts.session or path.stem,
        units=facts.units,
        n_views=np.clip(np.nan_to_num(found["ncams"]), 0, 1000),
        residual=found["error"],
        inferred=facts.filled(table.keypoints, shape[0]) & np.isfinite(table.xyz[..., 0]),
    )
    poses = SessionPoses(space, fps=facts.fps, skeleton=facts.skeleton)
    if np.isfinite(found["score"]).any():
        poses = replace(poses, scores=found["score"].astype(np.float32))
    return poses.renamed(facts.renamed)
