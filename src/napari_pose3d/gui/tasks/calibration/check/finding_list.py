"""What was found wrong with a rig: severity, evidence, what to do, and a button that does it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from qtpy.QtCore import Signal

from napari_pose3d.core.calibration.lint.rig_lint import Finding
from napari_pose3d.errors import RemedyKind
from napari_pose3d.gui.workspace.finding_cards import SIGNS, FindingCards

_ACTIONS: dict[RemedyKind, str] = {
    "names": "Map cameras…",
    "video_size": "Use the size of the video",
    "refine": "Mend the calibration",
    "offset": "Shift the view by {argument} frames",
    "exchange": "Exchange the cameras",
    "invert_pose": "Take the pose of {argument} the other way round",
    "rewrite": "Write the file as it was understood",
    "calibrate": "Make a new calibration",
}
# What can be done to a file by itself.
_WITHOUT_SESSION = ("invert_pose", "rewrite", "calibrate")


class FindingList(FindingCards):
    """`remedy_wanted` is emitted with the finding whose button was clicked."""

    remedy_wanted = Signal(object)

    def show_findings(self, findings: Sequence[Finding], has_session: bool) -> None:
        """Show other findings; most remedies need an open session."""
        self.clear()
        for finding in findings:
            text = f"{SIGNS[finding.severity]}: {finding.problem}."
            if finding.evidence:
                text += f"\n{finding.evidence_text}"
            if finding.todo:
                text += f"\n→ {finding.todo}."
            action = self._action(finding, has_session)
            act = partial(self.remedy_wanted.emit, finding) if action else None
            self.add_card(text, action, act)
        if not findings:
            self.show_nothing_found()

    def _action(self, finding: Finding, has_session: bool) -> str:
        """What the button of a finding says; "" for no button."""
        remedy = finding.remedy
        if remedy is None or remedy.kind not in _ACTIONS:
            return ""
        if not has_session and remedy.kind not in _WITHOUT_SESSION:
            return ""
        # Several findings of one kind have one remedy.
        if remedy.kind in ("rewrite", "calibrate") and _ACTIONS[remedy.kind] in self.buttons:
            return ""
        if remedy.kind == "refine" and remedy.argument:
            return f"Mend from frame {remedy.argument.rstrip(':')} on"
        argument = f"{int(remedy.argument):+d}" if remedy.kind == "offset" else remedy.argument
        return _ACTIONS[remedy.kind].format(argument=argument)
