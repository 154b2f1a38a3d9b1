"""Mean residuals over the image of one camera, as arrows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, QSize
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QGridLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_pose3d.core.calibration.report.error_map import ErrorMap

from ..grey_image import pixmap_of

_WIDTH = 460  # px
_COLUMNS = 2
# Both are told apart from any grey; the legend names them.
_SMALL, _LARGE = QColor("#56b4e9"), QColor("#d55e00")
_EMPTY = QColor(0, 0, 0, 130)
_BOUND = 0.3  # px: what a good camera stays below
_ARROW = 80.0  # px of the screen that a residual of 1 px is drawn as


class MapView(QWidget):
    """An image of the camera, its empty parts dark, and an arrow in each part with corners."""

    def __init__(self, found: ErrorMap, image: NDArray[np.uint8] | None) -> None:
        super().__init__()
        self._map, self._image = found, image
        width, height = found.size
        self._scale = _WIDTH / width
        self.setFixedSize(QSize(_WIDTH, round(self._scale * height)))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        lengths = np.hypot(*found.error.T)
        largest = float(lengths.max()) if len(lengths) else 0.0
        self.setAccessibleName(f"Residuals in {found.view}, up to {largest:.2f} px")
        self.setToolTip(f"Mean residual in parts of the image; the largest is {largest:.2f} px.")

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """Image, empty parts, arrows."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        frame = QRectF(0, 0, self.width(), self.height())
        if self._image is None:
            painter.fillRect(frame, QColor(60, 60, 60))
        else:
            pixmap = pixmap_of(self._image)
            painter.drawPixmap(frame, pixmap, QRectF(pixmap.rect()))
            # Arrows must be seen on black and white squares.
            painter.fillRect(frame, QColor(0, 0, 0, 110))
        for row, column in zip(*np.nonzero(~self._map.cells), strict=True):
            w, h = self.width() / 5, self.height() / 5
            painter.fillRect(QRectF(column * w, row * h, w, h), _EMPTY)
        for at, error in zip(self._scale * self._map.at, self._map.error, strict=True):
            end = at + _ARROW * error
            colour = _LARGE if np.hypot(*error) > _BOUND else _SMALL
            painter.setPen(QPen(colour, 1.6))
            painter.drawLine(QPointF(*at), QPointF(*end))
            painter.setBrush(colour)
            painter.drawEllipse(QPointF(*at), 2.0, 2.0)
        # A bar that tells how long arrows are.
        painter.setPen(QPen(QColor("white"), 2))
        y, length = self.height() - 10, _ARROW * _BOUND
        painter.drawLine(QPointF(10, y), QPointF(10 + length, y))
        painter.drawText(QPointF(16 + length, y + 4), f"{_BOUND} px")


class MapGrid(QWidget):
    """The maps of all cameras."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._cells: list[QWidget] = []

    @property
    def captions(self) -> list[str]:
        """What the user reads above the maps."""
        return [label.text() for cell in self._cells for label in cell.findChildren(QLabel)]

    def show_maps(
        self, maps: list[ErrorMap], images: dict[str, NDArray[np.uint8]], empty: dict[str, str]
    ) -> None:
        """Show other maps.

        Parameters
        ----------
        images : mapping of view to (height, width) uint8
        empty : mapping of view to str
            The empty parts of each image in words.
        """
        for cell in self._cells:
            self._grid.removeWidget(cell)
            cell.deleteLater()
        self._cells = []
        for i, each in enumerate(maps):
            cell = QWidget()
            column = QVBoxLayout(cell)
            lengths = np.hypot(*each.error.T)
            largest = f"up to {lengths.max():.2f} px" if len(lengths) else "no corner"
            missing = empty.get(each.view, "")
            label = QLabel(
                f"{each.view}: mean residual {largest}"
                + (f"; no corner at {missing}" if missing else "")
            )
            label.setWordWrap(True)
            column.addWidget(label)
            column.addWidget(MapView(each, images.get(each.view)))
            column.addStretch(1)
            self._grid.addWidget(cell, i // _COLUMNS, i % _COLUMNS)
            self._cells.append(cell)
