"""Holds a tool in the camera views, whichever those are, while it is wanted."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_pose3d.gui.camera_views.canvas.tool import Tool
from napari_pose3d.gui.camera_views.views_panel import ViewsPanel
from napari_pose3d.gui.workspace.workspace import workspace

from .view_marks import ViewMarks


class ViewsLink(QObject):
    """A tool in the camera views with marks in each of them.

    Parameters
    ----------
    viewer : napari viewer
    owner : str
        The panel that stays in front when the views are opened.
    parent : QObject

    Signals: ``changed`` when other views are there; ``ended`` when they were closed.
    """

    changed = Signal()
    ended = Signal()

    def __init__(self, viewer: Any, owner: str, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer, self._owner = viewer, owner
        self._widget: Any = None
        self._tool: Tool | None = None
        self.panel: ViewsPanel | None = None
        self.marks: dict[str, ViewMarks] = {}

    @property
    def is_attached(self) -> bool:
        """Whether a tool is in the views."""
        return self.panel is not None

    @property
    def frame(self) -> int:
        """The frame that the views show."""
        return -1 if self.panel is None else self.panel.frame

    def attach(self, tool: Tool) -> None:
        """Open the camera views, and give them a tool."""
        self.detach()
        places = workspace(self._viewer)
        self._widget = places.open("Camera views")
        places.bring_forward(self._owner)
        self._widget.panel_ends.connect(self._let_go)
        self._widget.panel_changed.connect(self._take)
        self._widget.ended.connect(self._on_ended)
        self._tool = tool
        self._take(self._widget.panel)

    def detach(self) -> None:
        """Take tool and marks out of the views again."""
        if self._widget is not None:
            self._widget.panel_ends.disconnect(self._let_go)
            self._widget.panel_changed.disconnect(self._take)
            self._widget.ended.disconnect(self._on_ended)
        self._let_go()
        self._widget = self._tool = None

    def draw(self) -> None:
        """Bring all marks to the screen."""
        for marks in self.marks.values():
            marks.draw()

    def _take(self, panel: ViewsPanel) -> None:
        assert self._tool is not None
        self.panel = panel
        panel.add_tool(self._tool)
        panel.rebuilt.connect(self._renew)
        self._renew()

    def _renew(self) -> None:
        assert self.panel is not None
        views = self.panel.views
        kept = {name: m for name, m in self.marks.items() if views.get(name) is m.view}
        self.marks = {name: kept.get(name) or ViewMarks(view) for name, view in views.items()}
        self.changed.emit()

    def _let_go(self) -> None:
        panel, self.panel = self.panel, None
        if panel is None or self._tool is None:
            return
        panel.rebuilt.disconnect(self._renew)
        panel.remove_tool(self._tool)
        for name, marks in self.marks.items():
            if panel.views.get(name) is marks.view:
                marks.remove()
        self.marks = {}

    def _on_ended(self) -> None:
        self.detach()
        self.ended.emit()
