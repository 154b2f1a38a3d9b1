"""The layout of a task's panel: what scrolls, and what is always in sight below it."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

_MIN_WIDTH = 300
# Beside the room that is left empty below the parts.
_GROWS = 1000


def lay_out_task(
    panel: QWidget,
    parts: Sequence[QWidget],
    below: Sequence[QWidget],
    growing: Sequence[QWidget] = (),
) -> QScrollArea:
    """Lay out a panel so that all of it can be used in a low window.

    Parameters
    ----------
    panel : QWidget
        Without a layout.
    parts : sequence of QWidget
        Choices and results, from top to bottom; they scroll.
    below : sequence of QWidget
        Buttons and progress.
    growing : sequence of QWidget
        Of the parts, those with a list: they take the room of a high window.

    Returns
    -------
    QScrollArea
        What holds the parts.
    """
    inside = QWidget()
    column = QVBoxLayout(inside)
    column.setContentsMargins(0, 0, 6, 0)
    for part in parts:
        column.addWidget(part, _GROWS if part in growing else 0)
    column.addStretch(1)
    scroll = QScrollArea()
    scroll.setWidget(inside)
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    # Shown only when needed it takes width, by which text wraps and needs it, or no longer: at some
    # heights Qt then lays out without end.
    scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
    scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    layout = QVBoxLayout(panel)
    layout.setContentsMargins(6, 6, 6, 6)
    layout.addWidget(scroll, 1)
    for part in below:
        layout.addWidget(part)
    panel.setMinimumWidth(_MIN_WIDTH)
    return scroll
