"""The configuration of a training, made and checked; run in threads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_pose3d.core.models.configuration.config_file import Config, value_at
from napari_pose3d.core.models.configuration.multiview_training import multiview_training
from napari_pose3d.core.models.configuration.project_dataset import project_recommendation
from napari_pose3d.core.models.installation.litpose_search import Installation
from napari_pose3d.core.models.runs.training_start import network_folders
from napari_pose3d.core.models.runs.trial_step import TrialStep, trial_step
from napari_pose3d.core.models.training_plan import TrainingPlan, plan_training
from napari_pose3d.settings import IsCancelled, Progress, TrainingSettings

from ..project_models import Program


@dataclass(frozen=True, eq=False)
class CheckedTraining:
    """A training as it would be.

    Attributes
    ----------
    plan : TrainingPlan
    settings : TrainingSettings
    note : str
        Why ``litpose`` was not asked for its recommendation; "" where it was.
    """

    plan: TrainingPlan
    settings: TrainingSettings
    note: str = ""


def check(
    folder: Path,
    settings: TrainingSettings,
    name: str,
    program: Program | None,
    progress: Progress,
    cancelled: IsCancelled,
    labels: Path | None = None,
) -> CheckedTraining:
    """Make the configuration and check it; nothing is trained.

    Parameters
    ----------
    folder : Path
        The project.
    settings : TrainingSettings
    name : str
        Of the networks together.
    program : Program or None
        Asked for its recommendation where it works.
    labels : Path, optional
        Other label files than the project's, as of `distilled_labels`.
    """
    outputs = network_folders(folder, name, settings.seeds)
    base, note = None, ""
    if program is not None and program.works and program.installation is not None:
        progress("asking litpose what it recommends", 0, 0)
        base, note = project_recommendation(program.installation, folder)
    progress("checking labels, images and calibrations", 0, 0)
    facts = None if program is None else program.facts
    plan = plan_training(folder, settings, facts=facts, base=base, outputs=outputs, labels=labels)
    return CheckedTraining(plan, settings, note)


def try_step(
    config: Config, installation: Installation, progress: Progress, cancelled: IsCancelled
) -> TrialStep:
    """Train one step."""
    progress("training one step", 0, 0)
    return trial_step(config, installation, cancelled)


def effective_lines(config: Config) -> list[str]:
    """What a configuration comes to, a line each."""
    size = value_at(config, "data.image_resize_dims", {})
    pixels = f"{size.get('width')} x {size.get('height')} px"
    epochs = value_at(config, "training.max_epochs")
    batch = value_at(config, "training.train_batch_size")
    lines = [
        f"{value_at(config, 'model.model_type')}, {value_at(config, 'model.backbone')}",
        f"{epochs} epochs, batches of {batch}, images of {pixels}",
    ]
    views = value_at(config, "data.view_names")
    if views:
        lines.append(f"Views in the order of the cameras: {', '.join(map(str, views))}")
        lines += [f"{line[:1].upper()}{line[1:]}" for line in multiview_training(config).lines()]
    return lines
