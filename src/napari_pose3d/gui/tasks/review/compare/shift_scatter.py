"""How far, and which way, one set lies from the other: a dot for each frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

_HEIGHT = 170
_MOST = 4000
_SHARE = 99.0


class ShiftScatter(QWidget):
    """Second minus first, px of the image: x right, y down, each view in a colour of its own."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: list[tuple[str, NDArray[np.float32], str]] = []
        self._reach = 1.0
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Differences as dots")
        self.setToolTip(
            "A dot for each frame and view: where the second set has the keypoint, seen from the "
            "first, in px of the image. The square holds 99 % of them; what is outside lies on it."
        )

    @property
    def reach(self) -> float:
        """Half the side of what is drawn, px of the image."""
        return self._reach

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(240, _HEIGHT)

    def show_shifts(self, shifts: list[tuple[str, NDArray[np.float32], str]]) -> None:
        """Draw others.

        Parameters
        ----------
        shifts : list of (view, (frame, 2), colour)
        """
        self._points = []
        largest = 0.0
        for view, xy, colour in shifts:
            known = xy[np.isfinite(xy).all(axis=1)]
            if len(known):
                largest = max(largest, float(np.percentile(np.abs(known).max(axis=1), _SHARE)))
                step = max(len(known) // _MOST, 1)
                # The largest are never left out.
                far = known[np.hypot(*known.T) > largest]
                self._points.append((view, np.concatenate([known[::step], far[:_MOST]]), colour))
        self._reach = _round_up(max(largest, 0.1))
        self.update()

    def paintEvent(self, _: QPaintEvent | None) -> None:  # noqa: N802
        """Axes, dots and the names of the views."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().windowText().color()
        dark = self.palette().window().color().lightness() < 128
        side = self.height() - 4
        box = QRectF(2, 2, side, side)
        painter.fillRect(box, QColor("#15151c" if dark else "#fbfaf7"))
        painter.setPen(QPen(QColor(128, 128, 128, 140), 1))
        middle = box.center()
        painter.drawLine(QPointF(box.left(), middle.y()), QPointF(box.right(), middle.y()))
        painter.drawLine(QPointF(middle.x(), box.top()), QPointF(middle.x(), box.bottom()))
        scale = side / 2 / self._reach
        for _view, xy, colour in self._points:
            pen = QPen(QColor(colour), 2.4)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            at = np.clip(xy, -self._reach, self._reach) * scale
            dots = [middle + QPointF(float(x), float(y)) for x, y in at.tolist()]
            painter.drawPoints(QPolygonF(dots))
        font = painter.font()
        font.setPixelSize(10)
        painter.setFont(font)
        painter.setPen(text)
        painter.drawText(box.adjusted(3, 2, 0, 0), int(Qt.AlignmentFlag.AlignTop), "image up")
        painter.drawText(
            box.adjusted(0, 0, -3, -2),
            int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom),
            f"± {self._reach:g} px",
        )
        left = box.right() + 8
        for i, (view, _xy, colour) in enumerate(self._points):
            top = 6 + 15 * i
            if top + 12 > self.height():
                break
            painter.fillRect(QRectF(left, top + 2, 8, 8), QColor(colour))
            room = QRectF(left + 12, top - 2, max(self.width() - left - 12, 1), 16)
            name = painter.fontMetrics().elidedText(
                view, Qt.TextElideMode.ElideRight, int(room.width())
            )
            painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter), name)
        painter.end()


def _round_up(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(each * power for each in (1, 2, 5, 10) if each * power >= value * 0.999))
