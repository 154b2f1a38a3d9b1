"""Mouse and keys as napari and Qt tell them, in the terms of `tool`."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeyEvent

from .tool import Modifiers, Point


def xy_of(position: Any) -> Point:
    """(x, y) of a napari position, whose last axes are y and x."""
    return float(position[-1]), float(position[-2])


def modifiers_of(names: Any) -> Modifiers:
    """Of a napari mouse event."""
    return frozenset(str(getattr(name, "name", name)) for name in names)


def held_keys(event: QKeyEvent) -> Modifiers:
    """The modifiers that are held while a key goes down."""
    held = event.modifiers()
    kinds = Qt.KeyboardModifier
    known = {
        "Shift": kinds.ShiftModifier,
        "Control": kinds.ControlModifier,
        "Alt": kinds.AltModifier,
    }
    return frozenset(name for name, flag in known.items() if held & flag)
