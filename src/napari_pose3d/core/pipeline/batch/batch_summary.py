"""What became of the sessions of a batch: a CSV table, a page, and lines in a log."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import TextIO

from napari_pose3d.core.storage.atomic_files import FileGroup, cannot_write
from napari_pose3d.wording import counted

from .batch_plan import SessionOutcome

TABLE, PAGE, LOG = "batch.csv", "batch.html", "batch.log"
COLUMNS = (
    "project",
    "session",
    "status",
    "attempts",
    "seconds",
    "mode",
    "views",
    "keypoints",
    "frames",
    "observations",
    "missing",
    "rejected",
    "residual_px",
    "warnings",
    "events",
    "frames_flagged",
    "frames_to_label",
    "files_exported",
    "frames_rendered",
    "message",
)


@dataclass(frozen=True)
class BatchSummary:
    """What became of the sessions.

    Attributes
    ----------
    outcomes : tuple of SessionOutcome
        In the order of projects and sessions.
    notes : tuple of str
        Sessions without predictions.
    seconds : float
    files : tuple of Path
        ``batch.csv``, ``batch.html`` and ``batch.log``.
    """

    outcomes: tuple[SessionOutcome, ...]
    notes: tuple[str, ...]
    seconds: float
    files: tuple[Path, ...]

    @property
    def failed(self) -> tuple[SessionOutcome, ...]:
        return tuple(each for each in self.outcomes if each.status == "failed")

    def rows(self) -> list[dict[str, int | float | str]]:
        """A row for each session, by `COLUMNS`."""
        return [_row(each) for each in self.outcomes]

    def counts(self) -> str:
        """In words: how many sessions were done, needed nothing, and failed."""
        found = [each.status for each in self.outcomes]
        words = ("done", "not needed", "failed")
        in_words = {"done": "done", "not needed": "done before", "failed": "failed"}
        parts = [f"{found.count(word)} {in_words[word]}" for word in words if word in found]
        return f"{counted(len(found), 'session')}: {', '.join(parts)}"


def _row(outcome: SessionOutcome) -> dict[str, int | float | str]:
    row: dict[str, int | float | str] = dict.fromkeys(COLUMNS, "")
    for step in outcome.steps:
        row |= {name: value for name, value in step.numbers.items() if name in row}
    task = outcome.task
    message = outcome.why.strip().splitlines()
    return row | {
        "project": task.project,
        "session": task.session,
        "status": outcome.status,
        "attempts": outcome.attempts,
        "seconds": round(outcome.seconds, 2),
        "message": message[0] if message else "",
    }


def write_summary(folder: Path, summary: BatchSummary) -> list[Path]:
    """Write the table and the page, in place of an earlier batch's.

    Raises
    ------
    PoseDataError
        The folder cannot be written to.
    """
    with FileGroup(overwrite=True) as group:
        rows = summary.rows()
        table = csv.DictWriter(
            group.open(folder / TABLE, spelled_out=True), COLUMNS, lineterminator="\n"
        )
        table.writeheader()
        table.writerows(rows)
        group.open(folder / PAGE, spelled_out=True).write(_page(summary, rows))
    return [folder / TABLE, folder / PAGE]


def _page(summary: BatchSummary, rows: Sequence[Mapping[str, int | float | str]]) -> str:
    from jinja2 import Environment

    template = files(__package__).joinpath("batch.html.jinja").read_text(encoding="utf-8")
    shown = [
        c for c in COLUMNS if c not in ("project", "message") and any(r[c] != "" for r in rows)
    ]
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        summary=summary,
        columns=shown,
        rows=sorted(rows, key=lambda row: row["status"] != "failed"),
        several=len({row["project"] for row in rows}) > 1,
        notes=[
            (each.task.label, note)
            for each in summary.outcomes
            for step in each.steps
            for note in step.notes
        ],
    )


class BatchLog:
    """A log that grows line by line, each on disk at once; a context manager.

    Raises
    ------
    PoseDataError
        It cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream: TextIO = path.open(
                "a", encoding="utf-8", errors="backslashreplace", buffering=1
            )
        except OSError as error:
            raise cannot_write(path, error) from error

    def __enter__(self) -> BatchLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def add(self, text: str) -> None:
        """One line with the time; more lines of the text are indented."""
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        self._stream.write(f"{now} {text.rstrip().replace(chr(10), chr(10) + '    ')}\n")

    def add_outcome(self, outcome: SessionOutcome) -> None:
        """What became of a session."""
        again = f" at attempt {outcome.attempts}" if outcome.attempts > 1 else ""
        self.add(f"{outcome.task.label}: {outcome.status}{again}, {outcome.seconds:.1f} s")
        for step in outcome.steps:
            self.add(f"  {step.step}: {step.status}, {step.seconds:.1f} s")
            for note in step.notes:
                self.add(f"    note: {note}")
        if outcome.why:
            self.add(f"  {outcome.why}")
