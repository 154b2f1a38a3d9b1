"""One label: what is known about a keypoint in one view and frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, NamedTuple

_LARGEST = 1e9  # px


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


class FrameKey(NamedTuple):
    """A frame of a session; all views share it.

    Attributes
    ----------
    session : str
    frame : int
        Session frame.
    """

    session: str
    frame: int


class LabelKey(NamedTuple):
    """Where a label belongs."""

    view: str
    keypoint: str


@dataclass(frozen=True, slots=True)
class Label:
    """What is known about a keypoint in one view and frame.

    Attributes
    ----------
    position : (x, y) or None
        px of the video's image; None where there is none.
    status : LabelStatus
    visibility : Visibility
    labeler : str
        Who placed or accepted it; "" where nobody knows.
    time : str
        When, in UTC, as ISO 8601 says; "" where nobody knows.
    likelihood : float or None
        Of the prediction that it came from.
    residual : float or None
        Length in px of position minus reprojection when it was stored.
    """

    position: tuple[float, float] | None = None
    status: LabelStatus = LabelStatus.EMPTY
    visibility: Visibility = Visibility.NOT_LABELED
    labeler: str = ""
    time: str = ""
    likelihood: float | None = None
    residual: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known at all."""
        return self.position is None and self.visibility == Visibility.NOT_LABELED

    @property
    def is_declined(self) -> bool:
        """Whether a person took the label away and wants none to be projected here."""
        return self.is_empty and bool(self.labeler)

    @property
    def is_kept(self) -> bool:
        """Whether its position goes to the label file: not so for proposals of a network."""
        return self.position is not None and self.status != LabelStatus.PREDICTED

    def by(self, labeler: str, **changes: Any) -> Label:
        """The same label with changes that somebody makes now."""
        return replace(self, labeler=labeler, time=now(), **changes)

    def to_json(self) -> list[Any]:
        """For the journal: plain values, in the order of the attributes."""
        x, y = self.position or (None, None)
        return [
            x,
            y,
            self.status.name.lower(),
            int(self.visibility),
            self.labeler,
            self.time,
            self.likelihood,
            self.residual,
        ]

    @classmethod
    def from_json(cls, values: Any) -> Label:
        """The inverse of `to_json`.

        Raises
        ------
        ValueError
            When the values are those of no label.
        """
        if not isinstance(values, list) or len(values) != 8:
            raise ValueError("no label")
        x, y, status, visibility, labeler, time, likelihood, residual = values
        if not all(isinstance(text, str) for text in (status, labeler, time)):
            raise ValueError("no label")
        if status.upper() not in LabelStatus.__members__ or type(visibility) is not int:
            raise ValueError("no status or visibility")
        position = (_number(x), _number(y))
        return cls(
            None if position[0] is None or position[1] is None else (position[0], position[1]),
            LabelStatus[status.upper()],
            Visibility(visibility),
            labeler,
            time,
            _number(likelihood),
            _number(residual),
        )


def _number(value: Any) -> float | None:
    """A number of a journal; ValueError where it is none."""
    if value is None:
        return None
    if type(value) not in (int, float) or abs(value) > _LARGEST or value != value:
        raise ValueError("no number")
    return float(value)


EMPTY = Label()


def now() -> str:
    """The present time as labels keep it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
