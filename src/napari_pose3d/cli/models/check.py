"""``napari-pose3d models check PROJECT``."""

from __future__ import annotations

import argparse

from ..terminal.progress_bar import ProgressBar
from .planned_training import add_plan, planned_training
from .training_options import (
    add_litpose,
    add_project,
    add_settings,
    known_facts,
    known_installation,
    print_findings,
)

FOUND_ERROR = 1


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "check",
        help="find what would go wrong in a training; exit code 1 where a finding is an error",
        allow_abbrev=False,
    )
    add_project(parser)
    parser.add_argument(
        "--as-is",
        action="store_true",
        help="as litpose itself would read the label files, without the copy that models train "
        "makes of them",
    )
    parser.add_argument(
        "--show-config", action="store_true", help="print the whole configuration as well"
    )
    parser.add_argument(
        "--no-litpose", action="store_true", help="do not look at the environment of litpose"
    )
    add_plan(parser)
    add_litpose(parser)
    add_settings(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, bar: ProgressBar) -> int:
    """Print the findings."""
    from napari_pose3d.core.models.configuration.config_file import config_text

    installation = None if options.no_litpose else known_installation(options.litpose)
    facts = known_facts(installation, bar)
    plan = planned_training(options, installation, facts, bar, training_copy=not options.as_is)
    bar.close()
    if options.show_config:
        print(config_text(plan.config))
    print_findings(plan.checked)
    return FOUND_ERROR if plan.checked.errors else 0
