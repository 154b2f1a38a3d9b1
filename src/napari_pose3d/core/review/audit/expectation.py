"""Where smoothed predictions expect the labels: evidence beside that of the other views.

Notes
-----
Labels and networks share no click, so predictions decide between explanations that fit the labels
equally well: which of two views has its sides exchanged, or whether all have. Frames are labeled
where networks fail, so that a label is never wrong because predictions say otherwise: they count
no more than a label does, and only beside other evidence.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .findings import AuditInput

Float64 = NDArray[np.float64]

# Squared deviations that are as expected, and that say no more.
_USUAL, _MOST = 4.0, 24.0
# Networks place a keypoint a little elsewhere than a person does, px.
_HABIT_PX = 1.0
# Deviations from which on a point in space is away from where it is expected.
FAR = 6.0


class Expectation:
    """Where smoothed predictions expect the labels of a session.

    Parameters
    ----------
    given : AuditInput
        With ``track`` and ``track_sd``.
    sd : float
        Standard deviation of a click, px.

    Attributes
    ----------
    xy : (view, frame, keypoint, 2) float64
        Rig px; NaN where unknown.
    variance : (view, frame, keypoint) float64
        Of the difference of a label from it, px^2, of x and of y.
    """

    def __init__(self, given: AuditInput, sd: float) -> None:
        shape = given.xy.shape
        track, track_sd = given.track, given.track_sd
        self.xy = np.full(shape, np.nan)
        self.variance = np.full(shape[:3], np.nan)
        self._given, self._sd = given, sd
        if track is None or track_sd is None:
            return
        self.xy = given.rig.project(track)
        spread = np.zeros(shape[:3])
        for axis in np.eye(3):
            beside = given.rig.project(track + track_sd[..., None] * axis) - self.xy
            spread += (beside**2).sum(axis=-1) / 2
        # The deviation is that of the length in space, shared by three axes.
        self.variance = sd**2 + _HABIT_PX**2 + spread / 3

    def cost(self, xy: Float64, keypoints: object = slice(None)) -> Float64:
        """How unexpected labels are, ``(view, frame, keypoint)``: squared deviations, bounded.

        Parameters
        ----------
        xy : (view, frame, keypoint, 2)
            Of some keypoints.
        keypoints : index
            Which they are.
        """
        off = ((xy - self.xy[:, :, keypoints]) ** 2).sum(axis=-1)  # type: ignore[index]
        squared = off / self.variance[:, :, keypoints]  # type: ignore[index]
        return np.nan_to_num(np.clip(squared - _USUAL, 0.0, _MOST))

    def saved_by_exchange(self, xy: Float64, pair: tuple[int, int]) -> Float64:
        """By how much more expected labels are with left and right exchanged, ``(view, frame)``."""
        part = xy[:, :, list(pair)]
        now, after = self.cost(part, list(pair)), self.cost(part[:, :, ::-1], list(pair))
        return np.asarray((now - after).sum(axis=-1))

    def joined(self, view: int, other: Float64, variance: Float64) -> tuple[Float64, Float64]:
        """Where the keypoints of a view are by two witnesses, and the variance of that.

        Parameters
        ----------
        view : int
        other : (frame, keypoint, 2)
            Where the labels of the other views have them, rig px; NaN where unknown.
        variance : (frame, keypoint)
            Of it, px^2. Where predictions contradict it, it stands alone.
        """
        mine, own = self.xy[view], self.variance[view] - self._sd**2
        off = ((mine - other) ** 2).sum(axis=-1)
        both = off < _MOST * (own + variance)
        share = np.where(both, variance / (own + variance), 0.0)
        alone = np.isnan(other[..., 0]) & np.isfinite(own)
        share[alone] = 1.0
        place = np.where(share[..., None] > 0, share[..., None] * mine, 0.0)
        place += np.where(share[..., None] < 1, (1 - share[..., None]) * other, 0.0)
        return place, np.where(alone, own, np.where(both, share * own, variance))

    def distance(self, xyz: Float64, variance: Float64) -> Float64:
        """How far points are from where they are expected, in deviations, ``(frame, keypoint)``.

        Parameters
        ----------
        xyz : (frame, keypoint, 3)
            From labels, rig units.
        variance : (frame, keypoint)
            Of each coordinate.
        """
        track, track_sd = self._given.track, self._given.track_sd
        if track is None or track_sd is None:
            return np.zeros(xyz.shape[:2])
        off = np.linalg.norm(xyz - track, axis=-1)
        return np.nan_to_num(off / np.sqrt(variance + track_sd**2))
