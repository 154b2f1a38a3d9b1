"""Which exported network proposes labels: chosen in one panel, used in another."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_pose3d.core.models.proposals.exported_network import EXPORTS
from napari_pose3d.core.models.runs.training_start import MODELS
from napari_pose3d.gui.workspace.docking import unwrapped


class ProposalNetwork(QObject):
    """The choice in one viewer; ``changed`` is emitted when it is another one."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._chosen: Path | None = None

    @property
    def chosen(self) -> Path | None:
        """The file that the user chose; None for the newest export of the project."""
        return self._chosen

    def choose(self, path: Path | None) -> None:
        """Take another file, or go back to the newest export."""
        if path != self._chosen:
            self._chosen = path
            self.changed.emit()

    def file(self, project: Path) -> Path | None:
        """The file to use in a project; None where there is none."""
        if self._chosen is not None and self._chosen.is_file():
            return self._chosen
        found = exported_files(project)
        return found[0] if found else None


def exported_files(project: Path) -> list[Path]:
    """The exported networks of a project, the newest first; of two precisions that of 32 bits."""
    newest: dict[Path, Path] = {}
    for path in sorted((project / MODELS).glob(f"**/{EXPORTS}/*.onnx")):
        if path.parent not in newest or "fp32" in path.name:
            newest[path.parent] = path
    return sorted(newest.values(), key=lambda path: -path.stat().st_mtime_ns)


_CHOICES: weakref.WeakKeyDictionary[Any, ProposalNetwork] = weakref.WeakKeyDictionary()


def proposal_network(viewer: Any) -> ProposalNetwork:
    """The one `ProposalNetwork` of a viewer."""
    viewer = unwrapped(viewer)
    found = _CHOICES.get(viewer)
    if found is None:
        found = _CHOICES[viewer] = ProposalNetwork()
    return found
