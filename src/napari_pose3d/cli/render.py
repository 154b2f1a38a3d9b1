"""``napari-pose3d render SESSION --out FILE.mp4``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_pose3d.settings import RenderSettings

from .options import (
    add_force,
    add_part_of_poses,
    add_poses,
    add_render_settings,
    help_of,
    part_reading_of,
    render_settings_of,
)
from .terminal.outcome import print_notes, print_written
from .terminal.progress_bar import ProgressBar


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "render",
        help="a video of all views with their keypoints, and of the positions in 3-D",
        description="Draw keypoints and skeleton over all views of a session, and in 3-D beside "
        "them, and write that as an H.264 video with every frame of the recording. Rings are "
        "positions that were filled in.",
        allow_abbrev=False,
    )
    parser.set_defaults(command=_run)
    add_poses(parser)
    add_part_of_poses(parser)
    parser.add_argument("--out", required=True, type=Path, metavar="MP4", help="video to write")
    parser.add_argument(
        "--views", nargs="+", default=[], metavar="NAME", help=help_of(RenderSettings, "views")
    )
    add_render_settings(parser)
    add_force(parser)


def _run(options: argparse.Namespace, bar: ProgressBar) -> int:
    from napari_pose3d.core.pipeline.results.render_run import render_session

    done = render_session(
        options.input,
        options.out,
        render_settings_of(options),
        session=options.session,
        prediction_set=options.set,
        reading=part_reading_of(options),
        calibration=options.calibration,
        fps=options.fps,
        overwrite=options.force,
        progress=bar,
        cancelled=options.interruption.asked,
    )
    bar.close()
    print_notes(done.notes)
    width, height = done.size
    print(f"{done.n_frames:,} frames, {done.fps:g} a second, {width} x {height} px")
    print_written([done.file])
    return 0
