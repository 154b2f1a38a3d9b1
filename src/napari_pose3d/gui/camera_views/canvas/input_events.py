"""Mouse and key events of napari and Qt in the terms of `tool`, and the edge of an image."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeyEvent, QKeySequence

from napari_pose3d.gui.qt.key_bindings import Modifiers

Point = tuple[float, float]
"""(x, y) in px of the view's image."""
Size = tuple[float, float]
"""(width, height) of the image in px."""


def xy_of(position: Any) -> Point:
    """(x, y) of a napari position, whose last axes are y and x."""
    return float(position[-1]), float(position[-2])


def is_inside(at: Point, size: Size) -> bool:
    """Whether a position is on an image; the centre of its first pixel is (0, 0)."""
    return all(-0.5 <= value < length - 0.5 for value, length in zip(at, size, strict=True))


def clamped(at: Point, size: Size) -> Point:
    """The pixel centre on the image that is nearest to a position beyond its edge."""
    if is_inside(at, size):
        return at
    x, y = (min(max(value, 0.0), length - 1.0) for value, length in zip(at, size, strict=True))
    return x, y


def modifiers_of(names: Any) -> Modifiers:
    """The modifiers of a napari mouse event."""
    return frozenset(str(getattr(name, "name", name)) for name in names)


def key_name(event: QKeyEvent) -> str:
    """Qt's short name of a key: "A", "Left", "Space"."""
    return QKeySequence(event.key()).toString()


def held_modifiers(event: QKeyEvent) -> Modifiers:
    """The modifiers that are held while a key goes down."""
    held = event.modifiers()
    kinds = Qt.KeyboardModifier
    known = {
        "Shift": kinds.ShiftModifier,
        "Control": kinds.ControlModifier,
        "Alt": kinds.AltModifier,
    }
    return frozenset(name for name, flag in known.items() if held & flag)
