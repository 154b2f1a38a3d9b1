"""What a record of a person's steps offers: which were made, and undo and redo."""

from __future__ import annotations

from .step_log import Step, StepLog


class StepRecord:
    """A record that is changed step by step; every change is on disk when the call returns.

    Parameters
    ----------
    log : StepLog
    who : str
        Noted with each step.
    """

    def __init__(self, log: StepLog, who: str = "") -> None:
        self._log, self.who = log, who

    @property
    def damaged(self) -> int:
        """Lines of the record that could not be read, and do not count."""
        return self._log.damaged

    @property
    def steps(self) -> tuple[Step, ...]:
        """What was done, the oldest first; what was undone is not among them."""
        return self._log.steps

    @property
    def undo_text(self) -> str:
        """What undo would take back; "" for nothing."""
        return self._log.undo_text

    @property
    def redo_text(self) -> str:
        """What redo would bring again; "" for nothing."""
        return self._log.redo_text

    @property
    def done_at(self) -> str:
        """When what undo would take back was done; ISO 8601, UTC, "" for nothing."""
        return self._log.done_at

    @property
    def undone_at(self) -> str:
        """When what redo would bring again was undone; "" for nothing."""
        return self._log.undone_at

    def undo(self) -> Step | None:
        """Take back the newest step, of whoever made it; None where there is none."""
        return self._log.undo(self.who)

    def redo(self) -> Step | None:
        """Bring the step again that was undone last; None where there is none."""
        return self._log.redo(self.who)

    def read(self) -> None:
        """Read the record again: another process may have changed it."""
        self._log.read()
