"""Keys of one page of the panel Review, wherever the focus is in the panel."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QWidget


class PageKeys:
    """Act as long as their page is shown: also from tabs and buttons that all pages share.

    In a field for text or numbers a key is typed; Qt asks the field first.

    Parameters
    ----------
    panel : QWidget
        Holds the page.
    keys : iterable of (str, str)
        Keys as they are written, and the actions that they stand for.
    perform : callable
        Does an action.
    """

    def __init__(
        self, panel: QWidget, keys: Iterable[tuple[str, str]], perform: Callable[[str], None]
    ) -> None:
        self._shortcuts = []
        for key, action in keys:
            shortcut = QShortcut(QKeySequence(key), panel)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(lambda action=action: perform(action))
            self._shortcuts.append(shortcut)

    def act(self, acting: bool) -> None:
        """Let the keys act, or mean nothing."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(acting)
