"""What a certainty lets through: how many frames, and how far from the labels of people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import Result
from napari_pose3d.wording import counted, verb

from .pseudo_labels import certain_frames, certain_positions


@dataclass(frozen=True, eq=False)
class LabeledResult:
    """A smoothed session and the labels of people in it.

    Attributes
    ----------
    result : Result
    frames : (n,) int64
        Labeled frames of the session.
    labels : (view, n, keypoint, 2) float64
        px, in the result's order of views and keypoints; NaN where there is no label.
    """

    result: Result
    frames: NDArray[np.int64]
    labels: NDArray[np.float64]


@dataclass(frozen=True)
class CertaintyCheck:
    """What a certainty lets through, against labels of people.

    Attributes
    ----------
    certainty : float
        px.
    n_frames : int
        Frames of the sessions that are certain enough.
    n_labels, n_certain : int
        Labels in smoothed frames, and those whose positions are certain.
    median, worst_tenth : float
        px from the label, of the certain ones: the median, and what a tenth of them exceeds; NaN
        without any.
    """

    certainty: float
    n_frames: int
    n_labels: int
    n_certain: int
    median: float
    worst_tenth: float

    def __str__(self) -> str:
        words = f"{self.certainty:g} px: {counted(self.n_frames, 'frame')}; "
        if not self.n_certain:
            return words + f"none of {counted(self.n_labels, 'labeled position')} is certain"
        return (
            words + f"{self.n_certain} of {counted(self.n_labels, 'labeled position')} "
            f"{verb(self.n_certain)} certain; {verb(self.n_certain, 'it is', 'they are')} off by "
            f"{self.median:.1f} px (median), a tenth by more than "
            f"{self.worst_tenth:.1f} px"
        )


def check_certainty(
    sessions: Sequence[LabeledResult], certainty: float, share: float = 0.8
) -> CertaintyCheck:
    """Compare what a certainty lets through with labels.

    Networks that learned from these labels are nearer to them than to the truth elsewhere.

    Parameters
    ----------
    sessions : sequence of LabeledResult
    certainty : float
        px: the largest posterior standard deviation.
    share : float
        Of a frame's positions that have to be certain.

    Raises
    ------
    PoseDataError
        A result has no posterior variance.
    """
    n_frames = n_labels = 0
    errors = [np.empty(0)]
    for each in sessions:
        certain = certain_positions(each.result, certainty)
        n_frames += int(certain_frames(certain, share).sum())
        inside = (each.frames >= 0) & (each.frames < each.result.poses2d.n_frames)
        at = each.frames[inside]
        distance = np.linalg.norm(each.result.poses2d.xy[:, at] - each.labels[:, inside], axis=-1)
        known = np.isfinite(distance)
        n_labels += int(known.sum())
        errors.append(distance[certain[:, at] & known])
    all_errors = np.concatenate(errors)
    median = worst = np.nan
    if all_errors.size:
        median, worst = (float(np.quantile(all_errors, q)) for q in (0.5, 0.9))
    return CertaintyCheck(certainty, n_frames, n_labels, all_errors.size, median, worst)
