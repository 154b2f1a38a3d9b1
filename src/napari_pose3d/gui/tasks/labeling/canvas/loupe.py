"""A magnified part of a camera's image, in a corner of its view."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QObject, QPoint, QPointF, QRect, Qt
from qtpy.QtGui import QColor, QCursor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QWidget

Point = tuple[float, float]
"""(x, y) px of the image."""

Mark = tuple[float, float, str]
"""x, y and a colour ``#rrggbb``."""

SIDE = 160
"""Width and height in px of the screen."""

MAGNIFICATION = 8
"""px of the screen for a pixel of the image."""

_MARGIN, _NEAR = 8, 24
_OUTSIDE = QColor("#303030")
_MARK_RADIUS, _GAP, _ARM = 5.0, 4.0, 22.0


class Loupe(QWidget):
    """Lies over a camera's canvas, lets the mouse through, and keeps out of its way.

    Parameters
    ----------
    canvas : QWidget
        What it lies over. It should track the mouse; the loupe goes to the opposite corner when
        the mouse comes near.
    """

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._at: Point = (0.0, 0.0)
        self._marks: tuple[Mark, ...] = ()
        self._corner: Point = (0.0, 0.0)
        self._image = QImage()
        self._at_right = True
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("Loupe")
        canvas.installEventFilter(self)
        self._place()
        self.hide()

    def show_at(
        self,
        image: NDArray[np.uint8] | NDArray[np.uint16],
        at: Point,
        marks: Sequence[Mark] = (),
        limits: tuple[float, float] | None = None,
    ) -> None:
        """Show what lies around a point.

        Parameters
        ----------
        image : (y, x) or (y, x, 3), uint8 or uint16
        at : (x, y)
            px; whole numbers are the centres of pixels. It comes to lie in the middle.
        marks : sequence of (x, y, colour)
            px.
        limits : (black, white), optional
            Values that are drawn black and white, as in the view. Not given: the whole range of
            the image's type.
        """
        # A pixel more at each side, since the point lies within one.
        reach = math.ceil(SIDE / MAGNIFICATION / 2) + 1
        left, top = math.floor(at[0]) - reach, math.floor(at[1]) - reach
        x0, y0 = max(left, 0), max(top, 0)
        crop = image[y0 : max(top + 2 * reach + 1, 0), x0 : max(left + 2 * reach + 1, 0)]
        self._at, self._marks, self._corner = at, tuple(marks), (x0, y0)
        self._image = _to_image(crop, limits)
        self.keep_away(self._canvas.mapFromGlobal(QCursor.pos()))
        self.show()
        self.raise_()
        self.update()

    def keep_away(self, mouse: QPoint) -> None:
        """Go to the opposite corner when the mouse, in px of the canvas, is near."""
        here, there = self._corner_rect(self._at_right), self._corner_rect(not self._at_right)
        # In a small view the mouse may be near both corners; then only being beneath counts.
        if here.contains(mouse) or (_near(here, mouse) and not _near(there, mouse)):
            self._at_right = not self._at_right
            self._place()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Follow the canvas's size, and flee from its mouse."""
        if event is None or watched is not self._canvas:
            return False
        if event.type() == QEvent.Type.Resize:
            self._place()
        elif event.type() == QEvent.Type.MouseMove and self.isVisible():
            assert isinstance(event, QMouseEvent)
            self.keep_away(event.position().toPoint())
        return False

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """Image, marks, cross and a border."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), _OUTSIDE)
        painter.save()
        self._to_video_pixels(painter)
        # A pixel reaches half a px to each side of its centre.
        painter.drawImage(QPointF(self._corner[0] - 0.5, self._corner[1] - 0.5), self._image)
        painter.restore()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for x, y, colour in self._marks:
            at = self._on_loupe((x, y))
            if self.rect().contains(at.toPoint()):
                _draw_mark(painter, at, QColor(colour))
        _draw_cross(painter, self._middle())
        painter.setPen(QPen(QColor("#ffffff"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _middle(self) -> QPointF:
        return QPointF(self.width() / 2, self.height() / 2)

    def _on_loupe(self, point: Point) -> QPointF:
        away = QPointF(point[0] - self._at[0], point[1] - self._at[1])
        return self._middle() + away * MAGNIFICATION

    def _to_video_pixels(self, painter: QPainter) -> None:
        """From here on, draw in px of the image."""
        painter.translate(self._middle())
        painter.scale(MAGNIFICATION, MAGNIFICATION)
        painter.translate(-self._at[0], -self._at[1])

    def _place(self) -> None:
        self.setGeometry(self._corner_rect(self._at_right))

    def _corner_rect(self, at_right: bool) -> QRect:
        """Top right or bottom left, in px of the canvas."""
        width, height = self._canvas.width(), self._canvas.height()
        # In a small view it takes no more than a quarter, and can always flee.
        side = min(SIDE, max(min(width, height) // 2 - _MARGIN, 0))
        if at_right:
            return QRect(width - side - _MARGIN, _MARGIN, side, side)
        return QRect(_MARGIN, height - side - _MARGIN, side, side)


def _near(rect: QRect, mouse: QPoint) -> bool:
    return rect.adjusted(-_NEAR, -_NEAR, _NEAR, _NEAR).contains(mouse)


def _to_image(
    crop: NDArray[np.uint8] | NDArray[np.uint16], limits: tuple[float, float] | None
) -> QImage:
    """A crop as an image of Qt; empty where it holds no pixel."""
    height, width = crop.shape[:2]
    if not crop.size:
        return QImage()
    if limits is not None or crop.dtype != np.uint8:
        black, white = limits or (0.0, float(np.iinfo(crop.dtype).max))
        scaled = (crop.astype(np.float32) - black) * (255 / max(white - black, 1e-9))
        crop = np.clip(scaled + 0.5, 0, 255).astype(np.uint8)
    grey = crop.ndim == 2
    kind = QImage.Format.Format_Grayscale8 if grey else QImage.Format.Format_RGB888
    pixels = np.ascontiguousarray(crop).tobytes()
    # The copy keeps its own pixels.
    return QImage(pixels, width, height, width * (1 if grey else 3), kind).copy()


def _draw_mark(painter: QPainter, at: QPointF, colour: QColor) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(QColor(0, 0, 0, 160), 3.5), QPen(colour, 2)):
        painter.setPen(pen)
        painter.drawEllipse(at, _MARK_RADIUS, _MARK_RADIUS)


def _draw_cross(painter: QPainter, at: QPointF) -> None:
    """Fine lines that leave the middle free."""
    for pen in (QPen(QColor(0, 0, 0, 160), 3), QPen(QColor("#ffffff"), 1)):
        painter.setPen(pen)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            way = QPointF(dx, dy)
            painter.drawLine(at + way * _GAP, at + way * _ARM)
