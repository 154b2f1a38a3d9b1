"""What is missing or contradictory in a project: said, not raised, so that the rest is usable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .alignment.view_alignment import ViewAlignment

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Issue:
    """One thing that somebody who works with the project should know.

    Attributes
    ----------
    severity : {"error", "warning", "note"}
        error: something cannot be used; warning: results may be wrong; note: good to know.
    what : str
        In one sentence without a full stop.
    where : str
        The session, view or file that it is about; "" for the whole project.
    todo : str
        What can be done about it; may be empty.
    offer : (session, view, ViewAlignment) or None
        An alignment that would mend it, to be accepted or not by a person.
    """

    severity: Severity
    what: str
    where: str = ""
    todo: str = ""
    offer: tuple[str, str, ViewAlignment] | None = None

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{self.severity}: {place}{self.what}." + (f" {self.todo}." if self.todo else "")
