"""Two prediction sets of one session, or one before and after smoothing, side by side."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import Poses2D, Result, observed_mask
from napari_pose3d.errors import PoseDataError

from .measures.measures import raw_positions

COLUMNS = (
    "session",
    "first",
    "second",
    "view",
    "keypoint",
    "both",
    "only_first",
    "only_second",
    "neither",
    "median_px",
    "percentile_95_px",
    "largest_px",
    "frame",
    "above_bar",
)


@dataclass(frozen=True)
class ComparisonRow:
    """How two sets differ in one view and keypoint.

    Attributes
    ----------
    view, keypoint : str
    both, only_first, only_second, neither : int
        Frames with a position in both sets, in one of them, in none.
    median, percentile_95, largest : float
        Of the distances, px; NaN where no frame has both.
    frame : int
        Of the largest distance; -1 for none.
    above : int
        Frames whose distance is above the bar.
    """

    view: str
    keypoint: str
    both: int
    only_first: int
    only_second: int
    neither: int
    median: float
    percentile_95: float
    largest: float
    frame: int
    above: int


@dataclass(frozen=True, eq=False)
class SetComparison:
    """Two sets of positions of the same views, frames and keypoints.

    Attributes
    ----------
    first, second : str
        Their names.
    views, keypoints : tuple of str
        Those that both have, in the order of the first.
    shift : (view, frame, keypoint, 2) float32
        Second minus first, px; NaN where one of them has no position. For arrows and for scatter
        plots of its x and y.
    rows : tuple of ComparisonRow
        By view, then keypoint.
    bar : float
        Px, that `ComparisonRow.above` counts from.
    """

    first: str
    second: str
    views: tuple[str, ...]
    keypoints: tuple[str, ...]
    shift: NDArray[np.float32]
    rows: tuple[ComparisonRow, ...]
    bar: float

    @property
    def distance(self) -> NDArray[np.float32]:
        """Length of the shift, ``(view, frame, keypoint)`` px."""
        return np.hypot(self.shift[..., 0], self.shift[..., 1])

    def worst_frames(self, n: int = 20, apart: int = 10) -> tuple[int, ...]:
        """Frames with the largest distances of any cell, at least so many frames apart."""
        distance = np.nan_to_num(self.distance, nan=0.0).max(axis=(0, 2))
        chosen: list[int] = []
        for frame in np.argsort(-distance, kind="stable").tolist():
            if len(chosen) == n or distance[frame] <= 0:
                break
            if all(abs(frame - other) >= apart for other in chosen):
                chosen.append(frame)
        return tuple(chosen)


def compare_poses(
    first: Poses2D,
    second: Poses2D,
    names: tuple[str, str] = ("first", "second"),
    bar: float = 5.0,
) -> SetComparison:
    """Compare positions in every view.

    Parameters
    ----------
    first, second : Poses2D
        Of one session. Views and keypoints are matched by name; where one set is longer, its last
        frames are those that the other has not.
    names : (str, str)
    bar : float
        Frames further apart are counted, px.

    Raises
    ------
    PoseDataError
        They have no view or no keypoint in common.

    Examples
    --------
    >>> found = compare_poses(ensemble.poses(0), ensemble.poses(1))  # doctest: +SKIP
    >>> for row in found.rows:  # doctest: +SKIP
    ...     print(row.view, row.keypoint, row.median, row.above)
    """
    views = tuple(view for view in first.views if view in second.views)
    keypoints = tuple(name for name in first.keypoints if name in second.keypoints)
    for what, common, one, other in (
        ("view", views, first.views, second.views),
        ("keypoint", keypoints, first.keypoints, second.keypoints),
    ):
        if not common:
            raise PoseDataError(
                f"the two sets have no {what} in common",
                expected=f"some of {', '.join(one)} in both, but one has {', '.join(other)}",
            )
    n_frames = max(first.n_frames, second.n_frames)
    shift = np.full((len(views), n_frames, len(keypoints), 2), np.nan, np.float32)
    rows = []
    for v, view in enumerate(views):
        for k, keypoint in enumerate(keypoints):
            a, b = (_series(poses, view, keypoint, n_frames) for poses in (first, second))
            shift[v, :, k] = b - a
            rows.append(_row(view, keypoint, a, b, bar))
    return SetComparison(*names, views, keypoints, shift, tuple(rows), bar)


def compare_smoothing(result: Result, bar: float = 5.0) -> SetComparison:
    """Compare the raw predictions with what the smoother made of them.

    Raises
    ------
    PoseDataError
        The result was saved without the predictions that it was made from.
    """
    return compare_poses(raw_poses(result), result.poses2d, ("raw", "smoothed"), bar)


def raw_poses(result: Result) -> Poses2D:
    """The predictions that a result was made from, as a set; the arrays are not copied."""
    poses = result.poses2d
    return Poses2D(
        raw_positions(poses),
        poses.likelihood,
        poses.views,
        poses.keypoints,
        session=poses.session,
        individual=poses.individual,
    )


def write_comparison(stream: TextIO, session: str, comparison: SetComparison) -> None:
    """Write the table as CSV under `COLUMNS`, one line for each view and keypoint."""
    table = csv.writer(stream, lineterminator="\n")
    for row in comparison.rows:
        lengths = (row.median, row.percentile_95, row.largest)
        table.writerow(
            (
                session,
                comparison.first,
                comparison.second,
                row.view,
                row.keypoint,
                row.both,
                row.only_first,
                row.only_second,
                row.neither,
                *(f"{value:.4g}" if np.isfinite(value) else "" for value in lengths),
                row.frame if row.frame >= 0 else "",
                row.above,
            )
        )


def _series(poses: Poses2D, view: str, keypoint: str, n_frames: int) -> NDArray[Any]:
    mine = poses.xy[poses.views.index(view), :, poses.keypoints.index(keypoint)]
    if len(mine) == n_frames:
        return mine
    out = np.full((n_frames, 2), np.nan, np.float32)
    out[: len(mine)] = mine
    return out


def _row(view: str, keypoint: str, a: NDArray[Any], b: NDArray[Any], bar: float) -> ComparisonRow:
    in_a, in_b = observed_mask(a), observed_mask(b)
    frames = np.flatnonzero(in_a & in_b)
    distance = np.hypot(*(b[frames] - a[frames]).T)
    median = percentile = largest = float("nan")
    worst = -1
    if len(frames):
        median, percentile = (float(each) for each in np.percentile(distance, (50, 95)))
        largest, worst = float(distance.max()), int(frames[distance.argmax()])
    return ComparisonRow(
        view,
        keypoint,
        len(frames),
        int((in_a & ~in_b).sum()),
        int((in_b & ~in_a).sum()),
        int((~in_a & ~in_b).sum()),
        median,
        percentile,
        largest,
        worst,
        int((distance > bar).sum()),
    )
