"""How views agree on points that were left out of a fit, before and after it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import (
    leave_one_out_residuals,
    triangulate,
)

from .matched_points import MatchedPoints

Float64 = NDArray[np.float64]

_SURELY = 2.0  # standard errors


@dataclass(frozen=True)
class ViewAgreement:
    """How a view agrees with the others on points left out of the fit.

    Attributes
    ----------
    view : str
    before, after : float
        Median distance in px of an observation from where the other views put the point; with two
        views, from the common point. NaN where the view saw none of them with two others that
        agree.
    n : int
        Observations that were looked at (``after``).
    """

    view: str
    before: float
    after: float
    n: int


@dataclass(frozen=True)
class Improvement:
    """Whether a rig became better.

    Attributes
    ----------
    views : tuple of ViewAgreement
    gain : float
        By how much the distances fell, over the mean of before and after: 0.1 for a tenth, 2 at
        most, and as much below 0 where they rose. See `share` for words.
    standard_error : float
        Of it, from the scatter between stretches of frames.
    """

    views: tuple[ViewAgreement, ...]
    gain: float
    standard_error: float

    @property
    def share(self) -> float:
        """Of the distances before, by which they fell."""
        return 2 * self.gain / (2 + self.gain)

    @property
    def share_error(self) -> float:
        """Standard error of `share`."""
        return 4 * self.standard_error / (2 + self.gain) ** 2

    def is_surely_above(self, gain: float) -> bool:
        """Whether the gain is above another by more than chance."""
        return self.gain - gain > _SURELY * self.standard_error

    def __str__(self) -> str:
        listed = ", ".join(
            f"{each.view} {each.before:.2f} -> {each.after:.2f}" for each in self.views
        )
        return (
            f"on points left out of the fit (px, median): {listed}; gain {100 * self.share:.1f} % "
            f"+- {100 * self.share_error:.1f} %"
        )


def improvement(before: Rig, after: Rig, points: MatchedPoints) -> Improvement:
    """Compare two rigs on points that neither was fitted to."""
    old, new = (distances(rig, points.xy) for rig in (before, after))
    known = np.isfinite(old) & np.isfinite(new)
    views = []
    for i, name in enumerate(before.names):
        # The rig before may be so wrong that no two other views agree on any point.
        seen = [known[i]] * 2 if known[i].any() else [np.isfinite(each[i]) for each in (old, new)]
        a, b = (
            float(np.median(each[i, at])) if at.any() else np.nan
            for each, at in zip((old, new), seen, strict=True)
        )
        views.append(ViewAgreement(name, a, b, int(seen[1].sum())))
    gains = []
    for block in np.unique(points.block):
        at = known & (points.block == block)[None]
        shares = []
        for i in range(len(old)):
            if at[i].any():
                a, b = np.median(old[i, at[i]]), np.median(new[i, at[i]])
                shares.append((a - b) / max(a + b, 1e-12) * 2)
        if shares:
            gains.append(float(np.mean(shares)))
    if len(gains) < 2:
        gain = gains[0] if gains else 0.0
        return Improvement(tuple(views), gain, np.inf)
    return Improvement(
        tuple(views), float(np.mean(gains)), float(np.std(gains, ddof=1) / np.sqrt(len(gains)))
    )


def distances(rig: Rig, xy: Float64) -> Float64:
    """Distance of each observation from where the other views put the point, ``(view, point)`` px.

    With two views only, from the common point.
    """
    if len(rig.cameras) == 2:
        return triangulate(rig, xy, threads=1).residuals
    inliers = triangulate(rig, xy, robust="auto", threads=1).inliers
    return leave_one_out_residuals(rig, xy, inliers=inliers, threads=1)
