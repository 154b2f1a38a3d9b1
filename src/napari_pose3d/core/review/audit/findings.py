"""What an audit finds, and what it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig

Float64 = NDArray[np.float64]


class LabelFault(Enum):
    """Kinds of faults, those that explain most first."""

    VIEWS_EXCHANGED = "views exchanged"
    SIDES_EXCHANGED = "left and right exchanged"
    SIDES_EXCHANGED_EVERYWHERE = "left and right exchanged in all views"
    ONE_FRAME_OFF = "one frame off"
    DUPLICATE = "two keypoints at one place"
    DISAGREES = "disagrees with the other views"
    UNLIKE_OTHERS = "unlike all other poses"
    FORGOTTEN = "forgotten"
    OUTSIDE = "outside the image"
    AT_ZERO = "at exactly 0, 0"
    OTHER_IMAGE = "image of another frame"
    IDENTICAL_ROWS = "the same labels as in another frame"
    STALE_PROJECTION = "projection that no longer fits"

    @property
    def is_error(self) -> bool:
        """Whether labels are surely wrong; else somebody should have a look."""
        return self not in (
            LabelFault.UNLIKE_OTHERS,
            LabelFault.FORGOTTEN,
            LabelFault.STALE_PROJECTION,
        )


Place = tuple[float, float]


@dataclass(frozen=True)
class LabelFinding:
    """Something wrong with the labels of a frame.

    Attributes
    ----------
    kind : LabelFault
    session : str
    frame : int
    views, keypoints : tuple of str
        With several views it may be open which one is wrong; ``certain`` says.
    certain : bool
        Whether all the named labels are wrong, or one of them.
    evidence : str
        In numbers.
    score : float
        How strong the evidence is, larger is stronger.
    correction : dict of (view, keypoint) to (x, y) or None
        Labels as they would be right, rig px; None: no label. Empty where nothing can be proposed.
    """

    kind: LabelFault
    session: str
    frame: int
    views: tuple[str, ...]
    keypoints: tuple[str, ...]
    certain: bool
    evidence: str
    score: float
    correction: dict[tuple[str, str], Place | None] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class AuditInput:
    """Labels of one session, and what is known beside them.

    Attributes
    ----------
    session : str
    frames : (frame,) int
        Numbers of the labeled frames.
    views, keypoints : tuple of str
    xy : (view, frame, keypoint, 2) float64
        Labels in rig px; NaN where there is none.
    rig : Rig
        Cameras in the order of the views.
    pairs : sequence of (int, int)
        Left and right.
    projected : (view, frame, keypoint, 2) float64, optional
        Labels that were computed from others and that nobody has touched, rig px. ``xy`` is without
        them: they are no evidence.
    steps : (2, frame, keypoint, 3) float64, optional
        How the animal moves to the frame before and to the frame after, rig units, as from a
        smoothed result; NaN where unknown.
    track : (frame, keypoint, 3) float64, optional
        Where smoothed predictions have the keypoints, rig units; NaN where unknown.
    track_sd : (frame, keypoint) float64, optional
        Standard deviation of the track, the root of the trace of its covariance, rig units.
    """

    session: str
    frames: NDArray[np.integer]
    views: tuple[str, ...]
    keypoints: tuple[str, ...]
    xy: Float64
    rig: Rig
    pairs: Sequence[tuple[int, int]] = ()
    projected: Float64 | None = None
    steps: Float64 | None = None
    track: Float64 | None = None
    track_sd: Float64 | None = None
