"""A result on an axis of time, at the instants at which it is wanted."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from .arrays import DIFFERENCES, Poses2D, Poses3D, Result, Swaps
from .certain import Cell, CertainObservations, Positions
from .time_axis import TimeAxis, picked


def corrections_in_rows(positions: Positions, axis: TimeAxis, views: tuple[str, ...]) -> Positions:
    """What a person gave at wanted instants, in the rows of the views' own frames nearest to them.

    Frame -1 where a view has none within half a frame, and of other views.
    """
    own = axis.own_rows(axis.times[axis.wanted])

    def row(cell: Cell) -> int:
        if cell.view not in views or not 0 <= cell.frame < len(own):
            return -1
        return int(own[cell.frame, views.index(cell.view)])

    return {cell._replace(frame=row(cell)): xy for cell, xy in positions.items()}


def at_wanted(result: Result, axis: TimeAxis) -> Result:
    """The result in the wanted rows of the axis.

    Positions and their uncertainty are those at these instants. What belongs to a frame of a view
    (likelihood, the ensemble's centre and variance, residuals, swaps) is that of its own frame
    nearest to the instant, if it is within half a frame of the slowest camera; else missing. The
    process noise is that between rows, and left out.

    Parameters
    ----------
    result : Result
        In the rows of the axis.
    """
    own = axis.own_rows(axis.times[axis.wanted])

    def nearest(values: Any, missing: float = np.nan) -> Any:
        """``(view, row, ...)`` to ``(view, output, ...)``."""
        if values is None:
            return None
        return np.ascontiguousarray(picked(values.swapaxes(0, 1), own, missing).swapaxes(0, 1))

    poses: Poses2D = result.poses2d
    poses = replace(
        poses,
        xy=poses.xy[:, axis.wanted],
        variance=None if poses.variance is None else poses.variance[:, axis.wanted],
        likelihood=nearest(poses.likelihood),
        ensemble_median=nearest(poses.ensemble_median),
        ensemble_variance=nearest(poses.ensemble_variance),
    )
    space: Poses3D | None = result.poses3d
    if space is not None:
        by_frame = {
            name: getattr(space, name)[axis.wanted]
            for name in ("xyz", "covariance", "n_views", "inferred")
        }
        unknown: dict[str, Any] = dict.fromkeys(DIFFERENCES)
        space = replace(space, residuals=nearest(space.residuals), **unknown, **by_frame)
    swaps: Swaps | None = result.swaps
    if swaps is not None:
        swaps = replace(swaps, views=nearest(swaps.views, 0), models=nearest(swaps.models, 0))
    certain = result.certain
    if certain is not None:
        certain = _at_wanted(certain, axis)
    return replace(
        result, poses2d=poses, poses3d=space, swaps=swaps, certain=certain, process_noise=None
    )


def _at_wanted(certain: CertainObservations, axis: TimeAxis) -> CertainObservations:
    """Each in the wanted row that is nearest to it; the first of several of a view and keypoint."""
    frame = axis.nearest_wanted[certain.frame]
    cells = np.stack([certain.view, frame, certain.keypoint], axis=1)
    kept = np.sort(np.unique(cells, axis=0, return_index=True)[1])
    values = {each.name: getattr(certain, each.name)[kept] for each in fields(certain)}
    return CertainObservations(**{**values, "frame": frame[kept]})
