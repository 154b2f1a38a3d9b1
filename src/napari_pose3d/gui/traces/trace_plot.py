"""Curves over frames with a line at the current one; a thin layer over pyqtgraph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QFontMetrics, QResizeEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget

from .plot_library import label_axis, pyqtgraph, take_colours

_LINE = "#ff5a5a"
# Plots below each other have their frames below each other.
_AXIS_WIDTH = 74
_LONG_LABEL = 12
# Standard deviations on either side that hold 95 %, and how opaque they are, of 255.
_HALF_BAND = 1.96
_BAND_ALPHA = 70
# px; a lower plot needs the room of the word below its axis for the curves.
_LOW = 110


@dataclass(frozen=True, eq=False)
class Curve:
    """One line of the plot.

    Attributes
    ----------
    keypoint, kind : str
        Whose position it is, and of which stage or prediction set.
    values : (frame,) float64
        NaN leaves a gap.
    colour : (4,) RGBA from 0 to 1
    width : float
    faint : bool
        Behind the others, and pale.
    deviations : (frame,) float64, optional
        Standard deviations of the values; the band that holds 95 % is drawn.
    """

    keypoint: str
    kind: str
    values: NDArray[np.float64]
    colour: NDArray[np.float32]
    width: float = 1.0
    faint: bool = False
    deviations: NDArray[np.float64] | None = None

    @property
    def band(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Lower and upper end of what holds 95 %; None where the deviations are unknown."""
        if self.deviations is None:
            return None
        half = _HALF_BAND * self.deviations
        return self.values - half, self.values + half

    @property
    def name(self) -> str:
        """What it is called in a table."""
        return f"{self.keypoint}, {self.kind}"


class TracePlot(QWidget):
    """A plot of curves.

    Signals: ``frame_chosen`` when the user moves the line or clicks, ``span_changed`` when other
    frames are in view, or at other places.
    """

    frame_chosen = Signal(int)
    span_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot = pyqtgraph.PlotWidget()
        self.plot.setMenuEnabled(False)
        item = self.plot.getPlotItem()
        label_axis(item.getAxis("bottom"), "frame")
        item.getAxis("left").setWidth(_AXIS_WIDTH)
        item.setDownsampling(auto=True, mode="peak")
        item.setClipToView(True)
        item.showGrid(x=True, y=True, alpha=0.15)
        item.hideButtons()
        self._line = pyqtgraph.InfiniteLine(
            pos=0, angle=90, movable=True, pen=pyqtgraph.mkPen(_LINE, width=2)
        )
        self._line.setHoverPen(pyqtgraph.mkPen(_LINE, width=4))
        self._line.setCursor(Qt.CursorShape.SizeHorCursor)
        self._line.sigPositionChanged.connect(self._on_line)
        item.addItem(self._line, ignoreBounds=True)
        self._setting = False
        self._label = ""
        self._axis_shown = True
        self._n_frames = 1
        self._before_click = 0
        self._curves: list[Any] = []
        self._bands: list[Any] = []
        self._names: list[str] = []
        self._span = (0.0, 1.0)
        self._fitted = True
        self.plot.getViewBox().sigRangeChangedManually.connect(self._on_zoomed)
        self.plot.getViewBox().sigXRangeChanged.connect(lambda *_: self.span_changed.emit())
        self.plot.getViewBox().sigResized.connect(lambda *_: self.span_changed.emit())
        self.plot.getViewBox().sigResized.connect(lambda *_: self._write_label())
        self.plot.scene().sigMouseClicked.connect(self._on_click)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.plot)

    @property
    def names(self) -> list[str]:
        """The curves that are drawn."""
        return list(self._names)

    @property
    def frame(self) -> int:
        """Where the line is."""
        return round(float(self._line.value()))

    def show_curves(self, curves: list[Curve], label: str, fit: bool) -> None:
        """Draw these instead.

        Parameters
        ----------
        curves : list of Curve
        label : str
            Of the vertical axis.
        fit : bool
            Whether to bring all of them into view; else what the user zoomed to stays.
        """
        item = self.plot.getPlotItem()
        for old in self._curves:
            item.removeItem(old)
        for band in self._bands:
            item.removeItem(band)
        self._curves, self._bands, self._names = [], [], [curve.name for curve in curves]
        self._n_frames = max((len(curve.values) for curve in curves), default=1)
        self._line.setBounds((0, max(self._n_frames - 1, 0)))
        for curve in sorted(curves, key=lambda each: not each.faint):
            colour = pyqtgraph.mkColor(*(round(255 * float(c)) for c in curve.colour[:3]))
            if curve.faint:
                colour.setAlpha(110)
            drawn = pyqtgraph.PlotDataItem(
                np.arange(len(curve.values)),
                curve.values,
                pen=pyqtgraph.mkPen(colour, width=curve.width),
                connect="finite",
            )
            item.addItem(drawn)
            self._curves.append(drawn)
            self._add_band(curve, colour)
        self._span = _span_of(curves)
        self._label = label
        self._write_label()
        if fit or self._fitted:
            self.fit()

    def _write_label(self) -> None:
        """Name and unit beside the curves, shortened to the height that there is."""
        axis = self.plot.getPlotItem().getAxis("left")
        lines = [self._label]
        if len(self._label) > _LONG_LABEL and " (" in self._label:
            name, unit = self._label.split(" (", 1)
            lines = [name, f"({unit}"]
        metrics = QFontMetrics(axis.label.font())
        room = int(self.plot.getViewBox().height())
        shortened = [
            metrics.elidedText(line, Qt.TextElideMode.ElideMiddle, room) if room > 0 else line
            for line in lines
        ]
        if (text := "<br>".join(shortened)) != axis.labelText:
            label_axis(axis, text)
        axis.setToolTip("" if shortened == lines else self._label)

    def _add_band(self, curve: Curve, colour: Any) -> None:
        """What holds 95 %, behind the line: two lines that do not show, and what lies between."""
        if curve.band is None:
            return
        item, frames = self.plot.getPlotItem(), np.arange(len(curve.values))
        # Without a pen a line is hidden, and pyqtgraph fills nothing between hidden lines.
        unseen = pyqtgraph.mkPen(0, 0, 0, 0)
        ends = [
            pyqtgraph.PlotDataItem(frames, end, pen=unseen, connect="finite") for end in curve.band
        ]
        shade = pyqtgraph.mkColor(colour)
        shade.setAlpha(_BAND_ALPHA)
        for end in ends:
            item.addItem(end)
        between = pyqtgraph.FillBetweenItem(*ends, brush=shade)
        between.setZValue(-1)
        item.addItem(between)
        self._bands += [*ends, between]

    def fit(self) -> None:
        """Bring everything into view, and nothing but recorded frames."""
        view = self.plot.getViewBox()
        view.setLimits(xMin=-0.02 * self._n_frames - 1, xMax=1.02 * self._n_frames + 1)
        # Not by pyqtgraph's own way, which looks at nothing but what is in view.
        view.setRange(xRange=(0, max(self._n_frames - 1, 1)), yRange=self._span, padding=0.02)
        self._fitted = True

    @property
    def span(self) -> tuple[float, float]:
        """First and last frame in view."""
        first, last = self.plot.getViewBox().viewRange()[0]
        return float(first), float(last)

    @property
    def margins(self) -> tuple[int, int]:
        """How many px there are left and right of the curves."""
        box = self.plot.getViewBox().sceneBoundingRect()
        return round(box.left()), round(self.plot.width() - box.right())

    def show_span(self, first: float, last: float) -> None:
        """Bring frames into view."""
        self.plot.getViewBox().setXRange(first, last, padding=0)
        self._fitted = False

    def show_time(self, frame_rate: float | None) -> None:
        """Count the time in seconds, or, with None, in frames."""
        axis = self.plot.getPlotItem().getAxis("bottom")
        # Positions stay frames: only what is written below them is another number.
        axis.setScale(1.0 if frame_rate is None else 1.0 / frame_rate)
        label_axis(axis, "frame" if frame_rate is None else "time (s)")

    def show_frame_axis(self, shown: bool) -> None:
        """Whether the time is written below this plot."""
        axis = self.plot.getPlotItem().getAxis("bottom")
        axis.setStyle(showValues=shown)
        self._axis_shown = shown
        self._show_axis_name()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """A low plot leaves out the name of the time axis."""
        super().resizeEvent(event)
        self._show_axis_name()

    def _show_axis_name(self) -> None:
        shown = self._axis_shown and self.height() >= _LOW
        self.plot.getPlotItem().getAxis("bottom").showLabel(shown)

    def follow(self, other: TracePlot) -> None:
        """Show the same frames as another plot, whichever of them is moved."""
        # Not by pyqtgraph's own link, which shifts the frames while plots have no size yet.
        other.plot.getViewBox().sigXRangeChanged.connect(self._take_frames)
        self.plot.getViewBox().sigXRangeChanged.connect(other._take_frames)
        self._take_frames(None, other.plot.getViewBox().viewRange()[0])

    def show_frame(self, frame: int) -> None:
        """Move the line."""
        self._setting = True
        self._line.setValue(frame)
        self._setting = False

    def set_colours(self, background: str, text: str) -> None:
        """Take on the window's colours."""
        take_colours(self.plot, background, text)

    def _take_frames(self, _: Any, frames: Sequence[float]) -> None:
        view = self.plot.getViewBox()
        if not np.allclose(view.viewRange()[0], frames, rtol=0, atol=1e-6):
            view.setXRange(*frames, padding=0)

    def _on_zoomed(self, *_: Any) -> None:
        self._fitted = False

    def _on_line(self) -> None:
        if not self._setting:
            self.frame_chosen.emit(self.frame)

    def _on_click(self, event: Any) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if event.double():
            # Its first half came as a click of its own, which moved the line.
            self._choose(self._before_click)
            self.fit()
            return
        where, box = event.scenePos(), self.plot.getViewBox()
        if not box.sceneBoundingRect().contains(where):
            return
        self._before_click = self.frame
        self._choose(round(float(box.mapSceneToView(where).x())))

    def _choose(self, frame: int) -> None:
        frame = min(max(frame, 0), self._n_frames - 1)
        self.show_frame(frame)
        self.frame_chosen.emit(frame)


def _span_of(curves: list[Curve]) -> tuple[float, float]:
    """Smallest and largest value; an interval that can be drawn, whatever there is."""
    every = [end for curve in curves for end in (curve.values, *(curve.band or ()))]
    finite = [values[np.isfinite(values)] for values in every]
    finite = [values for values in finite if len(values)]
    if not finite:
        return 0.0, 1.0
    low = min(float(values.min()) for values in finite)
    high = max(float(values.max()) for values in finite)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
