"""``napari-pose3d models distill PROJECT``."""

from __future__ import annotations

import argparse

from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import DistillationSettings
from napari_pose3d.wording import counted

from ..options import help_of
from ..terminal.outcome import print_written
from ..terminal.progress_bar import ProgressBar
from .training_options import add_project


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "distill",
        help="make label files for one network out of smoothed sessions",
        description="Show what a certainty lets through, against the labels, and write certain "
        "frames of smoothed sessions as pseudo-labels, apart from the label files; models train "
        "--distilled NAME trains on them.",
        allow_abbrev=False,
    )
    add_project(parser)
    parser.add_argument(
        "--name",
        help="of the set: napari-pose3d/distillation/<NAME>; not given: nothing is written",
    )
    parser.add_argument(
        "--sessions", nargs="+", default=[], metavar="NAME", help="not given: all smoothed ones"
    )
    for name, kind, metavar in (
        ("certainty", float, "PX"),
        ("share", float, "SHARE"),
        ("budget", int, "N"),
        ("held_out", float, "SHARE"),
    ):
        default = getattr(DistillationSettings(), name)
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=kind,
            default=default,
            metavar=metavar,
            help=f"{help_of(DistillationSettings, name)}; not given: {default:g}",
        )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="of the frames that are held out; not given: 0",
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, bar: ProgressBar) -> int:
    """Show what certainties let through, and write the set."""
    from napari_pose3d.core.models.distillation.distillation_run import (
        CERTAINTIES,
        distillation_input,
    )

    if options.seed < 0:
        raise PoseDataError(f"the seed is {options.seed}", expected="a whole number from 0")
    settings = DistillationSettings(
        certainty=options.certainty,
        share=options.share,
        budget=options.budget,
        held_out=options.held_out,
    )
    given = distillation_input(
        options.project, options.sessions, progress=bar, cancelled=options.interruption.asked
    )
    bar.close()
    print("What a certainty lets through, against the labels:")
    for certainty in sorted({*CERTAINTIES, settings.certainty}):
        chosen = "*" if certainty == settings.certainty else " "
        print(f" {chosen} {given.check(certainty, settings.share)}")
    print("Where the networks learned from these labels, errors elsewhere are larger.")
    if options.name is None:
        return 0
    made = given.make(
        options.name,
        settings,
        seed=options.seed,
        progress=bar,
        cancelled=options.interruption.asked,
    )
    bar.close()
    for session, frames in made.frames.items():
        print(f"{session}: {counted(len(frames), 'frame')} with pseudo-labels")
    print(f"{counted(made.n_human, 'labeled frame')} to learn from, {made.n_held_out} to judge by")
    print_written(made.files)
    print(f"models train {options.project} --distilled {options.name} trains on them")
    return 0
