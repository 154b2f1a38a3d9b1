"""``napari-pose3d models check PROJECT``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..terminal.progress_bar import ProgressBar
from .training_options import (
    add_litpose,
    add_project,
    add_settings,
    known_facts,
    print_findings,
    settings_of,
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
        "--config",
        type=Path,
        metavar="YAML",
        help="a configuration of your own, checked as it is; not given: that of models train",
    )
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
    add_litpose(parser)
    add_settings(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, bar: ProgressBar) -> int:
    """Print the findings."""
    from napari_pose3d.core.models.configuration.config_file import config_text, read_config
    from napari_pose3d.core.models.preflight.preflight import preflight
    from napari_pose3d.core.models.training_plan import plan_training

    facts = None if options.no_litpose else known_facts(options.litpose, bar)
    if options.config is not None or options.as_is:
        if options.config is None:
            config = plan_training(options.project, settings_of(options), facts=facts).config
        else:
            config = read_config(options.config)
        checked = preflight(config, facts=facts, training_copy=not options.as_is)
    else:
        plan = plan_training(options.project, settings_of(options), facts=facts)
        config, checked = plan.config, plan.checked
    bar.close()
    if options.show_config:
        print(config_text(config))
    print_findings(checked)
    return FOUND_ERROR if checked.errors else 0
