"""``napari-pose3d triangulate INPUT --calibration TOML``."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_pose3d.settings import TriangulationSettings

from ..options import add_computing, add_reading, add_writing, computing_of
from ..terminal.progress_bar import ProgressBar
from .file_job import Job, run_on_files

if TYPE_CHECKING:
    from napari_pose3d.core.pipeline.file_run import FileRun


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    triangulate = commands.add_parser(
        "triangulate",
        help="triangulate predictions frame by frame, without smoothing",
        description="Triangulate the centre of an ensemble of prediction files frame by frame. "
        "Nothing is smoothed, and nothing is filled in where fewer than two views observed a "
        "keypoint.",
        allow_abbrev=False,
    )
    triangulate.set_defaults(command=_run)
    add_reading(triangulate)
    add_computing(triangulate, TriangulationSettings)
    add_writing(triangulate, "triangulated")


def _run(options: argparse.Namespace, bar: ProgressBar) -> int:
    settings = TriangulationSettings(**computing_of(options))

    def job(work: FileRun) -> Job:
        work.needed_rig()
        return "triangulated", partial(work.triangulate, settings)

    return run_on_files(options, bar, "triangulated", job)
