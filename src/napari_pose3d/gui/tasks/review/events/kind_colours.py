"""The colour of each kind of event: the same in the timeline, the table and in every session."""

from __future__ import annotations

from qtpy.QtGui import QColor, QIcon, QPixmap

from napari_pose3d.core.review.events.failures import Failure
from napari_pose3d.gui.layers.colours import PALETTE

_ORDER = list(Failure)
_ICON = 9  # px


def kind_colour(kind: Failure) -> QColor:
    """Of the palette of keypoints, colour-blind-safe."""
    return QColor(PALETTE[_ORDER.index(kind) % len(PALETTE)])


def kind_icon(kind: Failure) -> QIcon:
    """A square of the colour."""
    square = QPixmap(_ICON, _ICON)
    square.fill(kind_colour(kind))
    return QIcon(square)
