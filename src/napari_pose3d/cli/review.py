"""``napari-pose3d review INPUT``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_pose3d.settings import ReviewSettings, SmoothingSettings
from napari_pose3d.wording import counted

from .options import add_force, add_reading, help_of, inputs_of, reading_of
from .terminal.outcome import print_notes, print_written
from .terminal.progress_bar import ProgressBar
from .terminal.remedies import option_of

if TYPE_CHECKING:
    from napari_pose3d.core.pipeline.quality.review_run import ReviewRun


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    review = commands.add_parser(
        "review",
        help="find the frames that are wrong, and choose some to label",
        description="Smooth every session, find stretches in which predictions are wrong, and "
        "choose frames to label that together show most of them.",
        allow_abbrev=False,
    )
    review.set_defaults(command=_run)
    add_reading(review)
    review.add_argument(
        "--sets", nargs="+", default=[], metavar="NAME", help="prediction sets; not given: all"
    )
    review.add_argument(
        "--budget", type=int, default=40, metavar="N", help=help_of(ReviewSettings, "budget")
    )
    review.add_argument(
        "--seed", type=int, default=0, metavar="N", help=help_of(ReviewSettings, "seed")
    )
    review.add_argument(
        "--sensitivity",
        type=float,
        default=1.0,
        metavar="X",
        help=help_of(ReviewSettings, "sensitivity"),
    )
    review.add_argument(
        "--measures",
        nargs="+",
        default=[],
        metavar="NAME",
        help=f"{help_of(ReviewSettings, 'measures')}; wrong names list those there are",
    )
    review.add_argument(
        "--compare",
        nargs=2,
        default=[],
        metavar=("SET", "SET"),
        help=help_of(ReviewSettings, "compare"),
    )
    review.add_argument(
        "--decisions",
        action="store_true",
        help="only write what was decided in review, as decisions.csv in --out, else to the screen",
    )
    review.add_argument(
        "--threads", type=int, metavar="N", help=help_of(SmoothingSettings, "threads")
    )
    review.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder for events.csv, frames.csv and report.html; not given: "
        "napari-pose3d/review/ in the project, outside a project ./review/",
    )
    add_force(review)


def _run(options: argparse.Namespace, bar: ProgressBar) -> int:
    from napari_pose3d.core.pipeline.quality.review_run import ReviewRun

    inputs, calibration = inputs_of(options)
    settings = ReviewSettings(
        options.budget,
        options.sensitivity,
        tuple(options.measures),
        tuple(options.compare),
        options.seed,
    )
    work = ReviewRun(inputs, calibration, reading_of(options), options.sets)
    if options.decisions:
        return _decisions(work, options)
    folder = options.out or work.default_folder()
    review = work.run(
        folder,
        settings,
        force=options.force,
        threads=options.threads,
        progress=bar,
        cancelled=options.interruption.asked,
    )
    bar.close()
    print_notes(review.notes)
    for session in review.sessions:
        kinds = {event.kind: 0 for event in session.events}
        for event in session.events:
            kinds[event.kind] += 1
        found = ", ".join(f"{kind.value} {count}" for kind, count in kinds.items())
        n_flagged = int(session.flagged.sum())
        print(
            f"{session.session}: {counted(len(session.events), 'event')}, in {n_flagged:,} of "
            f"{counted(session.n_frames, 'frame')}{': ' + found if found else ''}"
        )
        for fault in session.rig_findings.faults if session.rig_findings else ():
            print(f"{session.session}: calibration: {fault}")
    print(f"{counted(len(review.chosen), 'frame')} to label")
    for name, error in review.failed.items():
        print(f"not reviewed: {name}: {error.worded(option_of)}")
    print_written(review.files)
    return 1 if review.failed else 0


def _decisions(work: ReviewRun, options: argparse.Namespace) -> int:
    """Write what was decided about the sessions."""
    from napari_pose3d.core.review.decisions.decisions import write_decisions
    from napari_pose3d.core.review.review_files import DECISIONS
    from napari_pose3d.core.storage.atomic_files import FileGroup

    found = [each for name in work.sessions for each in work.decisions(name)]
    if options.out is None:
        write_decisions(sys.stdout, found)
        return 0
    with FileGroup(overwrite=options.force) as group:
        write_decisions(group.open(options.out / DECISIONS), found)
    print(f"{len(found)} decisions")
    print_written([options.out / DECISIONS])
    return 0
