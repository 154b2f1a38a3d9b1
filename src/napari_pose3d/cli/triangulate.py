"""``napari-pose3d triangulate INPUT --calibration TOML``."""

from __future__ import annotations

import argparse
from typing import Any

from napari_pose3d.settings import TriangulationSettings

from .options import (
    add_computing,
    add_reading,
    add_swaps,
    add_writing,
    computing_of,
    reading_of,
    swaps_of,
)
from .terminal.progress_bar import ProgressBar


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
    add_swaps(triangulate, TriangulationSettings)
    add_computing(triangulate, TriangulationSettings)
    add_writing(triangulate, "triangulated")


def _run(options: argparse.Namespace, bar: ProgressBar) -> int:
    from napari_pose3d.core.pipeline.file_run import FileRun

    from .terminal.output import write_and_tell

    inputs, reading = reading_of(options)
    settings = TriangulationSettings(**computing_of(options), **swaps_of(options))
    work = FileRun(inputs, options.calibration, reading)
    work.needed_rig()
    print(work.inputs.table.as_text())
    folder = options.out or work.default_folder("triangulated")
    work.refuse_existing("triangulated", folder, replace_files=options.force)
    result = work.triangulate(settings, bar, options.interruption.asked)
    write_and_tell(work, result, folder, options, bar)
    return 0
