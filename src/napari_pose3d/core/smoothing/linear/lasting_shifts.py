"""Whether a smoother moved points away from what the views saw, lastingly.

Notes
-----
Smoothing without a calibration relies on a model of all views. Where the model is wrong, as a
linear one is under perspective, it moves points by several px in the same way for many frames.
Taking away noise moves them back and forth instead. So the shift from what was confidently observed
is averaged over some frames, in which noise cancels out, and compared with how far the prediction
sets differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import FloatArray, Poses2D
from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import IsCancelled, never_cancelled

# Confident observations that are averaged, and how many such groups are looked at and needed.
_GROUP = 15
_MOST_GROUPS, _LEAST_GROUPS = 400, 3
# A shift counts beyond so many standard deviations of the prediction sets, and so many px.
_DEVIATIONS, _PX = 2.0, 1.5
# Two sets or one tell nothing about an observation's error.
_MIN_MODELS, _PX_UNKNOWN = 3, 4.0
_NAMED = 3


@dataclass(frozen=True)
class LastingShift:
    """A keypoint that was moved lastingly in a view.

    Attributes
    ----------
    view, keypoint : str
    shift : float
        Typical length of the averaged shift, px.
    spread : float
        Typical standard deviation of the prediction sets, px; NaN where unknown.
    """

    view: str
    keypoint: str
    shift: float
    spread: float


def lasting_shifts(
    poses: Poses2D, n_models: int, cancelled: IsCancelled = never_cancelled
) -> list[LastingShift]:
    """Keypoints and views whose points were moved lastingly, beyond what the sets' spread explains.

    Parameters
    ----------
    poses : Poses2D
        Smoothed positions with the ensemble's centre and variance.
    n_models : int
        Prediction sets.

    Raises
    ------
    Cancelled
    """
    if poses.ensemble_median is None:
        return []
    found = []
    for v, view in enumerate(poses.views):
        for k, keypoint in enumerate(poses.keypoints):
            if cancelled():
                raise Cancelled
            shift, frames = _typical_shift(
                poses.xy[v, :, k], poses.ensemble_median[v, :, k], poses.likelihood[v, :, k]
            )
            spread, limit = np.nan, _PX_UNKNOWN
            if n_models >= _MIN_MODELS and poses.ensemble_variance is not None and len(frames):
                spread = float(np.sqrt(np.nanmedian(poses.ensemble_variance[v, frames, k])))
                limit = max(_PX, _DEVIATIONS * spread)
            if shift > limit:
                found.append(LastingShift(view, keypoint, shift, spread))
    return found


def shift_note(
    poses: Poses2D, n_models: int, cancelled: IsCancelled = never_cancelled
) -> str | None:
    """What to tell the user about `lasting_shifts`; None where there are none."""
    shifts = lasting_shifts(poses, n_models, cancelled)
    if not shifts:
        return None
    places = []
    for view in poses.views:
        here = sorted((s for s in shifts if s.view == view), key=lambda s: -s.shift)
        if here:
            names = ", ".join(s.keypoint for s in here[:_NAMED])
            more = f" and {len(here) - _NAMED} more" if len(here) > _NAMED else ""
            places.append(f"{view} up to {here[0].shift:.1f} ({names}{more})")
    spread = float(np.median([s.spread for s in shifts]))
    known = f"; the prediction sets differ by {spread:.1f}" if np.isfinite(spread) else ""
    return (
        "linear smoothing moved points away from what the views saw, by a median in px of "
        f"{', '.join(places)}{known}. Give a calibration, or smooth each view by itself (mode "
        "'single')"
    )


def _typical_shift(
    xy: FloatArray, centre: FloatArray, likelihood: FloatArray
) -> tuple[float, NDArray[np.intp]]:
    """Median length of the averaged shift (px), and the frames that it is from.

    Parameters
    ----------
    xy, centre : (frame, 2)
        Smoothed and observed position, px.
    likelihood : (frame,)
    """
    observed = np.isfinite(xy[:, 0]) & np.isfinite(centre[:, 0])
    known = observed & np.isfinite(likelihood)
    if known.any():
        # The better half, of which outliers are few.
        observed = known & (likelihood >= np.median(likelihood[known]))
    frames = np.flatnonzero(observed)
    n_groups = len(frames) // _GROUP
    if n_groups < _LEAST_GROUPS:
        return 0.0, frames[:0]
    groups = frames[: n_groups * _GROUP].reshape(n_groups, _GROUP)
    groups = groups[np.linspace(0, n_groups - 1, min(n_groups, _MOST_GROUPS)).astype(int)]
    shift = (xy[groups].astype(np.float64) - centre[groups]).mean(axis=1)
    return float(np.median(np.linalg.norm(shift, axis=-1))), groups.reshape(-1)
