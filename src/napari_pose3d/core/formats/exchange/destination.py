"""Where an export goes, and how: what every writer of a format is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import (
    ExportSettings,
    IsCancelled,
    Progress,
    never_cancelled,
    no_progress,
)


@dataclass(frozen=True, eq=False)
class Destination:
    """The file or folder to write, and the choices of the user.

    Attributes
    ----------
    path : Path
        The file; for several of them, what their names are made from.
    files : FileGroup
        Files appear together when all of them are written.
    settings : ExportSettings
    progress, cancelled : callable
    """

    path: Path
    files: FileGroup
    settings: ExportSettings
    progress: Progress = no_progress
    cancelled: IsCancelled = never_cancelled

    def check_cancelled(self) -> None:
        """Raise `Cancelled` where the user wants no more."""
        if self.cancelled():
            raise Cancelled

    def report(self, done: int, total: int, path: Path | None = None) -> None:
        """Say how much of a file, by default the only one, has been written."""
        self.progress(f"Writing {(path or self.path).name}", done, total)
