"""``napari-pose3d import FILE ... [--format FORMAT] [--out DIR]``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_pose3d.core.pipeline.exchange.format_table import FORMATS
from napari_pose3d.errors import PoseDataError

from ..options import add_force
from ..terminal.outcome import print_notes, print_written
from ..terminal.progress_bar import ProgressBar
from ..terminal.remedies import option_of


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "import",
        help="read poses or labels of another program",
        description="Read files of another program, say what is odd in them (missing, outside of "
        "the image, exactly 0, residuals with a calibration), and write them as files that "
        "everything here reads: CSV of each view and of 3-D, or a Lightning Pose project.",
        allow_abbrev=False,
    )
    parser.set_defaults(command=_run)
    parser.add_argument("input", nargs="+", type=Path, help="files, or folders of data sets")
    parser.add_argument(
        "--format", choices=list(FORMATS), metavar="FORMAT", help="not given: found in the file"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder to write to; not given: nothing is written"
    )
    parser.add_argument(
        "--calibration", type=Path, metavar="TOML", help="for the residuals of the views"
    )
    parser.add_argument(
        "--individual", metavar="NAME", help="which one, where a file holds several"
    )
    parser.add_argument(
        "--zero-is-missing", action="store_true", help="positions at exactly 0 are missing"
    )
    add_force(parser)


def _run(options: argparse.Namespace, bar: ProgressBar) -> int:
    from napari_pose3d.core.pipeline.exchange.import_run import import_file

    failed = 0
    for path in options.input:
        try:
            done = import_file(
                path,
                options.out,
                options.format,
                calibration=options.calibration,
                individual=options.individual,
                zero_is_missing=options.zero_is_missing,
                overwrite=options.force,
                progress=bar,
                cancelled=options.interruption.asked,
            )
        except PoseDataError as error:
            if len(options.input) == 1:
                raise
            failed += 1
            print(f"not imported: {error.worded(option_of)}")
            continue
        bar.close()
        print(f"{path}: {FORMATS[done.format].title}")
        print_notes(done.notes)
        for each in done.lint:
            print(f"  {each.describe()}")
        if done.files:
            print_written(done.files)
    return 1 if failed else 0
