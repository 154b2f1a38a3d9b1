"""Where in an image a rig is wrong: mean residuals over its parts.

Notes
-----
Corners count as in the fit: one image that no pose of the board explains would otherwise make a
part of the image look wrong by many px.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..rig_calibration import Calibration
from ..solve.rig_state import LAST_LOSS, residuals_of

Float64 = NDArray[np.float64]

ARROW = 40.0
"""px of the image that a residual of 1 px is drawn as."""
_CELLS = 16  # along the longer side
_LEAST_WEIGHT = 1.0  # of a part, in corners that fit


@dataclass(frozen=True, eq=False)
class ErrorMap:
    """Mean residuals over the image of one camera.

    Attributes
    ----------
    view : str
    size : (width, height)
        px.
    at, error : (part, 2)
        Middle of the corners in a part of the image, and their mean residual (the rig's corner
        minus the one that was found), px.
    counts : (part,) int64
        Corners in each part.
    cells : (5, 5) bool
        Coarse parts that a corner was seen in, rows from the top.
    """

    view: str
    size: tuple[int, int]
    at: Float64
    error: Float64
    counts: NDArray[np.int64]
    cells: NDArray[np.bool_]


def error_map(calibration: Calibration, view: int) -> ErrorMap:
    """Mean board residuals of one camera at one clock, in parts of its image."""
    solution, observations = calibration.solution, calibration.observations
    width, height = observations.sizes[view]
    residuals = residuals_of(solution.state, solution.images, solution.motion)
    mine = solution.images.view == view
    valid = residuals.valid[mine]
    xy, error = solution.images.xy[mine][valid], residuals.xy[mine][valid]
    cell = max(width, height) / _CELLS
    parts, key = np.unique(np.floor(xy / cell).astype(int), axis=0, return_inverse=True)
    key = key.reshape(-1)
    counts = np.bincount(key, minlength=len(parts))
    weight = 1.0 / (1.0 + np.square(error).sum(axis=1) / LAST_LOSS**2)
    total = np.bincount(key, weight, len(parts))
    shown = total >= _LEAST_WEIGHT
    counts = counts[shown]
    mean = [
        np.stack(
            [(np.bincount(key, weight * each[:, i], len(parts)) / total)[shown] for i in (0, 1)],
            axis=1,
        )
        if len(parts)
        else np.empty((0, 2))
        for each in (xy, error)
    ]
    return ErrorMap(
        observations.views[view],
        (width, height),
        mean[0],
        mean[1],
        counts.astype(np.int64),
        calibration.coverages[view].cells,
    )
