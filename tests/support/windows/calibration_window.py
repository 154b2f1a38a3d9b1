"""The widget Calibration and a user with a mouse."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from tests.support.windows.label_window import until

LEFT = Qt.MouseButton.LeftButton


def press(widget: Any, button: Any) -> None:
    """Scroll to a button and click on it, once sections that were just opened are laid out."""
    places: list[Any] = []

    def is_settled() -> bool:
        widget._scroll.ensureWidgetVisible(button)
        corner = button.mapTo(widget, QPoint(0, 0))
        places.append((corner.x(), corner.y(), button.width(), button.isVisible()))
        return button.isVisible() and len(places) > 4 and len(set(places[-4:])) == 1

    until(is_settled)
    QTest.mouseClick(button, LEFT)
