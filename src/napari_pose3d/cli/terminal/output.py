"""The last step of every command that computes: write the result and say what was done."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from napari_pose3d.core.pipeline.run_summary import summary, view_table
from napari_pose3d.core.poses.arrays import Result

from .progress_bar import ProgressBar

if TYPE_CHECKING:
    from napari_pose3d.core.pipeline.file_run import FileRun


def write_and_tell(
    work: FileRun, result: Result, folder: Path, options: argparse.Namespace, bar: ProgressBar
) -> None:
    """Write all files of the result, then print notes, a summary and the files' names."""
    with options.interruption.writing():
        written = work.save(
            result,
            folder,
            force=options.force,
            compact=options.compact,
            columns=options.columns,
            progress=bar,
            cancelled=options.interruption.asked,
        )
    bar.close()
    for note in result.report.warnings:
        print(f"note: {note}")
    swaps = result.swaps
    if swaps is not None and not swaps.corrected and (swaps.views.any() or swaps.models.any()):
        print("note: --fix-swaps exchanges left and right there")
    print(summary(result))
    if table := view_table(result.report.views):
        print(table)
    print("wrote", *written, sep="\n  ")
