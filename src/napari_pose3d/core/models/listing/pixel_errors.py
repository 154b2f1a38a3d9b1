"""``predictions_<view>_pixel_error.csv``: how far a network is from the labels, by frame."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.projects.naming.file_names import SINGLE_VIEW
from napari_pose3d.core.storage.input_files import input_errors, read_text
from napari_pose3d.errors import PoseDataError

SET = "set"


@dataclass(frozen=True, eq=False)
class PixelErrors:
    """Distances of predictions from labels in one view.

    Attributes
    ----------
    view : str
    images : tuple of str
    keypoints : tuple of str
    errors : (image, keypoint) float64
        px of the video's image; NaN where nothing is labeled.
    sets : tuple of str
        ``train``, ``validation`` or ``test`` of each image; "" where the file does not say.
    """

    view: str
    images: tuple[str, ...]
    keypoints: tuple[str, ...]
    errors: NDArray[np.float64]
    sets: tuple[str, ...]

    def median(self, which: str | None = None) -> NDArray[np.float64]:
        """The median of each keypoint over images of a set, ``(keypoint,)`` px; NaN for none."""
        chosen = np.array([which is None or name == which for name in self.sets], bool)
        out = np.full(len(self.keypoints), np.nan)
        for k, column in enumerate(self.errors[chosen].T):
            known = column[np.isfinite(column)]
            if known.size:
                out[k] = np.median(known)
        return out

    def n_images(self, which: str) -> int:
        """How many images of a set there are."""
        return self.sets.count(which)


def read_pixel_errors(
    folder: Path, views: Sequence[str], held_out: bool = False
) -> Mapping[str, PixelErrors]:
    """The pixel errors that ``litpose`` wrote after a training, by view.

    Parameters
    ----------
    folder : Path
        Of the network.
    views : sequence of str
        Empty for a single view.
    held_out : bool
        Of label files ``<name>_test.csv``, which were not trained on.

    Returns
    -------
    mapping of view to PixelErrors
        Empty where the training did not come so far.

    Raises
    ------
    PoseDataError
        A table is damaged.
    """
    found = {}
    for view in views or (SINGLE_VIEW,):
        middle = f"_{view}" if views else ""
        end = "_test" if held_out else ""
        path = folder / f"predictions{middle}_pixel_error{end}.csv"
        if os.path.isfile(path):  # False, too, where a name is too long for a file
            found[view] = _read(path, view)
    return found


def _read(path: Path, view: str) -> PixelErrors:
    text = read_text(path)
    with input_errors(path):
        rows = [row for row in csv.reader(text.splitlines()) if row]
        head = rows[0] if rows else []
        has_set = bool(head) and head[-1] == SET
        keypoints = tuple(head[1 : -1 if has_set else None])
        if not keypoints:
            raise PoseDataError(
                "there are no keypoints",
                file=path,
                place="line 1",
                expected="a table of errors as litpose writes it",
            )
        values, sets = [], []
        for number, row in enumerate(rows[1:], start=2):
            if len(row) != len(head):
                raise PoseDataError(
                    f"the line has {len(row)} cells, the first has {len(head)}",
                    file=path,
                    place=f"line {number}",
                    expected="as many cells in each line",
                )
            cells = row[1 : 1 + len(keypoints)]
            values.append([float(cell) if cell.strip() else np.nan for cell in cells])
            sets.append(row[-1] if has_set else "")
    errors = np.array(values, float).reshape(-1, len(keypoints))
    return PixelErrors(view, tuple(row[0] for row in rows[1:]), keypoints, errors, tuple(sets))
