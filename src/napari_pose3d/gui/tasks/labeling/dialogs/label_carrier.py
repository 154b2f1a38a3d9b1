"""Carrying the labels of a frame on to the next ones: asking how far, tracking, proposing."""

from __future__ import annotations

from collections import Counter
from functools import partial

from napari.utils.notifications import show_error
from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.labels.labeling import Labeling
from napari_pose3d.core.labels.propagation.label_propagation import (
    propagate_labels,
    propose_propagated,
)
from napari_pose3d.core.labels.propagation.point_trackers import (
    USUAL,
    point_tracker,
    tracker_names,
)
from napari_pose3d.core.labels.propagation.propagation import Propagation
from napari_pose3d.gui.qt.jobs import Job, JobSlot
from napari_pose3d.gui.qt.run_bar import ProgressRow
from napari_pose3d.settings import IsCancelled, Progress
from napari_pose3d.wording import counted, verb

from ..control.label_controller import LabelController

USUAL_FRAMES = 20
_MOST_FRAMES = 1000
_MOST_STOPS = 3
_AGAIN_MS = 100
_NOTE = (
    "The labels are followed through the images of all views and joined in space. What is found is "
    "proposed like predictions: C confirms one, Shift+C all of a frame."
)


class LabelCarrier(QObject):
    """Carries labels on in a thread, and says where it stopped.

    Parameters
    ----------
    control : LabelController
    progress : ProgressRow
        Of the panel; its Cancel also ends this.
    """

    def __init__(self, control: LabelController, progress: ProgressRow) -> None:
        super().__init__(progress)
        self._control, self._progress = control, progress
        self.n_frames, self.tracker = USUAL_FRAMES, USUAL
        self._running = JobSlot()
        self._job: Job | None = None
        self.found: Propagation | None = None
        progress.cancel_clicked.connect(self._cancel)
        progress.destroyed.connect(self._running.abandon)
        control.carry_wanted.connect(self.carry)

    @property
    def is_busy(self) -> bool:
        """Whether points are being followed."""
        return self._job is not None

    def ask(self, parent: QWidget) -> None:
        """Ask how far, and with which tracker."""
        dialog = CarryDialog(self.n_frames, self.tracker, parent)
        if dialog.exec():
            self.n_frames, self.tracker = dialog.n_frames.value(), dialog.tracker.currentText()
            self.carry(-1 if dialog.backward.isChecked() else 1)

    def carry(self, direction: int) -> None:
        """Carry the labels of the frame that is shown on, with what was chosen last.

        Parameters
        ----------
        direction : int
            1 to the frames after it, -1 to those before.
        """
        control = self._control
        if self.is_busy:
            return
        if not control.panel.is_settled:
            control.show_message("The images are not there yet: press again when they are.")
            return
        labeling, frame = control.labeling, control.frame
        last = control.panel.scene.n_frames - 1
        room = frame if direction < 0 else last - frame
        n = min(self.n_frames, room)
        if n < 1:
            control.show_message("There are no frames to carry the labels on to.")
            return
        work = partial(_carry, labeling, frame, direction * n, self.tracker)
        job = self._job = Job(work)
        job.progressed.connect(self._progress.show_progress)
        job.succeeded.connect(self._on_found)
        job.failed.connect(self._on_failed)
        job.stopped.connect(self._on_stopped)
        self._progress.show_progress("following the labels", 0, 0)
        self._running.start(job)

    def stop(self) -> None:
        """Nothing is proposed any more."""
        self._running.abandon()
        self._job = None

    def _cancel(self) -> None:
        if self._job is not None:
            self._job.cancel()

    def _on_found(self, found: Propagation) -> None:
        if self._control.labeling.store.is_editing:
            # A label is being dragged; that comes first.
            QTimer.singleShot(_AGAIN_MS, partial(self._on_found, found))
            return
        self._end()
        self.found = found
        n = propose_propagated(self._control.labeling, found)
        self._control.show_message(describe(found, n))

    def _on_failed(self, message: str) -> None:
        self._end()
        show_error(message)
        self._control.show_message(message)

    def _on_stopped(self) -> None:
        self._end()
        self._control.show_message("Cancelled: nothing was carried on.")

    def _end(self) -> None:
        self._job = None
        self._progress.finish()


def describe(found: Propagation, n: int) -> str:
    """What was carried on, and where it stopped, in words."""
    frames = counted(len(found.frames), "frame")
    text = f"{counted(n, 'position')} {verb(n)} proposed in {frames}."
    if not found.stops:
        return f"{text} No keypoint stopped."
    names = Counter(stop.keypoint for stop in found.stops)
    text += f" {counted(len(names), 'keypoint')} stopped early: "
    parts = []
    for stop in found.stops[:_MOST_STOPS]:
        where = f", {', '.join(stop.views)}" if stop.views else ""
        parts.append(f"{stop.keypoint} at frame {stop.frame:,} ({stop.reason}{where})")
    more = len(found.stops) - _MOST_STOPS
    return text + "; ".join(parts) + (f"; and {more} more." if more > 0 else ".")


class CarryDialog(QDialog):
    """How far labels are carried on, in which direction, and by which tracker."""

    def __init__(self, n_frames: int, tracker: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Carry labels on")
        self.n_frames = QSpinBox()
        self.n_frames.setRange(1, _MOST_FRAMES)
        self.n_frames.setValue(n_frames)
        self.backward = QCheckBox("&Backward, to the frames before")
        self.tracker = QComboBox()
        self.tracker.addItems(list(tracker_names()))
        self.tracker.setCurrentText(tracker)
        self.tracker.setToolTip("Other packages can bring trackers of their own.")
        note = QLabel(_NOTE)
        note.setWordWrap(True)
        form = QFormLayout()
        form.addRow("&Frames", self.n_frames)
        form.addRow("&Tracker", self.tracker)
        form.addRow(self.backward)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(note)
        column.addLayout(form)
        column.addWidget(buttons)


def _carry(
    labeling: Labeling,
    frame: int,
    n_frames: int,
    tracker: str,
    progress: Progress,
    cancelled: IsCancelled,
) -> Propagation:
    return propagate_labels(
        labeling, frame, n_frames, point_tracker(tracker), progress=progress, cancelled=cancelled
    )
