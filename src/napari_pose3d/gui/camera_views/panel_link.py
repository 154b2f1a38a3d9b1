"""The camera views that are open, whichever they are: they come, go and move to other windows."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_pose3d.gui.camera_views.views_panel import ViewsPanel
from napari_pose3d.gui.workspace.workspace import Workspace

_TITLE = "Camera views"


class PanelLink(QObject):
    """Follows the panel of the camera views.

    Parameters
    ----------
    places : Workspace

    Signals: ``left`` before a panel ends or the link does, ``attached`` when there is another one.
    """

    left = Signal()
    attached = Signal()

    def __init__(self, places: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace = places
        self._widget: Any = None
        self.panel: ViewsPanel | None = None
        places.changed.connect(self._look)
        self._look()

    def open(self) -> ViewsPanel:
        """The panel, opened where it is not."""
        widget = self._workspace.open(_TITLE)
        self._look()
        if self.panel is None:
            self._take(widget)
        assert self.panel is not None
        return self.panel

    def stop(self) -> None:
        """Follow no longer."""
        self._workspace.changed.disconnect(self._look)
        self._let_go()

    def _look(self) -> None:
        widget = self._workspace.find(_TITLE)
        if widget is not None and widget is not self._widget:
            self._let_go()
            self._take(widget)

    def _take(self, widget: Any) -> None:
        if widget is self._widget:
            return
        self._widget = widget
        widget.panel_ends.connect(self._end_panel)
        widget.panel_changed.connect(self._attach)
        widget.ended.connect(self._let_go)
        self._attach(widget.panel)

    def _attach(self, panel: ViewsPanel) -> None:
        self.panel = panel
        self.attached.emit()

    def _end_panel(self) -> None:
        if self.panel is not None:
            self.left.emit()
            self.panel = None

    def _let_go(self) -> None:
        widget, self._widget = self._widget, None
        self._end_panel()
        if widget is not None:
            widget.panel_ends.disconnect(self._end_panel)
            widget.panel_changed.disconnect(self._attach)
            widget.ended.disconnect(self._let_go)
