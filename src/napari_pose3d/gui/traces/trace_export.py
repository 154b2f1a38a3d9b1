"""Traces as files: a table for other programs, an image for a talk."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QWidget

from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.errors import PoseDataError

from .trace_plot import Curve

Column = tuple[str, NDArray[np.float64]]


def write_traces_csv(path: Path, columns: Sequence[Column], frame_rate: float | None) -> None:
    """Write curves as a table, a row per frame; missing values are empty cells.

    Parameters
    ----------
    path : Path
        Replaced where it exists.
    columns : sequence of (name, (frame,) float64)
        Shorter ones end with empty cells.
    frame_rate : float or None
        In frames per second; with it there is a column ``time_s``.

    Raises
    ------
    PoseDataError
        When the file cannot be written.
    """
    n_frames = max((len(values) for _, values in columns), default=0)
    with FileGroup(overwrite=True) as group, group.open(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        time = ["time_s"] if frame_rate else []
        writer.writerow(["frame", *time, *(name for name, _ in columns)])
        for frame in range(n_frames):
            row = [str(frame)]
            if frame_rate:
                row.append(f"{frame / frame_rate:.6f}")
            row += [
                f"{values[frame]:.6g}" if frame < len(values) and np.isfinite(values[frame]) else ""
                for _, values in columns
            ]
            writer.writerow(row)


def columns_of(curves: Sequence[Curve], label: str) -> list[Column]:
    """The columns of curves that are plotted under a label; those with deviations have two."""
    columns = []
    for curve in curves:
        columns.append((f"{label}, {curve.name}", curve.values))
        if curve.deviations is not None:
            columns.append((f"{label}, {curve.name}, sd", curve.deviations))
    return columns


def with_suffix(path: Path, suffix: str) -> Path:
    """The path, with a suffix where the user typed none: the file dialog adds none."""
    return path if path.suffix else path.with_name(path.name + suffix)


def write_image(path: Path, plots: QWidget) -> None:
    """Write what is on the screen as an image; the file's suffix decides on the format.

    Raises
    ------
    PoseDataError
        When the file cannot be written, or the format is unknown.
    """
    if not plots.grab().save(str(path)):
        raise PoseDataError(
            "the image cannot be written",
            file=path,
            expected="a name that ends in .png or .jpg, in a folder that can be written to",
        )
