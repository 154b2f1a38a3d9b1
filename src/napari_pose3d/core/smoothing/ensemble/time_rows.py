"""An ensemble whose views have frames of their own, on one axis of time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_pose3d.core.poses.arrays import observed_mask
from napari_pose3d.core.poses.time_axis import TimeAxis
from napari_pose3d.errors import PoseDataError

from .ensemble_statistics import EnsembleStatistics


def in_rows(
    statistics: EnsembleStatistics, axis: TimeAxis, views: tuple[str, ...]
) -> EnsembleStatistics:
    """Statistics by each view's own frames, in the rows of the axis; NaN where it has no frame.

    Raises
    ------
    PoseDataError
        A view has more or fewer frames than times.
    """
    for view, (name, rows) in enumerate(zip(views, axis.rows, strict=True)):
        observed = observed_mask(statistics.centre[view, len(rows) :])
        if statistics.n_frames < len(rows) or observed.any():
            n = statistics.n_frames
            if observed.any():
                n = len(rows) + int(np.flatnonzero(observed.any(axis=1))[-1]) + 1
            raise PoseDataError(
                f"there are {len(rows):,} times of view {name}, but its predictions have "
                f"{n:,} frames",
                expected="the time of each frame",
            )
    return replace(
        statistics,
        centre=axis.scattered(statistics.centre),
        variance=axis.scattered(statistics.variance),
        likelihood=axis.scattered(statistics.likelihood),
        swapped=axis.scattered(statistics.swapped, 0),
    )


def at_frames(statistics: EnsembleStatistics, axis: TimeAxis) -> EnsembleStatistics:
    """What the views observe at the frames of the axis, interpolated between their own.

    Parameters
    ----------
    statistics : EnsembleStatistics
        In the rows of the axis.
    """
    likelihood = axis.at_frames(statistics.likelihood)
    return replace(
        statistics,
        centre=axis.at_frames(statistics.centre),
        variance=axis.at_frames(statistics.variance),
        likelihood=likelihood,
        swapped=np.zeros((*likelihood.shape[:2], statistics.swapped.shape[2]), np.uint8),
    )
