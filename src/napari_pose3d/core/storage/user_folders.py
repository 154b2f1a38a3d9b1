"""Where files go that belong to the user and to no project."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_NAME = "napari-pose3d"


def user_cache_folder() -> Path:
    """Our folder for what can be made again: where the system wants such files to be.

    ``$XDG_CACHE_HOME/napari-pose3d`` or ``~/.cache/napari-pose3d``; on macOS
    ``~/Library/Caches/napari-pose3d``; on Windows ``%LOCALAPPDATA%\\napari-pose3d\\Cache``. The
    folder need not exist.
    """
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        base = Path(local) if local else Path.home() / "AppData" / "Local"
        return base / _NAME / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / _NAME
    # The specification says that a path which is not absolute is to be ignored.
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / _NAME


def user_data_folder() -> Path:
    """Our folder for what must not be lost: where the system wants such files to be.

    ``$XDG_DATA_HOME/napari-pose3d`` or ``~/.local/share/napari-pose3d``; on macOS
    ``~/Library/Application Support/napari-pose3d``; on Windows ``%APPDATA%\\napari-pose3d``. The
    folder need not exist.
    """
    if sys.platform == "win32":
        roaming = os.environ.get("APPDATA")
        return (Path(roaming) if roaming else Path.home() / "AppData" / "Roaming") / _NAME
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / _NAME
    base = Path(os.environ.get("XDG_DATA_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local" / "share") / _NAME
