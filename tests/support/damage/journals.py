"""What journals of labels hold that was not saved."""

from __future__ import annotations

from pathlib import Path

from napari_pose3d.core.labels.store.commands import Command
from napari_pose3d.core.labels.store.journal import left_journals, read_journal


def leftover_journals(project: Path, key: str) -> list[Path]:
    """The journals that nobody writes any more and that hold unsaved labels."""
    return [each.path for each in left_journals(project, key) if each.unsaved is not None]


def unsaved_in(path: Path) -> Command | None:
    """What a journal holds that was not saved, as one command; None for nothing."""
    return read_journal(path).unsaved
