"""A project's training planned: its configuration in the cameras' order, and what was found."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import TrainingSettings

from .configuration.config_file import Config
from .configuration.project_dataset import project_config, project_dataset, training_project
from .configuration.training_config import (
    TrainingDataset,
    recommended_config,
    training_config,
    with_label_files,
)
from .installation.litpose_facts import LitposeFacts
from .preflight.calibration_checks import cameras_of
from .preflight.preflight import Preflight, preflight
from .preflight.training_input import TrainingInput, training_input
from .runs.continuation import continued_config

_MOST_AT_ONCE = 1000


@dataclass(frozen=True, eq=False)
class TrainingPlan:
    """A configuration and what was found with it.

    Attributes
    ----------
    folder : Path
        The project.
    config : Config
        But for the seed.
    checked : Preflight
    """

    folder: Path
    config: Config
    checked: Preflight


def plan_training(
    path: str | os.PathLike[str],
    settings: TrainingSettings | None = None,
    *,
    facts: LitposeFacts | None = None,
    base: Config | None = None,
    given: Collection[str] | None = None,
    outputs: Sequence[Path] = (),
    labels: Path | None = None,
    training_copy: bool = True,
    at_once: int = 1,
) -> TrainingPlan:
    """Make and check the configuration of a project; nothing is run and nothing is written.

    Parameters
    ----------
    path : path
        A Lightning Pose project.
    settings : TrainingSettings, optional
    facts : LitposeFacts, optional
        What the environment of ``litpose`` holds, where it is known.
    base : Config, optional
        As ``litpose recommend`` wrote it; not given: as it would.
    given : collection of str, optional
        Where `base` is the user's own: names of the settings to put into it; all else, and the
        order of its views, stays.
    outputs : sequence of Path
        The folders that the networks are to be written to.
    labels : Path, optional
        Other label files than the project's; see `project_dataset`.
    training_copy, at_once
        See `preflight`.

    Raises
    ------
    PoseDataError
        It is no project with labels, or the settings contradict it.
    """
    if not 1 <= at_once <= _MOST_AT_ONCE:
        raise PoseDataError(
            f"{at_once} networks at a time cannot be", expected=f"from 1 to {_MOST_AT_ONCE:,}"
        )
    folder = training_project(path).folder.absolute()
    memory = facts.gpus[0].memory if facts is not None and facts.gpus else None
    settings = settings or TrainingSettings()
    if base is not None and given is not None:
        own = base
        if labels is not None:
            own = with_label_files(base, project_dataset(path, labels=labels).csv_files)
        config = training_config(
            own,
            settings,
            calibrated=training_input(own).calibrated,
            gpu=memory is not None,
            given=given,
        )
    else:
        dataset = project_dataset(path, labels=labels)
        found = _calibrations(dataset)
        order = _camera_order(dataset, found)
        if order != dataset.views:
            dataset = project_dataset(path, order, labels)
        config = project_config(
            dataset, settings, calibrated=found.calibrated, gpu_memory=memory, base=base
        )
    checked = preflight(
        config,
        outputs=outputs,
        facts=facts,
        training_copy=training_copy,
        project=folder,
        at_once=at_once,
    )
    return TrainingPlan(folder, config, checked)


def plan_continuation(
    path: str | os.PathLike[str],
    network: Path,
    epochs: int | None = None,
    *,
    facts: LitposeFacts | None = None,
    outputs: Sequence[Path] = (),
) -> TrainingPlan:
    """Make and check the configuration of a training that goes on from another's weights.

    Labels, images and calibrations may be others now than when those were trained.

    Parameters
    ----------
    path : path
        A Lightning Pose project.
    network : Path
        The folder of the network whose weights are taken.
    epochs : int, optional
        How many follow; not given: those that were left.
    facts, outputs
        As for `plan_training`.

    Raises
    ------
    PoseDataError
        It is no project, or see `continued_config`.
    """
    folder = training_project(path).folder.absolute()
    config = continued_config(network, epochs)
    checked = preflight(config, outputs=outputs, facts=facts, project=folder)
    return TrainingPlan(folder, config, checked)


def _calibrations(dataset: TrainingDataset) -> TrainingInput:
    return training_input(recommended_config(dataset))


def _camera_order(dataset: TrainingDataset, found: TrainingInput) -> tuple[str, ...]:
    """The views in the order of the cameras, where all calibrations have the same cameras."""
    if not found.calibrated:
        return dataset.views
    try:
        orders = {cameras_of(path) for path in found.calibrations.values() if path is not None}
    except PoseDataError:
        # One of the checks reports it.
        return dataset.views
    order = orders.pop() if len(orders) == 1 else dataset.views
    return order if set(order) == set(dataset.views) else dataset.views
