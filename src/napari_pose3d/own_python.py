"""Another Python that runs a module of this package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def can_start() -> bool:
    """Whether there is one; in a bundle the program is not Python."""
    return Path(sys.executable or "").stem.lower().startswith("python")


def command(module: str, *arguments: str) -> list[str]:
    """What to start, with `environment`."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """Ours, with which the other one finds the modules that this one finds."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def apart() -> dict[str, Any]:
    """For `subprocess.Popen`: no window, and Ctrl+C at the terminal is not for it."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}
