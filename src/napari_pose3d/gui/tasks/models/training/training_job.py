"""Trainings started, continued and stopped; run in threads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_pose3d.core.models.runs.continuation import effective_config, seed_of
from napari_pose3d.core.models.runs.training_start import (
    PreparedTraining,
    network_folders,
    prepare_trainings,
    start_trainings,
)
from napari_pose3d.core.models.runs.training_stop import stop_training
from napari_pose3d.core.models.training_plan import plan_continuation
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import IsCancelled, Progress
from napari_pose3d.wording import counted

from ..check.check_job import CheckedTraining
from ..project_models import Program


def start(
    checked: CheckedTraining,
    name: str,
    at_once: int,
    program: Program,
    progress: Progress,
    cancelled: IsCancelled,
) -> PreparedTraining:
    """Train a network for each seed, in a process that outlives napari."""
    assert program.installation is not None
    settings = checked.settings
    progress("preparing the trainings", 0, 0)
    prepared = prepare_trainings(
        checked.plan.folder,
        checked.plan.config,
        name,
        settings.seeds,
        program.installation,
        facts=program.facts,
        same_split=settings.same_split,
    )
    progress("starting the trainings", 0, 0)
    start_trainings(
        checked.plan.folder,
        prepared,
        program.installation.executable,
        at_once=at_once,
        gpus=0 if program.facts is None else len(program.facts.gpus),
    )
    return prepared


def go_on(
    project: Path,
    folder: Path,
    name: str,
    epochs: int | None,
    program: Program,
    progress: Progress,
    cancelled: IsCancelled,
) -> PreparedTraining:
    """Check, and train a new network that begins with the weights of another.

    Raises
    ------
    PoseDataError
        Labels, images or calibrations are such now that it would fail.
    """
    assert program.installation is not None
    seed = seed_of(effective_config(folder))
    progress("checking labels, images and calibrations", 0, 0)
    outputs = network_folders(project, name, (seed,))
    plan = plan_continuation(project, folder, epochs, facts=program.facts, outputs=outputs)
    errors = plan.checked.errors
    if errors:
        raise PoseDataError(f"Not continued: {counted(len(errors), 'error')}.\n{errors[0]}")
    prepared = prepare_trainings(
        project,
        plan.config,
        name,
        (seed,),
        program.installation,
        facts=program.facts,
        continued_from={seed: folder},
    )
    start_trainings(project, prepared, program.installation.executable)
    return prepared


def stop(folders: Sequence[Path], progress: Progress, cancelled: IsCancelled) -> list[str]:
    """Stop trainings one after the other; returns what could not be stopped, in words."""
    failed = []
    for n, folder in enumerate(folders):
        progress(f"stopping {folder.name}", n, len(folders))
        try:
            stop_training(folder)
        except PoseDataError as error:
            failed.append(str(error))
    return failed
