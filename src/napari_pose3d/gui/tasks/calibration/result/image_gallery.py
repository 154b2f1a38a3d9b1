"""The images that a rig explains worst, to look at and to take out."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QPointF, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPen, QPixmap
from qtpy.QtWidgets import QCheckBox, QFrame, QGridLayout, QLabel, QVBoxLayout, QWidget

from ..grey_image import pixmap_of
from ..make.calibration_job import BoardCutout

_COLUMNS = 4
_SIZE = 210  # px
_CORNER = QColor("#f0e442")


class ImageGallery(QWidget):
    """A box below each image takes its frame out; `changed` is emitted when one is clicked."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._boxes: list[tuple[int, QCheckBox]] = []
        self._tiles: list[QWidget] = []

    @property
    def checked(self) -> tuple[int, ...]:
        """The frames to take out, by the numbers they were recorded under."""
        return tuple(dict.fromkeys(frame for frame, box in self._boxes if box.isChecked()))

    def show_cutouts(self, cutouts: Sequence[BoardCutout]) -> None:
        """Show other images."""
        for tile in self._tiles:
            self._grid.removeWidget(tile)
            tile.deleteLater()
        self._tiles, self._boxes = [], []
        for i, cutout in enumerate(cutouts):
            tile, box = _tile(cutout)
            box.toggled.connect(lambda _: self.changed.emit())
            self._grid.addWidget(tile, i // _COLUMNS, i % _COLUMNS)
            self._tiles.append(tile)
            self._boxes.append((cutout.recorded, box))


def _tile(cutout: BoardCutout) -> tuple[QWidget, QCheckBox]:
    frame = QFrame()
    frame.setFrameShape(QFrame.Shape.StyledPanel)
    image = QLabel()
    image.setPixmap(_drawn(cutout))
    image.setAlignment(Qt.AlignmentFlag.AlignCenter)
    worst = cutout.worst
    text = QLabel(f"{worst.view}, frame {cutout.recorded}: {worst.rms:.2f} px")
    box = QCheckBox(f"Take frame {cutout.recorded} out")
    box.setToolTip("Leaves this frame out of all cameras when the fit is repeated.")
    layout = QVBoxLayout(frame)
    layout.addWidget(image, 1)
    layout.addWidget(text)
    layout.addWidget(box)
    return frame, box


def _drawn(cutout: BoardCutout) -> QPixmap:
    """The image with its corners."""
    source = pixmap_of(cutout.image)
    shown = source.scaled(
        _SIZE, _SIZE, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
    scale = shown.width() / source.width()
    painter = QPainter(shown)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(_CORNER, 1.5))
    for x, y in cutout.corners:
        painter.drawEllipse(QPointF(scale * x, scale * y), 3.0, 3.0)
    painter.end()
    return shown
