"""The command line: the same steps as the widget, without a screen."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from napari_pose3d._version import __version__
from napari_pose3d.errors import Cancelled, PoseDataError, error_text

from . import audit, exchange, info, kinematics, models, render, review, rig, sample, smoothing
from .options import parse_frame_ranges
from .terminal.interruption import EXIT_CODE, Interruption
from .terminal.parser import Parser
from .terminal.progress_bar import ProgressBar
from .terminal.remedies import option_of

__all__ = ["main", "parse_frame_ranges", "run"]

BAD_INPUT = 2
INTERRUPTED = EXIT_CODE


def run() -> NoReturn:
    """What the installed program ``napari-pose3d`` calls: `main`, and the end of the process."""
    code = main()
    if code == INTERRUPTED:
        # Python would wait for threads that compute what nobody wants any more.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line with its arguments; returns the exit code (2 on bad input)."""
    for stream in (sys.stdout, sys.stderr):
        # Names that a terminal cannot show are spelled out; a log shows each line at once.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace", line_buffering=True)
    options = _parser().parse_args(arguments)
    bar = ProgressBar(sys.stderr, getattr(options, "verbose", False))
    with Interruption() as interruption:
        options.interruption = interruption
        try:
            return int(options.command(options, bar))
        except PoseDataError as error:
            return _refuse(bar, error.worded(option_of))
        except (KeyboardInterrupt, Cancelled):
            bar.close()
            print("napari-pose3d: interrupted; nothing was written", file=sys.stderr)
            return INTERRUPTED
        except BrokenPipeError:
            # Who reads our output has seen enough, as in "| head".
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except OSError as error:
            return _refuse(bar, error_text(error))
        except MemoryError:
            return _refuse(
                bar, "there is not enough memory. Close other programs, or take fewer keypoints"
            )
        finally:
            bar.close()


def _refuse(bar: ProgressBar, message: str) -> int:
    bar.close()
    print(f"napari-pose3d: {message}", file=sys.stderr)
    return BAD_INPUT


def _parser() -> Parser:
    parser = Parser(
        prog="napari-pose3d", description="Smooth and triangulate multi-camera keypoints."
    )
    parser.add_argument("--version", action="version", version=f"napari-pose3d {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (
        smoothing,
        review,
        audit,
        models,
        rig,
        exchange,
        kinematics,
        render,
        sample,
        info,
    ):
        command.add_to(commands)
    return parser
