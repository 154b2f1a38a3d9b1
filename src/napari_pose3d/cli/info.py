"""``napari-pose3d info PATH ...``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from napari_pose3d.errors import PoseDataError

from .terminal.progress_bar import ProgressBar
from .terminal.remedies import option_of


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    info = commands.add_parser(
        "info",
        help="say what a file or folder is, and what is missing or contradictory in it",
        description="Say what a file is (predictions, a calibration, a video, the record of a "
        "run, a file of another program), or what a folder holds: its sessions with their views, "
        "videos, predictions, labels and calibrations, and what is missing or contradictory. "
        "Videos are not decoded.",
        allow_abbrev=False,
    )
    info.set_defaults(command=_run)
    info.add_argument("path", nargs="+", type=Path)
    info.add_argument(
        "--individual", metavar="NAME", help="of a file with several animals, describe this one"
    )


def _run(options: argparse.Namespace, bar: ProgressBar) -> int:
    from napari_pose3d.core.pipeline.exchange.file_summary import describe_exchange
    from napari_pose3d.core.pipeline.results.run_record import (
        describe_record,
        is_record,
        records_in,
    )
    from napari_pose3d.core.projects.summary import describe

    status = 0
    for i, path in enumerate(options.path):
        if i:
            print()
        try:
            if is_record(path):
                print(describe_record(path))
            elif known := describe_exchange(path):
                print(known)
            else:
                print(describe(path, option_of, options.individual))
                for record in records_in(path):
                    print()
                    print(describe_record(record))
        except PoseDataError as error:
            # One bad file does not hide what the others are.
            print(f"napari-pose3d: {error.worded(option_of)}", file=sys.stderr)
            status = 2
    return status
