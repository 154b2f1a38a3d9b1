"""What smooth and triangulate both do: find the files, compute, write, and say what was done."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from napari_pose3d.core.poses.arrays import Result
from napari_pose3d.core.poses.report import Kind
from napari_pose3d.settings import IsCancelled, PlotSettings, Progress

from ..options import inputs_of, parse_file_name, reading_of
from ..terminal.outcome import print_written
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
    plot: PlotSettings | None = None,
) -> int:
    """Do a job on the files that were given, from reading to the last line of output.

    Parameters
    ----------
    kind : str
        The folder that results go to where none is given.
    job : callable
        Given the matched files, says what to do with them.
    plot : PlotSettings, optional
        What is drawn on a page beside the results; not given: there is no page.

    Returns
    -------
    int
        Exit code.
    """
    from napari_pose3d.core.pipeline.file_run import FileRun
    from napari_pose3d.core.pipeline.results.plot_page import (
        check_keypoints,
        plot_frames,
        plot_path,
        save_plot,
    )
    from napari_pose3d.core.storage.atomic_files import refuse_existing

    inputs, calibration = inputs_of(options)
    name = parse_file_name(options.save_filename)
    own_times = kind == "smoothed" and options.own_times
    work = FileRun(inputs, calibration, reading_of(options), own_times=own_times)
    print(work.inputs.table.as_text())
    for issue in work.inputs.issues:
        print(issue.worded(option_of))
    mode, compute = job(work)
    folder = options.out or work.default_folder(kind)
    work.refuse_existing(mode, folder, name=name, replace_files=options.force)
    page = None if plot is None else plot_path(work.ensemble, folder, name)
    if plot is not None and page is not None:
        check_keypoints(plot, work.ensemble.keypoints)
        if not options.force:
            refuse_existing([page])
    result = compute(bar, options.interruption.asked)
    if plot is not None:
        plot_frames(plot, result.poses2d.n_frames)
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
        if plot is not None and page is not None:
            save_plot(page, result, plot, force=options.force)
            written.append(page)
    bar.close()
    print_result(result, written, verbose=options.verbose)
    return 0


def print_result(result: Result, written: list[Path], *, verbose: bool) -> None:
    """Print notes, a summary and the names of the files that were written."""
    from napari_pose3d.core.pipeline.results.run_summary import s_table, summary, view_table

    for note in result.report.warnings:
        print(f"{'warning' if note in result.report.serious else 'note'}: {note}")
    swaps = result.swaps
    if swaps is not None and swaps.any and not swaps.corrected:
        print("note: --fix-swaps exchanges left and right there")
    print(summary(result))
    tables = [view_table(result.report.views), s_table(result) if verbose else ""]
    print(*filter(None, tables), sep="\n")
    print_written(written)
