"""A project's training planned: its configuration in the cameras' order, and what was found."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import TrainingSettings

from .configuration.config_file import Config
from .configuration.project_dataset import project_config, project_dataset
from .configuration.training_config import TrainingDataset, recommended_config
from .installation.litpose_facts import LitposeFacts
from .preflight.calibration_checks import cameras_of
from .preflight.preflight import Preflight, preflight
from .preflight.training_input import TrainingInput, training_input


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
    output: Path | None = None,
    labels: Path | None = None,
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
    output : Path, optional
        The folder that the first network is to be written to.
    labels : Path, optional
        Other label files than the project's; see `project_dataset`.

    Raises
    ------
    PoseDataError
        It is no project with labels, or the settings contradict it.
    """
    dataset = project_dataset(path, labels=labels)
    found = _calibrations(dataset)
    order = _camera_order(dataset, found)
    if order != dataset.views:
        dataset = project_dataset(path, order, labels)
    memory = facts.gpus[0].memory if facts is not None and facts.gpus else None
    config = project_config(
        dataset,
        settings or TrainingSettings(),
        calibrated=found.calibrated,
        gpu_memory=memory,
        base=base,
    )
    return TrainingPlan(dataset.folder, config, preflight(config, output=output, facts=facts))


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
