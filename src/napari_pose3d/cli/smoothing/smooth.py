"""``napari-pose3d smooth INPUT``."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_pose3d.settings import SmoothingSettings

from ..options import add_computing, add_reading, add_writing
from ..terminal.progress_bar import ProgressBar
from .file_job import Job, run_on_files
from .smoothing_options import add_plot, add_smoothing, plot_of, smoothing_of

if TYPE_CHECKING:
    from napari_pose3d.core.pipeline.file_run import FileRun


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    smooth = commands.add_parser(
        "smooth",
        help="smooth predictions; with a calibration, in 3-D",
        description="Smooth an ensemble of prediction files (several seeds of all views). With a "
        "calibration the keypoints are smoothed in space and written as 3-D as well.",
        epilog="Option names of ensemble-kalman-smoother work as aliases.",
        allow_abbrev=False,
    )
    smooth.set_defaults(command=_run)
    add_reading(smooth)
    add_smoothing(smooth)
    add_computing(smooth, SmoothingSettings)
    add_writing(smooth, "smoothed")
    add_plot(smooth)


def _run(options: argparse.Namespace, bar: ProgressBar) -> int:
    settings = smoothing_of(options)

    def job(work: FileRun) -> Job:
        chosen = work.with_project_bones(settings) if options.skeleton == [] else settings
        return work.mode(chosen), partial(work.smooth, chosen)

    return run_on_files(options, bar, "smoothed", job, plot_of(options))
