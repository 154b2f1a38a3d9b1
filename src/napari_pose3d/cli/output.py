"""The last step of every command that computes: write the result and say what was done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_pose3d.core.pipeline.result_files import save_result, summary
from napari_pose3d.core.poses.arrays import AnyEnsemble, Result

from .progress_bar import ProgressBar

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig


def write_and_tell(
    result: Result,
    ensemble: AnyEnsemble,
    rig: Rig | None,
    folder: Path,
    force: bool,
    compact: bool,
    bar: ProgressBar,
) -> None:
    """Write all files of the result, then print notes, a summary and the files' names."""
    written = save_result(result, ensemble, rig, folder, force=force, compact=compact, progress=bar)
    bar.close()
    for note in result.report.warnings:
        print(f"note: {note}")
    print(summary(result))
    print("wrote", *written, sep="\n  ")
