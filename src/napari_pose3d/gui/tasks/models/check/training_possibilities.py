"""What a project allows in a training, for the form; read in a thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from napari_pose3d.core.models.configuration.multiview_training import Part, multiview_obstacles
from napari_pose3d.core.models.configuration.project_dataset import project_config, project_dataset
from napari_pose3d.core.models.configuration.training_config import (
    TrainingDataset,
    recommended_config,
)
from napari_pose3d.core.models.preflight.training_input import training_input
from napari_pose3d.settings import IsCancelled, Progress, TrainingSettings


@dataclass(frozen=True, eq=False)
class TrainingPossibilities:
    """What a project has for several views.

    Attributes
    ----------
    dataset : TrainingDataset
    calibrated : bool
        Whether each labeled session has a calibration.
    uncalibrated : tuple of str
        Sessions that have none.
    """

    dataset: TrainingDataset
    calibrated: bool
    uncalibrated: tuple[str, ...] = ()

    def obstacles(self, settings: TrainingSettings) -> Mapping[Part, str]:
        """Why parts are not possible with settings; those that are possible are not there.

        Raises
        ------
        PoseDataError
            Other settings contradict each other.
        """
        asked = replace(
            settings,
            reprojection_loss="auto",
            reprojection_from=None,
            reprojection_full=None,
            augmentation_3d="off" if settings.augmentation_3d == "off" else "auto",
            mask_share=None,
            mask_from=None,
            mask_full=None,
        )
        config = project_config(self.dataset, asked, calibrated=self.calibrated)
        return multiview_obstacles(config, calibrated=self.calibrated)


def training_possibilities(
    folder: Path, progress: Progress, cancelled: IsCancelled
) -> TrainingPossibilities:
    """Read what a project allows.

    Raises
    ------
    PoseDataError
        Its labels cannot be read; a check says more.
    """
    progress("reading the labels", 0, 0)
    dataset = project_dataset(folder)
    found = training_input(recommended_config(dataset))
    lacking = tuple(name for name, path in found.calibrations.items() if path is None)
    return TrainingPossibilities(dataset, found.calibrated, lacking)
