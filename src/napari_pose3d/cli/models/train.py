"""``napari-pose3d models train PROJECT``."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from napari_pose3d.wording import counted, verb

from ..terminal.progress_bar import ProgressBar
from .elsewhere import add_remote, fetch, place_of, train_elsewhere
from .planned_training import add_plan, planned_seeds, planned_training
from .training_options import (
    add_litpose,
    add_project,
    add_settings,
    known_facts,
    print_findings,
    settings_of,
)

if TYPE_CHECKING:
    from napari_pose3d.core.models.configuration.config_file import Config
    from napari_pose3d.core.models.installation.litpose_facts import LitposeFacts
    from napari_pose3d.core.models.installation.litpose_search import Installation
    from napari_pose3d.core.models.training_plan import TrainingPlan

FAILED = 1
_PAUSE = 0.5


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "train",
        help="train networks in the background: one for each seed",
        description="Check the project, and train a network for each seed in the background, one "
        "after the other; it goes on when this terminal is closed. models list shows how far "
        "it is.",
        allow_abbrev=False,
    )
    add_project(parser)
    add_plan(parser)
    parser.add_argument("--follow", action="store_true", help="show progress until all have ended")
    parser.add_argument(
        "--trial", action="store_true", help="train one step only, to see whether memory suffices"
    )
    parser.add_argument(
        "--continue",
        dest="continued",
        metavar="NETWORK",
        help="go on from the best weights of a network, as a new one called NAME; --epochs says "
        "how long",
    )
    add_remote(parser)
    parser.add_argument("--stop", metavar="NETWORK", help="stop a training; its weights are kept")
    parser.add_argument("--force", action="store_true", help="train in spite of errors")
    add_litpose(parser)
    add_settings(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, bar: ProgressBar) -> int:
    """Train, or stop a training."""
    from napari_pose3d.core.models.installation.litpose_search import find_installation
    from napari_pose3d.core.models.listing.model_list import models_folder, network_folder
    from napari_pose3d.core.models.runs.training_start import prepare_trainings, start_trainings
    from napari_pose3d.core.models.runs.training_stop import stop_training

    models = models_folder(options.project)
    if options.stop:
        ran = stop_training(network_folder(models, options.stop))
        print(f"{options.stop}: {'stopped' if ran else 'taken out of the queue, or over already'}")
        return 0
    if options.fetch:
        return fetch(models.parent, options.fetch)
    elsewhere = bool(options.on or options.slurm)
    installation = None if elsewhere else find_installation(options.litpose)
    facts = known_facts(installation, bar)
    settings, seeds = settings_of(options), planned_seeds(options)
    continued: dict[int, Path] = {}
    if options.continued:
        plan, seeds, continued = _continuation(models, facts, options)
    else:
        plan = planned_training(options, installation, facts, bar, fresh=not options.trial)
    config = plan.config
    bar.close()
    print_findings(plan.checked)
    if plan.checked.errors and not options.force:
        print("not trained")
        return FAILED
    if options.trial and installation is not None:
        return _try_step(config, installation, options, bar)
    prepared = prepare_trainings(
        models.parent,
        config,
        options.name,
        seeds,
        installation,
        facts=facts,
        same_split=settings.same_split,
        continued_from=continued,
        place=place_of(options),
    )
    if prepared.filled:
        n = prepared.filled
        views = counted(n, "view of a frame", "views of frames")
        print(f"{views} {verb(n, 'has', 'have')} projected positions in a copy of the labels")
    if prepared.left_out:
        n = prepared.left_out
        print(f"{counted(n, 'frame')} cannot be trained on and {verb(n)} left out")
    if installation is None:
        return train_elsewhere(models.parent, prepared.folders, options)
    start_trainings(
        models.parent,
        prepared,
        installation.executable,
        at_once=options.at_once,
        gpus=0 if facts is None else len(facts.gpus),
    )
    print("training", *(str(folder) for folder in prepared.folders), sep="\n  ")
    return _follow(prepared.folders, options, bar) if options.follow else 0


def _try_step(
    config: Config, installation: Installation, options: argparse.Namespace, bar: ProgressBar
) -> int:
    from napari_pose3d.core.models.runs.trial_step import trial_step

    bar("one step", 0, 0)
    step = trial_step(config, installation, options.interruption.asked)
    bar.close()
    print(f"one step: {step.seconds:.0f} s with starting, {step.memory / 1e9:.1f} GB of memory")
    return 0


def _continuation(
    models: Path, facts: LitposeFacts | None, options: argparse.Namespace
) -> tuple[TrainingPlan, tuple[int, ...], dict[int, Path]]:
    from napari_pose3d.core.models.listing.model_list import network_folder
    from napari_pose3d.core.models.runs.continuation import effective_config, seed_of
    from napari_pose3d.core.models.runs.training_start import network_folders
    from napari_pose3d.core.models.training_plan import plan_continuation

    folder = network_folder(models, options.continued)
    seed = seed_of(effective_config(folder))
    outputs = () if options.trial else network_folders(models.parent, options.name, (seed,))
    plan = plan_continuation(models.parent, folder, options.epochs, facts=facts, outputs=outputs)
    return plan, (seed,), {seed: folder}


def _follow(folders: tuple[Path, ...], options: argparse.Namespace, bar: ProgressBar) -> int:
    from napari_pose3d.core.models.runs.training_progress import TrainingFollower
    from napari_pose3d.core.models.runs.training_state import State

    failed = False
    for folder in folders:
        follower = TrainingFollower(folder)
        while not (progress := follower.look()).state.state.is_over:
            if options.interruption.asked():
                bar.close()
                print("no longer followed; the training goes on")
                return 0
            bar(f"{folder.name}: {progress.describe()}", progress.epoch, progress.epochs)
            time.sleep(_PAUSE)
        bar.close()
        print(f"{folder.name}: {progress.describe()}")
        failed = failed or progress.state.state is not State.DONE
    return FAILED if failed else 0
