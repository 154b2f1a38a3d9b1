"""Where files go that belong to the user and to no project."""

from __future__ import annotations

from pathlib import Path

import platformdirs

_NAME = "napari-pose3d"


def user_cache_folder() -> Path:
    """Our folder for what can be made again: where the system wants such files to be.

    ``$XDG_CACHE_HOME/napari-pose3d`` or ``~/.cache/napari-pose3d``; on macOS
    ``~/Library/Caches/napari-pose3d``; on Windows ``%LOCALAPPDATA%\\napari-pose3d\\Cache``. The
    folder need not exist.
    """
    return platformdirs.user_cache_path(_NAME, appauthor=False)


def user_data_folder() -> Path:
    """Our folder for what must not be lost: where the system wants such files to be.

    ``$XDG_DATA_HOME/napari-pose3d`` or ``~/.local/share/napari-pose3d``; on macOS
    ``~/Library/Application Support/napari-pose3d``; on Windows ``%APPDATA%\\napari-pose3d``. The
    folder need not exist.
    """
    return platformdirs.user_data_path(_NAME, appauthor=False, roaming=True)
