"""napari's own lists of layers: they give way where the images would be too small."""

from __future__ import annotations

from qtpy.compat import isalive
from qtpy.QtWidgets import QDockWidget, QMainWindow

from .panel_plan import BORDER, IMAGES_SHARE, LAYER_DOCKS, LOWEST, ROUND_IMAGES


class LayerDocks:
    """The layer list and the layer controls of a window."""

    def __init__(self) -> None:
        self._aside: list[QDockWidget] = []

    def make_room(self, window: QMainWindow, tasks: int, height: int, low: int, time: bool) -> int:
        """Put the lists aside where the images would be too small beside them.

        Parameters
        ----------
        window : QMainWindow
        tasks : int
            Width of the tasks, px; 0 for none.
        height : int
            Of the window without its bars, px.
        low : int
            The height that the time would like to have, px.
        time : bool
            Whether anything is there.

        Returns
        -------
        int
            The height that is left for the time, px.
        """
        docks = [
            dock
            for dock in window.findChildren(QDockWidget)
            if dock.objectName() in LAYER_DOCKS and not dock.isFloating()
        ]
        sides = [dock for dock in docks if not dock.isHidden() or dock in self._aside]
        aside = max((dock.width() for dock in sides), default=0)
        round_width, round_height = ROUND_IMAGES
        wanted = IMAGES_SHARE * window.width() * window.height()

        def highest(width: int) -> float:
            """The most that the time may have."""
            return height - round_height - BORDER - wanted / max(width - round_width, 1)

        width = window.width() - tasks - BORDER
        needed = LOWEST if time else -BORDER
        if sides and highest(width - aside - BORDER) < needed:
            for dock in sides:
                if dock not in self._aside:
                    self._aside.append(dock)
                    dock.hide()
        else:
            width -= aside + BORDER
            self.show()
        return round(max(min(low, highest(width)), LOWEST))

    def show(self) -> None:
        """Bring back what was put aside."""
        while self._aside:
            dock = self._aside.pop()
            if isalive(dock):
                dock.show()
