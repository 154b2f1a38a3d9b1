"""While labels are edited, the window belongs to the images; afterwards it is as it was."""

from __future__ import annotations

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from napari_pose3d.gui.qt.docking import dock_of

_HORIZONTAL = Qt.Orientation.Horizontal
# By their object names: what napari shows of the main viewer's layers.
_IN_THE_WAY = ("layer list", "layer controls")
# The camera views have taken the main canvas's room by then.
_SETTLED_MS = 250


class Room:
    """The camera views as large as can be, and the panel beside them.

    Parameters
    ----------
    panel, views : QWidget
        Each in a dock of the same main window.
    width : int
        Of the panel, px.
    """

    def __init__(self, panel: QWidget, views: QWidget, width: int) -> None:
        self._hidden: list[QDockWidget] = []
        self._panel, self._views, self._width = panel, views, width
        top, own, other = panel.window(), dock_of(panel), dock_of(views)
        if not isinstance(top, QMainWindow) or own is None or other is None:
            return
        for dock in top.findChildren(QDockWidget):
            if dock.objectName() in _IN_THE_WAY and dock.isVisible():
                dock.hide()
                self._hidden.append(dock)
        # Taken out first: from a place that it shares with the views, it would not come.
        top.removeDockWidget(own)
        top.splitDockWidget(other, own, _HORIZONTAL)
        own.show()
        self._timer = QTimer(panel)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._share)
        self._timer.start(_SETTLED_MS)

    def give_back(self) -> None:
        """Show what was hidden."""
        while self._hidden:
            self._hidden.pop().show()

    def _share(self) -> None:
        top, own, other = self._panel.window(), dock_of(self._panel), dock_of(self._views)
        if isinstance(top, QMainWindow) and own is not None and other is not None:
            widths = [max(top.width() - self._width, self._width), self._width]
            top.resizeDocks([other, own], widths, _HORIZONTAL)
