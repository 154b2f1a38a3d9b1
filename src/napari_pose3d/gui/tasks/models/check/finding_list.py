"""What would go wrong with a training: how bad it is, where, what to do, and a button for that."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import partial

from qtpy.QtCore import Signal

from napari_pose3d.core.models.preflight.training_finding import TrainingFinding
from napari_pose3d.gui.workspace.finding_cards import SIGNS, FindingCards

LABEL, CALIBRATE, TRY, SPLIT, RENAME = (
    "Go to Label",
    "Go to Calibration",
    "Trial step",
    "Train on 90 %",
    "Take a free name",
)
# Options of the command line, in brackets.
_OPTION = re.compile(r" \((?:models \w+ )?--[\w-]+\)")
# What can be done about a finding, by its kind or by what that begins with.
_REMEDIES = (
    ("never labeled", LABEL),
    ("few labels", LABEL),
    ("few sessions", LABEL),
    ("uneven sessions", LABEL),
    ("few animals", LABEL),
    ("too few frames", LABEL),
    ("missing image", LABEL),
    ("images twice", LABEL),
    ("rows of views", LABEL),
    ("order of rows", LABEL),
    ("sessions mixed up", LABEL),
    ("label outside", LABEL),
    ("calibration of", CALIBRATE),
    ("unreadable calibration", CALIBRATE),
    ("memory", TRY),
    ("no GPU", TRY),
    ("validation frames", SPLIT),
    ("used folder", RENAME),
)


class FindingList(FindingCards):
    """Lists findings, errors first; ``remedy_wanted`` is emitted with what a button says."""

    remedy_wanted = Signal(str)

    def show_findings(
        self, findings: Sequence[TrainingFinding], done: Collection[str] = ()
    ) -> None:
        """Show others.

        Parameters
        ----------
        findings : sequence of TrainingFinding
        done : collection of str
            What was done already, and is not offered.
        """
        self.clear()
        for finding in findings:
            remedy = _remedy_of(finding)
            # Several findings may have one remedy.
            offered = remedy and remedy not in self.buttons and remedy not in done
            act = partial(self.remedy_wanted.emit, remedy) if offered else None
            self.add_card(worded(finding), remedy, act)
        if not findings:
            self.show_nothing_found()


def _remedy_of(finding: TrainingFinding) -> str:
    for kind, remedy in _REMEDIES:
        if finding.kind == kind:
            return remedy
    return next((each for kind, each in _REMEDIES if finding.kind.startswith(kind)), "")


def worded(finding: TrainingFinding) -> str:
    """A finding in some lines: what, where and why, what helps."""
    place = f" ({finding.where})" if finding.where else ""
    lines = [f"{SIGNS[finding.severity]}: {finding.problem}{place}."]
    if finding.evidence:
        lines.append(finding.evidence)
    if finding.remedy:
        lines.append(f"→ {_OPTION.sub('', finding.remedy)}.")
    return "\n".join(lines)
