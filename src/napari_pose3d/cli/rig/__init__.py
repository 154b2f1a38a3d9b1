"""``napari-pose3d rig ...``: calibrations made, checked, converted, mended and placed."""

from __future__ import annotations

import argparse

from . import board, calibrate, check, convert, origin, refine


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command with its own commands."""
    parser = commands.add_parser(
        "rig",
        help="make, check, convert and mend the calibration of the cameras",
        allow_abbrev=False,
    )
    own = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (check, convert, board, calibrate, refine, origin):
        command.add_to(own)
