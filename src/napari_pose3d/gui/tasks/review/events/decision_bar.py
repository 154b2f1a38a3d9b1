"""What is decided about events: good, bad, fix now, queue, a note."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from napari.utils.notifications import show_error
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.review.decisions.decisions import (
    Decision,
    Decisions,
    Verdict,
    match_decisions,
)
from napari_pose3d.core.review.events.events import Event
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.qt.message_text import MessageLabel

SIGNS = {
    Verdict.GOOD: "good",
    Verdict.BAD: "bad",
    Verdict.FIX: "fix",
    Verdict.QUEUE: "queue",
    Verdict.NOTE: "note",
}
_BUTTONS = (
    ("good", "Good", "Nothing is wrong here (G)."),
    ("bad", "Bad", "Leave these keypoints and frames out of results (B)."),
    ("queue", "Queue", "Let the frame wait in the tab Label, with its predictions (Q)."),
    ("fix", "Fix", "Open the frame in the tab Label, with its predictions (F)."),
    ("note", "Note…", "Write a note about it (N)."),
)
_FOR_LABELS = ("queue", "fix")
_NOT_BY_LABELS = "Labels do not help against a camera that moved."


class DecisionBar(QWidget):
    """Buttons for the selected events; what was decided is kept with the project at once.

    Signals: ``decided`` when a decision was made, undone or done again; ``advance_wanted`` after
    one; ``step_wanted`` with 1 or -1 for the next event or the one before; ``fix_wanted`` with an
    event; ``queue_wanted`` with a list of them, before they are kept.
    """

    decided = Signal()
    advance_wanted = Signal()
    step_wanted = Signal(int)
    fix_wanted = Signal(object)
    queue_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kept: Decisions | None = None
        self._session = self._no_labels = ""
        self._events: Sequence[Event] = ()
        # Looked for again and again, for each line of the list.
        self._decided: dict[Event, Decision] = {}
        self.selected: Callable[[], Sequence[Event]] = lambda: ()
        self.buttons: dict[str, QPushButton] = {}
        row = QHBoxLayout()
        row.setSpacing(3)
        for sign, by, hint in (("◂", -1, "The event before (comma)."), ("▸", 1, "The next (.).")):
            step = _sign_button(sign, hint)
            step.clicked.connect(lambda _=False, by=by: self.step_wanted.emit(by))
            row.addWidget(step)
        for action, text, hint in _BUTTONS:
            button = self.buttons[action] = QPushButton(text)
            button.setToolTip(hint)
            button.clicked.connect(lambda _=False, name=action: self.perform(name))
            row.addWidget(button, 1)
        self.undo, self.redo = _sign_button("↶", "Undo"), _sign_button("↷", "Redo")
        for step, name in ((self.undo, "undo"), (self.redo, "redo")):
            step.setAccessibleName(f"{name.capitalize()} a decision")
            step.clicked.connect(lambda _=False, action=name: self.perform(action))
        self.hide_decided = QCheckBox("&Hide them")
        self.hide_decided.setToolTip("List only events that nothing was decided about yet.")
        self._count = QLabel()
        below = QHBoxLayout()
        below.addWidget(self._count, 1)
        below.addWidget(self.hide_decided)
        below.addWidget(self.undo)
        below.addWidget(self.redo)
        self._note = MessageLabel()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addLayout(row)
        column.addLayout(below)
        column.addWidget(self._note)
        self._refresh()

    @property
    def kept(self) -> Decisions | None:
        """The project's decisions; None without a review."""
        return self._kept

    @property
    def state(self) -> str:
        """How many events are decided, in words."""
        return self._count.text()

    def show_decisions(self, kept: Decisions | None, session: str, no_labels: str = "") -> None:
        """Decide about another session's events; ``no_labels`` says why it cannot be labeled."""
        self._kept, self._session, self._no_labels = kept, session, no_labels
        self._read()
        self._refresh()

    def show_events(self, events: Sequence[Event]) -> None:
        """All events that there are to decide about."""
        self._events = events
        self._read()
        self._refresh()

    def show_selection(self) -> None:
        """Other events are selected."""
        self._refresh()

    def decision(self, event: Event) -> Decision | None:
        """What was decided about an event; the newest."""
        return self._decided.get(event)

    def mark(self, event: Event) -> str:
        """The decision in a word; empty for none."""
        decision = self.decision(event)
        return "" if decision is None else SIGNS[decision.verdict]

    # ------------------------------------------------------------------ deciding

    def perform(self, action: str) -> None:
        """Do what a button stands for, to the events that are selected."""
        if action in ("undo", "redo"):
            self._step(back=action == "undo")
            return
        events = list(self.selected())
        button = self.buttons.get(action)
        if action in _FOR_LABELS and (obstacle := self._obstacle(events)):
            # A key asks for it.
            show_error(obstacle)
            return
        if self._kept is None or not events or button is None or not button.isEnabled():
            return
        verdict = Verdict(action)
        note = ""
        if verdict is Verdict.NOTE:
            before = self.decision(events[0])
            # One line: Enter keeps it.
            note, wanted = QInputDialog.getText(
                self,
                "Note",
                "About the selected events:",
                text="" if before is None else before.note.replace("\n", " "),
            )
            if not wanted:
                return
            # The note says something about what was decided, and does not take it back.
            verdict = Verdict.NOTE if before is None else before.verdict
        if action == "queue":
            self.queue_wanted.emit(events)
        self.decide(events, verdict, note)
        if action == "fix":
            self.fix_wanted.emit(events[0])
        elif action != "note":
            self.advance_wanted.emit()

    def decide(self, events: Sequence[Event], verdict: Verdict, note: str = "") -> None:
        """Keep a decision."""
        if self._kept is None:
            return
        kept = note or next(
            (old.note for event in events if (old := self.decision(event)) is not None), ""
        )
        try:
            self._kept.decide(self._session, events, verdict, kept, among=self._events)
        except PoseDataError as error:
            show_error(str(error))
            return
        self._on_decided()

    def _obstacle(self, events: Sequence[Event]) -> str:
        """Why frames of events cannot be labeled, or need not; "" where they can."""
        if events and not any(event.kind.is_mended_by_labels for event in events):
            return self._no_labels or _NOT_BY_LABELS
        return self._no_labels

    def _step(self, *, back: bool) -> None:
        if self._kept is None:
            return
        try:
            step = self._kept.undo() if back else self._kept.redo()
        except PoseDataError as error:
            show_error(str(error))
            return
        if step is not None:
            self._on_decided()

    def _on_decided(self) -> None:
        self._read()
        self._refresh()
        self.decided.emit()

    def _read(self) -> None:
        kept = () if self._kept is None else self._kept.all
        self._decided = match_decisions(kept, self._session, self._events)

    # ------------------------------------------------------------------ what is shown

    def _refresh(self) -> None:
        kept, events = self._kept, list(self.selected())
        for action, _, hint in _BUTTONS:
            obstacle = self._obstacle(events) if action in _FOR_LABELS else ""
            button = self.buttons[action]
            button.setEnabled(kept is not None and bool(events) and not obstacle)
            button.setToolTip(obstacle or hint)
        for step, text, verb in (
            (self.undo, "" if kept is None else kept.undo_text, "Undo"),
            (self.redo, "" if kept is None else kept.redo_text, "Redo"),
        ):
            step.setEnabled(bool(text))
            step.setToolTip(f"{verb}: {text}" if text else f"Nothing to {verb.lower()}")
        n = len(self._decided)
        self._count.setText(f"{n:,} of {len(self._events):,} decided")
        decision = self.decision(events[0]) if len(events) == 1 else None
        note = "" if decision is None or not decision.note else f"Note: {decision.note}"
        self._note.show_message(note)
        self._note.setVisible(bool(note))


def _sign_button(sign: str, hint: str) -> QToolButton:
    button = QToolButton()
    button.setText(sign)
    button.setToolTip(hint)
    button.setAccessibleName(hint)
    return button
