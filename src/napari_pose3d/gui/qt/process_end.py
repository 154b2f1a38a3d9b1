"""The end of a Python process whose windows are still open: they are closed before.

Notes
-----
PyQt deletes at its end what Python owns, one object after the other. The children of a window go
with it, and PyQt may come to them afterwards: one of four scripts that ended with a window of
napari in the middle of some work crashed there. So windows are closed in order, as a user closes
them, which also saves what is to be saved.
"""

from __future__ import annotations

import atexit
from functools import cache

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication

# Closing one window may make others go.
_MOST_WINDOWS = 100


@cache
def close_windows_at_the_end() -> None:
    """Have the viewers of this process closed when Python ends; safe to call again."""
    atexit.register(_close_windows)


def _close_windows() -> None:
    import napari

    if QApplication.instance() is None:
        return
    for _ in range(_MOST_WINDOWS):
        viewer = napari.current_viewer()
        if viewer is None:
            break
        # Not the viewer, which removes its layers first: no thread takes work any more.
        viewer.window.close()
    # No event loop does it any more.
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
