"""``napari-pose3d rig board BOARD --out PDF``."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_pose3d.core.storage.atomic_files import FileGroup

from ..options import add_force
from ..terminal.outcome import print_written
from ..terminal.progress_bar import ProgressBar
from .calibrate import BOARD_HELP, board_from


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "board",
        help="a board to print, as a PDF at true size",
        description="Draw a calibration board at true size, with a ruler to check the print. Print "
        "it at 100 %%, glue it to something flat and stiff, and measure a square.",
        allow_abbrev=False,
    )
    parser.add_argument("board", metavar="FILE|TEXT", help=BOARD_HELP)
    parser.add_argument("--out", required=True, type=Path, metavar="PDF", help="where to write")
    parser.add_argument(
        "--page",
        default="fit",
        choices=("fit", "A4", "A3", "A2", "A1", "A0", "letter"),
        help="paper; fit: the smallest of A4 to A0, or paper of the board's own size",
    )
    parser.add_argument(
        "--toml", type=Path, metavar="FILE", help="also write the board file for rig calibrate"
    )
    add_force(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, bar: ProgressBar) -> int:
    """Write the files."""
    from napari_pose3d.core.calibration.board.board import board_text
    from napari_pose3d.core.calibration.board.board_print import board_pdf

    board = board_from(options.board)
    content = board_pdf(board, options.page)
    with FileGroup(overwrite=options.force) as group:
        group.path(options.out).write_bytes(content)
        if options.toml is not None:
            group.open(options.toml).write(board_text(board))
    bar.close()
    print(board.describe())
    print_written(p for p in (options.out, options.toml) if p is not None)
    return 0
