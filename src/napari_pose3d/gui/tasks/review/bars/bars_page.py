"""All bars of a review, to be moved."""

from __future__ import annotations

from functools import partial

from napari.utils.notifications import show_error
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_pose3d.core.review.decisions.thresholds import THRESHOLDS
from napari_pose3d.core.review.events.excesses import Excesses
from napari_pose3d.gui.qt.jobs import Job, JobSlot
from napari_pose3d.settings import IsCancelled, Progress

from ..review_model import ReviewModel
from .distribution import Distribution, all_distributions
from .histogram import Histogram

_AT_ONCE = 2_000_000
_NOTE = (
    "What is right of a red line counts as wrong (both axes are logarithmic). Drag one: events are "
    "found anew, nothing is measured anew."
)


class BarsPage(QWidget):
    """A histogram for each quantity, of all or of one view and keypoint.

    Parameters
    ----------
    model : ReviewModel
    """

    def __init__(self, model: ReviewModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._running = JobSlot()
        self.histograms: dict[str, Histogram] = {}
        self._made_of: tuple[Excesses, str, str] | None = None
        self.view, self.keypoint = QComboBox(), QComboBox()
        top = QGridLayout()
        for row, (text, box) in enumerate((("&View", self.view), ("&Keypoint", self.keypoint))):
            label = QLabel(text)
            label.setBuddy(box)
            box.setAccessibleName(f"{text[1:]} of the histograms")
            box.currentIndexChanged.connect(self._measure)
            top.addWidget(label, row, 0)
            top.addWidget(box, row, 1)
        top.setColumnStretch(1, 1)
        self.reset = QPushButton("&Bars as they were found")
        self.reset.clicked.connect(model.reset_factors)
        # Done, it is disabled: clicked, it would give the focus to the number below.
        self.reset.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._note = QLabel(_NOTE)
        self._note.setWordWrap(True)
        self._column = QVBoxLayout()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._note)
        layout.addLayout(top)
        layout.addLayout(self._column)
        layout.addWidget(self.reset)
        layout.addStretch(1)
        self.destroyed.connect(self._running.abandon)
        model.found.connect(self._on_found)
        model.classified.connect(self._on_classified)

    def showEvent(self, event) -> None:  # type: ignore[no-untyped-def]  # noqa: N802
        """Nothing is counted for a page that is not seen."""
        super().showEvent(event)
        self._measure()

    def stop(self) -> None:
        """Count no more."""
        self._running.abandon()

    def _on_found(self) -> None:
        self._running.abandon()
        self._made_of = None
        for each in self.histograms.values():
            self._column.removeWidget(each)
            each.setParent(None)
            each.deleteLater()
        self.histograms = {}
        review = self._model.base
        if review is None:
            return
        for box, names in (
            (self.view, review.excesses.views),
            (self.keypoint, review.excesses.keypoints),
        ):
            box.blockSignals(True)
            box.clear()
            box.addItem("all", "")
            for name in names:
                box.addItem(name, name)
            box.blockSignals(False)
        track = review.result.poses3d
        # Without a calibration only the distance from labeled poses is a length, in an image.
        unit = "px" if track is None else track.units or "length"
        for name in THRESHOLDS:
            if getattr(review.excesses, name).any():
                histogram = self.histograms[name] = Histogram(name, unit)
                histogram.factor_changed.connect(self._model.set_factor)
                self._column.addWidget(histogram)
        if self.isVisible():
            self._measure()

    def _on_classified(self) -> None:
        for name, each in self.histograms.items():
            each.show_bar(self._model.factors.get(name, 1.0), self._model.sensitivity)
        self.reset.setEnabled(any(factor != 1 for factor in self._model.factors.values()))
        if self.isVisible():
            self._measure()

    def _measure(self) -> None:
        review = self._model.base
        if review is None or not self.isVisible():
            return
        excesses = review.excesses
        view, keypoint = self.view.currentData() or "", self.keypoint.currentData() or ""
        made_of = self._made_of
        if made_of is not None and made_of[0] is excesses and made_of[1:] == (view, keypoint):
            return
        self._made_of = (excesses, view, keypoint)
        work = partial(_count, excesses, view, keypoint)
        if review.excesses.correction.size <= _AT_ONCE:
            self._take(work(lambda *_: None, lambda: False))
            return
        job = Job(work)
        job.succeeded.connect(self._take)
        job.failed.connect(show_error)
        self._running.start(job)

    def _take(self, found: tuple[Distribution, ...]) -> None:
        for each in found:
            if each.name in self.histograms:
                self.histograms[each.name].show_distribution(each)


def _count(
    excesses: Excesses, view: str, keypoint: str, _progress: Progress, _cancelled: IsCancelled
) -> tuple[Distribution, ...]:
    return all_distributions(excesses, view, keypoint)
