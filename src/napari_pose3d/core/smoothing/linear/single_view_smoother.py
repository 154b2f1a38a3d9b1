"""The single-view smoother: a Kalman smoother on the pixels of each view by itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import observed_mask

from ..kalman.state_space import (
    Float64,
    Track,
)
from ..noise.observation_noise import VARIANCE_FLOOR
from .linear_smoother import make_track


def single_view_tracks(
    centre: NDArray[np.float32],
    variance: NDArray[np.float32],
    searched: NDArray[np.bool_],
    *,
    as_published: bool,
) -> tuple[list[Track], Float64]:
    """A random walk of one keypoint's pixels in each view.

    Parameters
    ----------
    centre, variance : (view, frame, 2)
        The ensemble's centre (px) and variance (px^2).
    searched : (frame,) bool

    Returns
    -------
    tracks : list of Track
        One per view; a view without an observation has a track without observations.
    offset : (view, 2)
        Mean over the frames, px; to be added to the state.
    """
    tracks, offsets = [], []
    for y, v in zip(centre.astype(np.float64), variance.astype(np.float64), strict=True):
        observed = observed_mask(y)
        offset = y[observed].mean(axis=0) if observed.any() else np.zeros(2)
        extent = y[observed].var(axis=0) if observed.any() else np.ones(2)
        r = np.ascontiguousarray(v) if as_published else _shrunk(v, observed)
        m0, identity = np.zeros(2), np.eye(2)
        tracks.append(
            make_track(
                y - offset, r, m0, np.diag(extent), identity, identity, searched, as_published
            )
        )
        offsets.append(offset)
    return tracks, np.array(offsets)


def _shrunk(v: Float64, observed: NDArray[np.bool_]) -> Float64:
    """Mean of the frame's own ensemble variance and its median over time; at least the floor."""
    if not observed.any():
        return np.ascontiguousarray(v)
    typical = np.median(v[observed], axis=0)
    return np.ascontiguousarray(np.maximum(0.5 * (v + typical), VARIANCE_FLOOR))
