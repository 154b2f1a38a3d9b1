"""Other bars for the quantities of a review; nothing is measured anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import PoseDataError

from ..events.excesses import Excesses
from ..session_review import SessionReview


@dataclass(frozen=True)
class Threshold:
    """A quantity whose bar can be moved.

    Attributes
    ----------
    name : str
        Of the array in `Excesses`.
    label : str
        For people.
    unit : str
        "px", or "length" for the rig's unit.
    description : str
    """

    name: str
    label: str
    unit: str
    description: str


THRESHOLDS: Mapping[str, Threshold] = {
    each.name: each
    for each in (
        Threshold("correction", "correction", "px", "Distance from raw to smoothed."),
        Threshold("spread", "spread of the sets", "px", "Deviation between the prediction sets."),
        Threshold("uncertainty", "uncertainty", "length", "Of the smoothed point in space."),
        Threshold("jump", "jump", "length", "Step of the smoothed point beside the body."),
        Threshold("bone", "bone", "length", "Deviation from the bone's usual length."),
        Threshold(
            "outside",
            "unlike labels",
            "length",
            "Distance from the nearest labeled pose; px without a calibration.",
        ),
    )
}


def with_bars(
    review: SessionReview, factors: Mapping[str, float], sensitivity: float = 1.0
) -> SessionReview:
    """The same measurements compared with other bars.

    Parameters
    ----------
    review : SessionReview
        With the bars that were found.
    factors : mapping of str to float
        Keys of `THRESHOLDS`; 2 doubles all bars of a quantity. Those that are not named stay.
    sensitivity : float
        See `SessionReview`.

    Raises
    ------
    PoseDataError
        A name is unknown, or a factor or the sensitivity is not positive.
    """
    changed: dict[str, Any] = {}
    for name, factor in factors.items():
        if name not in THRESHOLDS:
            raise PoseDataError(
                f"no bar is called '{name}'", expected=f"some of {', '.join(THRESHOLDS)}"
            )
        if not (np.isfinite(factor) and factor > 0):
            raise PoseDataError(
                f"the bar of '{name}' is multiplied by {factor}", expected="a number above 0"
            )
        if factor != 1:
            changed[name] = getattr(review.excesses, name) / np.float32(factor)
            bar = _BAR_OF[name]
            changed[bar] = getattr(review.excesses, bar) * np.float32(factor)
    excesses = replace(review.excesses, **changed) if changed else review.excesses
    return replace(review, excesses=excesses).with_sensitivity(sensitivity)


_BAR_OF = {
    "correction": "correction_px",
    "spread": "spread_px",
    "uncertainty": "uncertainty_bar",
    "jump": "jump_bar",
    "bone": "bone_bar",
    "outside": "outside_bar",
}


def values_and_bars(
    excesses: Excesses, name: str, view: str = "", keypoint: str = ""
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """All values of a quantity above zero, and the bars that they are compared with.

    Parameters
    ----------
    excesses : Excesses
    name : str
        A key of `THRESHOLDS`.
    view, keypoint : str
        Only of one; empty: of all. A bone counts for both of its ends.

    Returns
    -------
    values, bars : (n,) float32
        In the quantity's unit.
    """
    k = slice(None) if not keypoint else [excesses.keypoints.index(keypoint)]
    if name == "bone":
        ends = [
            b
            for b, bone in enumerate(excesses.bones)
            if not keypoint or keypoint in {excesses.keypoints[i] for i in bone}
        ]
        deviation, excess = np.abs(excesses.bone_deviation[:, ends]), excesses.bone[:, ends]
        known = excess > 0
        return deviation[known], (deviation[known] / excess[known]).astype(np.float32)
    excess = getattr(excesses, name)
    bars = getattr(excesses, _BAR_OF[name])
    if excess.ndim == 3:
        v = slice(None) if not view else [excesses.views.index(view)]
        excess, bars = excess[v][:, :, k], bars[v][:, k]
        values = (excess * bars[:, None]).ravel()
    else:
        excess, bars = excess[:, k], bars[k]
        values = (excess * bars).ravel()
    return values[values > 0], bars[np.isfinite(bars)].ravel()
