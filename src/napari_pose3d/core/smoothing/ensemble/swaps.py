"""Left-right swaps: keypoints of a pair that a view or prediction set has exchanged.

Notes
-----
A network that takes one side of the animal for the other has a high likelihood all the same; the
geometry shows it: both keypoints of a pair lie where the other one is expected. Sets are compared
with the centre of all sets of the view, views with the reprojection of the point in space. Where
the two sides lie close together in the image, no swap is reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.left_right import Pair
from napari_pose3d.core.poses.report import Swaps

from .ensemble_statistics import EnsembleStatistics


def find_swaps(
    statistics: EnsembleStatistics,
    expected: NDArray[np.float32] | None,
    pairs: Sequence[Pair],
    keypoints: Sequence[str],
    corrected: bool,
) -> Swaps:
    """Where prediction sets and views hold both keypoints of a pair in each other's place.

    Parameters
    ----------
    statistics : EnsembleStatistics
        Made with the same pairs.
    expected : (view, frame, keypoint, 2) or None
        Where the points in space fall in each view, px; None without a rig.
    pairs : sequence of (int, int)
    keypoints : sequence of str
    corrected : bool
        Whether the caller exchanges them.
    """
    from .swap_kernels import flag_views

    flags = np.zeros(statistics.swapped.shape, dtype=bool)
    if expected is not None:
        flag_views(statistics.centre, expected, np.array(pairs, dtype=np.int64), flags)
    names = tuple((keypoints[a], keypoints[b]) for a, b in pairs)
    return Swaps(names, flags, statistics.swapped, corrected)


def exchange(statistics: EnsembleStatistics, flags: NDArray[np.bool_], pairs: Any) -> None:
    """Exchange the keypoints of the flagged pairs, in place."""
    arrays = (statistics.centre, statistics.variance, statistics.likelihood)
    for p, (left, right) in enumerate(pairs):
        views, frames = np.nonzero(flags[:, :, p])
        for array in arrays:
            kept = array[views, frames, left].copy()
            array[views, frames, left] = array[views, frames, right]
            array[views, frames, right] = kept
