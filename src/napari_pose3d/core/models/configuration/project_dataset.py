"""What a project has to train on, and its configuration from settings."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from napari_pose3d.core.formats.labels.label_csv import read_label_csv
from napari_pose3d.core.formats.projects.project_yaml import LightningProject, find_project
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import IsCancelled, TrainingSettings

from ..installation.litpose_facts import TRIED_VERSION
from ..installation.litpose_process import run_litpose
from ..installation.litpose_search import Installation
from .config_file import Config, read_config, with_values
from .image_size import image_size
from .training_config import TrainingDataset, recommended_config, training_config

LABELS = "CollectedData"
BOXES = "bboxes"
"""Tables ``bboxes_<view>.csv`` beside the label files: what their images were cut out by."""
_SECONDS = 300
# The next check writes it anew.
_RECOMMENDED = ("napari-pose3d", "training", "recommended.yaml")


def project_dataset(
    path: str | os.PathLike[str], views: tuple[str, ...] = (), labels: Path | None = None
) -> TrainingDataset:
    """The label files of a Lightning Pose project.

    Parameters
    ----------
    path : path
        The project, or a file in it.
    views : tuple of str
        Another order of its views, such as that of the cameras; not given: that of
        ``project.yaml``.
    labels : Path, optional
        Files ``<labels>_<view>.csv`` instead of the project's ``CollectedData_<view>.csv``.

    Raises
    ------
    PoseDataError
        It is no Lightning Pose project, or the label file of its first view cannot be read.
    """
    project = training_project(path)
    folder = project.folder.absolute()
    names = project.view_names if len(project.view_names) > 1 else ()
    if set(views) == set(names):
        names = views
    stem = labels or folder / LABELS
    files = tuple(stem.with_name(f"{stem.name}_{view}.csv") for view in names)
    files = files or (stem.with_name(f"{stem.name}.csv"),)
    if not files[0].is_file():
        raise PoseDataError(
            "there are no labels to train on", file=files[0], expected="labels of some frames"
        )
    first = read_label_csv(files[0])
    images = [image for _, image in first.rows]
    size = None
    for image in images[:1]:
        if (folder / image).is_file():
            size = image_size(folder / image)
    boxes = tuple(folder / f"{BOXES}{file.stem.removeprefix(LABELS)}.csv" for file in files)
    if labels is not None or not any(path.is_file() for path in boxes):
        boxes = ()
    return TrainingDataset(
        folder, files, names, first.keypoints, len(images), size or (256, 256), boxes
    )


def training_project(path: str | os.PathLike[str]) -> LightningProject:
    """The Lightning Pose project at a path.

    Raises
    ------
    PoseDataError
        There is none.
    """
    project = find_project(path)
    if project is None:
        raise PoseDataError(
            "this is no project of Lightning Pose",
            file=path,
            expected="a folder with project.yaml",
            todo="Make a project of the videos first",
        )
    return project


def project_config(
    dataset: TrainingDataset,
    settings: TrainingSettings,
    *,
    calibrated: bool,
    gpu_memory: int | None = None,
    base: Config | None = None,
) -> Config:
    """The configuration of a project's training, but for the seed.

    Parameters
    ----------
    dataset : TrainingDataset
    settings : TrainingSettings
    calibrated : bool
        Whether each labeled session has a calibration.
    gpu_memory : int, optional
        Bytes; None for no GPU.
    base : Config, optional
        As ``litpose recommend`` wrote it; not given: as it would.

    Raises
    ------
    PoseDataError
        See `training_config`.
    """
    given = base or recommended_config(dataset, gpu_memory)
    if dataset.views:
        # Views, label files and cameras are in one order, whoever recommended.
        given = with_values(
            given,
            {
                "data.view_names": list(dataset.views),
                "data.csv_file": [str(path) for path in dataset.csv_files],
            },
        )
    if dataset.box_files:
        paths = [str(path) for path in dataset.box_files]
        given = with_values(given, {"data.bbox_file": paths if dataset.views else paths[0]})
    return training_config(given, settings, calibrated=calibrated, gpu=gpu_memory is not None)


def litpose_recommendation(
    installation: Installation,
    folder: Path,
    output: Path,
    *,
    cancelled: IsCancelled | None = None,
) -> Config:
    """What ``litpose recommend`` says of a project; takes some five seconds.

    Parameters
    ----------
    installation : Installation
    folder : Path
        The project; absolute.
    output : Path
        Where it writes the configuration.
    cancelled : callable, optional
        Asked some ten times per second.

    Raises
    ------
    PoseDataError
        It fails, with its last line, or does not end within five minutes.
    Cancelled
        `cancelled` returned True.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PoseDataError(
            f"litpose recommend has nowhere to write ({error.strerror or error})", file=output
        ) from error
    command = [str(installation.executable), "recommend", str(folder), "--output", str(output)]
    with tempfile.TemporaryFile() as log:
        code = run_litpose(command, output.parent, log, cancelled=cancelled, seconds=_SECONDS)
        log.seek(0)
        lines = log.read().decode("utf-8", errors="replace").strip().splitlines()
    if code or not output.is_file():
        raise PoseDataError(
            f"litpose recommend failed ({lines[-1][:300] if lines else 'without a message'})",
            file=folder,
            todo="Run it in a terminal to see more",
        )
    return read_config(output)


def project_recommendation(
    installation: Installation, folder: Path, *, cancelled: IsCancelled | None = None
) -> tuple[Config | None, str]:
    """As `litpose_recommendation`; where it fails, None and a note of what is done instead.

    Parameters
    ----------
    installation : Installation
    folder : Path
        The project; absolute. The configuration is written beside our records of trainings.
    cancelled : callable, optional
    """
    output = folder.joinpath(*_RECOMMENDED)
    try:
        return litpose_recommendation(installation, folder, output, cancelled=cancelled), ""
    except PoseDataError as error:
        return None, f"{error} The rules of its version {TRIED_VERSION} are followed."
