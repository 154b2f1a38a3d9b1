"""Grey images as Qt shows them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtGui import QImage, QPixmap


def pixmap_of(image: NDArray[np.uint8]) -> QPixmap:
    """A pixmap of a grey image ``(height, width)``."""
    image = np.ascontiguousarray(image)
    height, width = image.shape
    return QPixmap.fromImage(
        QImage(image.tobytes(), width, height, width, QImage.Format.Format_Grayscale8).copy()
    )
