"""Findings of an audit that a person looked at and holds for right: they are not shown again.

Notes
-----
They lie in ``napari-pose3d/decisions/audit.jsonl`` of the project, one line for each step (see
`step_log`). A finding is known again by session, frame, kind, views and keypoints, so that an
audit with other numbers as evidence does not bring it back.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_pose3d.core.projects.project_toml import OWN_FOLDER, project_lock

from ..decisions.decisions import FOLDER
from ..decisions.step_log import Key, Step, StepLog, now
from .findings import LabelFault, LabelFinding

RECORD = "audit.jsonl"


class Dismissals:
    """The findings of a project that were dismissed; every change is on disk at once.

    Parameters
    ----------
    folder : path
        The project.
    who : str
        Recorded with each step.

    Raises
    ------
    PoseDataError
        The record cannot be read.
    """

    def __init__(self, folder: str | os.PathLike[str], who: str = "") -> None:
        self.who = who
        path = Path(folder) / OWN_FOLDER / FOLDER / RECORD
        self._log = StepLog(path, project_lock(folder), _check)

    def __contains__(self, finding: LabelFinding) -> bool:
        return _key_of(finding) in self._log.state

    @property
    def undo_text(self) -> str:
        """What undo would take back; "" for nothing."""
        return self._log.undo_text

    def dismiss(self, findings: Sequence[LabelFinding]) -> Step | None:
        """Hold labels for right, as one step of undo; None where they were already."""
        value = [self.who, now()]
        new = {_key_of(each): value for each in findings if each not in self}
        n = len(findings)
        what = findings[0].kind.value if n == 1 else f"{n} findings"
        return self._log.add(new, f"dismiss: {what}", self.who) if new else None

    def undo(self) -> Step | None:
        """Take back the newest step, of whoever made it; None where there is none."""
        return self._log.undo(self.who)


def _key_of(finding: LabelFinding) -> Key:
    return (
        finding.session,
        finding.frame,
        finding.kind.value,
        tuple(finding.views),
        tuple(finding.keypoints),
    )


def _check(key: Key, value: Any) -> None:
    session, frame, kind, views, keypoints = key
    if type(frame) is not int or not all(
        isinstance(each, str) for each in (session, *views, *keypoints)
    ):
        raise ValueError("no finding")
    LabelFault(kind)
    if value is not None:
        who, time = value
        if not (isinstance(who, str) and isinstance(time, str)):
            raise ValueError("no person")
