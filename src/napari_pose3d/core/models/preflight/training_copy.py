"""A copy of the label files in which views with too few labels have projected positions.

Notes
-----
``litpose`` ends with an error in frames where a view has fewer than three labels that another
view has, too, while a calibration is there. Positions with ``visible`` 0 satisfy its geometry and
are not learned; so the copy has the projections of the other views' labels there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.rig_file import load_rig
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate
from napari_pose3d.core.formats.labels.label_csv import LabelTable
from napari_pose3d.core.formats.labels.label_lines import Cell
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.input_files import read_text

from ..configuration.config_file import value_at
from ..configuration.crops import box_files
from .label_checks import LEAST_IN_A_VIEW, too_few
from .training_input import TrainingInput, side_files

FOLDER = "training-labels"


@dataclass(frozen=True)
class TrainingCopy:
    """Label files to train on.

    Attributes
    ----------
    files : tuple of Path
        In the order of the views; the project's own where nothing had to be filled.
    filled : tuple of (view, image)
        Views of frames that were given projected positions.
    left_out : tuple of str
        Images of the first view whose frames cannot be filled and are not in the copy.
    boxes : tuple of Path
        Copies of the tables of boxes without those frames; empty where the given ones do.
    """

    files: tuple[Path, ...]
    filled: tuple[tuple[str, str], ...] = ()
    left_out: tuple[str, ...] = ()
    boxes: tuple[Path, ...] = ()


def make_training_copy(given: TrainingInput, folder: Path) -> TrainingCopy:
    """Write the copy into ``training-labels/`` of a folder, where one is needed.

    Parameters
    ----------
    given : TrainingInput
    folder : Path
        Of the training.

    Raises
    ------
    PoseDataError
        A calibration is damaged, or the files cannot be written.
    """
    bad = too_few(given)
    own = tuple(each.path for each in given.labels)
    if not bad.any():
        return TrainingCopy(own)
    labeled = np.stack([each.labeled for each in given.labels])
    rows = np.flatnonzero(bad.any(axis=0))
    projected = _projected(given, rows)
    fills = np.zeros(labeled.shape, bool)
    fills[:, rows] = bad[:, rows, None] & ~labeled[:, rows] & np.isfinite(projected[..., 0])
    shown = labeled | fills
    in_space = shown.sum(axis=0) >= 2
    still = (shown & in_space).sum(axis=-1) < LEAST_IN_A_VIEW
    left_out = rows[still[:, rows].any(axis=0)]
    hidden = bool(value_at(given.config, "training.uniform_heatmaps_for_nan_keypoints", False))
    files, filled, boxes = [], [], []
    with FileGroup(overwrite=True) as group:
        for v, each in enumerate(given.labels):
            table = _with_visible(each.table, labeled[v], hidden)
            changes: dict[int, dict[str, Cell]] = {}
            for i, n in enumerate(rows):
                cells = {
                    name: Cell(float(projected[v, i, k, 0]), float(projected[v, i, k, 1]), 0)
                    for k, name in enumerate(each.table.keypoints)
                    if fills[v, n, k]
                }
                if cells and n not in left_out:
                    changes[each.table.rows[n][0]] = cells
                    filled.append((each.view, each.images[n]))
            removed = [each.table.rows[n][0] for n in left_out]
            path = folder / FOLDER / each.path.name
            group.open(path).write(table.changed(changes, removed=removed).text())
            files.append(path)
            for beside in side_files(each.path):
                group.open(folder / FOLDER / beside.name).write(read_text(beside))
        for path in box_files(given.config) if len(left_out) else ():
            lines = read_text(path).splitlines(keepends=True)
            gone = {int(n) + 1 for n in left_out}
            kept = "".join(line for n, line in enumerate(lines) if n not in gone)
            boxes.append(folder / FOLDER / path.name)
            group.open(boxes[-1]).write(kept)
    first = given.labels[0].images
    images = tuple(first[n] for n in left_out)
    return TrainingCopy(tuple(files), tuple(filled), images, tuple(boxes))


def _with_visible(table: LabelTable, labeled: NDArray[np.bool_], hidden: bool) -> LabelTable:
    """The table with a column visible that means what litpose takes its absence for."""
    if table.has_visible:
        return table
    occluded = {
        line: [name for k, name in enumerate(table.keypoints) if not labeled[n, k]]
        for n, (line, _) in enumerate(table.rows)
    }
    return table.with_visible(occluded if hidden else {})


def _projected(given: TrainingInput, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Where the points of some rows fall in each view, ``(view, row, keypoint, 2)`` px."""
    xy = np.stack([each.xy[rows] for each in given.labels])
    out = np.full_like(xy, np.nan)

    @cache
    def rig_of(path: Path) -> Rig:
        return load_rig(path).subset([each.view for each in given.labels])

    images = given.labels[0].images
    by_rig: dict[Path, list[int]] = {}
    for i, n in enumerate(rows):
        path = given.calibrations.get(given.session_of(images[n]) or "")
        if path is not None:
            by_rig.setdefault(path, []).append(i)
    for path, at in by_rig.items():
        rig = rig_of(path)
        out[:, at] = rig.project(triangulate(rig, xy[:, at]).xyz)
    return out
