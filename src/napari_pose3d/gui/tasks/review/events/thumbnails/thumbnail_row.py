"""Thumbnails of all views of a frame, as many in a row as there is room for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QGridLayout, QSizePolicy, QWidget

from .cutout import Cutout

_LEAST, _LARGEST, _GAP = 70, 104, 4
_TITLE = 14
_WRONG = QColor("#ff5a5a")
_RING, _CROSS = 3.5, 4.0
_MOST_MARKS = 12


class Thumbnail(QWidget):
    """One view: predicted positions as crosses, smoothed ones as rings, a line between.

    ``clicked`` is emitted with the name of the view.
    """

    clicked = Signal(str)

    def __init__(self, view: str, colours: Mapping[str, str], parent: QWidget | None = None):
        super().__init__(parent)
        self.view = view
        self._colours = colours
        self._cutout: Cutout | None = None
        self._image = QImage()
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(f"Thumbnail of {view}")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setMinimumSize(_LEAST, _LEAST + _TITLE)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def cutout(self) -> Cutout | None:
        """What is shown; None while it is being decoded."""
        return self._cutout

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(_LEAST, _LEAST + _TITLE)

    def show_cutout(self, cutout: Cutout | None) -> None:
        """Show another image, or say that one is being decoded."""
        self._cutout = cutout
        self._image = QImage() if cutout is None or cutout.pixels is None else _image(cutout.pixels)
        if cutout is None:
            self.setToolTip("")
        else:
            state = "named by the event" if cutout.named else "not named by the event"
            self.setToolTip(
                f"{self.view}, frame {cutout.frame:,}, {state}. Cross: predicted, ring: smoothed. "
                "Click: zoom the camera view onto it."
            )
        self.update()

    def paintEvent(self, _: QPaintEvent | None) -> None:  # noqa: N802
        """The title, the image, the marks."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().windowText().color()
        side = self._side
        box = QRectF((self.width() - side) / 2, _TITLE, side, side)
        cutout = self._cutout
        font = painter.font()
        font.setPixelSize(10)
        font.setBold(cutout is not None and cutout.named)
        painter.setFont(font)
        painter.setPen(_WRONG if cutout is not None and cutout.named else text)
        name = painter.fontMetrics().elidedText(
            self.view, Qt.TextElideMode.ElideRight, self.width() - 2
        )
        painter.drawText(QRectF(0, 0, self.width(), _TITLE), int(_CENTRE), name)
        painter.fillRect(box, QColor("#303030"))
        if cutout is None or self._image.isNull():
            painter.setPen(QColor("#d0d0d0"))
            words = "…" if cutout is None else cutout.problem
            painter.drawText(box, int(_CENTRE | Qt.TextFlag.TextWordWrap), words)
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(box, self._image)
            painter.setClipRect(box)
            self._draw_marks(painter, box)
            painter.setClipping(False)
        if cutout is not None and cutout.named:
            painter.setPen(QPen(_WRONG, 2))
            painter.drawRect(box.adjusted(1, 1, -1, -1))
        if self.hasFocus():
            painter.setPen(QPen(text, 1, Qt.PenStyle.DotLine))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _draw_marks(self, painter: QPainter, box: QRectF) -> None:
        cutout = self._cutout
        assert cutout is not None
        scale = box.width() / max(self._image.width(), 1)

        def place(at: tuple[float, float]) -> QPointF:
            x, y = at[0] - cutout.corner[0] + 0.5, at[1] - cutout.corner[1] + 0.5
            return QPointF(box.left() + x * scale, box.top() + y * scale)

        # Of a lost view all keypoints are marked, but without lines that nobody can follow.
        few = len(cutout.marks) <= _MOST_MARKS
        for mark in cutout.marks:
            colour = QColor(self._colours.get(mark.keypoint, "#ffffff"))
            raw, smoothed = (
                place(at) if np.isfinite(at).all() else None for at in (mark.raw, mark.smoothed)
            )
            for pen in (QPen(QColor(0, 0, 0, 170), 3.2), QPen(colour, 1.6)):
                painter.setPen(pen)
                if raw is not None and smoothed is not None and few:
                    painter.drawLine(raw, smoothed)
                if smoothed is not None:
                    painter.drawEllipse(smoothed, _RING, _RING)
                if raw is not None:
                    painter.drawLine(raw + QPointF(-_CROSS, -_CROSS), raw + QPointF(_CROSS, _CROSS))
                    painter.drawLine(raw + QPointF(-_CROSS, _CROSS), raw + QPointF(_CROSS, -_CROSS))

    @property
    def _side(self) -> int:
        return max(min(self.width(), self.height() - _TITLE), 1)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Zoom there."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(self.view)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """As a click."""
        if event is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Space):
            self.clicked.emit(self.view)
        else:
            super().keyPressEvent(event)


_CENTRE = Qt.AlignmentFlag.AlignCenter


class ThumbnailRow(QWidget):
    """All views; ``view_clicked`` is emitted with the name of one."""

    view_clicked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.thumbnails: list[Thumbnail] = []
        self._columns = 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(_GAP)

    def set_views(self, views: Sequence[str], colours: Mapping[str, str]) -> None:
        """Have a thumbnail for each view."""
        for old in self.thumbnails:
            self._grid.removeWidget(old)
            old.setParent(None)
            old.deleteLater()
        self.thumbnails = [Thumbnail(view, colours) for view in views]
        for each in self.thumbnails:
            each.clicked.connect(self.view_clicked)
        self._columns = 0
        self._arrange()

    def show_cutouts(self, cutouts: Sequence[Cutout] | None) -> None:
        """Show other images; None while they are decoded."""
        by_view = {} if cutouts is None else {each.view: each for each in cutouts}
        for each in self.thumbnails:
            each.show_cutout(by_view.get(each.view))

    def resizeEvent(self, event) -> None:  # type: ignore[no-untyped-def]  # noqa: N802
        """As many in a row as there is room for."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        n = len(self.thumbnails)
        if not n:
            self.setFixedHeight(0)
            return
        room = max(self.width(), _LEAST)
        most = max((room + _GAP) // (_LEAST + _GAP), 1)
        rows = -(-n // most)
        columns = -(-n // rows)
        side = min((room - (columns - 1) * _GAP) // columns, _LARGEST)
        height = rows * (side + _TITLE) + (rows - 1) * _GAP
        for each in self.thumbnails:
            each.setFixedHeight(side + _TITLE)
        if columns != self._columns:
            self._columns = columns
            for i, each in enumerate(self.thumbnails):
                self._grid.addWidget(each, i // columns, i % columns)
        if height != self.height():
            self.setFixedHeight(height)


def _image(pixels: np.ndarray) -> QImage:
    height, width = pixels.shape[:2]
    grey = pixels.ndim == 2
    kind = QImage.Format.Format_Grayscale8 if grey else QImage.Format.Format_RGB888
    # The copy keeps its own pixels.
    return QImage(pixels.tobytes(), width, height, width * (1 if grey else 3), kind).copy()
