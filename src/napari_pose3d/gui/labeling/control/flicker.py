"""The frames around the current one, in a loop: what moves is seen better than what stands."""

from __future__ import annotations

from itertools import cycle

from qtpy.QtCore import QTimer

from napari_pose3d.gui.camera_views.views_panel import ViewsPanel

_MS = 200
_AROUND = (-2, -1, 0, 1, 2, 1, 0, -1)


class Flicker:
    """Runs until `stop`; the time axis stays where it is."""

    def __init__(self, panel: ViewsPanel) -> None:
        self._panel = panel
        self._frames = cycle(panel.frame + by for by in _AROUND)
        self._timer = QTimer()
        self._timer.timeout.connect(self._next)
        self._timer.start(_MS)
        self._next()

    def stop(self) -> None:
        """Show the current frame again."""
        self._timer.stop()
        self._panel.peek(None)

    def _next(self) -> None:
        self._panel.peek(next(self._frames))
