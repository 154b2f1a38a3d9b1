"""The widget "Review": find what is wrong in the open session, look at it, send it to labeling."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QMessageBox,
    QPushButton,
    QSlider,
    QSpinBox,
    QWidget,
)

from napari_pose3d.core.pipeline.quality.review_run import ReviewRun
from napari_pose3d.core.review.events import Event
from napari_pose3d.core.review.frame_choice import ChosenFrame, choose_frames
from napari_pose3d.core.review.review_files import EVENTS
from napari_pose3d.core.review.session_review import SessionReview
from napari_pose3d.gui.qt.jobs import Job, JobSlot
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.qt.run_bar import RunBar
from napari_pose3d.gui.qt.task_layout import lay_out_task
from napari_pose3d.gui.session.current_session import (
    OpenSession,
    current_session,
    has_same_data,
)
from napari_pose3d.gui.workspace.workspace import workspace
from napari_pose3d.settings import IsCancelled, Progress, ReadingSettings, ReviewSettings

from .event_table import EventTable
from .timeline import Timeline

_PANEL = "Review"
_WIDTH = 320
_NO_SESSION = "Open a session first (tab Session)."
_NO_PREDICTIONS = "The open session has no predictions to review."
# The slider's steps: each is a factor of 2 ** (1 / 4), and 0 in the middle is 1.
_STEPS, _PER_STEP = 8, 4


class ReviewWidget(QWidget):
    """Runs the review in a thread, and shows its events beside the time slider.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._current = current_session(napari_viewer)
        self._running = JobSlot()
        self._job: Job | None = None
        self._run: ReviewRun | None = None
        self._of: OpenSession | None = None
        self.review: SessionReview | None = None
        self.bar = RunBar(
            action="&Find what is wrong",
            hint="Smooth the predictions of the open session and compare (Alt+F).",
        )
        self.summary = MessageLabel()
        self.timeline = Timeline()
        self.events = EventTable()
        self.sensitivity = QSlider(Qt.Orientation.Horizontal)
        self.sensitivity.setRange(-_STEPS, _STEPS)
        self.sensitivity.setPageStep(_PER_STEP)
        self.sensitivity.setToolTip(
            "Right: smaller deviations count as well. Nothing is computed anew."
        )
        self.sensitivity.setAccessibleName("Sensitivity")
        self.budget = QSpinBox()
        self.budget.setRange(1, 10_000)
        self.budget.setValue(ReviewSettings().budget)
        self.budget.setToolTip("How many frames to label, at most.")
        self.queue = QPushButton("&Queue for labeling")
        self.queue.setToolTip("Add the frames that together show most events to the tab Label.")
        self.save = QPushButton("&Save review…")
        self.save.setToolTip("Write events.csv, frames.csv and a report to look at.")
        self._found = QWidget()
        self._lay_out()
        self._connect()
        self._workspace = workspace(napari_viewer)
        self._workspace.adopt(self, _PANEL)
        self._on_session()

    def sizeHint(self) -> QSize:  # noqa: N802
        """A width that leaves room for the images on a small screen."""
        return QSize(_WIDTH, 700)

    def _lay_out(self) -> None:
        form = QFormLayout(self._found)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Sensiti&vity", self.sensitivity)
        form.addRow("&Frames to label", self.budget)
        row = QHBoxLayout()
        row.addWidget(self.queue)
        row.addWidget(self.save)
        form.addRow(row)
        parts = (self.summary, self.timeline, self.events, self._found)
        lay_out_task(self, parts, (self.bar,))
        self._show_found(False)

    def _connect(self) -> None:
        self._current.changed.connect(self._on_session)
        self.bar.run_clicked.connect(self.run)
        self.bar.cancel_clicked.connect(self.cancel)
        self.events.picked.connect(self._go_to)
        self.timeline.frame_chosen.connect(self._show_frame)
        self.sensitivity.valueChanged.connect(self._on_sensitivity)
        self.budget.valueChanged.connect(self._tell)
        self.queue.clicked.connect(self.queue_frames)
        self.save.clicked.connect(self.ask_where_to_save)
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
        self.review = self._run = self._of = None
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
        job = self._job = Job(partial(_review, opened))
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
        self._run, self.review = found
        self.bar.show_idle("Done.")
        self._workspace.mark(_PANEL, "done")
        self._on_sensitivity()
        self._show_found(True)

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
        for part in (self.summary, self.timeline, self.events, self._found):
            part.setVisible(there)

    def _on_sensitivity(self) -> None:
        if self.review is None:
            return
        self.review = self.review.with_sensitivity(2.0 ** (self.sensitivity.value() / _PER_STEP))
        self.timeline.show_events(self.review.events, self.review.n_frames)
        self.events.show_events(self.review.events)
        self._on_step()
        self._tell()

    def _tell(self) -> None:
        review = self.review
        if review is None:
            return
        n, flagged = len(review.events), int(review.flagged.sum())
        chosen = self.chosen()
        frames = len(chosen)
        can_queue = frames > 0 and self._can_label()
        self.queue.setEnabled(can_queue)
        if not n:
            self.summary.show_message(f"Nothing was found in {review.n_frames:,} frames.")
            return
        shown = len({event for each in chosen for event in each.events})
        label = f" {frames} frames to label show {shown:,} of them." if frames else ""
        events = "1 event" if n == 1 else f"{n:,} events"
        self.summary.show_message(f"{events} in {flagged:,} of {review.n_frames:,} frames.{label}")
        if frames and not self._can_label():
            self.queue.setToolTip("Labels need a Lightning Pose project: tab Session, New project.")

    def _can_label(self) -> bool:
        return self._of is not None and self._of.project.kind == "lightning-pose"

    def chosen(self) -> tuple[ChosenFrame, ...]:
        """The frames to label."""
        if self.review is None:
            return ()
        return choose_frames({self.review.session: self.review}, self.budget.value())

    def _go_to(self, event: Event) -> None:
        self.timeline.choose(event)
        self._show_frame(event.peak)

    def _show_frame(self, frame: int) -> None:
        self._viewer.dims.set_current_step(0, frame)

    def _on_step(self, _: object = None) -> None:
        self.timeline.show_frame(int(self._viewer.dims.current_step[0]))

    # ------------------------------------------------------------------ what follows

    def queue_frames(self) -> None:
        """Add the chosen frames to the queue of the tab Label."""
        chosen = self.chosen()
        if not chosen or not self._can_label():
            return
        panel = self._workspace.open("Label")
        panel.queue_frames({each.frame: each.reason for each in chosen})

    def ask_where_to_save(self) -> None:
        """Ask for a folder, and save there."""
        if self._run is None or self.review is None:
            return
        start = self._run.default_folder() / self.review.session
        chosen = QFileDialog.getExistingDirectory(
            self, "Folder for the review", str(_nearest(start))
        )
        if not chosen:
            return
        folder = Path(chosen)
        force = (folder / EVENTS).exists()
        if force:
            answer = QMessageBox.question(
                self, "Replace the review?", f"{folder} holds a review already. Replace it?"
            )
            if answer != QMessageBox.StandardButton.Yes:
                return
        self.save_to(folder, force=force)

    def save_to(self, folder: Path, *, force: bool = False) -> None:
        """Write events, frames and the report."""
        run, review = self._run, self.review
        if run is None or review is None:
            return
        job = self._job = Job(partial(_save, run, review, self.budget.value(), folder, force))
        job.succeeded.connect(self._on_saved)
        job.failed.connect(self._on_failed)
        job.stopped.connect(self._on_stopped)
        self.bar.show_busy("writing the review")
        self._running.start(job)

    def _on_saved(self, written: list[Path]) -> None:
        self._job = None
        self.bar.show_idle(f"Saved in {written[0].parent}")
        show_info(f"The review was saved: {written[-1]}")


def _review(
    opened: OpenSession, progress: Progress, cancelled: IsCancelled
) -> tuple[ReviewRun, SessionReview]:
    session = opened.session
    paths = [path for each in session.ensemble_sets for path in each.files.values()]
    run = ReviewRun(
        paths,
        session.rig_path,
        ReadingSettings(session=session.name),
        around=opened.project.folder,
    )
    return run, run.review(session.name, None, None, progress, cancelled)


def _save(
    run: ReviewRun,
    review: SessionReview,
    budget: int,
    folder: Path,
    force: bool,
    progress: Progress,
    cancelled: IsCancelled,
) -> list[Path]:
    progress("writing the review", 0, 0)
    return run.save(folder, review, budget, force=force)


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest above that there is."""
    return next((each for each in (folder, *folder.parents) if each.is_dir()), Path.home())
