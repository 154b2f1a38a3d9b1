"""``napari-pose3d models predict PROJECT``."""

from __future__ import annotations

import argparse

from napari_pose3d.settings import SmoothingSettings

from ..terminal.progress_bar import ProgressBar
from ..terminal.remedies import option_of
from .training_options import add_litpose, add_project, known_facts

FAILED = 1


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "predict",
        help="predict sessions with networks, and smooth them",
        description="Predict sessions with networks, all views at once. What was predicted "
        "already, with the same videos and weights, is not predicted again.",
        allow_abbrev=False,
    )
    add_project(parser)
    parser.add_argument(
        "--sessions",
        nargs="+",
        default=["new"],
        metavar="NAME",
        help="names, all, or new: those that lack predictions; not given: new",
    )
    parser.add_argument(
        "--models",
        nargs="+",
        default=[],
        metavar="NAME",
        help="networks; not given: all that are trained to their end",
    )
    parser.add_argument("--then", choices=["smooth"], help="smooth what was predicted")
    parser.add_argument(
        "--batch-size",
        type=int,
        metavar="N",
        help="frames (with all their views) at once; not given: by the memory that is there",
    )
    parser.add_argument(
        "--onnx",
        action="store_true",
        help="by exported networks (models export) on the CPU, without litpose",
    )
    add_litpose(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, bar: ProgressBar) -> int:
    """Predict, and smooth; exit code 1 where something failed."""
    from napari_pose3d.core.models.installation.litpose_search import find_installation
    from napari_pose3d.core.models.predictions.prediction_chain import (
        Which,
        chosen_jobs,
        chosen_networks,
        run_chain,
    )
    from napari_pose3d.core.projects.project import open_project

    installation = None if options.onnx else find_installation(options.litpose)
    project = open_project(options.project)
    networks = chosen_networks(options.project, options.models)
    which: Which | list[str] = options.sessions
    if options.sessions == ["new"]:
        which = "new"
    elif options.sessions == ["all"]:
        which = "all"
    jobs = chosen_jobs(project, networks, which, exported=options.onnx)
    if not jobs:
        print("nothing to predict")
        return 0
    facts = None
    if installation is not None and any(not job.done for job in jobs):
        facts = known_facts(installation, bar)
    result = run_chain(
        project,
        jobs,
        installation,
        smooth=SmoothingSettings() if options.then == "smooth" else None,
        facts=facts,
        batch_size=options.batch_size,
        progress=bar.whole,
        cancelled=options.interruption.asked,
    )
    bar.close()
    for words, pairs in (("predicted", result.predicted), ("done already", result.skipped)):
        for network, session in pairs:
            print(f"{words}: {session} by {network}")
    for network, session in result.kept:
        print(
            f"left as it is: {session} by {network} (not predicted here; name it in --sessions to "
            "predict it anew)"
        )
    for session, files in result.smoothed.items():
        print(f"smoothed: {session}", *files, sep="\n  ")
    for name, error in result.failed.items():
        print(f"failed: {name}: {error.worded(option_of)}")
    return FAILED if result.failed else 0
