"""The widget "Review": find what is wrong in the open session, look at it, decide, send it on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_error, show_info
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QSize, Qt
from qtpy.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QTabBar,
    QWidget,
)

from napari_pose3d.core.pipeline.quality.review_run import ReviewRun
from napari_pose3d.core.review.decisions.corrections import decisions_folder
from napari_pose3d.core.review.decisions.decisions import Decisions
from napari_pose3d.core.review.events.events import Event
from napari_pose3d.core.review.session_review import SessionReview
from napari_pose3d.core.smoothing.certain.local_update import UpdatedStretch
from napari_pose3d.core.storage.user_name import user_name
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.camera_views.panel_link import PanelLink
from napari_pose3d.gui.qt.jobs import Job, JobSlot
from napari_pose3d.gui.qt.key_bindings import REVIEW_KEYS
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.qt.run_bar import RunBar
from napari_pose3d.gui.qt.task_layout import lay_out_task
from napari_pose3d.gui.session.current_session import (
    OpenSession,
    current_session,
    has_same_data,
)
from napari_pose3d.gui.session.smoothing_choice import smoothing_choice
from napari_pose3d.gui.workspace.workspace import workspace
from napari_pose3d.settings import ReviewSettings

from .audit.audit_page import AUDIT_KEYS, AuditPage
from .bars.bars_page import BarsPage
from .compare.compare_page import ComparePage
from .corrections.correction_controller import CorrectionController
from .corrections.correction_drawing import CorrectionDrawing
from .events.event_sight import EventSight
from .events.events_page import EventsPage
from .events.page_keys import PageKeys
from .review_jobs import find, save
from .review_layers import ReviewLayers
from .review_model import ReviewModel
from .review_outlet import ReviewOutlet, ask_for_folder, labeling_obstacle, summary
from .timeline.heat_feed import HeatFeed
from .timeline.strip_above_traces import StripAboveTraces
from .why.evidence_drawing import EvidenceDrawing

_PANEL = "Review"
_WIDTH = 340
_HINT = (
    "Smooths the predictions of the open session, compares them with the result, and lists the "
    "stretches of frames in which something is wrong, the worst first."
)
_NO_SESSION = "Open a session first (tab Session)."
_NO_PREDICTIONS = "The open session has no predictions to review."
# Canvas px per image px, where a thumbnail was clicked.
_MAGNIFICATION = 4.0


class ReviewWidget(QWidget):
    """Runs the review in a thread, and ties its parts to the window.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._current = current_session(napari_viewer)
        self._workspace = workspace(napari_viewer)
        self._running = JobSlot()
        self._job: Job | None = None
        self._docked = self._stopped = False
        self._of: OpenSession | None = None
        self.model = ReviewModel(self)
        self.bar = RunBar(
            action="F&ind what is wrong",
            hint="Smooth the predictions of the open session and compare (Alt+I).",
        )
        self.summary = MessageLabel()
        self.feed = HeatFeed(self.model, self)
        self.corrections = CorrectionController(self.model, self)
        self.events = EventsPage(napari_viewer, self.model, self.feed, self.corrections)
        self.bars = BarsPage(self.model)
        self.compare = ComparePage(self.model)
        self.audit = AuditPage(self._current, self._workspace, smoothing_choice(napari_viewer))
        self.link = PanelLink(self._workspace, self)
        self.why = EvidenceDrawing(self.model, self.link, self)
        EventSight(self.model, self.link, self)
        self.correcting = CorrectionDrawing(
            self.model, self.link, self.corrections, self._is_in_front, self.events.perform, self
        )
        self._above = StripAboveTraces(self._workspace, self.feed, self)
        self.layers = ReviewLayers(napari_viewer, self.model, self)
        self.budget = QSpinBox()
        self.budget.setRange(1, 10_000)
        self.budget.setValue(ReviewSettings().budget)
        self.budget.setToolTip("How many frames to label, at most.")
        self.budget.setAccessibleName("Frames to label")
        self.queue = QPushButton("&Queue")
        self.queue.setToolTip("Add the frames that together show most events to the tab Label.")
        self.save = QPushButton("&Save…")
        self.save.setToolTip("Write events.csv, frames.csv and a report to look at.")
        self.outlet = ReviewOutlet(self.model, self._workspace, self.budget.value, self)
        # Not a QTabWidget: it is as large as its largest page, whichever is seen.
        self.tabs = QTabBar()
        self._pages: list[QWidget] = []
        # Over a view a correction is taken away; here there is no mouse over one.
        shared = [(k.label, k.action) for k in REVIEW_KEYS if k.action != "remove_correction"]
        self._keys: dict[QWidget, PageKeys] = {
            self.events: PageKeys(self, shared, self.events.perform),
            self.audit: PageKeys(self, AUDIT_KEYS, self.audit.perform),
        }
        self._found = QWidget()
        self._is_found = False
        self._hint = MessageLabel(_HINT)
        self._lay_out()
        self._connect()
        self._workspace.adopt(self, _PANEL)
        self._on_session()

    def sizeHint(self) -> QSize:  # noqa: N802
        """A width that leaves room for the images on a small screen."""
        return QSize(_WIDTH, 700)

    @property
    def review(self) -> SessionReview | None:
        """What was found, with the bars where they are."""
        return self.model.review

    def _lay_out(self) -> None:
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setAccessibleName("Parts of the review")
        for page, text, hint in (
            (self.events, "Events", "What is wrong in the predictions, and where."),
            (self.bars, "Bars", "From where on something counts as wrong."),
            (self.compare, "Compare", "Two prediction sets, or raw and smoothed."),
            (self.audit, "Labels", "Faults in labels that were already made."),
        ):
            self._pages.append(page)
            self.tabs.setTabToolTip(self.tabs.addTab(text), hint)
        row = QHBoxLayout(self._found)
        row.setContentsMargins(0, 0, 0, 0)
        label = QLabel("To &label")
        label.setBuddy(self.budget)
        row.addWidget(label)
        row.addWidget(self.budget)
        row.addWidget(self.queue, 1)
        row.addWidget(self.save)
        parts = (self.tabs, self.summary, self._hint, *self._pages)
        lay_out_task(self, parts, (self._found, self.bar), growing=tuple(self._pages))
        self._show_found(False)

    def _connect(self) -> None:
        self._current.changed.connect(self._on_session)
        for slot in (self._share_keys, self._show_why):
            self._workspace.changed.connect(slot)
        self.bar.run_clicked.connect(self.run)
        self.bar.cancel_clicked.connect(self.cancel)
        self.events.frame_chosen.connect(self._show_frame)
        self.events.view_clicked.connect(self._zoom_to)
        self.events.traces_wanted.connect(lambda: self._workspace.open("Traces"))
        self.events.why_switched.connect(self._switch_why)
        self.corrections.changed.connect(self._on_corrected)
        self.layers.progressed.connect(self.bar.show_progress)
        self.layers.added.connect(self._on_layers)
        self.why.explained.connect(self.events.explain)
        self.compare.frame_chosen.connect(self._show_frame)
        self._above.frame_chosen.connect(self._show_frame)
        self._above.event_wanted.connect(self.events.table.step)
        self.model.classified.connect(self._on_classified)
        self.events.decisions.queue_wanted.connect(self._queue_events)
        self.events.decisions.fix_wanted.connect(self.outlet.fix)
        self.tabs.currentChanged.connect(self._show_page)
        self.budget.valueChanged.connect(self._tell)
        if (number := self.budget.lineEdit()) is not None:
            # A number is typed where keys do not act; they do when it is done.
            number.returnPressed.connect(self.events.table.setFocus)
        self.outlet.queued.connect(self._say)
        self.queue.clicked.connect(self.outlet.queue_frames)
        self.save.clicked.connect(self._ask_where_to_save)
        self._viewer.dims.events.current_step.connect(self._on_step)
        self.destroyed.connect(self._running.abandon)

    # ------------------------------------------------------------------ session

    def _on_session(self) -> None:
        opened = self._current.open
        if self._of is not None and (opened is None or not has_same_data(self._of, opened)):
            # What was found is of other predictions, or compared with another calibration.
            self._drop()
        if opened is None:
            self.bar.set_obstacle(_NO_SESSION)
        elif not opened.session.ensemble_sets:
            self.bar.set_obstacle(_NO_PREDICTIONS)
        else:
            self.bar.set_obstacle("")

    def _drop(self) -> None:
        if self._job is not None:
            self._running.abandon()
            self._job = None
        self._of = None
        self.model.drop()
        self.events.decisions.show_decisions(None, "")
        self.bar.show_idle("")
        self._show_found(False)
        self._workspace.mark(_PANEL, "")

    # ------------------------------------------------------------------ running

    def run(self) -> None:
        """Review the open session, in a thread."""
        opened = self._current.open
        if opened is None or not self.bar.is_ready:
            return
        self._of = opened
        job = self._job = Job(partial(find, opened))
        job.progressed.connect(self.bar.show_progress)
        job.succeeded.connect(self._on_done)
        job.failed.connect(self._on_failed)
        job.stopped.connect(self._on_stopped)
        self.bar.show_busy("reading predictions")
        self._workspace.mark(_PANEL, "running")
        self._running.start(job)

    def cancel(self) -> None:
        """Ask the job to stop; what was found before stays."""
        if self._job is not None:
            self._job.cancel()
            self.bar.show_cancelling()

    def _on_done(self, found: tuple[ReviewRun, SessionReview]) -> None:
        self._job = None
        run, review = found
        assert self._of is not None
        self.bar.show_idle("Done.")
        self._workspace.mark(_PANEL, "done")
        self._open_decisions(self._of, review.session)
        self.model.set(self._of, run, review)
        self._show_found(True)
        self._on_step()
        self.layers.show()

    def _on_layers(self) -> None:
        self.bar.show_idle("Done.")
        if self.link.panel is not None:
            self.link.panel.take_over()

    def _open_decisions(self, opened: OpenSession, session: str) -> None:
        try:
            folder = decisions_folder(opened.project.folder)
            kept = Decisions(folder, user_name())
            self.events.decisions.show_decisions(kept, session, labeling_obstacle(opened))
        except PoseDataError as error:
            self.events.decisions.show_decisions(None, "")
            show_error(str(error))

    def _on_failed(self, message: str) -> None:
        self._end_without("Failed.")
        show_error(message)

    def _on_stopped(self) -> None:
        self._end_without("Cancelled.")

    def _end_without(self, words: str) -> None:
        self._job = None
        self.bar.show_idle(words)
        self._workspace.mark(_PANEL, "attention" if self.review is None else "done")

    # ------------------------------------------------------------------ what was found

    def _show_found(self, there: bool) -> None:
        self._is_found = there
        self._show_page()

    def _show_page(self) -> None:
        chosen = self._pages[self.tabs.currentIndex()]
        # Labels have nothing to do with the predictions of the session.
        of_predictions = chosen is not self.audit
        focused = QApplication.focusWidget()
        leaves = any(page.isAncestorOf(focused) for page in self._pages) if focused else False
        for page in self._pages:
            page.setVisible(page is chosen and (self._is_found or not of_predictions))
        table = {self.events: self.events.table, self.audit: self.audit.table}.get(chosen)
        # Brought forward, the panel's keys act at once.
        self.setFocusProxy(table if table is not None and not chosen.isHidden() else None)
        for page, keys in self._keys.items():
            keys.act(not page.isHidden())
        if leaves:
            # Else it would go to the number below, and keys would be typed there.
            (self.focusProxy() or self.tabs).setFocus()
        self._share_keys()
        for part in (self.summary, self._found):
            part.setVisible(self._is_found and of_predictions)
        self.bar.setVisible(of_predictions)
        self._hint.setVisible(of_predictions and not self._is_found)

    def _is_in_front(self) -> bool:
        return self._workspace.is_in_front(_PANEL)

    def _share_keys(self) -> None:
        """The keys act in napari's main canvas as long as the events are seen."""
        self.events.act_in_canvas(self._is_in_front() and not self.events.isHidden())

    def _on_classified(self) -> None:
        self._on_step()
        self._tell()

    def _tell(self) -> None:
        review = self.review
        if review is None:
            return
        chosen = self.outlet.chosen()
        obstacle = self.outlet.obstacle
        self.queue.setEnabled(bool(chosen) and not obstacle)
        if obstacle:
            self.queue.setToolTip(obstacle)
        factors = self.model.factors.values()
        moved = self.model.sensitivity != 1 or any(each != 1 for each in factors)
        self.summary.show_message(summary(review, () if obstacle else chosen, bars_moved=moved))

    def _say(self, text: str) -> None:
        """Below the button, unless a job is writing there."""
        if self.bar.is_busy:
            show_info(text)
        else:
            self.bar.show_idle(text)

    def _on_corrected(self, stretches: Sequence[UpdatedStretch]) -> None:
        """Everything that shows the track follows."""
        if not stretches:
            return
        self.layers.update(stretches)
        self.why.renew()
        self.compare.renew()
        if self.link.panel is not None:
            self.link.panel.redraw()
        if (traces := self._workspace.find("Traces")) is not None:
            traces.redraw()

    def _show_frame(self, frame: int) -> None:
        self._viewer.dims.set_current_step(self._axis, frame)

    @property
    def _axis(self) -> int:
        """The frame's axis of the main viewer: ours are the last four."""
        return max(int(self._viewer.dims.ndim) - 4, 0)

    def _on_step(self, _: object = None) -> None:
        steps = self._viewer.dims.current_step
        if len(steps) > self._axis:
            self.feed.show_frame(int(steps[self._axis]))
            self.compare.show_frame(int(steps[self._axis]))

    def _queue_events(self, events: Sequence[Event]) -> None:
        with self._keeping_focus():
            self.outlet.queue_events(events)

    def _switch_why(self, on: bool) -> None:
        if on:
            with self._keeping_focus():
                self.link.open()
                self._workspace.bring_forward(_PANEL)
        self._show_why()

    def _show_why(self) -> None:
        """Another task in front has the views to itself."""
        self.why.switch(self.events.why.isChecked() and self._is_in_front())

    @contextlib.contextmanager
    def _keeping_focus(self) -> Iterator[None]:
        """Keys go on acting where they did, such as in the camera view under the mouse."""
        # The camera views may have a window of their own; while another program is in front,
        # this window still knows where its keys will act.
        window = self.window()
        before = QApplication.focusWidget() or (None if window is None else window.focusWidget())
        yield
        if before is not None and isalive(before) and before.isVisible():
            before.setFocus(Qt.FocusReason.OtherFocusReason)

    def _zoom_to(self, name: str, x: float, y: float) -> None:
        """Bring what a thumbnail shows into the middle of its camera view."""
        view = self.link.open().views.get(name)
        self._workspace.bring_forward(_PANEL)
        if view is not None:
            view.zoom_to((x, y), max(view.zoom, _MAGNIFICATION))

    # ------------------------------------------------------------------ saving

    def _ask_where_to_save(self) -> None:
        asked = ask_for_folder(self.model, self)
        if asked is not None:
            self.save_to(asked[0], force=asked[1])

    def save_to(self, folder: Path, *, force: bool = False) -> None:
        """Write events, frames and the report."""
        run, review = self.model.run, self.review
        if run is None or review is None:
            return
        job = self._job = Job(partial(save, run, review, self.budget.value(), folder, force))
        job.succeeded.connect(self._on_saved)
        job.failed.connect(self._on_failed)
        job.stopped.connect(self._on_stopped)
        self.bar.show_busy("writing the review")
        self._running.start(job)

    def _on_saved(self, written: list[Path]) -> None:
        self._job = None
        self.bar.show_idle(f"Saved in {written[0].parent}")
        show_info(f"The review was saved: {written[-1]}")

    # ------------------------------------------------------------------ the end

    def stop(self) -> None:
        """Let go of the viewer, and take off what was drawn on its images."""
        if self._stopped:
            return
        self._stopped = True
        self._running.abandon()
        self.model.stop()
        self.feed.stop()
        self.layers.stop()
        self.events.stop()
        self.bars.stop()
        self.compare.stop()
        self.audit.stop()
        self.why.stop()
        self.correcting.stop()
        self._above.stop()
        self.link.stop()
        self._current.changed.disconnect(self._on_session)
        for slot in (self._share_keys, self._show_why):
            self._workspace.changed.disconnect(slot)
        self._viewer.dims.events.current_step.disconnect(self._on_step)

    def event(self, event: QEvent | None) -> bool:
        """Napari takes a closed dock's widget out of it without closing the widget."""
        if event is not None and event.type() == QEvent.Type.ParentChange:
            if self.parent() is None and self._docked:
                self.stop()
            self._docked = self.parent() is not None
        return super().event(event)
