"""What another machine needs for a training, with paths as they are there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from napari_pose3d.core.formats.labels.label_csv import read_label_csv
from napari_pose3d.errors import PoseDataError

from ..configuration.config_file import (
    Config,
    config_text,
    leaves,
    read_config,
    value_at,
    with_values,
)
from ..configuration.crops import box_files
from ..preflight.training_input import side_files, training_input
from ..runs.training_record import ASKED_CONFIG, REMOTE_CONFIG


def needed_files(project: Path, network: Path) -> tuple[PurePosixPath, ...]:
    """Files of a project that the training of a network reads, relative to the project.

    They are label files, images and calibrations; no video.

    Raises
    ------
    PoseDataError
        A file lies outside of the project, or the configuration is damaged.
    """
    config = read_config(network / ASKED_CONFIG)
    given = training_input(config)
    found: dict[PurePosixPath, None] = {}
    judged = [path for each in given.labels for path in side_files(each.path)]
    for path in _files(project, given.folder, [*(each.path for each in given.labels), *judged]):
        found.setdefault(path)
    images = [image for each in given.labels for image in each.images]
    for file in judged:
        images += [image for _, image in read_label_csv(file).rows]
    for image in images:
        found.setdefault(PurePosixPath(image))
    for path in _files(project, given.folder, [*box_files(config), *_calibrations(project)]):
        found.setdefault(path)
    checkpoint = value_at(config, "model.checkpoint")
    if checkpoint is not None:
        for path in _files(project, given.folder, [Path(str(checkpoint))]):
            found.setdefault(path)
    return tuple(found)


def remote_config(config: Config, project: Path, folder: str) -> Config:
    """The configuration with the paths of another machine.

    Parameters
    ----------
    config : Config
    project : Path
        Here; absolute.
    folder : str
        Of the project there.
    """
    here = str(project)

    def there(value: Any) -> Any:
        if isinstance(value, list):
            return [there(each) for each in value]
        if isinstance(value, str) and (value == here or value.startswith(here + os.sep)):
            return folder + value[len(here) :].replace(os.sep, "/")
        return value

    return with_values(config, {key: there(value) for key, value in leaves(config)})


def write_remote_config(project: Path, network: Path, folder: str) -> Path:
    """Write the configuration for another machine beside the one for here.

    Raises
    ------
    PoseDataError
        It cannot be read or written.
    """
    config = remote_config(read_config(network / ASKED_CONFIG), project, folder)
    path = network / REMOTE_CONFIG
    path.write_text(config_text(config), encoding="utf-8")
    return path


def _calibrations(project: Path) -> list[Path]:
    common = project / "calibration.toml"
    listed = sorted((project / "calibrations").glob("*.toml"))
    return [*listed, *([common] if common.is_file() else [])]


def _files(project: Path, data: Path, paths: list[Path]) -> Iterator[PurePosixPath]:
    for path in paths:
        try:
            yield PurePosixPath((data / path).relative_to(project).as_posix())
        except ValueError:
            raise PoseDataError(
                "the file lies outside of the project and is not there on the other machine",
                file=path,
                todo=f"Move it below {project}",
            ) from None
