"""The edge of an image: no label lies beyond it."""

from __future__ import annotations

from napari_pose3d.gui.camera_views.canvas.input_events import Point

Size = tuple[float, float]
"""(width, height) in px."""


def is_inside(at: Point, size: Size) -> bool:
    """Whether a position is on an image; the centre of its first pixel is (0, 0)."""
    return all(-0.5 <= value < length - 0.5 for value, length in zip(at, size, strict=True))


def clamped(at: Point, size: Size) -> Point:
    """The pixel centre on the image that is nearest to a position beyond its edge."""
    if is_inside(at, size):
        return at
    x, y = (min(max(value, 0.0), length - 1.0) for value, length in zip(at, size, strict=True))
    return x, y
