"""The tab Compare: two prediction sets, or raw and smoothed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QGridLayout, QLabel, QVBoxLayout, QWidget

from napari_pose3d.core.review.session_review import SessionReview
from napari_pose3d.core.review.set_comparison import ComparisonRow, SetComparison
from napari_pose3d.gui.layers.colours import PALETTE, keypoint_rgba
from napari_pose3d.gui.qt.jobs import Job, JobSlot
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.traces.trace_plot import Curve, TracePlot
from napari_pose3d.settings import IsCancelled, Progress

from ..review_model import ReviewModel
from .comparison_table import ComparisonTable
from .shift_scatter import ShiftScatter

if TYPE_CHECKING:
    from napari_pose3d.core.pipeline.quality.review_run import ReviewRun

_RAW, _SMOOTHED = "raw", "smoothed"
_PLOT_HEIGHT = 150


class ComparePage(QWidget):
    """Chooses two sets, and shows how they differ: a table, a curve and dots.

    Parameters
    ----------
    model : ReviewModel

    Signals: ``frame_chosen`` with a frame to show, ``keypoint_chosen``.
    """

    frame_chosen = Signal(int)
    keypoint_chosen = Signal(str)

    def __init__(self, model: ReviewModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._running = JobSlot()
        self.found: SetComparison | None = None
        self._keypoint, self._frame = "", 0
        self.first, self.second, self.view = QComboBox(), QComboBox(), QComboBox()
        grid = QGridLayout()
        grid.setSpacing(3)
        for row, (text, box) in enumerate(
            (("&First", self.first), ("&Second", self.second), ("Vie&w", self.view))
        ):
            label = QLabel(text)
            label.setBuddy(box)
            box.setAccessibleName(text.replace("&", ""))
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(8)
            grid.addWidget(label, row, 0)
            grid.addWidget(box, row, 1)
        grid.setColumnStretch(1, 1)
        self.first.currentIndexChanged.connect(self._compare)
        self.second.currentIndexChanged.connect(self._compare)
        self.view.currentIndexChanged.connect(self._show)
        self.message = MessageLabel()
        self.table = ComparisonTable()
        self.table.picked.connect(self._on_picked)
        self.plot = TracePlot()
        self.plot.setFixedHeight(_PLOT_HEIGHT)
        self.heading = MessageLabel()
        self.scatter = ShiftScatter()
        for part in (self.plot, self.scatter):
            part.frame_chosen.connect(self.frame_chosen)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(4)
        column.addLayout(grid)
        column.addWidget(self.message)
        column.addWidget(self.table, 1)
        column.addWidget(self.heading)
        column.addWidget(self.plot)
        column.addWidget(self.scatter)
        self.destroyed.connect(self._running.abandon)
        model.found.connect(self._on_found)

    def showEvent(self, event) -> None:  # type: ignore[no-untyped-def]  # noqa: N802
        """Nothing is compared for a page that is not seen."""
        super().showEvent(event)
        palette = self.palette()
        self.plot.set_colours(palette.window().color().name(), palette.windowText().color().name())
        if self.found is None:
            self._compare()

    def stop(self) -> None:
        """Compare no more."""
        self._running.abandon()

    def show_frame(self, frame: int) -> None:
        """Where the time slider is."""
        self._frame = frame
        if self.found is not None and self.isVisible():
            self.plot.show_frame(frame)
            self.scatter.show_frame(frame)

    def renew(self) -> None:
        """Positions were corrected."""
        self.found = None
        if self.isVisible():
            self._compare()

    def _on_found(self) -> None:
        self._running.abandon()
        self.found, self._keypoint = None, ""
        review, opened = self._model.base, self._model.opened
        names = [_RAW, _SMOOTHED]
        if opened is not None:
            names += [each.name for each in opened.session.ensemble_sets]
        for box, chosen in ((self.first, _RAW), (self.second, _SMOOTHED)):
            box.blockSignals(True)
            box.clear()
            box.addItems(names)
            box.setCurrentText(chosen)
            box.blockSignals(False)
        self.view.blockSignals(True)
        self.view.clear()
        self.view.addItem("all", "")
        for name in () if review is None else review.excesses.views:
            self.view.addItem(name, name)
        self.view.blockSignals(False)
        self._show()
        if self.isVisible():
            self._compare()

    def _compare(self) -> None:
        run, review = self._model.run, self._model.base
        self._running.abandon()
        if run is None or review is None or not self.isVisible():
            return
        names = (self.first.currentText(), self.second.currentText())
        if names[0] == names[1]:
            self.found = None
            self._show()
            self.message.show_message("Choose two different sets.")
            return
        self.message.show_message("Comparing…")
        job = Job(partial(_compare, run, review, names))
        job.succeeded.connect(self._on_compared)
        job.failed.connect(self._on_failed)
        self._running.start(job)

    def _on_failed(self, text: str) -> None:
        self.found = None
        self._show()
        self.message.show_message(text)

    def _on_compared(self, found: SetComparison) -> None:
        self._running.abandon()
        self.found = found
        if self._keypoint not in found.keypoints:
            worst = max(found.rows, key=lambda r: r.largest if r.largest == r.largest else -1.0)
            self._keypoint = worst.keypoint
        self._show()

    def _on_picked(self, row: ComparisonRow) -> None:
        self._keypoint = row.keypoint
        self._show_curves()
        self.keypoint_chosen.emit(row.keypoint)
        if row.frame >= 0:
            self.frame_chosen.emit(row.frame)

    # ------------------------------------------------------------------ showing

    def _show(self) -> None:
        found = self.found
        self.table.show_comparison(found, self.view.currentData() or "")
        if found is None:
            self.message.show_message("")
        else:
            above = sum(row.above for row in self.table.records)
            both = sum(row.both for row in self.table.records)
            self.message.show_message(
                f"{found.first} and {found.second} are more than {found.bar:g} px apart in "
                f"{above:,} of {both:,} positions."
            )
        self._show_curves()

    def _show_curves(self) -> None:
        found = self.found
        if found is None or self._keypoint not in found.keypoints:
            self.plot.show_curves([], "", True)
            self.heading.show_message("")
            self.scatter.show_shifts([])
            return
        k = found.keypoints.index(self._keypoint)
        chosen = self.view.currentData() or ""
        curves, shifts, distance = [], [], found.distance
        for v, view in enumerate(found.views):
            if chosen and view != chosen:
                continue
            rgba = keypoint_rgba([v])[0]
            values = np.asarray(distance[v, :, k], np.float64)
            curves.append(Curve(view, self._keypoint, values, rgba))
            shifts.append((view, found.shift[v, :, k], PALETTE[v % len(PALETTE)]))
        self.plot.show_curves(curves, "distance (px)", True)
        self.plot.show_frame(self._frame)
        self.scatter.show_frame(self._frame)
        self.heading.show_message(
            f"{self._keypoint}: {found.second} seen from {found.first}, over time and as a dot for "
            "each frame."
        )
        self.scatter.show_shifts(shifts)


def _compare(
    run: ReviewRun,
    review: SessionReview,
    names: tuple[str, str],
    progress: Progress,
    cancelled: IsCancelled,
) -> SetComparison:
    return run.compare(review.session, review.result, names, progress, cancelled)
