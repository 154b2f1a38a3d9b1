"""The configuration that ``models check`` looks at, and that ``models train`` trains."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..terminal.progress_bar import ProgressBar
from .training_options import given_settings, settings_of

if TYPE_CHECKING:
    from napari_pose3d.core.models.configuration.config_file import Config
    from napari_pose3d.core.models.installation.litpose_facts import LitposeFacts
    from napari_pose3d.core.models.installation.litpose_search import Installation
    from napari_pose3d.core.models.training_plan import TrainingPlan


def add_plan(parser: argparse.ArgumentParser) -> None:
    """Options that say which configuration, and for which networks."""
    parser.add_argument(
        "--name",
        default="net",
        help="the networks are models/<NAME>-seed<N>; not given: net",
    )
    parser.add_argument(
        "--at-once",
        type=int,
        default=1,
        metavar="K",
        help="train so many at a time on each GPU; not given: 1",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="YAML",
        help="a configuration of your own: only options that are given as well change it",
    )
    parser.add_argument(
        "--distilled",
        metavar="SET",
        help="one network on a set that models distill made",
    )
    parser.add_argument(
        "--no-recommend",
        action="store_true",
        help="do not ask litpose recommend; its rules of version 2.4.3 are followed",
    )


def planned_seeds(options: argparse.Namespace) -> tuple[int, ...]:
    """The seeds that networks are trained with."""
    if options.distilled and options.seeds is None:
        return (0,)
    return settings_of(options).seeds


def planned_training(
    options: argparse.Namespace,
    installation: Installation | None,
    facts: LitposeFacts | None,
    bar: ProgressBar,
    *,
    fresh: bool = True,
    training_copy: bool = True,
) -> TrainingPlan:
    """Make and check the configuration.

    Parameters
    ----------
    options : argparse.Namespace
        Of `add_plan` and `add_settings`.
    installation : Installation or None
        Asked for its recommendation.
    facts : LitposeFacts or None
    bar : ProgressBar
    fresh : bool
        Whether the networks' folders are wanted, and so have to be new.
    training_copy : bool
        See `preflight`.

    Raises
    ------
    PoseDataError
        See `plan_training`; or the name cannot be one of a network.
    """
    from napari_pose3d.core.models.configuration.config_file import read_config
    from napari_pose3d.core.models.distillation.distillation_run import distilled_labels
    from napari_pose3d.core.models.listing.model_list import models_folder
    from napari_pose3d.core.models.runs.training_start import network_folders
    from napari_pose3d.core.models.training_plan import plan_training

    project = models_folder(options.project).parent
    folders = network_folders(project, options.name, planned_seeds(options))
    own = None if options.config is None else read_config(options.config)
    return plan_training(
        project,
        settings_of(options),
        facts=facts,
        base=_recommended(project, options, installation, bar) if own is None else own,
        given=None if own is None else given_settings(options),
        outputs=folders if fresh else (),
        labels=distilled_labels(project, options.distilled) if options.distilled else None,
        training_copy=training_copy,
        at_once=options.at_once,
    )


def _recommended(
    project: Path,
    options: argparse.Namespace,
    installation: Installation | None,
    bar: ProgressBar,
) -> Config | None:
    from napari_pose3d.core.models.configuration.project_dataset import project_recommendation

    if options.no_recommend or installation is None:
        return None
    bar("asking litpose recommend", 0, 0)
    found, note = project_recommendation(
        installation, project, cancelled=options.interruption.asked
    )
    if note:
        bar.close()
        print(f"note: {note}")
    return found
