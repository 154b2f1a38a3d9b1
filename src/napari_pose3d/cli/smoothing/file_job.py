"""What smooth and triangulate both do: find the files, compute, write, and say what was done."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from napari_pose3d.core.poses.arrays import Kind, Result
from napari_pose3d.settings import IsCancelled, Progress

from ..options import inputs_of, parse_file_name, reading_of
from ..terminal.progress_bar import ProgressBar
from ..terminal.remedies import option_of

if TYPE_CHECKING:
    from napari_pose3d.core.pipeline.file_run import FileRun

Job = tuple[Kind, Callable[[Progress, IsCancelled], Result]]
"""How the predictions are treated, and the call that does it."""


def run_on_files(
    options: argparse.Namespace,
    bar: ProgressBar,
    kind: Literal["smoothed", "triangulated"],
    job: Callable[[FileRun], Job],
) -> int:
    """Do a job on the files that were given, from reading to the last line of output.

    Parameters
    ----------
    kind : str
        The folder that results go to where none is given.
    job : callable
        Given the matched files, says what to do with them.

    Returns
    -------
    int
        Exit code.
    """
    from napari_pose3d.core.pipeline.file_run import FileRun

    inputs, calibration = inputs_of(options)
    name = parse_file_name(options.save_filename)
    work = FileRun(inputs, calibration, reading_of(options))
    print(work.inputs.table.as_text())
    for issue in work.inputs.issues:
        print(issue.worded(option_of))
    mode, compute = job(work)
    folder = options.out or work.default_folder(kind)
    work.refuse_existing(mode, folder, name=name, replace_files=options.force)
    result = compute(bar, options.interruption.asked)
    _write_and_tell(work, result, folder, name, options, bar)
    return 0


def _write_and_tell(
    work: FileRun,
    result: Result,
    folder: Path,
    name: str | None,
    options: argparse.Namespace,
    bar: ProgressBar,
) -> None:
    """Write all files of the result, then print notes, a summary and the files' names."""
    from napari_pose3d.core.pipeline.results.run_summary import s_table, summary, view_table

    with options.interruption.writing():
        written = work.save(
            result,
            folder,
            name=name,
            force=options.force,
            compact=options.compact,
            columns=options.columns,
            progress=bar,
            cancelled=options.interruption.asked,
        )
    bar.close()
    for note in result.report.warnings:
        print(f"{'warning' if note in result.report.serious else 'note'}: {note}")
    swaps = result.swaps
    if swaps is not None and swaps.any and not swaps.corrected:
        print("note: --fix-swaps exchanges left and right there")
    print(summary(result))
    tables = [view_table(result.report.views)]
    if options.verbose:
        tables.append(s_table(result))
    print(*filter(None, tables), sep="\n")
    print("wrote", *written, sep="\n  ")
