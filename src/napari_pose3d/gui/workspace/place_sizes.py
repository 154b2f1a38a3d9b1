"""How much of the window each of the three places gets."""

from __future__ import annotations

from qtpy.QtWidgets import QMainWindow

from .layer_docks import LayerDocks
from .panel_plan import (
    BORDER,
    HORIZONTAL,
    NARROWEST,
    TASKS_SHARE,
    TIME_HEIGHT,
    VERTICAL,
    VIEWS_SHARE,
    WIDEST,
)
from .panels import Panels


class PlaceSizes:
    """The sizes of the places, and what the user made of them.

    Attributes
    ----------
    tasks_width, time_height : int
        px; 0 until the user moved a border.
    """

    def __init__(self) -> None:
        self.tasks_width = 0
        self.time_height = 0
        self.layer_docks = LayerDocks()

    def keep(self, panels: Panels) -> None:
        """The user moved a border: its place is kept."""
        tasks = [panel for panel in panels.docked("tasks") if panel.in_front]
        time = panels.docked("time")
        if tasks:
            self.tasks_width = tasks[0].dock.width()
        if time:
            self.time_height = time[0].dock.height()

    def apply(
        self, window: QMainWindow, panels: Panels, canvas_shown: bool, elsewhere: bool
    ) -> None:
        """Give each place its size.

        Parameters
        ----------
        window : QMainWindow
        panels : Panels
        canvas_shown : bool
            Whether napari's own canvas has a place in the window.
        elsewhere : bool
            Whether the camera views are in a window of their own.
        """
        tasks, images, time = (panels.docked(place) for place in ("tasks", "images", "time"))
        width = self.tasks_width or round(TASKS_SHARE * window.width())
        width = min(max(width, NARROWEST), max(WIDEST, window.width() // 3))
        bars = sum(bar.height() for bar in (window.menuBar(), window.statusBar()) if bar)
        height = window.height() - bars
        low = self.time_height or min(TIME_HEIGHT, height // 3)
        if any(panel.kind.works_on_images for panel in panels if not panel.hidden):
            low = self.layer_docks.make_room(window, width if tasks else 0, height, low, bool(time))
        else:
            self.layer_docks.show()
        if tasks:
            front = next((panel for panel in tasks if panel.in_front), tasks[0])
            window.resizeDocks([front.dock], [width], HORIZONTAL)
        rest = height - (low + BORDER if time else 0)
        docks = [panel.dock for panel in (*images[:1], *time[:1])]
        heights = [low] if time else []
        if images:
            share = VIEWS_SHARE if canvas_shown else 1.0
            heights.insert(0, 1 if elsewhere else round(rest * share))
        if docks:
            window.resizeDocks(docks, heights, VERTICAL)
