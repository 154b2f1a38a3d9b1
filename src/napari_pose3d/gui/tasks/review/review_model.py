"""What was found in the open session, and what the parts of the panel show of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from napari.utils.notifications import show_error
from qtpy.QtCore import QObject, QTimer, Signal

from napari_pose3d.core.review.decisions.thresholds import with_bars
from napari_pose3d.core.review.events.events import Event
from napari_pose3d.core.review.session_review import SessionReview
from napari_pose3d.gui.qt.jobs import Job, JobSlot
from napari_pose3d.gui.session.current_session import OpenSession
from napari_pose3d.settings import IsCancelled, Progress

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig
    from napari_pose3d.core.pipeline.quality.review_run import ReviewRun

# Up to so many cells are compared anew while the mouse waits; more in a thread.
_AT_ONCE = 1_000_000
_LATER_MS = 250


class ReviewModel(QObject):
    """The review of the open session; the parts of the panel follow its signals.

    Signals: ``found`` when there is another review, or none; ``classified`` when the events are
    others because the bars are; ``event_changed`` with the `Event` that the user goes to, or None.

    Attributes
    ----------
    opened : OpenSession or None
        The session that it is of.
    run : ReviewRun or None
    review : SessionReview or None
        With the bars as the user moved them.
    base : SessionReview or None
        With the bars as they were found.
    rig : Rig or None
        Cameras of the review's views, in their order; None where there are no positions in space.
    current : Event or None
        The event that the user went to last.
    """

    found = Signal()
    classified = Signal()
    event_changed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.opened: OpenSession | None = None
        self.run: ReviewRun | None = None
        self.review: SessionReview | None = None
        self.base: SessionReview | None = None
        self.rig: Rig | None = None
        self.current: Event | None = None
        self.sensitivity = 1.0
        self._factors: dict[str, float] = {}
        self._running = JobSlot()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_LATER_MS)
        self._timer.timeout.connect(self._classify)

    @property
    def factors(self) -> Mapping[str, float]:
        """By how much the user moved the bar of each quantity."""
        return self._factors

    def set(self, opened: OpenSession, run: ReviewRun, review: SessionReview) -> None:
        """Show another review; the bars stay where the user moved them."""
        self.opened, self.run, self.base = opened, run, review
        self.review = review
        self.rig = _rig_of(opened, review)
        self._choose(None)
        self.found.emit()
        self._classify()

    def reclassify(self) -> None:
        """Positions were corrected: the same bars for other values, a moment later.

        The track is seen at once; the list of events can wait for the next correction.
        """
        self._timer.start()

    @property
    def is_waiting(self) -> bool:
        """Whether events are about to be found anew."""
        return self._timer.isActive() or self._running.job is not None

    def drop(self) -> None:
        """Show nothing."""
        self._running.abandon()
        self.opened = self.run = self.base = self.review = self.rig = None
        self._choose(None)
        self.found.emit()

    def set_sensitivity(self, sensitivity: float) -> None:
        """Compare anew; nothing is measured anew."""
        if sensitivity != self.sensitivity:
            self.sensitivity = sensitivity
            self._classify()

    def set_factor(self, name: str, factor: float) -> None:
        """Move the bars of one quantity (see `thresholds.THRESHOLDS`)."""
        if factor != self._factors.get(name, 1.0):
            self._factors[name] = factor
            self._classify()

    def reset_factors(self) -> None:
        """The bars as they were found."""
        if any(factor != 1 for factor in self._factors.values()):
            self._factors = {}
            self._classify()

    def choose(self, event: Event | None) -> None:
        """Go to an event, also to the one that is chosen already."""
        self._choose(event)

    def stop(self) -> None:
        """Nothing is emitted any more by what is being computed."""
        self._running.abandon()
        self._timer.stop()

    def _choose(self, event: Event | None) -> None:
        self.current = event
        self.event_changed.emit(event)

    def _classify(self) -> None:
        self._running.abandon()
        self._timer.stop()
        if self.base is None:
            return
        work = partial(_classified, self.base, dict(self._factors), self.sensitivity)
        if self.base.excesses.correction.size <= _AT_ONCE:
            self._take(work(lambda *_: None, lambda: False))
            return
        job = Job(work)
        job.succeeded.connect(self._take)
        job.failed.connect(show_error)
        self._running.start(job)

    def _take(self, review: SessionReview) -> None:
        self._running.abandon()
        self.review = review
        self.classified.emit()


def _classified(
    base: SessionReview,
    factors: Mapping[str, float],
    sensitivity: float,
    _progress: Progress,
    _cancelled: IsCancelled,
) -> SessionReview:
    return with_bars(base, factors, sensitivity)


def _rig_of(opened: OpenSession, review: SessionReview) -> Rig | None:
    views = review.result.poses2d.views
    if review.result.poses3d is None:
        return None
    rig = opened.session.load_rig()
    if rig is None or not set(views) <= set(rig.names):
        return None
    return rig.subset(views)
