"""While labels are edited, the window belongs to the pictures; afterwards it is as it was."""

from __future__ import annotations

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

_HORIZONTAL = Qt.Orientation.Horizontal
# By their object names: what napari shows of the main viewer's layers.
_IN_THE_WAY = ("layer list", "layer controls")


class Room:
    """The window with the camera views as large as can be, and the panel beside them.

    Parameters
    ----------
    panel, views : QWidget
        Each in a dock of the same main window.
    width : int
        Of the panel, px.
    """

    def __init__(self, panel: QWidget, views: QWidget, width: int) -> None:
        self._hidden: list[QWidget] = []
        self._middle: QWidget | None = None
        self._middle_width = 0
        top = panel.window()
        own, other = dock_of(panel), dock_of(views)
        if not isinstance(top, QMainWindow) or own is None or other is None:
            return
        for dock in top.findChildren(QDockWidget):
            if dock.objectName() in _IN_THE_WAY:
                self._hide(dock)
        # The main canvas shows nothing while the camera views show the films. It is not hidden:
        # docks do not fill the height of a window that has no middle.
        self._middle = top.centralWidget()
        if self._middle is not None:
            self._middle_width = self._middle.maximumWidth()
            self._middle.setMaximumWidth(1)
        # Taken out first: where it was stacked with the views, its old place would stay empty.
        top.removeDockWidget(own)
        top.splitDockWidget(other, own, _HORIZONTAL)
        own.show()
        widths = [max(top.width() - width, width), width]
        # The layout has to know of the split before sizes mean anything to it.
        QTimer.singleShot(0, lambda: top.resizeDocks([other, own], widths, _HORIZONTAL))

    def give_back(self) -> None:
        """Show what was hidden."""
        while self._hidden:
            self._hidden.pop().show()
        if self._middle is not None:
            self._middle.setMaximumWidth(self._middle_width)
            self._middle = None

    def _hide(self, widget: QWidget | None) -> None:
        if widget is not None and widget.isVisible():
            widget.hide()
            self._hidden.append(widget)


def dock_of(widget: QWidget) -> QDockWidget | None:
    """The dock that a widget is in."""
    above = widget.parentWidget()
    while above is not None and not isinstance(above, QDockWidget):
        above = above.parentWidget()
    return above
