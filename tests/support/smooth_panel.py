"""What a user does with the Smooth panel, waited for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TIMEOUT = 60_000


def choose(widget: Any, qtbot: Any, *paths: Path) -> None:
    """Drop files, and wait until they were looked at."""
    widget.inputs.add(list(paths))
    qtbot.waitUntil(lambda: widget._matching.job is None, timeout=TIMEOUT)


def run(widget: Any, qtbot: Any) -> None:
    """Click Run, and wait until something came of it."""
    widget.run()
    qtbot.waitUntil(lambda: not widget.bar.is_busy, timeout=TIMEOUT)
