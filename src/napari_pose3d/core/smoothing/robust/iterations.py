"""The iterations of the robust smoother, for keypoints that share ``s``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.poses.certain import CertainCells
from napari_pose3d.core.poses.time_axis import TimeAxis
from napari_pose3d.settings import IsCancelled, SmoothingSettings

from ..kalman.smooth_param_search import bounded_minimum
from ..keypoint_blocks import shared_s
from .initial_track import initial_track, initial_track_in_rows
from .robust_smoother import CalibratedViews, RobustSmoother, RobustTrack

_ITERATIONS = 4
# Half-widths of the search in log s, and its tolerance before and in the last iteration.
_FIRST_WIDTH, _NEXT_WIDTH = 10.0, 1.5
_COARSE, _FINE = 0.3, 0.02


def smooth_robustly(
    rig: Rig,
    centre: NDArray[np.float32],
    variance: NDArray[np.float32],
    searched: NDArray[np.bool_],
    keypoints: Sequence[str],
    settings: SmoothingSettings,
    cancelled: IsCancelled,
    certain: Sequence[CertainCells | None] = (),
    axis: TimeAxis | None = None,
) -> list[RobustTrack]:
    """Smooth keypoints that share ``s``; their iterations advance together.

    Parameters
    ----------
    rig : Rig
        Cameras in the order of the views.
    centre, variance : (view, frame, keypoint, 2)
        The ensemble's centre (px) and variance (px^2).
    searched : (frame,) bool
        Frames that the search for ``s`` uses.
    keypoints : sequence of str
        Their names, for messages.
    settings : SmoothingSettings
    certain : sequence of CertainCells or None, optional
        For each keypoint, observations that a person gave.
    axis : TimeAxis, optional
        Where frames are its rows, and views have frames of their own.

    Returns
    -------
    list of RobustTrack
        One per keypoint.

    Raises
    ------
    PoseDataError
        A keypoint can be triangulated in fewer than two frames.
    """
    given = certain or [None] * len(keypoints)
    start = initial_track if axis is None else partial(initial_track_in_rows, axis)
    smoothers = [
        RobustSmoother(
            CalibratedViews(rig),
            partial(
                start,
                rig,
                centre[:, :, k],
                keypoint=name,
                robust=settings.robust,
                cancelled=cancelled,
                certain=given[k],
            ),
            centre[:, :, k],
            variance[:, :, k],
            searched,
            settings,
            cancelled,
            given[k],
            axis,
        )
        for k, name in enumerate(keypoints)
    ]
    # Copies of the tracks' own, and of a long recording not small.
    del centre, variance
    return iterate(smoothers, shared_s(settings, keypoints))


def iterate(tracks: Sequence[RobustSmoother], given: float | None) -> list[RobustTrack]:
    """Run all iterations of smoothers that share ``s``; they cannot be used afterwards.

    Parameters
    ----------
    given : float or None
        ``s``; None: it is searched.
    """
    s = 1.0 if given is None else given
    width = _FIRST_WIDTH
    for last in (False,) * (_ITERATIONS - 1) + (True,):
        if given is None:
            s = _search(tracks, s, width, _FINE if last else _COARSE)
            # The first search is wide, the others only follow the change of the weights.
            width = _NEXT_WIDTH
        for track in tracks:
            track.smooth(s, last)
            if not last:
                track.learn(s)
    return [track.result(s) for track in tracks]


def _search(
    tracks: Sequence[RobustSmoother], start: float, width: float, tolerance: float
) -> float:
    """The ``s`` that maximises the likelihood of all tracks together, around ``start``."""
    costs = [track.cost_of_s() for track in tracks]

    def cost(log_s: float) -> float:
        value = sum(each(np.exp(log_s)) for each in costs)
        return value if np.isfinite(value) else 1e300

    middle = float(np.log(start))
    log_s, _ = bounded_minimum(cost, middle - width, middle + width, tolerance)
    return float(np.exp(log_s))
