"""Live images of the search for the board, one for each camera, and what is still missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QGridLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_pose3d.core.calibration.board.observations import BoardObservations
from napari_pose3d.core.calibration.verdicts import Coverage

from ..grey_image import pixmap_of
from .detection_feed import Seen

_CORNER = QColor("#f0e442")
_EMPTY = QColor(0, 0, 0, 90)
_LINE = QColor(255, 255, 255, 70)
_PARTS = 5


class _LiveImage(QWidget):
    """An image with its corners; parts in which no corner was seen yet are dark."""

    def __init__(self, view: str) -> None:
        super().__init__()
        self.seen: Seen | None = None
        self._aspect = 0.75
        self.setAccessibleName(f"Board in {view}")
        self.setMinimumHeight(90)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def hasHeightForWidth(self) -> bool:  # noqa: N802
        """As wide as there is room, as high as the image wants."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        """In px."""
        return round(self._aspect * width)

    def show_seen(self, seen: Seen) -> None:
        """Show another image."""
        self.seen = seen
        height, width = seen.image.shape
        if abs(height / width - self._aspect) > 0.01:
            self._aspect = height / width
            self.updateGeometry()
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """Image, parts, corners."""
        painter = QPainter(self)
        if self.seen is None:
            painter.fillRect(self.rect(), QColor(0, 0, 0, 60))
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        image = self.seen.image
        pixmap = pixmap_of(image)
        scale = min(self.width() / pixmap.width(), self.height() / pixmap.height())
        width, height = scale * pixmap.width(), scale * pixmap.height()
        left, top = (self.width() - width) / 2, (self.height() - height) / 2
        painter.drawPixmap(QRectF(left, top, width, height), pixmap, QRectF(pixmap.rect()))
        painter.setPen(QPen(_LINE, 1))
        for row in range(_PARTS):
            for column in range(_PARTS):
                part = QRectF(
                    left + column * width / _PARTS,
                    top + row * height / _PARTS,
                    width / _PARTS,
                    height / _PARTS,
                )
                if not self.seen.cells[row, column]:
                    painter.fillRect(part, _EMPTY)
                    painter.drawLine(part.topLeft(), part.bottomRight())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(_CORNER, 1.5))
        for x, y in self.seen.corners:
            painter.drawEllipse(QPointF(left + scale * x, top + scale * y), 2.5, 2.5)


class _Tile(QWidget):
    def __init__(self, view: str) -> None:
        super().__init__()
        self._view = view
        self.live = _LiveImage(view)
        self.caption = QLabel(view)
        self.caption.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.live)
        column.addWidget(self.caption)
        column.addStretch(1)

    def show_seen(self, seen: Seen) -> None:
        self.live.show_seen(seen)
        self.say(seen.n_found, seen.n_looked, seen.cells, False)

    def say(self, found: int, looked: int, cells: NDArray[np.bool_], ended: bool) -> str:
        """Write the caption; returns the empty edges and corners in words."""
        text = f"{self._view}: board in {found} of {looked}"
        missing = Coverage(cells, 0, np.nan, found).missing()
        if ended:
            text += f", {int(cells.sum())} of {cells.size} parts"
        self.caption.setText(text)
        self.setToolTip(
            "Dark: parts of the image in which no corner of the board was seen."
            + (f" Empty: {missing}." if missing else "")
        )
        return missing


class DetectionTiles(QWidget):
    """One live image for each view; hidden where there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(6)
        self._tiles: dict[str, _Tile] = {}
        self.hide()

    @property
    def captions(self) -> list[str]:
        """What the user reads below the images."""
        return [tile.caption.text() for tile in self._tiles.values()]

    def images(self) -> dict[str, NDArray[np.uint8]]:
        """The latest image of each view, made small."""
        return {
            view: tile.live.seen.image
            for view, tile in self._tiles.items()
            if tile.live.seen is not None
        }

    def show_views(self, views: Sequence[str]) -> None:
        """Empty images for these views."""
        for tile in self._tiles.values():
            self._grid.removeWidget(tile)
            tile.deleteLater()
        self._tiles = {view: _Tile(view) for view in views}
        for i, tile in enumerate(self._tiles.values()):
            self._grid.addWidget(tile, i // 2, i % 2)
        for column in (0, 1):
            self._grid.setColumnStretch(column, 1)
        self.setVisible(bool(views))

    def show_seen(self, view: str, seen: Seen) -> None:
        """Show another image of a view."""
        if view in self._tiles:
            self._tiles[view].show_seen(seen)

    def show_coverages(self, coverages: Mapping[str, Coverage]) -> None:
        """Say besides in how many directions the board was tilted, as a fit has found."""
        for view, coverage in coverages.items():
            tile = self._tiles.get(view)
            if tile is not None:
                text = tile.caption.text().partition(", tilts")[0]
                tile.caption.setText(f"{text}, tilts {coverage.tilts} of 8")

    def show_found(self, observations: BoardObservations) -> list[str]:
        """Say what the whole search has found.

        Returns
        -------
        list of str
            For each view with empty edges or corners, which those are.
        """
        lines = []
        for i, view in enumerate(observations.views):
            tile = self._tiles.get(view)
            if tile is None:
                continue
            width, height = observations.sizes[i]
            seen = observations.xy[i][observations.observed[i]]
            cells = np.zeros((_PARTS, _PARTS), bool)
            at = np.clip(seen * _PARTS // (width, height), 0, _PARTS - 1).astype(int)
            cells[at[:, 1], at[:, 0]] = True
            n = int((observations.n_observed[i] > 0).sum())
            missing = tile.say(n, len(observations.frames), cells, True)
            if missing:
                lines.append(f"{view}: no corner at {missing}.")
        return lines
