"""What is missing or contradictory in a project: listed, not raised, so that the rest is usable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from napari_pose3d.errors import Remedy, todo_in_words

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
    remedies : tuple of Remedy
        The settings that ``todo`` is about.
    """

    severity: Severity
    what: str
    where: str = ""
    todo: str = ""
    offer: tuple[str, str, ViewAlignment] | None = None
    remedies: tuple[Remedy, ...] = ()

    def __str__(self) -> str:
        return self.worded(lambda remedy: "")

    def worded(self, words: Callable[[Remedy], str]) -> str:
        """In one line, with its remedies in the words of a front end (see `PoseDataError`)."""
        place = f"{self.where}: " if self.where else ""
        todo = todo_in_words(self.todo, self.remedies, words)
        return f"{self.severity}: {place}{self.what}." + (f" {todo}." if todo else "")
