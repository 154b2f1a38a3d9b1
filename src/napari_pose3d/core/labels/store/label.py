"""One label: what is known about a keypoint in one view and frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from .status import LabelStatus, Visibility


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
    def from_json(cls, values: list[Any]) -> Label:
        """The inverse of `to_json`."""
        x, y, status, visibility, labeler, time, likelihood, residual = values
        return cls(
            None if x is None or y is None else (float(x), float(y)),
            LabelStatus[status.upper()],
            Visibility(visibility),
            labeler,
            time,
            likelihood,
            residual,
        )


EMPTY = Label()


def now() -> str:
    """The present time as labels keep it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
