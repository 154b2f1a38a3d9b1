"""``napari-pose3d export SESSION --format FORMAT --out PATH``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_pose3d.core.pipeline.exchange.format_table import FORMATS
from napari_pose3d.settings import ReadingSettings

from ..options import (
    add_export_settings,
    add_force,
    add_part_of_poses,
    add_poses,
    export_settings_of,
    help_of,
    part_reading_of,
)
from ..terminal.outcome import print_notes, print_written
from ..terminal.progress_bar import ProgressBar


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "export",
        help="write poses or labels for another program",
        description="Write the poses of a session, or the labels of a project, for another "
        "program. Names that were changed and what the format cannot keep are listed. Formats: "
        + "; ".join(f"{each.key}: {each.title}" for each in FORMATS.values()),
        allow_abbrev=False,
    )
    parser.set_defaults(command=_run)
    add_poses(parser)
    add_part_of_poses(parser)
    parser.add_argument("--format", required=True, choices=list(FORMATS), metavar="FORMAT")
    parser.add_argument(
        "--out", required=True, type=Path, metavar="PATH", help="file, or folder to write to"
    )
    parser.add_argument(
        "--views", nargs="+", default=[], metavar="NAME", help=help_of(ReadingSettings, "views")
    )
    parser.add_argument(
        "--units",
        metavar="NAME",
        help="what lengths are in, such as mm; not given: what the calibration states",
    )
    add_export_settings(parser)
    add_force(parser)


def _run(options: argparse.Namespace, bar: ProgressBar) -> int:
    from napari_pose3d.core.pipeline.exchange.export_run import export_session

    done = export_session(
        options.input,
        options.format,
        options.out,
        export_settings_of(options),
        session=options.session,
        prediction_set=options.set,
        reading=part_reading_of(options, options.views),
        calibration=options.calibration,
        fps=options.fps,
        units=options.units,
        overwrite=options.force,
        progress=bar,
        cancelled=options.interruption.asked,
    )
    bar.close()
    print_notes(done.notes)
    print_written(done.files)
    return 0
