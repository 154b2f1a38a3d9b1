"""What a batch does and what comes of it: the few values that travel between processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from napari_pose3d.settings import (
    BatchSettings,
    ExportSettings,
    ReadingSettings,
    RenderSettings,
    ReviewSettings,
    SmoothingSettings,
)

Status = Literal["done", "not needed", "failed"]
Numbers = Mapping[str, int | float | str]
"""Figures about a session, by the name of their column in the summary."""


@dataclass(frozen=True)
class BatchPlan:
    """What is done with every session; the same for all of them.

    Attributes
    ----------
    settings : BatchSettings
    smoothing : SmoothingSettings
        With the threads of one worker.
    review : ReviewSettings
    token : str
        New for each batch: what a worker remembers about folders holds for one batch only.
    render : RenderSettings
    reading : ReadingSettings
        How predictions are read; the session is that of the task.
    export : ExportSettings
        Of it each format takes what concerns it.
    """

    settings: BatchSettings
    smoothing: SmoothingSettings
    review: ReviewSettings
    token: str = ""
    render: RenderSettings = field(default_factory=RenderSettings)
    reading: ReadingSettings = field(default_factory=ReadingSettings)
    export: ExportSettings = field(default_factory=ExportSettings)


@dataclass(frozen=True)
class SessionTask:
    """One session: all that a scheduler holds about it.

    Attributes
    ----------
    project : str
        Folder.
    session : str
    """

    project: str
    session: str

    @property
    def label(self) -> str:
        """Project and session, for messages."""
        return f"{Path(self.project).name}/{self.session}"


@dataclass(frozen=True)
class StepOutcome:
    """How a step of a session ended.

    Attributes
    ----------
    step : str
    status : {"done", "not needed", "failed", "left out"}
        "not needed": nothing has changed since it was done; "left out": a step before it failed.
    seconds : float
    message : str
        Why it failed.
    notes : tuple of str
        What was assumed or warned of.
    numbers : mapping of str to number or str
    """

    step: str
    status: str
    seconds: float = 0.0
    message: str = ""
    notes: tuple[str, ...] = ()
    numbers: Numbers = field(default_factory=dict)


@dataclass(frozen=True)
class SessionOutcome:
    """How the work on a session ended.

    Attributes
    ----------
    task : SessionTask
    steps : tuple of StepOutcome
    message : str
        Why there are no steps, as when workers were killed over it.
    attempts : int
        How often it was begun.
    """

    task: SessionTask
    steps: tuple[StepOutcome, ...] = ()
    message: str = ""
    attempts: int = 1

    @property
    def status(self) -> Status:
        """ "done", "not needed" (of all steps), or "failed"."""
        if self.message or any(step.status == "failed" for step in self.steps):
            return "failed"
        nothing = all(step.status == "not needed" for step in self.steps)
        return "not needed" if nothing else "done"

    @property
    def why(self) -> str:
        """What went wrong; empty where nothing did."""
        return self.message or next((s.message for s in self.steps if s.status == "failed"), "")

    @property
    def seconds(self) -> float:
        return sum(step.seconds for step in self.steps)
