"""Feeds every strip of a session with the same rows."""

from __future__ import annotations

from functools import partial

from napari.utils.notifications import show_error
from qtpy.QtCore import QObject, Signal

from napari_pose3d.core.review.events.excesses import Excesses
from napari_pose3d.gui.qt.jobs import Job, JobSlot
from napari_pose3d.settings import IsCancelled, Progress

from ..review_model import ReviewModel
from .heat_rows import HeatRows, Rows, heat_rows, kind_rows
from .heat_strip import HeatStrip

# Up to so many cells are gone through while the mouse waits; more in a thread.
_AT_ONCE = 2_000_000


class HeatFeed(QObject):
    """What the strips show: by kind of event, keypoint, view or quantity.

    Parameters
    ----------
    model : ReviewModel

    Signals: ``changed`` when the strips have other rows.
    """

    changed = Signal()

    def __init__(self, model: ReviewModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._strips: list[HeatStrip] = []
        self._by: Rows = "kind"
        self._measure = ""
        self.rows: HeatRows | None = None
        self._made_of: tuple[Excesses, Rows, str] | None = None
        self._running = JobSlot()
        self._frame = 0
        model.classified.connect(self._renew)
        model.found.connect(self._renew)
        model.event_changed.connect(self._on_event)

    def add(self, strip: HeatStrip) -> None:
        """Feed a strip from now on."""
        self._strips.append(strip)
        self._fill(strip)

    def remove(self, strip: HeatStrip) -> None:
        """Feed it no longer."""
        self._strips.remove(strip)

    def choose(self, by: Rows, measure: str = "") -> None:
        """Show other rows."""
        if (by, measure) != (self._by, self._measure):
            self._by, self._measure = by, measure
            self._renew()

    def show_frame(self, frame: int) -> None:
        """Where the time slider is."""
        self._frame = frame
        for strip in self._strips:
            strip.show_frame(frame)

    def stop(self) -> None:
        """Nothing is computed any more."""
        self._running.abandon()

    def _renew(self) -> None:
        review = self._model.review
        self._running.abandon()
        if review is None:
            self._made_of = None
            self._take(None)
        elif self._by == "kind":
            self._made_of = None
            self._take(kind_rows(review.events, review.n_frames))
        else:
            made_of = (review.excesses, self._by, self._measure)
            if self._made_of is not None and all(
                old is new for old, new in zip(self._made_of, made_of, strict=True)
            ):
                # Another sensitivity is another table of colours.
                self._take(self.rows)
                return
            self._made_of = made_of
            work = partial(_work, *made_of)
            if review.excesses.correction.size <= _AT_ONCE:
                self._take(work(lambda *_: None, lambda: False))
                return
            job = Job(work)
            job.succeeded.connect(self._take)
            job.failed.connect(show_error)
            self._running.start(job)

    def _take(self, rows: HeatRows | None) -> None:
        self.rows = rows
        for strip in self._strips:
            self._fill(strip)
        self.changed.emit()

    def _fill(self, strip: HeatStrip) -> None:
        strip.show_rows(self.rows)
        # Events have been compared already.
        strip.show_sensitivity(1.0 if self._by == "kind" else self._model.sensitivity)
        strip.show_event(self._model.current)
        strip.show_frame(self._frame)

    def _on_event(self) -> None:
        for strip in self._strips:
            strip.show_event(self._model.current)


def _work(
    excesses: Excesses, by: Rows, measure: str, _progress: Progress, _cancelled: IsCancelled
) -> HeatRows:
    return heat_rows(excesses, by, measure)
