"""Small tables with a row for each frame of a video: times, bounding boxes."""

from __future__ import annotations

import csv
import tokenize
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.storage.input_files import input_errors, open_input, read_text
from napari_pose3d.errors import PoseDataError

Float64 = NDArray[np.float64]

_BOX = ("x", "y", "w", "h")
_LARGEST = 256 << 20
# What NumPy makes of a damaged head of an array.
_NPY_ERRORS = (SyntaxError, TypeError, tokenize.TokenError)
_CORRECT = "Correct the file, or 'timestamps' in napari-pose3d/project.toml"


def read_times(path: Path) -> Float64:
    """The times of the frames of a video: a NumPy array (``.npy``), or a text file.

    In a text there is a line for each frame with the time as a number or a date and time (ISO
    8601), in the only column whose name holds "time", else at the end of the line. Lines before the
    first time (a header) are passed over; cells are separated by commas, semicolons, tabs or
    blanks. Dates, also in an array, become seconds.

    Returns
    -------
    (frame,) float64
        Rising.

    Raises
    ------
    PoseDataError
        When it cannot be read, a line holds no number, or time does not go on.
    """
    times = _npy_times(path) if path.suffix.lower() == ".npy" else _text_times(path)
    if len(times) < 2:
        raise PoseDataError(
            f"the file holds {len(times)} times", file=path, expected="one for each frame"
        )
    return times


def _npy_times(path: Path) -> Float64:
    with (
        open_input(path, largest=_LARGEST) as stream,
        input_errors(path, *_NPY_ERRORS, expected="an array of numpy.save", todo=_CORRECT),
    ):
        array = np.atleast_1d(np.squeeze(np.lib.format.read_array(stream, allow_pickle=False)))
    if array.dtype.kind == "M":
        array = array.astype("datetime64[ns]").astype(np.int64) / 1e9
    if array.ndim != 1 or array.dtype.kind not in "iuf":
        raise PoseDataError(
            f"the array has the shape {array.shape} and the type {array.dtype}",
            file=path,
            expected="one number for each frame",
            todo=_CORRECT,
        )
    times = array.astype(np.float64)
    if len(wrong := np.flatnonzero(~np.isfinite(times))):
        raise PoseDataError(
            f"the time of frame {wrong[0]} is {times[wrong[0]]}",
            file=path,
            expected="a time for each frame",
            todo=_CORRECT,
        )
    if len(wrong := np.flatnonzero(~(np.diff(times) > 0))):
        raise PoseDataError(
            f"the time of frame {wrong[0] + 1} is not later than that of the frame before",
            file=path,
            expected="the time of each frame of this view alone, in order",
        )
    return times


def _text_times(path: Path) -> Float64:
    try:
        text = read_text(path, largest=_LARGEST)
    except PoseDataError as error:
        raise PoseDataError(
            f"the times cannot be read ({error.problem})", file=path, todo=_CORRECT
        ) from error
    times: list[float] = []
    beside: list[float | None] = []
    column, header = -1, ""
    for number, line in enumerate(text.splitlines(), start=1):
        cells = _cells(line)
        if not cells:
            continue
        time = _time(cells[column]) if column < len(cells) else None
        if time is None:
            if not times:
                named = [i for i, cell in enumerate(cells) if "time" in cell.lower()]
                column = named[0] if len(named) == 1 else column
                header = header or line
                continue
            raise PoseDataError(
                f"'{cells[min(column, len(cells) - 1)][:40]}' is not a time",
                file=path,
                place=f"line {number}",
                expected="a time at the end of each line, or in the column that a header names",
            )
        if not np.isfinite(time) or (times and not time > times[-1]):
            before = f" than {times[-1]:g} before it" if times else ""
            raise PoseDataError(
                f"the time {time:g} is not later{before}",
                file=path,
                place=f"line {number}",
                expected="one line for each frame of this view alone, in order",
            )
        times.append(time)
        beside.append(_time(cells[0]) if len(cells) > 1 else None)
    if header and not times:
        raise PoseDataError(
            f"none of its lines ends in a time (the first is '{header[:60]}')",
            file=path,
            expected="a line for each frame, with a number or a date and time at its end",
            todo=_CORRECT,
        )
    found = np.array(times)
    if column < 0 and _counts(found) and None not in beside and not _counts(np.array(beside)):
        raise PoseDataError(
            "the last number of each line counts frames and is no time",
            file=path,
            expected="the time at the end of each line, or a header that calls its column 'time'",
            todo=_CORRECT,
        )
    return found


def _cells(line: str) -> list[str]:
    """The cells of a line, by whatever separates them; a date and a time are one."""
    for separator in (";", "\t", ","):
        if separator in line:
            return [cell.strip(' "') for cell in line.split(separator) if cell.strip()]
    if _time(line.strip(' "')) is not None:
        return [line.strip(' "')]
    return line.split()


def _time(cell: str) -> float | None:
    """A number, or a date and time in seconds; None for what is neither."""
    try:
        return float(cell)
    except ValueError:
        pass
    try:
        instant = datetime.fromisoformat(cell)
    except ValueError:
        return None
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()


def _counts(numbers: NDArray[np.floating]) -> bool:
    """Whether numbers are 0, 1, 2, ... or begin elsewhere."""
    return len(numbers) > 2 and bool((np.diff(numbers) == 1).all())


def paired_by_time(reference: Float64, times: Float64) -> NDArray[np.int64]:
    """Which frame of a camera belongs to each frame of a slower one.

    Parameters
    ----------
    reference : (image,)
        Times of the images of the slower camera, by the same clock. Frames that it lost are
        counted.
    times : (frame,)

    Returns
    -------
    (reference frame,) int64
        The frame nearest in time, -1 where none is within half a frame of the camera; each frame
        belongs to one at most.
    """
    instants = frame_instants(reference)
    n_frames = len(instants)
    after = np.clip(np.searchsorted(times, instants), 1, len(times) - 1)
    nearest = after - (instants - times[after - 1] <= times[after] - instants)
    distance = np.abs(times[nearest] - instants)
    # Text files round: a frame that lies half-way counts.
    found = distance <= (0.5 + 1e-6) * np.median(np.diff(times))
    order = np.lexsort((distance, nearest))
    first = np.ones(n_frames, bool)
    first[order[1:]] = nearest[order[1:]] != nearest[order[:-1]]
    return np.where(found & first, nearest, -1)


def camera_frames(times: Float64) -> NDArray[np.int64]:
    """The camera's own count of each of its images, in which those that it lost count, too."""
    dropped = dropped_from_times(times)
    return np.setdiff1d(np.arange(len(times) + len(dropped)), dropped)


def frame_instants(times: Float64) -> Float64:
    """When a camera took its frames, ``(frame,)``: those that it lost are interpolated."""
    camera = camera_frames(times)
    return np.asarray(np.interp(np.arange(camera[-1] + 1), camera, times))


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
        text = read_text(path, largest=_LARGEST)
    except PoseDataError as error:
        raise PoseDataError(f"the boxes cannot be read ({error.problem})", file=path) from error
    with input_errors(path):
        rows = list(csv.reader(text.splitlines()))
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
