"""A napari canvas with a title bar: what the camera views and the 3-D view have in common."""

from __future__ import annotations

from typing import Any

from napari.components import ViewerModel
from napari.components.viewer_model import double_click_to_zoom
from napari.qt import QtViewer
from qtpy.QtCore import QEvent, QObject, QPoint, Qt, Signal
from qtpy.QtGui import QCursor, QDragEnterEvent, QDropEvent, QKeyEvent
from qtpy.QtWidgets import QFrame, QVBoxLayout, QWidget

from napari_pose3d.gui.qt.napari_private import free_in_own_context, native_canvas

from .title import VIEW_MIME, Title


class CanvasFrame(QFrame):
    """A viewer of its own in a frame; it can be dragged by its title onto another one.

    Parameters
    ----------
    name : str
        Of the view; stands in its title.
    n_displayed : int
        2 or 3 axes are displayed.

    Signals: ``maximise_wanted`` and ``hide_wanted`` with the name of the view, ``dropped`` with
    the name of the view that was dropped here and that of this one.
    """

    maximise_wanted = Signal(str)
    hide_wanted = Signal(str)
    dropped = Signal(str, str)

    def __init__(self, name: str, n_displayed: int = 2, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAcceptDrops(True)
        self.setMinimumSize(120, 100)
        self.name = name
        self.frame = -1
        # Whether everything is in view, and stays so when the canvas is resized.
        self._fitted = True
        # Where the pointer was when the view appeared there.
        self._came_under: QPoint | None = None
        self.model = ViewerModel(title=name, ndisplay=n_displayed)
        self.model.mouse_double_click_callbacks.remove(double_click_to_zoom)
        self.canvas = QtViewer(self.model)
        # Dropped files go to the main viewer.
        self.canvas.setAcceptDrops(False)
        # A slider of its own would move the view out of step.
        self.canvas.dims.hide()
        self.native = native_canvas(self.canvas)
        free_in_own_context(self.canvas)
        self.native.installEventFilter(self)
        self.title = Title(name)
        self.title.maximise_wanted.connect(self.maximise_wanted)
        self.title.hide_wanted.connect(self.hide_wanted)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.title)
        column.addWidget(self.canvas, 1)

    def fit(self) -> None:
        """Bring everything into view."""
        raise NotImplementedError

    def take_focus(self) -> None:
        """Let the keys act here."""
        self.native.setFocus(Qt.FocusReason.MouseFocusReason)

    def shut_down(self) -> None:
        """Free the canvas; the view is of no use afterwards."""
        self._fitted = False
        self.native.removeEventFilter(self)
        self.canvas.setParent(None)
        self.canvas.close()
        self.canvas.deleteLater()
        # Nobody may hold it any longer, or it stays in memory as long as the window.
        del self.canvas, self.native
        self.setParent(None)
        self.deleteLater()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """The view that the mouse moved to has the focus; its keys do not reach napari.

        One that appears under a mouse at rest leaves the focus to the panel that was opened.
        """
        if event is None or watched is None or watched is not self.native:
            return False
        kind = event.type()
        if kind in (QEvent.Type.Show, QEvent.Type.Resize):
            self._came_under = QCursor.pos()
            if kind == QEvent.Type.Resize and self._fitted:
                self.fit()
        elif kind == QEvent.Type.Enter and QCursor.pos() != self._came_under:
            self._came_under = None
            self.take_focus()
        elif kind == QEvent.Type.MouseMove and self._came_under is not None:
            # It was here before the view was.
            self._came_under = None
            self.take_focus()
        elif kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease, QEvent.Type.ShortcutOverride):
            assert isinstance(event, QKeyEvent)
            if kind == QEvent.Type.ShortcutOverride:
                # A menu may know the key, too.
                if self._claims(event):
                    event.accept()
                return False
            self._on_key(event)
            # Also where it means nothing: napari's own keys would change this view's layers.
            return True
        return False

    def _claims(self, event: QKeyEvent) -> bool:
        """Whether a key belongs to the view, though a menu may use it; plain ones do."""
        plain = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
        return event.modifiers() in plain

    def _on_key(self, event: QKeyEvent) -> None:
        """A key went down or up."""

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:  # noqa: N802
        """Another view can be dropped here."""
        if event is not None and _dragged_view(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:  # noqa: N802
        """Let the two change places."""
        if event is not None and (name := _dragged_view(event)) is not None:
            event.acceptProposedAction()
            self.dropped.emit(name, self.name)


def _dragged_view(event: Any) -> str | None:
    data = event.mimeData()
    return bytes(data.data(VIEW_MIME)).decode() if data.hasFormat(VIEW_MIME) else None
