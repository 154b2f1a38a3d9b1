"""How far, and which way, one set lies from the other: a dot for each frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

_HEIGHT = 170
_MOST = 4000
_SHARE = 99.0
# A dot that is so near to the mouse, px, is meant.
_NEAR = 7.0
_HERE = 4.0


@dataclass(frozen=True, eq=False)
class _Dots:
    view: str
    frame: NDArray[np.int64]
    xy: NDArray[np.float32]
    colour: str


class ShiftScatter(QWidget):
    """Second minus first, px of the image: x right, y down, each view in a colour of its own.

    Signals: ``frame_chosen`` with the frame of a dot that was clicked.
    """

    frame_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._dots: list[_Dots] = []
        self._reach = 1.0
        self._frame = -1
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Differences as dots")
        self.setToolTip(
            "A dot for each frame and view: where the second set has the keypoint, seen from the "
            "first, in px of the image. The square holds 99 % of them; what is outside lies on it. "
            "A click on a dot goes to its frame; the frame that is shown is ringed."
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
        self._dots = []
        largest = 0.0
        for view, xy, colour in shifts:
            frames = np.flatnonzero(np.isfinite(xy).all(axis=1))
            known = xy[frames]
            if len(known):
                largest = max(largest, float(np.percentile(np.abs(known).max(axis=1), _SHARE)))
                step = max(len(known) // _MOST, 1)
                # The largest are never left out.
                far = np.flatnonzero(np.hypot(*known.T) > largest)[:_MOST]
                some = np.union1d(np.arange(0, len(known), step), far)
                self._dots.append(_Dots(view, frames[some], known[some], colour))
        self._reach = _round_up(max(largest, 0.1))
        self.update()

    def show_frame(self, frame: int) -> None:
        """Where the time slider is."""
        if frame != self._frame:
            self._frame = frame
            self.update()

    def place_of(self, view: str, frame: int) -> QPointF | None:
        """Where the dot of a frame lies, px of the widget; None without one."""
        for each in self._dots:
            at = np.flatnonzero(each.frame == frame)
            if each.view == view and len(at):
                x, y = self._on_screen(each.xy[at[:1]])[0].tolist()
                return QPointF(x, y)
        return None

    # ------------------------------------------------------------------ mouse

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Go to the frame of the nearest dot."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            found = self._nearest(event.position())
            if found is not None:
                self.frame_chosen.emit(found[1])

    def event(self, event: QEvent | None) -> bool:
        """Say which frame a dot is of."""
        if isinstance(event, QHelpEvent):
            found = self._nearest(QPointF(event.pos()))
            if found is not None:
                view, frame, (x, y) = found
                words = f"{view}, frame {frame:,}: {np.hypot(x, y):.1f} px"
                QToolTip.showText(event.globalPos(), words, self)
                return True
        return super().event(event)

    def _nearest(self, at: QPointF) -> tuple[str, int, tuple[float, float]] | None:
        best, found = _NEAR, None
        for each in self._dots:
            off = np.hypot(*(self._on_screen(each.xy) - (at.x(), at.y())).T)
            i = int(off.argmin())
            if off[i] <= best:
                x, y = each.xy[i].tolist()
                best, found = float(off[i]), (each.view, int(each.frame[i]), (x, y))
        return found

    # ------------------------------------------------------------------ drawing

    @property
    def _box(self) -> QRectF:
        side = self.height() - 4
        return QRectF(2, 2, side, side)

    def _on_screen(self, xy: NDArray[np.float32]) -> NDArray[np.float64]:
        box = self._box
        middle = np.array([box.center().x(), box.center().y()])
        scale = box.width() / 2 / self._reach
        return np.asarray(middle + np.clip(xy, -self._reach, self._reach) * scale, np.float64)

    def paintEvent(self, _: QPaintEvent | None) -> None:  # noqa: N802
        """Axes, dots and the names of the views."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().windowText().color()
        dark = self.palette().window().color().lightness() < 128
        box = self._box
        painter.fillRect(box, QColor("#15151c" if dark else "#fbfaf7"))
        painter.setPen(QPen(QColor(128, 128, 128, 140), 1))
        middle = box.center()
        painter.drawLine(QPointF(box.left(), middle.y()), QPointF(box.right(), middle.y()))
        painter.drawLine(QPointF(middle.x(), box.top()), QPointF(middle.x(), box.bottom()))
        for each in self._dots:
            pen = QPen(QColor(each.colour), 2.4)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            dots = [QPointF(x, y) for x, y in self._on_screen(each.xy).tolist()]
            painter.drawPoints(QPolygonF(dots))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for each in self._dots:
            painter.setPen(QPen(text, 1.2))
            for x, y in self._on_screen(each.xy[each.frame == self._frame]).tolist():
                painter.drawEllipse(QPointF(x, y), _HERE, _HERE)
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
        for i, each in enumerate(self._dots):
            top = 6 + 15 * i
            if top + 12 > self.height():
                break
            painter.fillRect(QRectF(left, top + 2, 8, 8), QColor(each.colour))
            room = QRectF(left + 12, top - 2, max(self.width() - left - 12, 1), 16)
            name = painter.fontMetrics().elidedText(
                each.view, Qt.TextElideMode.ElideRight, int(room.width())
            )
            painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter), name)
        painter.end()


def _round_up(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(each * power for each in (1, 2, 5, 10) if each * power >= value * 0.999))
