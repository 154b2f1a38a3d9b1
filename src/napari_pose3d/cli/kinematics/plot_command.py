"""``napari-pose3d plot trajectory|traces|polar SESSION --out FIGURE``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..options import add_force, add_poses, parse_frame_range
from ..terminal.outcome import print_notes, print_written
from ..terminal.progress_bar import ProgressBar
from .measurement_options import add_measurements, measurements_given

_PLOTS = {
    "trajectory": "the ways of keypoints seen from above, with floor and scale bar",
    "traces": "what is measured over time, with the bands that hold 95 %%",
    "polar": "a polar histogram of an angle",
}


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "plot",
        help="figures for a paper: trajectory from above, traces, polar histogram",
        description="Write a figure of the 3-D positions of a session, as PDF, SVG or PNG. "
        "What is measured stands in [kinematics] of the project's project.toml, or in options; "
        "these may be repeated.",
        allow_abbrev=False,
    )
    kinds = parser.add_subparsers(dest="plot", required=True, metavar="PLOT")
    for name, meaning in _PLOTS.items():
        plot = kinds.add_parser(name, help=meaning, description=meaning, allow_abbrev=False)
        plot.set_defaults(command=_run)
        add_poses(plot)
        plot.add_argument("--out", required=True, type=Path, metavar="FIGURE", help="to write")
        plot.add_argument("--frames", metavar="A:B", help="session frames, B not included")
        if name == "trajectory":
            plot.add_argument(
                "--keypoints", nargs="+", default=[], metavar="NAME", help="else the first"
            )
            plot.add_argument(
                "--floor",
                default="",
                metavar="NAME,NAME,...",
                help="keypoints that touch the floor, from whose normal it is seen; else z",
            )
        else:
            plot.add_argument(
                "--show",
                nargs="+",
                default=[],
                metavar="NAME",
                help="some of what the project measures, by name; else all of it"
                + (", which may be one angle only" if name == "polar" else ""),
            )
            add_measurements(plot)
        add_force(plot)


def _run(options: argparse.Namespace, bar: ProgressBar) -> int:
    from napari_pose3d.core.pipeline.kinematics.figure_run import plot_session
    from napari_pose3d.core.pipeline.kinematics.figures import write_figure
    from napari_pose3d.core.storage.atomic_files import refuse_existing

    if not options.force:
        refuse_existing([options.out])
    frames: tuple[int | None, int | None] = (None, None)
    if options.frames is not None:
        frames = parse_frame_range(options.frames, "--frames")
    of_ways = options.plot == "trajectory"
    figure, notes = plot_session(
        options.input,
        options.plot,
        keypoints=options.keypoints if of_ways else (),
        floor=[name.strip() for name in options.floor.split(",") if name] if of_ways else (),
        measurements=() if of_ways else measurements_given(options),
        shown=() if of_ways else options.show,
        session=options.session,
        prediction_set=options.set,
        frames=frames,
        fps=options.fps,
        progress=bar,
        cancelled=options.interruption.asked,
    )
    with options.interruption.writing():
        write_figure(figure, options.out, overwrite=options.force)
    bar.close()
    print_notes(notes)
    print_written([options.out])
    return 0
