"""Curves of trainings: the error in px leads, the loss is below; a colour for each network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_pose3d.core.models.runs.event_file import Scalar
from napari_pose3d.core.models.runs.training_progress import (
    TRAIN_ERROR,
    TRAIN_LOSS,
    VALIDATION_ERROR,
    VALIDATION_LOSS,
    TrainingProgress,
)
from napari_pose3d.gui.layers.colours import PALETTE
from napari_pose3d.gui.traces.plot_library import label_axis, pyqtgraph, take_colours

_EPOCH = "epoch"
_AXIS_WIDTH = 60
_ERRORS, _LOSSES = (TRAIN_ERROR, VALIDATION_ERROR), (TRAIN_LOSS, VALIDATION_LOSS)
_HEIGHTS = (190, 120)
_PALE = 130


class TrainingCurves(QWidget):
    """Two plots below each other; training is thin and pale, validation strong with dots."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.errors, self.losses = pyqtgraph.PlotWidget(), pyqtgraph.PlotWidget()
        self.legend = self.errors.addLegend(offset=(-4, 4), labelTextSize="8pt")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for plot, label, height in zip(
            (self.errors, self.losses), ("error, px", "loss"), _HEIGHTS, strict=True
        ):
            plot.setMenuEnabled(False)
            plot.setMinimumHeight(height)
            plot.setMaximumHeight(height)
            item = plot.getPlotItem()
            item.hideButtons()
            # pyqtgraph puts the name of the axis so much too low.
            item.setContentsMargins(0, 0, 0, 5)
            item.showGrid(x=True, y=True, alpha=0.15)
            item.getAxis("left").setWidth(_AXIS_WIDTH)
            label_axis(item.getAxis("left"), label)
            column.addWidget(plot)
        self.losses.setXLink(self.errors)
        self.errors.getPlotItem().getAxis("bottom").setStyle(showValues=False)
        self.drawn: dict[tuple[str, str], int] = {}
        """How many values each curve has, by network and tag."""
        self._text = "#000000"

    def set_colours(self, background: str, text: str) -> None:
        """Take on the window's colours."""
        self._text = text
        for plot in (self.errors, self.losses):
            take_colours(plot, background, text)
        self.legend.setLabelTextColor(text)
        for _, label in self.legend.items:
            # Names that are there are not drawn anew by that.
            label.setText(label.text)

    def show_progress(self, found: Mapping[str, TrainingProgress]) -> None:
        """Draw the curves of these networks instead."""
        self.drawn = {}
        self.errors.clear()
        self.losses.clear()
        self.legend.clear()
        in_epochs = bool(found) and all(_EPOCH in each.curves for each in found.values())
        for place, (name, progress) in enumerate(found.items()):
            colour = pyqtgraph.mkColor(PALETTE[place % len(PALETTE)])
            for plot, tags in ((self.errors, _ERRORS), (self.losses, _LOSSES)):
                for tag in tags:
                    values = progress.curves.get(tag, ())
                    if values:
                        at = _times(progress, values, in_epochs)
                        self._draw(plot, at, values, colour, tag in (TRAIN_ERROR, TRAIN_LOSS))
                        self.drawn[name, tag] = len(values)
            sample = pyqtgraph.PlotDataItem(pen=pyqtgraph.mkPen(colour, width=2))
            self.legend.addItem(sample, name)
        self._scale_losses(found)
        self.legend.setLabelTextColor(self._text)
        drawn = {tag for _, tag in self.drawn}
        losses = bool(drawn.intersection(_LOSSES))
        self.errors.setVisible(bool(drawn))
        self.losses.setVisible(losses)
        # The lower plot has the numbers of both.
        time = "epoch" if in_epochs else "step"
        bottom = self.errors.getPlotItem().getAxis("bottom")
        bottom.setStyle(showValues=not losses)
        label_axis(bottom, "" if losses else time)
        label_axis(self.losses.getPlotItem().getAxis("bottom"), time)

    def _scale_losses(self, found: Mapping[str, TrainingProgress]) -> None:
        """Powers of ten where the losses span one; within one there would be no number at all."""
        curves = [progress.curves.get(tag, ()) for progress in found.values() for tag in _LOSSES]
        values = [each.value for curve in curves for each in curve if each.value > 0]
        logarithmic = bool(values) and max(values) > 10 * min(values)
        self.losses.setLogMode(y=logarithmic)
        # The numbers between powers of ten would lie upon each other.
        axis = self.losses.getPlotItem().getAxis("left")
        axis.setStyle(maxTickLevel=0 if logarithmic else 2)

    def _draw(
        self,
        plot: Any,
        at: NDArray[np.float64],
        values: Sequence[Scalar],
        colour: Any,
        is_training: bool,
    ) -> None:
        numbers = np.array([each.value for each in values])
        good = np.isfinite(numbers) & ((numbers > 0) | (plot is self.errors))
        if is_training:
            pale = pyqtgraph.mkColor(colour)
            pale.setAlpha(_PALE)
            plot.plot(at[good], numbers[good], pen=pyqtgraph.mkPen(pale, width=1))
            return
        plot.plot(
            at[good],
            numbers[good],
            pen=pyqtgraph.mkPen(colour, width=2, style=Qt.PenStyle.SolidLine),
            symbol="o",
            symbolSize=5,
            symbolBrush=colour,
            symbolPen=None,
        )


def _times(
    progress: TrainingProgress, values: Sequence[Scalar], in_epochs: bool
) -> NDArray[np.float64]:
    """When values were written: in epochs where these are known, else in steps."""
    steps = np.array([each.step for each in values], float)
    if not in_epochs:
        return steps
    known = sorted(progress.curves[_EPOCH], key=lambda each: each.step)
    return np.interp(steps, [each.step for each in known], [each.value for each in known])
