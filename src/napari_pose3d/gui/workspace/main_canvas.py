"""napari's own canvas makes room while the images are somewhere else."""

from __future__ import annotations

from typing import Any

from napari.qt import QtViewer
from qtpy.QtCore import QEvent, QObject, QTimer, Signal
from qtpy.QtWidgets import QMainWindow, QWidget

from napari_pose3d.gui.layers.display import fit_again
from napari_pose3d.gui.qt.napari_private import move_notifications, native_canvas

# Layers that are shown for a moment only, before the views take them over, change nothing.
_SETTLED_MS = 100
# Qt's own value for "no limit".
_NO_LIMIT = 16_777_215


class MainCanvas(QObject):
    """Hides the main canvas while it shows nothing and another dock shows the images.

    Where it gets another size, what filled it fills it again. A layer that is made visible brings
    it back at once. `changed` is emitted when it came or went. napari's notifications, which belong
    to the canvas and would be hidden with it, appear on the other dock meanwhile.

    Parameters
    ----------
    viewer : napari viewer
    window : QMainWindow
        The viewer's.

    Notes
    -----
    The central widget itself stays, without height: Qt would give its width to the docks at the
    sides as well if it were hidden.
    """

    changed = Signal()

    def __init__(self, viewer: Any, window: QMainWindow) -> None:
        super().__init__(window)
        self._viewer = viewer
        self._instead: QWidget | None = None
        self._watched: list[Any] = []
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SETTLED_MS)
        self._timer.timeout.connect(self._look)
        viewer.layers.events.inserted.connect(self._later)
        viewer.layers.events.removed.connect(self._later)
        self._size_timer = QTimer(self)
        self._size_timer.setSingleShot(True)
        self._size_timer.setInterval(_SETTLED_MS)
        self._size_timer.timeout.connect(lambda: fit_again(viewer))
        if (inner := self._inner) is not None:
            inner.installEventFilter(self)
            native_canvas(inner).installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """The canvas has another size, or napari puts a notification on it."""
        kind = None if event is None else event.type()
        if kind == QEvent.Type.Resize and watched is self._inner:
            self._size_timer.start()
        elif kind == QEvent.Type.ChildAdded and not self.is_shown:
            # When napari has made and placed it.
            QTimer.singleShot(0, self._move_notifications)
        return super().eventFilter(watched, event)

    @property
    def is_shown(self) -> bool:
        """Whether the canvas has a place in the window."""
        inner = self._inner
        return inner is None or not inner.isHidden()

    @property
    def is_waiting(self) -> bool:
        """Whether it may still come or go, for what happened to the layers."""
        return self._timer.isActive()

    def let_go(self, instead: QWidget | None) -> None:
        """Say which dock shows the images; without one the canvas comes back."""
        self._instead = instead
        if instead is not None:
            self._timer.start()
        else:
            self._show(True)

    def stop(self) -> None:
        """Show it, and watch no more."""
        self._timer.stop()
        self._size_timer.stop()
        if (inner := self._inner) is not None:
            inner.removeEventFilter(self)
            native_canvas(inner).removeEventFilter(self)
        self._viewer.layers.events.inserted.disconnect(self._later)
        self._viewer.layers.events.removed.disconnect(self._later)
        self._watch([])
        self._show(True)

    @property
    def _inner(self) -> QWidget | None:
        centre = self._centre
        return None if centre is None else centre.findChild(QtViewer)

    @property
    def _centre(self) -> QWidget | None:
        # Asked for anew: napari's window must be able to go before this does.
        window = self.parent()
        return window.centralWidget() if isinstance(window, QMainWindow) else None

    def _later(self, _: Any = None) -> None:
        self._timer.start()

    def _look(self) -> None:
        layers = list(self._viewer.layers)
        self._watch(layers)
        # Without layers it tells how to open some.
        empty = bool(layers) and not any(layer.visible for layer in layers)
        self._show(not (self._instead is not None and empty))

    def _move_notifications(self) -> None:
        inner, place = self._inner, self._instead
        if inner is None or place is None or self.is_shown:
            return
        move_notifications(inner, place)

    def _watch(self, layers: list[Any]) -> None:
        for layer in self._watched:
            layer.events.visible.disconnect(self._later)
        for layer in layers:
            layer.events.visible.connect(self._later)
        self._watched = layers

    def _show(self, there: bool) -> None:
        centre, inner = self._centre, self._inner
        if centre is None or inner is None or there == self.is_shown:
            return
        inner.setVisible(there)
        centre.setMaximumHeight(_NO_LIMIT if there else 0)
        self.changed.emit()
