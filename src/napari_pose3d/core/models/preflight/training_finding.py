"""One thing that is wrong with a training before it has begun."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
_ORDER = ("error", "warning", "note")


@dataclass(frozen=True)
class TrainingFinding:
    """A fault of labels, calibration or configuration.

    Attributes
    ----------
    kind : str
        Which check found it, such as "few labels".
    severity : {"error", "warning", "note"}
        error: the training would fail, or learn from wrong pairs; warning: it would be worse than
        it could be; note: good to know.
    problem : str
        In one sentence without a full stop.
    where : str
        File, row, key of the configuration; "" for the whole.
    evidence : str
        What was found there; may be empty.
    remedy : str
        What to do about it.
    """

    kind: str
    severity: Severity
    problem: str
    where: str = ""
    evidence: str = ""
    remedy: str = ""

    @property
    def rank(self) -> int:
        """Errors first."""
        return _ORDER.index(self.severity)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        evidence = f" ({self.evidence})" if self.evidence else ""
        remedy = f" {self.remedy}." if self.remedy else ""
        return f"{self.severity}: {place}{self.problem}{evidence}.{remedy}"


def listed(names: list[str] | tuple[str, ...], most: int = 3) -> str:
    """Some names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
