"""The tab Events: a list, where they are in time, why they are some, and what all views show."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.review.events.events import Event
from napari_pose3d.core.review.events.failures import advice
from napari_pose3d.gui.qt.message_text import MessageLabel

from ..corrections.correction_bar import CorrectionBar
from ..corrections.correction_controller import CorrectionController
from ..review_model import ReviewModel
from ..timeline.heat_feed import HeatFeed
from ..timeline.timeline_panel import TimelinePanel
from .canvas_keys import CanvasKeys
from .decision_bar import DecisionBar
from .event_filter import EventFilter
from .event_table import MOST_ROWS, EventTable, sentence
from .thumbnails.thumbnail_feed import ThumbnailFeed
from .thumbnails.thumbnail_row import ThumbnailRow

# The slider's steps: each is a factor of 2 ** (1 / 4), and 0 in the middle is 1.
_STEPS, _PER_STEP = 8, 4


class EventsPage(QWidget):
    """Lists the events of the review and goes to them.

    Parameters
    ----------
    viewer : napari viewer
    model : ReviewModel
    feed : HeatFeed
    corrections : CorrectionController

    Signals: ``frame_chosen`` with a frame to show, ``view_clicked`` with the name of a view whose
    thumbnail was clicked and the pixel in its middle, ``why_switched``.
    """

    frame_chosen = Signal(int)
    view_clicked = Signal(str, float, float)
    why_switched = Signal(bool)

    def __init__(
        self,
        viewer: Any,
        model: ReviewModel,
        feed: HeatFeed,
        corrections: CorrectionController,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._model, self._correcting = model, corrections
        self._canvas_keys = CanvasKeys(viewer, self.perform)
        self._timeline = TimelinePanel(feed)
        self.traces_wanted = self._timeline.traces_wanted
        self.strip = self._timeline.strip
        self.rows = self._timeline.rows
        self.filter = EventFilter()
        self.table = EventTable()
        self.thumbnails = ThumbnailRow()
        self._thumbnail_feed = ThumbnailFeed(viewer, model, self.thumbnails)
        self.decisions = DecisionBar()
        self.corrections = CorrectionBar(corrections)
        self._details = MessageLabel()
        self.why = QCheckBox("Show &why")
        self.why.setChecked(True)
        self.why.setToolTip(
            "In the camera views: arrows from each prediction to where the agreeing views put the "
            "point (red: set aside), epipolar curves, and a triangle for each prediction set (Y)."
        )
        self.sensitivity = QSlider(Qt.Orientation.Horizontal)
        self.sensitivity.setRange(-_STEPS, _STEPS)
        self.sensitivity.setPageStep(_PER_STEP)
        self.sensitivity.setToolTip(
            "Right: smaller deviations count as well. Nothing is measured anew."
        )
        self.sensitivity.setAccessibleName("Sensitivity")
        self._explanation, self._tells_value = "", False
        self.decisions.selected = lambda: self.table.selected
        self._lay_out()
        self._connect()
        corrections.changed.connect(self._thumbnail_feed.renew)

    def _lay_out(self) -> None:
        label = QLabel("Sensiti&vity")
        label.setBuddy(self.sensitivity)
        bottom = QHBoxLayout()
        bottom.addWidget(self.why)
        bottom.addStretch(1)
        bottom.addWidget(label)
        bottom.addWidget(self.sensitivity, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(4)
        column.addWidget(self._timeline)
        column.addWidget(self.filter)
        column.addWidget(self.table, 1)
        column.addWidget(self.decisions)
        column.addWidget(self.thumbnails)
        column.addWidget(self._details)
        column.addWidget(self.corrections)
        column.addLayout(bottom)

    def _connect(self) -> None:
        self._timeline.frame_chosen.connect(self.frame_chosen)
        self._timeline.event_wanted.connect(self.table.step)
        self.filter.changed.connect(self._fill)
        self.table.picked.connect(self._model.choose)
        self.table.selection_changed.connect(self.decisions.show_selection)
        self.decisions.decided.connect(self._show_marks)
        self.decisions.advance_wanted.connect(self._advance)
        self.decisions.step_wanted.connect(self.table.step)
        self.decisions.hide_decided.toggled.connect(self._fill)
        self.thumbnails.view_clicked.connect(self._on_thumbnail)
        self.why.toggled.connect(self.why_switched)
        self.sensitivity.valueChanged.connect(
            lambda step: self._model.set_sensitivity(2.0 ** (step / _PER_STEP))
        )
        self._model.classified.connect(self._on_classified)
        self._model.event_changed.connect(self._on_event)

    def perform(self, action: str) -> None:
        """Do what a key of `REVIEW_KEYS` stands for."""
        if action == "next_event":
            self.table.step(1)
        elif action == "previous_event":
            self.table.step(-1)
        elif action == "why":
            self.why.toggle()
        elif action == "undo":
            self._undo()
        elif action == "redo":
            self._redo()
        else:
            self.decisions.perform(action)

    @property
    def details(self) -> str:
        """What the user reads about the chosen event."""
        return self._details.message

    def explain(self, text: str, tells_value: bool = False) -> None:
        """Say why the frame that is shown is part of an event.

        Parameters
        ----------
        text : str
        tells_value : bool
            Whether it says how far the prediction is off: then the event's value is not repeated.
        """
        self._explanation, self._tells_value = text, tells_value
        self._say()

    def stop(self) -> None:
        """Compute no more."""
        self._thumbnail_feed.stop()
        self._canvas_keys.release()

    def act_in_canvas(self, acting: bool) -> None:
        """Let the keys act in napari's main canvas, too, or no longer."""
        if acting:
            self._canvas_keys.bind()
        else:
            self._canvas_keys.release()

    # ------------------------------------------------------------------ inside

    def _undo(self) -> None:
        """Take back what was done last, be it a decision or a correction."""
        decided, corrected = self.decisions.kept, self._correcting.kept
        if corrected is not None and corrected.done_at > (decided.done_at if decided else ""):
            self._correcting.undo()
        else:
            self.decisions.perform("undo")

    def _redo(self) -> None:
        """Bring again what was undone last."""
        decided, corrected = self.decisions.kept, self._correcting.kept
        if corrected is not None and corrected.undone_at > (decided.undone_at if decided else ""):
            self._correcting.redo()
        else:
            self.decisions.perform("redo")

    def _on_thumbnail(self, name: str) -> None:
        """Say where its middle lies, px of the video."""
        for each in self.thumbnails.thumbnails:
            cutout = each.cutout
            if each.view == name and cutout is not None and cutout.pixels is not None:
                half = cutout.pixels.shape[0] / 2
                self.view_clicked.emit(name, cutout.corner[0] + half, cutout.corner[1] + half)

    def _show_marks(self) -> None:
        self.table.show_marks()

    def _advance(self) -> None:
        """On to the next event; what was decided leaves the list where it is to be hidden."""
        row = self.table.row
        if self.decisions.hide_decided.isChecked():
            self._fill()
            self.table.step_to(row)
        else:
            self.table.step(1)

    def _on_classified(self) -> None:
        review = self._model.review
        events = () if review is None else review.events
        self.filter.offer(events)
        self.decisions.show_events(events)
        self._fill()

    def _fill(self) -> None:
        review, event = self._model.review, self._model.current
        events = () if review is None else review.events
        chosen = self.filter.chosen(events)
        if self.decisions.hide_decided.isChecked():
            chosen = [each for each in chosen if not self.decisions.mark(each)]
        self.table.show_events(chosen, self.decisions.mark)
        if event is not None and not self.table.select(event):
            # With other bars, or corrected positions, it has another extent or peak.
            same = next((each for each in chosen if _is_same(each, event)), None)
            if same is not None:
                self._model.current = same
                self.table.select(same)
                self._say()
        more = len(chosen) - MOST_ROWS
        if more > 0:
            self._details.show_message(f"{more:,} more are in the saved review.")

    def _on_event(self, event: Event | None) -> None:
        self._say()
        if event is not None:
            self.frame_chosen.emit(event.peak)

    def _say(self) -> None:
        event = self._model.current
        if event is None:
            self._details.show_message("")
            return
        first = sentence(event, with_value=not self._tells_value)
        base = self._model.base
        calibrated = base is not None and base.result.poses3d is not None
        lines = [first, self._explanation, advice(event.kind, calibrated=calibrated)]
        self._details.show_message("\n".join(line for line in lines if line))


def _is_same(one: Event, other: Event) -> bool:
    """Whether both are the same failure, as it was seen before and after something changed."""
    return (
        one.kind is other.kind
        and one.views == other.views
        and bool(set(one.keypoints) & set(other.keypoints))
        and one.start <= other.end
        and other.start <= one.end
    )
