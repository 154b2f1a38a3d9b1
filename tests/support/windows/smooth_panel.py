"""What a user does with the Smooth panel, waited for."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from napari_pose3d.errors import Cancelled

TIMEOUT = 60_000


def choose(widget: Any, qtbot: Any, *paths: Path) -> None:
    """Drop files, and wait until they were looked at."""
    widget.inputs.add(list(paths))
    qtbot.waitUntil(lambda: widget._matching.job is None, timeout=TIMEOUT)


def run(widget: Any, qtbot: Any) -> None:
    """Click Run, and wait until something came of it."""
    widget.run()
    qtbot.waitUntil(lambda: not widget.bar.is_busy, timeout=TIMEOUT)


class Gate:
    """Core work that goes on until it is told to stop."""

    def __init__(self) -> None:
        self.entered, self.stopped = threading.Event(), threading.Event()

    def __call__(self, *arguments: Any) -> None:
        *_, progress, cancelled = arguments
        self.entered.set()
        for i in range(6000):
            progress("pretending", i, 6000)
            if cancelled():
                self.stopped.set()
                raise Cancelled
            time.sleep(0.01)
