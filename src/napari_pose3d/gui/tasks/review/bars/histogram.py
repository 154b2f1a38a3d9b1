"""A histogram with a bar that can be dragged."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_pose3d.core.review.decisions.thresholds import THRESHOLDS

from .distribution import BINS, OCTAVES, Distribution

_LINE_HEIGHT = 15
# The name of the quantity, and below it the bar: in one line they would be cut.
_TITLE = 2 * _LINE_HEIGHT
_HEIGHT, _AXIS = 118, 15
_SIDE, _UNIT = 6, 42
_STEP = 2 ** (1 / 8)
# So near to the line, px, the mouse takes hold of it.
_GRIP = 9.0
_ABOVE, _BELOW = QColor("#e8663c"), QColor("#7c9cc4")
_LINE = QColor("#ff5a5a")


class Histogram(QWidget):
    """Values of one quantity on logarithmic axes, coloured by the side of the bar.

    ``factor_changed`` is emitted with the name of the quantity and by how much its bars are
    multiplied, when the bar was dropped or moved by the arrow keys; a double click brings it back.
    """

    factor_changed = Signal(str, float)

    def __init__(self, name: str, unit: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self._unit = unit if THRESHOLDS[name].unit == "length" else THRESHOLDS[name].unit
        self._data: Distribution | None = None
        self._factor = self._sensitivity = 1.0
        self._dragged: float | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(_HEIGHT)
        self.setMouseTracking(True)
        self.setAccessibleName(f"Bar of {THRESHOLDS[name].label}")
        self.setToolTip(
            f"{THRESHOLDS[name].description} Drag the red line, or use the arrow keys: what is "
            "right of it counts as wrong. Double click: as it was found."
        )

    @property
    def factor(self) -> float:
        """By how much the bars are multiplied, also while the bar is being dragged."""
        return self._factor if self._dragged is None else self._dragged

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(240, _HEIGHT)

    def show_distribution(self, data: Distribution) -> None:
        """Show other values."""
        self._data = data
        self.update()

    def show_bar(self, factor: float, sensitivity: float) -> None:
        """Where the bar is."""
        if (factor, sensitivity) != (self._factor, self._sensitivity):
            self._factor, self._sensitivity = factor, sensitivity
            self.update()

    def describe(self) -> str:
        """The bar and what is above it, in words."""
        return f"{THRESHOLDS[self.name].label}: {self._describe_bar()}"

    def _describe_bar(self) -> str:
        data = self._data
        if data is None or not data.n:
            return "nothing measured"
        times = self.factor / self._sensitivity
        bar = f"{data.bar * times:.3g} {self._unit}".strip()
        if data.highest > 1.05 * data.lowest:
            bar += f" ({data.lowest * times:.3g} to {data.highest * times:.3g})"
        share = 100 * data.share_above(times)
        above = f"{share:.2g} %" if share >= 0.01 or not share else "below 0.01 %"
        return f"bar {bar}, {above} above"

    # ------------------------------------------------------------------ drawing

    def paintEvent(self, _: QPaintEvent | None) -> None:  # noqa: N802
        """Title, bars, axis and the line."""
        painter = QPainter(self)
        text = self.palette().windowText().color()
        dark = self.palette().window().color().lightness() < 128
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        painter.setPen(text)
        line = QRectF(_SIDE, 0, self.width() - 2 * _SIDE, _LINE_HEIGHT)
        for words in (THRESHOLDS[self.name].label, self._describe_bar()):
            cut = painter.fontMetrics().elidedText(
                words, Qt.TextElideMode.ElideRight, int(line.width())
            )
            painter.drawText(line, int(Qt.AlignmentFlag.AlignVCenter), cut)
            line.translate(0, _LINE_HEIGHT)
        box = self._box
        painter.fillRect(box, QColor("#15151c" if dark else "#fbfaf7"))
        data = self._data
        if data is not None and data.n:
            self._draw_counts(painter, box, data)
            self._draw_axis(painter, box, data, text)
            at = self._x_of(self.factor / self._sensitivity)
            painter.setPen(QPen(_LINE, 3 if self._dragged is not None else 2))
            painter.drawLine(QPointF(at, box.top()), QPointF(at, box.bottom()))
        if self.hasFocus():
            painter.setPen(QPen(text, 1, Qt.PenStyle.DotLine))
            painter.drawRect(box.adjusted(0, 0, -1, -1))
        painter.end()

    def _draw_counts(self, painter: QPainter, box: QRectF, data: Distribution) -> None:
        heights = np.log1p(data.counts) / max(float(np.log1p(data.counts.max())), 1e-9)
        step = box.width() / BINS
        line = self._x_of(self.factor / self._sensitivity)
        for i in np.flatnonzero(data.counts):
            left = box.left() + i * step
            high = float(heights[i]) * (box.height() - 3)
            colour = _ABOVE if left + step / 2 > line else _BELOW
            painter.fillRect(QRectF(left, box.bottom() - high, max(step - 0.5, 1), high), colour)

    def _draw_axis(self, painter: QPainter, box: QRectF, data: Distribution, text: QColor) -> None:
        font = painter.font()
        font.setPixelSize(9)
        painter.setFont(font)
        painter.setPen(text)
        lowest = np.log10(data.bar) - OCTAVES * np.log10(2)
        highest = np.log10(data.bar) + OCTAVES * np.log10(2)
        for power in range(int(np.ceil(lowest)), int(np.floor(highest)) + 1):
            at = self._x_of(10.0**power / data.bar)
            painter.drawLine(QPointF(at, box.bottom()), QPointF(at, box.bottom() + 3))
            if box.left() + 12 < at < box.right() - _UNIT:
                label = QRectF(at - 30, box.bottom() + 2, 60, _AXIS - 2)
                painter.drawText(label, int(Qt.AlignmentFlag.AlignHCenter), f"{10.0**power:g}")
        painter.drawText(
            QRectF(box.left(), box.bottom() + 2, box.width(), _AXIS - 2),
            int(Qt.AlignmentFlag.AlignRight),
            self._unit,
        )

    @property
    def _box(self) -> QRectF:
        return QRectF(
            _SIDE, _TITLE, max(self.width() - 2 * _SIDE, 1), self.height() - _TITLE - _AXIS
        )

    def _x_of(self, times: float) -> float:
        """Where a value of so many times the usual bar is."""
        part = (np.log2(max(times, 1e-9)) / OCTAVES + 1) / 2
        return self._box.left() + float(np.clip(part, 0, 1)) * self._box.width()

    def _times(self, x: float) -> float:
        part = float(np.clip((x - self._box.left()) / self._box.width(), 0, 1))
        return float(2.0 ** ((2 * part - 1) * OCTAVES))

    # ------------------------------------------------------------------ mouse and keys

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Take hold of the bar; elsewhere a click only brings the keys here."""
        if event is None or event.button() != Qt.MouseButton.LeftButton:
            return
        if self._is_near(event):
            self._drag(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Move it, or show that it can be."""
        if event is None:
            return
        if self._dragged is not None:
            self._drag(event)
        else:
            near = self._is_near(event)
            self.setCursor(Qt.CursorShape.SplitHCursor if near else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Leave it there: events are found anew."""
        if event is not None and self._dragged is not None:
            self._drag(event)
            factor, self._dragged = self._dragged, None
            self._set(factor)

    def mouseDoubleClickEvent(self, _: QMouseEvent | None) -> None:  # noqa: N802
        """As it was found."""
        self._dragged = None
        self._set(1.0)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """The arrow keys move the bar by a ninth."""
        if event is None:
            return
        by = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        if by and self._has_any:
            self._set(self._factor * _STEP**by)
        else:
            super().keyPressEvent(event)

    @property
    def _has_any(self) -> bool:
        return self._data is not None and self._data.n > 0

    def _is_near(self, event: QMouseEvent) -> bool:
        """Whether the mouse is at the line."""
        line = self._x_of(self.factor / self._sensitivity)
        return self._has_any and abs(event.position().x() - line) <= _GRIP

    def _drag(self, event: QMouseEvent) -> None:
        self._dragged = self._times(event.position().x()) * self._sensitivity
        self.update()

    def _set(self, factor: float) -> None:
        self._factor = factor
        self.update()
        self.factor_changed.emit(self.name, factor)
