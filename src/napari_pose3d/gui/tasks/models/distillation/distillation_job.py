"""Smoothed sessions compared with labels, and made into a set; run in threads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_pose3d.core.models.distillation.certainty_check import CertaintyCheck
from napari_pose3d.core.models.distillation.distillation_run import distillation_input
from napari_pose3d.core.models.distillation.distillation_set import DistillationSet
from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import DistillationSettings, IsCancelled, Progress


def compare(
    folder: Path, certainties: Sequence[float], progress: Progress, cancelled: IsCancelled
) -> list[CertaintyCheck]:
    """What certainties in px let through, against the labels of a project."""
    given = distillation_input(folder, progress=progress, cancelled=cancelled)
    found = []
    for n, certainty in enumerate(certainties):
        progress("comparing with the labels", n, len(certainties))
        if cancelled():
            raise Cancelled
        found.append(given.check(certainty))
    return found


def make_set(
    folder: Path,
    name: str,
    settings: DistillationSettings,
    progress: Progress,
    cancelled: IsCancelled,
) -> DistillationSet:
    """Write a set; what was smoothed and labeled meanwhile counts."""
    given = distillation_input(folder, progress=progress, cancelled=cancelled)
    return given.make(name, settings, progress=progress, cancelled=cancelled)
