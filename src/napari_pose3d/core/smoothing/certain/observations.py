"""Positions that a person gave, put into the statistics of an ensemble."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from napari_pose3d.core.poses.certain import CERTAIN_VARIANCE, CertainObservations, Positions

from ..ensemble.ensemble_statistics import EnsembleStatistics


def certain_observations(
    positions: Positions,
    statistics: EnsembleStatistics,
    views: Sequence[str],
    keypoints: Sequence[str],
) -> tuple[CertainObservations | None, list[str]]:
    """Positions by name as indices, and notes on those that cannot be used.

    Parameters
    ----------
    positions : mapping of Cell to (x, y)
    statistics : EnsembleStatistics
        What is to be smoothed; the cells' own values are remembered.
    views, keypoints : sequence of str

    Returns
    -------
    CertainObservations or None, list of str
        None where no position can be used.
    """
    n_frames = statistics.n_frames
    known = {
        (views.index(view), frame, keypoints.index(keypoint)): xy
        for (view, frame, keypoint), xy in positions.items()
        if view in views and keypoint in keypoints and 0 <= frame < n_frames
    }
    left = len(positions) - len(known)
    notes = (
        [f"corrections of other views, keypoints or frames than these are not used: {left:,}"]
        if left
        else []
    )
    if not known:
        return None, notes
    view, frame, keypoint = (np.array(each, dtype=np.intp) for each in zip(*known, strict=True))
    at = view, frame, keypoint
    found = CertainObservations(
        view,
        frame,
        keypoint,
        np.array(list(known.values()), np.float64),
        statistics.centre[at],
        statistics.variance[at],
        statistics.likelihood[at],
    )
    return found, notes


def put_certain(statistics: EnsembleStatistics, certain: CertainObservations) -> None:
    """Write positions that a person gave into an ensemble's statistics, in place."""
    at = certain.view, certain.frame, certain.keypoint
    statistics.centre[at] = certain.xy
    statistics.variance[at] = CERTAIN_VARIANCE
    statistics.likelihood[at] = 1.0


def with_certain(
    statistics: EnsembleStatistics,
    positions: Positions,
    views: Sequence[str],
    keypoints: Sequence[str],
) -> tuple[EnsembleStatistics, list[str]]:
    """Statistics that hold positions that a person gave, written in place, and notes on them.

    Parameters are as for `certain_observations`.
    """
    certain, notes = certain_observations(positions, statistics, views, keypoints)
    if certain is None:
        return statistics, notes
    put_certain(statistics, certain)
    return replace(statistics, certain=certain), [*notes, certain.note]
