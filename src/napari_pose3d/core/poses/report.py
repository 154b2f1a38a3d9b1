"""What a run did and found: the report that travels with a result.

Counts are of (view, frame, keypoint) cells unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Mode = Literal["calibrated", "linear", "single"]
"""Which smoother."""
Kind = Literal["calibrated", "linear", "single", "triangulated"]
"""What made a result: a smoother, or triangulation frame by frame."""


@dataclass(frozen=True)
class ViewReport:
    """How a result fits the observations of one view.

    Attributes
    ----------
    observations, rejected : int
        Observations that were used, and that were set aside as contradicting the other views.
    residual : float
        Median length of observation minus result, px; NaN where nothing was observed.
    calibration_residual : float
        The same after triangulating a sample of frames from all views, without smoothing and
        without setting anything aside: large where the calibration does not fit. NaN without a
        calibration, infinite where the points do not lie in front of the camera.
    missing : int
        (frame, keypoint) cells without a usable observation.
    """

    observations: int
    rejected: int
    residual: float
    calibration_residual: float
    missing: int = 0

    @property
    def share_rejected(self) -> float:
        """Of the observations, those set aside, from 0 to 1; NaN where there is none."""
        n = self.observations + self.rejected
        return self.rejected / n if n else float("nan")

    @property
    def share_missing(self) -> float:
        """Of all cells, those without an observation, from 0 to 1; NaN where there is none."""
        n = self.observations + self.rejected + self.missing
        return self.missing / n if n else float("nan")


@dataclass(frozen=True)
class Report:
    """What a run did: the content of ``<session>_run.json`` beside inputs and versions.

    Attributes
    ----------
    mode : {"calibrated", "linear", "single", "triangulated"}
        Which smoother ran, or that nothing was smoothed.
    smooth_param : dict of str to float
        ``s`` per keypoint; empty where nothing was smoothed.
    searched : bool
        Whether ``s`` was searched (else given).
    observations, missing, rejected : int
        (view, frame, keypoint) cells with a usable observation, without one, and set aside as
        contradicting the other views.
    inferred, left_missing : int
        (frame, keypoint) cells that were filled in (see `Poses3D`), and that no view observed and
        were left missing in every view.
    warnings : tuple of str
    seconds : float
        Time of the computation.
    views : dict of str to ViewReport
        By name of the view.
    serious : tuple of str
        Of the warnings, those by which the whole result may be wrong.
    """

    mode: Kind
    smooth_param: dict[str, float]
    searched: bool
    observations: int
    missing: int
    rejected: int
    inferred: int
    settings: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    left_missing: int = 0
    views: dict[str, ViewReport] = field(default_factory=dict)
    serious: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Swaps:
    """Left-right swaps, found by their geometry.

    Attributes
    ----------
    pairs : tuple of (str, str)
        The keypoints that were compared, left and right.
    views : (view, frame, pair) bool
        The view holds both keypoints in each other's place, judged by the other views; all False
        without a rig.
    models : (view, frame, pair) uint8
        How many prediction sets hold them the other way round than most sets of the same view.
    corrected : bool
        Whether they were exchanged before smoothing.
    """

    pairs: tuple[tuple[str, str], ...]
    views: NDArray[np.bool_]
    models: NDArray[np.uint8]
    corrected: bool = False

    @property
    def any(self) -> bool:
        """Whether any was found."""
        return bool(self.views.any() or self.models.any())

    def describe(self, views: Sequence[str]) -> list[str]:
        """What was found, as one sentence or none."""
        parts = []
        for found, who in (
            (self.views, "a view contradicts the others"),
            (self.models > 0, "a prediction set contradicts the others"),
        ):
            if count := int(found.sum()):
                shape = len(views), len(self.pairs)
                view, pair = np.unravel_index(found.sum(axis=1).argmax(), shape)
                most = f"{views[view]}, {' and '.join(self.pairs[pair])}"
                parts.append(f"{who} in {count:,} cases (most: {most})")
        done = "exchanged, as asked" if self.corrected else "not corrected"
        return [f"left and right: {'; '.join(parts)}; {done}"] if parts else []

    def of_keypoints(
        self, view: int, keypoints: Sequence[str]
    ) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
        """``views`` and ``models`` of one view by keypoint, ``(frame, keypoint)`` each."""
        shape = self.views.shape[1], len(keypoints)
        in_view, in_models = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=np.uint8)
        for p, pair in enumerate(self.pairs):
            for name in pair:
                k = list(keypoints).index(name)
                in_view[:, k], in_models[:, k] = self.views[view, :, p], self.models[view, :, p]
        return in_view, in_models

    def counterparts(self, keypoints: Sequence[str]) -> tuple[int, ...]:
        """Index of the other keypoint of each one's pair; its own where it is in none."""
        other = dict(self.pairs) | {right: left for left, right in self.pairs}
        return tuple(list(keypoints).index(other.get(name, name)) for name in keypoints)
