"""The command line: the same steps as the widget, without a screen."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence

from napari_pose3d._version import __version__
from napari_pose3d.core.errors import Cancelled, PoseDataError

from . import info, rig, sample, smooth, triangulate
from .options import parse_frame_ranges
from .progress_bar import ProgressBar
from .remedies import option_of

__all__ = ["main", "parse_frame_ranges"]

BAD_INPUT = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of ``napari-pose3d``; returns the exit code (2 on bad input)."""
    options = _parser().parse_args(arguments)
    # A job that a cluster ends cleans up like one that the user interrupts.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)
    bar = ProgressBar(sys.stderr)
    try:
        return int(options.command(options, bar))
    except PoseDataError as error:
        bar.close()
        print(f"napari-pose3d: {error.worded(option_of)}", file=sys.stderr)
        return BAD_INPUT
    except (KeyboardInterrupt, Cancelled):
        bar.close()
        print("napari-pose3d: interrupted; nothing was written", file=sys.stderr)
        return INTERRUPTED
    finally:
        bar.close()


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="napari-pose3d",
        description="Smooth and triangulate multi-camera keypoints.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"napari-pose3d {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (smooth, triangulate, rig, sample, info):
        command.add_to(commands)
    return parser
