"""``napari-pose3d batch PROJECT ...``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import BatchSettings, ReviewSettings, SmoothingSettings

from ..options import (
    add_computing,
    add_export_settings,
    add_reading_settings,
    add_render_settings,
    export_settings_of,
    help_of,
    reading_of,
    render_settings_of,
)
from ..terminal.interruption import EXIT_CODE
from ..terminal.outcome import print_notes, print_written
from ..terminal.progress_bar import ProgressBar
from .smoothing_options import add_smoothing, smoothing_of


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    batch = commands.add_parser(
        "batch",
        help="smooth, review, export and render all sessions of projects, several at once",
        description="Do all sessions of projects, several at once, on this machine or on a Dask "
        "cluster. A session that fails does not stop the others, and what was done before with "
        "the same inputs, settings and version is not done again.",
        allow_abbrev=False,
    )
    batch.set_defaults(command=_run)
    batch.add_argument(
        "projects", nargs="+", type=Path, metavar="PROJECT", help="projects, or folders"
    )
    batch.add_argument(
        "--sessions",
        nargs="+",
        default=[],
        metavar="NAME",
        help="names, or patterns such as 'day1*'; not given: all that have predictions",
    )

    def add(option: str, **choices: Any) -> None:
        name = option.removeprefix("--").replace("-", "_")
        batch.add_argument(option, help=help_of(BatchSettings, name), **choices)

    add("--steps", type=_listed, default=BatchSettings().steps, metavar="STEP,...")
    add("--formats", type=_listed, default=BatchSettings().formats, metavar="FORMAT,...")
    add("--fps", type=float, metavar="N")
    add("--again", action="store_true")
    where = batch.add_mutually_exclusive_group()
    where.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="a running Dask scheduler, such as tcp://node1:8786, or local: a Dask cluster on this "
        "machine, with a dashboard; not given: processes on this machine",
    )
    add("--workers", type=int, metavar="N")
    add("--memory", type=float, metavar="GB")
    batch.add_argument(
        "--budget",
        type=int,
        default=40,
        metavar="N",
        help="how many frames a review proposes for labeling, of each session",
    )
    batch.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder for batch.csv, batch.html and batch.log; not given: napari-pose3d/batch/ in "
        "the project, with several ./batch/",
    )
    add_reading_settings(batch.add_argument_group("how predictions are read"))
    smoothing = batch.add_argument_group("how sessions are smoothed")
    add_smoothing(smoothing)
    add_computing(smoothing, SmoothingSettings)
    add_export_settings(batch.add_argument_group("how exports are written"))
    add_render_settings(batch.add_argument_group("what videos show"))


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _run(options: argparse.Namespace, bar: ProgressBar) -> int:
    from napari_pose3d.core.pipeline.batch.batch_run import batch

    settings = BatchSettings(
        steps=options.steps,
        formats=options.formats,
        fps=options.fps,
        project_skeleton=options.skeleton == [],
        again=options.again,
        workers=options.workers,
        memory=options.memory,
    )

    def say(text: str) -> None:
        bar.close()
        print(text, flush=True)

    try:
        # While workers end, and tidy up.
        with options.interruption.writing():
            summary = batch(
                options.projects,
                settings,
                sessions=options.sessions,
                smoothing=smoothing_of(options),
                review=ReviewSettings(options.budget),
                export=export_settings_of(options),
                render=render_settings_of(options),
                reading=reading_of(options),
                cluster=options.scheduler,
                out=options.out,
                progress=bar,
                cancelled=options.interruption.asked,
                message=say,
            )
    except (KeyboardInterrupt, Cancelled):
        bar.close()
        print(
            "napari-pose3d: interrupted; sessions that were done stay, and the same command goes "
            "on with the others",
            file=sys.stderr,
        )
        return EXIT_CODE
    bar.close()
    print_notes(summary.notes)
    print(summary.counts())
    print_written(summary.files)
    return 1 if summary.failed else 0
