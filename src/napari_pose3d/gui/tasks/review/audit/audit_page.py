"""The tab Labels: faults in labels that were already made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.labels.label_corrections import is_accepted
from napari_pose3d.core.labels.store.label import LabelKey
from napari_pose3d.core.pipeline.quality.audit_run import Audit, audit_project
from napari_pose3d.core.review.audit.dismissals import Dismissals
from napari_pose3d.core.review.audit.findings import LabelFault, LabelFinding
from napari_pose3d.core.storage.user_name import user_name
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.qt.jobs import Job, JobSlot
from napari_pose3d.gui.qt.message_text import MessageLabel, MessageList
from napari_pose3d.gui.qt.run_bar import RunBar
from napari_pose3d.gui.session.current_session import CurrentSession
from napari_pose3d.gui.session.smoothing_choice import SmoothingChoice
from napari_pose3d.gui.workspace.workspace import Workspace
from napari_pose3d.settings import IsCancelled, Progress
from napari_pose3d.wording import counted

from .finding_table import FindingTable, describe

_NO_LABELS = "Labels need a Lightning Pose project with label files."
_HINT = (
    "Looks through all labels of the project: exchanged sides or views, labels that disagree or "
    "are one frame off, duplicates, forgotten keypoints. Nothing is changed."
)
_BUTTONS = (
    ("go", "Go there", "Show the frame in the tab Label (Enter)."),
    ("accept", "Accept", "Put the labels where the suggestion has them (A); can be undone."),
    ("dismiss", "Dismiss", "The labels are right: do not show this again (D)."),
)
AUDIT_KEYS = (("Return", "go"), ("Enter", "go"), ("A", "accept"), ("D", "dismiss"))
"""Keys of the findings, and the actions that they stand for."""


class AuditPage(QWidget):
    """Runs the audit of the open project, and does what the user wants about each finding.

    Parameters
    ----------
    current : CurrentSession
    places : Workspace
    smoothing : SmoothingChoice
        Of its settings, which keypoints are left and right of each other.
    """

    def __init__(
        self,
        current: CurrentSession,
        places: Workspace,
        smoothing: SmoothingChoice,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._current, self._workspace, self._smoothing = current, places, smoothing
        self._running = JobSlot()
        self._job: Job | None = None
        self._folder: Path | None = None
        self.audit: Audit | None = None
        self.dismissed: Dismissals | None = None
        # By identity: two findings may be equal in all that is shown.
        self._accepted: set[int] = set()
        self._watched: Any = None
        self._asked: Any = None
        self.bar = RunBar(action="Look through the &labels", hint=_HINT)
        self.summary = MessageLabel(_HINT)
        self.notes = MessageList(2)
        self.kinds = QComboBox()
        self.kinds.setAccessibleName("Kind of findings")
        self.kinds.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.kinds.setMinimumContentsLength(8)
        self.kinds.currentIndexChanged.connect(self._fill)
        self.done = QCheckBox("Show &done")
        self.done.setToolTip("List also what was accepted or dismissed.")
        self.done.toggled.connect(self._fill)
        self.table = FindingTable()
        self.table.wanted.connect(self.go_to)
        self.table.chosen.connect(self._refresh)
        self._details = MessageLabel()
        self.buttons: dict[str, QPushButton] = {}
        self.undo = QToolButton()
        self.undo.setText("↶")
        self.undo.setAccessibleName("Undo a dismissal")
        self.undo.clicked.connect(self._undo)
        self._lay_out()
        self.bar.run_clicked.connect(self.run)
        self.bar.cancel_clicked.connect(self._cancel)
        self.destroyed.connect(self._running.abandon)
        current.changed.connect(self._on_session)
        self._on_session()

    def _lay_out(self) -> None:
        top, row = QHBoxLayout(), QHBoxLayout()
        top.addWidget(self.kinds, 1)
        top.addWidget(self.done)
        row.setSpacing(3)
        for action, text, hint in _BUTTONS:
            button = self.buttons[action] = QPushButton(text)
            button.setToolTip(hint)
            button.clicked.connect(lambda _=False, name=action: self.perform(name))
            row.addWidget(button, 1)
        row.addWidget(self.undo)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(4)
        for part in (self.bar, self.summary, self.notes):
            column.addWidget(part)
        column.addLayout(top)
        column.addWidget(self.table, 1)
        column.addLayout(row)
        column.addWidget(self._details)

    @property
    def details(self) -> str:
        """What the user reads about the selected finding."""
        return self._details.message

    # ------------------------------------------------------------------ session

    def _on_session(self) -> None:
        opened = self._current.open
        project = None if opened is None else opened.project
        folder = None
        if project is not None and project.kind == "lightning-pose":
            folder = project.folder
        if folder != self._folder:
            self._folder = folder
            self._running.abandon()
            self._job = self.audit = self.dismissed = None
            self._accepted.clear()
            self.bar.show_idle("")
            self.summary.show_message(_HINT)
            self.notes.show_lines(())
        self.bar.set_obstacle("" if folder is not None else _NO_LABELS)
        self._offer()

    def stop(self) -> None:
        """Look no more."""
        self._running.abandon()
        self._current.changed.disconnect(self._on_session)

    # ------------------------------------------------------------------ running

    def run(self) -> None:
        """Look through the labels as they are in the files, in a thread."""
        folder = self._folder
        if folder is None:
            return
        label = self._workspace.find("Label")
        if label is not None and not label.save():
            show_error("Some labels are not saved yet; they are not looked at.")
        try:
            chosen = self._smoothing.current
        except PoseDataError as error:
            show_error(str(error))
            return
        sides = () if chosen is None else chosen[0].left_right
        job = self._job = Job(partial(_audit, folder, sides))
        job.progressed.connect(self.bar.show_progress)
        job.succeeded.connect(self._on_found)
        job.failed.connect(self._on_failed)
        job.stopped.connect(lambda: self._end("Cancelled."))
        self.bar.show_busy("reading labels")
        self._running.start(job)

    def _cancel(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self.bar.show_cancelling()

    def _on_found(self, audit: Audit) -> None:
        self._end("Done.")
        assert self._folder is not None
        self.audit = audit
        self._accepted.clear()
        try:
            self.dismissed = Dismissals(self._folder, user_name())
        except PoseDataError as error:
            self.dismissed = None
            show_error(str(error))
        self.notes.show_lines(audit.notes)
        self._offer()

    def _on_failed(self, message: str) -> None:
        self._end("Failed.")
        show_error(message)

    def _end(self, words: str) -> None:
        self._job = None
        self.bar.show_idle(words)

    # ------------------------------------------------------------------ what was found

    def _state(self, finding: LabelFinding) -> str:
        if id(finding) in self._accepted and self._holds(finding):
            return "accepted"
        if self.dismissed is not None and finding in self.dismissed:
            return "dismissed"
        return ""

    def _holds(self, finding: LabelFinding) -> bool:
        """Whether labels are still where they were put: that can be undone in the tab Label."""
        label = self._workspace.find("Label")
        opened = self._current.open
        if label is None or label.labeling is None or opened is None:
            return True
        if opened.session.name != finding.session:
            return True
        return is_accepted(label.labeling, finding.frame, finding.correction)

    def _watch(self, control: Any) -> None:
        """Labels are being changed: what was accepted may be undone."""
        if control is not self._watched:
            self._watched = control
            control.labels_changed.connect(self._offer)
        self._offer()

    def _offer(self, _: object = None) -> None:
        findings = () if self.audit is None else self.audit.findings
        counts = Counter(each.kind for each in findings if not self._state(each))
        chosen = self.kinds.currentData()
        self.kinds.blockSignals(True)
        self.kinds.clear()
        self.kinds.addItem(f"all kinds ({sum(counts.values()):,})", None)
        for kind in LabelFault:
            if counts[kind] or kind is chosen:
                self.kinds.addItem(f"{kind.value} ({counts[kind]:,})", kind)
        self.kinds.setCurrentIndex(max(self.kinds.findData(chosen), 0))
        self.kinds.blockSignals(False)
        self._fill()

    def _fill(self) -> None:
        findings = [] if self.audit is None else list(self.audit.findings)
        kind = self.kinds.currentData()
        shown = [
            each
            for each in findings
            if (kind is None or each.kind is kind)
            and (self.done.isChecked() or not self._state(each))
        ]
        shown.sort(key=lambda each: not each.kind.is_error)
        opened = self._current.open
        session = "" if opened is None else opened.session.name
        self.table.show_findings(shown, session, self._state)
        if self.audit is not None:
            left = [each for each in findings if not self._state(each)]
            errors = sum(each.kind.is_error for each in left)
            done = len(findings) - len(left)
            more = f", {done:,} done" if done else ""
            what = f"{counted(errors, 'error')}, {len(left) - errors:,} to look at{more}"
            if not findings:
                what = "Nothing was found"
            self.summary.show_message(
                f"{what} in {self.audit.n_labels:,} labels of {self.audit.n_frames:,} frames."
            )
        self._refresh()

    def _refresh(self) -> None:
        chosen = self.table.selected
        one = chosen[0] if len(chosen) == 1 else None
        self.buttons["go"].setEnabled(one is not None)
        can_accept = one is not None and bool(one.correction) and not self._state(one)
        self.buttons["accept"].setEnabled(can_accept)
        self.buttons["dismiss"].setEnabled(bool(chosen) and self.dismissed is not None)
        text = "" if self.dismissed is None else self.dismissed.undo_text
        self.undo.setEnabled(bool(text))
        self.undo.setToolTip(f"Undo: {text}" if text else "Nothing to undo")
        self._details.show_message("" if one is None else describe(one))

    # ------------------------------------------------------------------ acting

    def perform(self, action: str) -> None:
        """Do what a button stands for, to what is selected."""
        chosen = self.table.selected
        if not chosen or not self.buttons[action].isEnabled():
            return
        if action == "go":
            self.go_to(chosen[0])
        elif action == "accept":
            self._accept(chosen[0])
        elif self.dismissed is not None:
            try:
                self.dismissed.dismiss(chosen)
            except PoseDataError as error:
                show_error(str(error))
                return
            self._offer()

    def go_to(self, finding: LabelFinding) -> None:
        """Show the frame of a finding in the tab Label."""
        if self._is_open(finding):
            self._workspace.open("Label").requests.show_label(finding.frame, _key_of(finding))

    def _accept(self, finding: LabelFinding) -> None:
        if not self._is_open(finding):
            return
        text = f"correct: {finding.kind.value}"
        self._accepted.add(id(finding))
        requests = self._workspace.open("Label").requests
        if requests is not self._asked:
            self._asked = requests
            requests.done.connect(self._watch)
        requests.accept(finding.frame, _key_of(finding), finding.correction, text)
        # There may be more; the images show what changes.
        self._workspace.bring_forward("Review")

    def _is_open(self, finding: LabelFinding) -> bool:
        opened = self._current.open
        if opened is not None and opened.session.name == finding.session:
            return True
        show_error(f"Open the session {finding.session} first (tab Session): the frame is its.")
        return False

    def _undo(self) -> None:
        if self.dismissed is None:
            return
        try:
            self.dismissed.undo()
        except PoseDataError as error:
            show_error(str(error))
            return
        self._offer()


def _key_of(finding: LabelFinding) -> LabelKey:
    places = list(finding.correction)
    if places:
        return LabelKey(*places[0])
    view = finding.views[0] if finding.views else ""
    return LabelKey(view, finding.keypoints[0] if finding.keypoints else "")


def _audit(
    folder: Path, sides: Sequence[Sequence[str]], progress: Progress, cancelled: IsCancelled
) -> Audit:
    return audit_project(folder, left_right=sides, progress=progress, cancelled=cancelled)
