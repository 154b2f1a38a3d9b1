"""Docks of ours take a place in the window that suits them. Public Qt only."""

from __future__ import annotations

from typing import Any

from napari.qt import QtViewer
from qtpy.QtCore import QObject, Qt, QTimer
from qtpy.QtWidgets import QApplication, QDockWidget, QMainWindow, QPushButton, QWidget

_SETTLED_MS = 100


def dock_of(widget: QWidget) -> QDockWidget | None:
    """The dock that a widget lies in."""
    above = widget.parent()
    while above is not None and not isinstance(above, QDockWidget):
        above = above.parent()
    return above


def drop_on_viewer(viewer: Any, event: Any) -> None:
    """Let napari open files that were dropped elsewhere, as if it had been on its main canvas."""
    # napari gives widgets a proxy of its viewer.
    viewer = getattr(viewer, "__wrapped__", viewer)
    for widget in QApplication.allWidgets():
        if isinstance(widget, QtViewer) and widget.viewer is viewer:
            # Sent as an event, it would come back to where it was dropped.
            widget.dropEvent(event)
            return


def share_place(dock: QDockWidget) -> None:
    """Lie upon the other docks of the same side as a tab, rather than squeeze all of them."""
    window = dock.parent()
    if not isinstance(window, QMainWindow):
        return
    area = window.dockWidgetArea(dock)
    for other in window.findChildren(QDockWidget):
        beside = window.dockWidgetArea(other) == area and not other.isFloating()
        if other is not dock and beside and other.isVisible():
            window.tabifyDockWidget(other, dock)
            dock.raise_()
            return


def move_below(dock: QDockWidget, height: int) -> None:
    """Lie below the images, over the whole width."""
    window = dock.parent()
    if isinstance(window, QMainWindow):
        window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
        window.resizeDocks([dock], [height], Qt.Orientation.Vertical)


def forbid_floating(dock: QDockWidget) -> None:
    """A dock that is torn off takes its canvases to another window, and the program ends."""
    features = QDockWidget.DockWidgetFeature
    dock.setFeatures(dock.features() & ~features.DockWidgetFloatable)
    dock.setAllowedAreas(
        Qt.DockWidgetArea.LeftDockWidgetArea
        | Qt.DockWidgetArea.RightDockWidgetArea
        | Qt.DockWidgetArea.TopDockWidgetArea
        | Qt.DockWidgetArea.BottomDockWidgetArea
    )
    bar = dock.titleBarWidget()
    if bar is not None:
        for button in bar.findChildren(QPushButton, "QTitleBarFloatButton"):
            button.hide()


class MainCanvas(QObject):
    """Takes the main canvas away while there is nothing to see in it, so that a dock gets its room.

    A layer that is made visible brings it back at once.

    Parameters
    ----------
    viewer : napari viewer
    window : QMainWindow
        The viewer's.
    dock : QDockWidget
        The one that gets the room.
    share : float
        Of the window's width that the dock has while the canvas is there.
    """

    def __init__(
        self, viewer: Any, window: QMainWindow, dock: QDockWidget, share: float = 0.6
    ) -> None:
        super().__init__(window)
        self._viewer, self._window, self._dock, self._share = viewer, window, dock, share
        self._resize_dock(round(share * window.width()))
        self._watched: list[Any] = []
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        # Layers that are shown for a moment only, before the views take them over, change nothing.
        self._timer.setInterval(_SETTLED_MS)
        self._timer.timeout.connect(self._look)
        viewer.layers.events.inserted.connect(self._later)
        viewer.layers.events.removed.connect(self._later)
        self._later()

    def give_back(self) -> None:
        """Show it again, and watch no more."""
        self._timer.stop()
        self._viewer.layers.events.inserted.disconnect(self._later)
        self._viewer.layers.events.removed.disconnect(self._later)
        self._watch([])
        self._show(True)
        self.deleteLater()

    def _later(self, _: Any = None) -> None:
        self._timer.start()

    def _look(self) -> None:
        layers = list(self._viewer.layers)
        self._watch(layers)
        # Without layers it tells how to open some.
        self._show(not layers or any(layer.visible for layer in layers))

    def _watch(self, layers: list[Any]) -> None:
        for layer in self._watched:
            layer.events.visible.disconnect(self._later)
        for layer in layers:
            layer.events.visible.connect(self._later)
        self._watched = layers

    def _show(self, there: bool) -> None:
        canvas = self._window.centralWidget()
        if canvas is None or canvas.isHidden() != there:
            return
        room = 0 if there else canvas.width()
        width = self._dock.width()
        canvas.setVisible(there)
        self._resize_dock(round(self._share * self._window.width()) if there else width + room)

    def _resize_dock(self, width: int) -> None:
        """The docks on the other side keep what is left."""
        others = [
            other
            for other in self._window.findChildren(QDockWidget)
            if self._window.dockWidgetArea(other) == Qt.DockWidgetArea.LeftDockWidgetArea
            and other.isVisible()
            and other is not self._dock
        ]
        widths = [other.width() for other in others]
        self._window.resizeDocks([*others, self._dock], [*widths, width], Qt.Orientation.Horizontal)
