"""The cells of the table keypoints x views."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QPoint, QRect, QRectF, Qt
from qtpy.QtGui import (
    QFont,
    QFontMetrics,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPixmap,
    QRegion,
)
from qtpy.QtWidgets import QFrame, QWidget

from .matrix_model import MatrixModel
from .picking_table import PickingTable
from .status_signs import ON_SUSPECT, SIGN_SIZE, SUSPECT, CellLook, draw_sign, sign_colour

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_MOST_KEPT = 4000
_LINE_OPACITY = 40
_COLOURS_CHANGED = (
    QEvent.Type.StyleChange,
    QEvent.Type.PaletteChange,
    QEvent.Type.FontChange,
)


class MatrixCells(PickingTable):
    """Paints sign and residual of each label.

    What a cell looks like is drawn once and kept. Delegates, which Qt asks cell by cell, take
    several times as long, too long for each move of a drag.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cells = MatrixModel(self)
        self.setModel(self.cells)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self._text_font = QFont(self.font())
        self._kept: dict[tuple[Any, ...], QPixmap] = {}

    def set_text_font(self, font: QFont) -> None:
        """The font of the residuals."""
        if font != self._text_font:
            self._text_font = font
            self._forget()

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802
        """Another theme has other colours."""
        super().changeEvent(event)
        if event is not None and event.type() in _COLOURS_CHANGED:
            self._forget()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """Paint the cells that need it."""
        if event is None:
            return
        painter = QPainter(self.viewport())
        self._paint(painter, event.region())
        painter.end()

    def _paint(self, painter: QPainter, region: QRegion) -> None:
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        assert rows is not None
        assert columns is not None
        width, height = columns.defaultSectionSize(), rows.defaultSectionSize()
        left, top = columns.sectionViewportPosition(0), rows.sectionViewportPosition(0)
        box = region.boundingRect()
        last_row = min((box.bottom() - top) // height, len(self.cells.keypoints) - 1)
        last_column = min((box.right() - left) // width, len(self.cells.views) - 1)
        for row in range(max((box.top() - top) // height, 0), last_row + 1):
            for column in range(max((box.left() - left) // width, 0), last_column + 1):
                rect = QRect(left + column * width, top + row * height, width, height)
                if region.intersects(rect):
                    painter.drawPixmap(rect.topLeft(), self._cell(row, column, width, height))
                    if self.cells.current == (row, column):
                        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Text), 2))
                        painter.drawRect(rect.adjusted(1, 1, -1, -1))

    def _cell(self, row: int, column: int, width: int, height: int) -> QPixmap:
        look = self.cells.look(row, column)
        kind = (look.status, look.visibility, look.declined, look.suspect)
        key = (kind, look.text, width, height, self.devicePixelRatioF())
        if key not in self._kept:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = self._draw(look, width, height)
        return self._kept[key]

    def _draw(self, look: CellLook, width: int, height: int) -> QPixmap:
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(round(width * ratio), round(height * ratio))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(SUSPECT if look.suspect else Qt.GlobalColor.transparent)
        painter, palette = QPainter(pixmap), self.palette()
        text_colour = palette.color(QPalette.ColorRole.Text)
        line = palette.color(QPalette.ColorRole.Text)
        line.setAlpha(_LINE_OPACITY)
        painter.setPen(line)
        corner = QPoint(width - 1, height - 1)
        painter.drawLine(QPoint(0, height - 1), corner)
        painter.drawLine(QPoint(width - 1, 0), corner)
        sign = QRectF(1, 0, SIGN_SIZE, height - 1)
        draw_sign(painter, sign, look.sign, sign_colour(look, palette))
        font = QFont(self._text_font)
        font.setBold(look.suspect)
        room = QRect(0, 0, width - 2, height - 1)
        fits = QFontMetrics(font).horizontalAdvance(look.text) <= room.width() - SIGN_SIZE - 1
        painter.setFont(font)
        painter.setPen(ON_SUSPECT if look.suspect else text_colour)
        painter.drawText(room, _RIGHT, look.text if fits else look.short_text)
        painter.end()
        return pixmap

    def _forget(self) -> None:
        self._kept.clear()
        viewport = self.viewport()
        if viewport is not None:
            viewport.update()
