"""A button that opens a menu, with an arrow that does not lie on its text."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMenu, QPushButton, QSizePolicy

ARROW = " ▾"


def menu_button(text: str, hint: str, menu: QMenu) -> QPushButton:
    """Make one.

    Parameters
    ----------
    text : str
        May be "", for a button whose text is set later, with `ARROW` at its end.
    hint : str
        Tooltip and accessible name.
    menu : QMenu
    """
    button = QPushButton(text + ARROW)
    button.setToolTip(hint)
    button.setAccessibleName(hint)
    button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
    # Keys that act on what is shown keep acting after a click.
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setMenu(menu)
    # The arrow is in the text: the style's own lies on top of it.
    button.setStyleSheet("QPushButton::menu-indicator { image: none; width: 0px; }")
    return button
