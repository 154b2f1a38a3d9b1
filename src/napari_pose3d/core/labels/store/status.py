"""The words for what is known about one keypoint in one view and frame."""

from __future__ import annotations

from enum import IntEnum


class LabelStatus(IntEnum):
    """Where a position comes from.

    The numbers are stored in arrays of int8 and never on disk; files hold the names.
    """

    EMPTY = 0
    """No position."""
    CLICKED = 1
    """Placed by hand in this view."""
    PROJECTED = 2
    """Computed from the labels of other views; follows them until a person touches it."""
    PREDICTED = 3
    """Proposed by a network or a smoothed result; no label until it is confirmed."""
    CONFIRMED = 4
    """Projected or predicted, and accepted by a person."""

    @property
    def by_person(self) -> bool:
        """Whether a person stands behind the position: only these may move others."""
        return self in (LabelStatus.CLICKED, LabelStatus.CONFIRMED)


class Visibility(IntEnum):
    """Whether the keypoint can be seen, in the numbers that Lightning Pose and COCO write."""

    NOT_LABELED = 0
    OCCLUDED = 1
    VISIBLE = 2
