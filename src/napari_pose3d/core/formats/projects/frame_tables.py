"""Small tables that say something about each image of a video: times, bounding boxes."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.errors import PoseDataError

Float64 = NDArray[np.float64]

_BOX = ("x", "y", "w", "h")


def read_times(path: Path) -> Float64:
    """The times in a text file: one line for each image, whose last number is the time.

    Lines before the first number (a header) are passed over; cells are separated by commas,
    semicolons, tabs or blanks.

    Raises
    ------
    PoseDataError
        When it cannot be read, a line holds no number, or time does not go on.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text in UTF-8"
        raise PoseDataError(
            f"the times cannot be read ({reason})",
            file=path,
            todo="Correct 'timestamps' in napari-pose3d/project.toml",
        ) from error
    times: list[float] = []
    for number, line in enumerate(lines, start=1):
        cells = line.replace(",", " ").replace(";", " ").split()
        if not cells:
            continue
        try:
            time = float(cells[-1])
        except ValueError:
            if not times:
                continue
            raise PoseDataError(
                f"'{cells[-1]}' is not a time",
                file=path,
                place=f"line {number}",
                expected="a number at the end of each line",
            ) from None
        if times and not time > times[-1]:
            raise PoseDataError(
                f"the time {time:g} is not later than {times[-1]:g} before it",
                file=path,
                place=f"line {number}",
                expected="one line for each image of this view alone, in order",
            )
        times.append(time)
    if len(times) < 2:
        raise PoseDataError(
            f"the file holds {len(times)} times", file=path, expected="one for each image"
        )
    return np.array(times)


def dropped_from_times(times: Float64, file: Path | None = None) -> NDArray[np.int64]:
    """Camera frames that are missing between images taken at these times.

    The frame interval is the median of the intervals; an interval of about n of them has n - 1
    missing frames. An image whose time came late and the next one early, as happens when the
    computer takes the times, is no gap: their two intervals are taken together.

    Parameters
    ----------
    times : (image,)
        Rising, in any unit.

    Returns
    -------
    (dropped,) int64
    """
    intervals = np.diff(times)
    intervals = intervals / np.median(intervals)
    steps = np.maximum(np.rint(intervals), 1).astype(np.int64)
    for i in np.flatnonzero((steps[:-1] > 1) & (intervals[1:] < 0.75)):
        both = max(round(float(intervals[i] + intervals[i + 1])), 2)
        steps[i], steps[i + 1] = both - 1, 1
    camera = np.concatenate([[0], np.cumsum(steps)])
    if camera[-1] > 100 * len(times):
        raise PoseDataError(
            "the times say that hardly any image was kept",
            file=file,
            expected="times of all images at a steady rate, with some of them missing",
        )
    return np.setdiff1d(np.arange(camera[-1] + 1), camera)


def read_boxes(path: Path) -> Float64:
    """The bounding boxes of a video that was cut out image by image.

    Lightning Pose's table: a row for each image, with the columns x, y (upper left pixel in the
    full image), h and w, in any order.

    Returns
    -------
    (image, 4) float64
        x, y, width, height in px.

    Raises
    ------
    PoseDataError
        When it cannot be read, or a row is not four numbers with a size above 0.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PoseDataError(
            f"the boxes cannot be read ({getattr(error, 'strerror', None) or error})", file=path
        ) from error
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    if any(name not in header for name in _BOX):
        raise PoseDataError(
            "this is no table of bounding boxes",
            file=path,
            place="line 1",
            expected="the columns x, y, h, w",
        )
    places = [header.index(name) for name in _BOX]
    boxes = np.empty((len(rows) - 1, 4))
    for i, row in enumerate(rows[1:]):
        try:
            boxes[i] = [float(row[place]) for place in places]
        except (ValueError, IndexError):
            boxes[i] = np.nan
        if not (np.isfinite(boxes[i]).all() and (boxes[i, 2:] > 0).all()):
            raise PoseDataError(
                "this is no bounding box",
                file=path,
                place=f"line {i + 2}",
                expected="four numbers, h and w above 0",
            )
    if not len(boxes):
        raise PoseDataError("there are no boxes in the file", file=path)
    return boxes
