"""Images as a network of Lightning Pose takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import qt_settings_kept
from napari_pose3d.errors import PoseDataError

# Of ImageNet, on which its backbones were trained.
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


def prepared_image(image: NDArray[Any], width: int, height: int) -> NDArray[np.float32]:
    """An image resized and normalised, ``(3, height, width)``.

    It is resized as float: rounding to whole grey values first moves keypoints by more than a
    pixel.

    Parameters
    ----------
    image : (H, W) or (H, W, 3)
        Grey or RGB, of 8 or 16 bits.
    width, height : int
        px; each side is resized by itself.

    Raises
    ------
    PoseDataError
        It is no such image.
    """
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[-1] not in (1, 3)):
        raise PoseDataError(
            f"an image of shape {image.shape} cannot be predicted", expected="(H, W) or (H, W, 3)"
        )
    if not np.issubdtype(image.dtype, np.integer):
        raise PoseDataError(f"the image is of {image.dtype}", expected="8 or 16 bits")
    with qt_settings_kept():
        import cv2

    scaled = image.astype(np.float32) / np.float32(np.iinfo(image.dtype).max)
    small = cv2.resize(scaled, (width, height), interpolation=cv2.INTER_LINEAR)
    if small.ndim == 2:
        small = np.repeat(small[..., None], 3, axis=-1)
    normal = (small - _MEAN) / _DEVIATION
    return np.ascontiguousarray(normal.transpose(2, 0, 1))
