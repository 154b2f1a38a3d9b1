"""The networks that lie in a project's folder ``models``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.formats.containers.plain_yaml import yaml_content
from napari_pose3d.core.formats.projects.project_yaml import find_project
from napari_pose3d.core.storage.input_files import read_text
from napari_pose3d.errors import PoseDataError

from ..configuration.config_file import CONFIG_YAML, Config, names_at
from ..runs.continuation import effective_config
from ..runs.model_folder import STATUS
from ..runs.training_record import RECORD, TrainingRecord, read_record
from ..runs.training_start import MODELS
from ..runs.training_state import State, TrainingState, training_state
from .effective_settings import EffectiveSetting, effective_settings
from .pixel_errors import PixelErrors, read_pixel_errors

ENSEMBLE_YAML = "ensemble.yaml"


@dataclass(frozen=True, eq=False)
class Network:
    """A network of a project.

    Attributes
    ----------
    name : str
        Its folder below ``models``.
    folder : Path
    state : TrainingState
    config : Config
        As ``litpose`` wrote it down.
    record : TrainingRecord or None
        None where others trained it.
    errors : mapping of view to PixelErrors
        On the labels; empty for a training that did not come so far.
    held_out : mapping of view to PixelErrors
        On label files that were not trained on.
    sessions : tuple of str
        Stems of the videos that it has predicted.
    problem : str
        Why less is known of it; "" for no problem.
    """

    name: str
    folder: Path
    state: TrainingState
    config: Config = field(default_factory=dict)
    record: TrainingRecord | None = None
    errors: Mapping[str, PixelErrors] = field(default_factory=dict)
    held_out: Mapping[str, PixelErrors] = field(default_factory=dict)
    sessions: tuple[str, ...] = ()
    problem: str = ""

    @property
    def group(self) -> str:
        """Networks that were trained together; "" where that is not known."""
        return "" if self.record is None else self.record.group

    @property
    def views(self) -> tuple[str, ...]:
        return tuple(self.errors)

    @property
    def keypoints(self) -> tuple[str, ...]:
        return next((each.keypoints for each in self.errors.values()), ())

    def error_table(self, which: str = "validation") -> NDArray[np.float64]:
        """Median errors of a set of frames, ``(view, keypoint)`` px; NaN where nothing is known."""
        if not self.errors:
            return np.empty((0, 0))
        return np.array([each.median(which) for each in self.errors.values()])

    def settings(self) -> tuple[EffectiveSetting, ...]:
        """All settings, as asked for and as they took effect; see `effective_settings`."""
        return effective_settings(self.folder)

    def changed_settings(self) -> tuple[EffectiveSetting, ...]:
        """Settings that took effect other than asked for.

        Raises
        ------
        PoseDataError
            A configuration is damaged.
        """
        return tuple(each for each in self.settings() if each.differs)


@dataclass(frozen=True)
class NetworkEnsemble:
    """Networks that belong together: as the app keeps them, or trained together here."""

    name: str
    members: tuple[str, ...]


def list_networks(project: str | os.PathLike[str]) -> tuple[Network, ...]:
    """The networks of a project, by name; folders of groups are looked into.

    Raises
    ------
    PoseDataError
        It is no Lightning Pose project.
    """
    root = models_folder(project)
    return tuple(read_network(folder, root) for folder in _network_folders(root))


def list_ensembles(project: str | os.PathLike[str]) -> tuple[NetworkEnsemble, ...]:
    """Which networks are an ensemble.

    Raises
    ------
    PoseDataError
        It is no Lightning Pose project.
    """
    root = models_folder(project)
    found = []
    for folder in _folders_in(root):
        path = folder / ENSEMBLE_YAML
        if path.is_file():
            try:
                content = yaml_content(read_text(path), path)
            except PoseDataError:
                continue
            members = content.get("members") if isinstance(content, dict) else None
            members = members if isinstance(members, list) else []
            names = [m["id"] for m in members if isinstance(m, dict) and "id" in m]
            found.append(NetworkEnsemble(folder.name, tuple(map(str, names))))
    groups: dict[str, list[str]] = {}
    for folder in _network_folders(root):
        try:
            record = read_record(folder)
        except PoseDataError:
            continue
        if record is not None:
            groups.setdefault(record.group, []).append(folder.relative_to(root).as_posix())
    found += [NetworkEnsemble(n, tuple(names)) for n, names in groups.items() if len(names) > 1]
    return tuple(found)


def models_folder(project: str | os.PathLike[str]) -> Path:
    """The folder of a project's networks.

    Raises
    ------
    PoseDataError
        It is no Lightning Pose project.
    """
    found = find_project(project)
    if found is None:
        raise PoseDataError(
            "this is no project of Lightning Pose",
            file=project,
            expected="a folder with project.yaml",
        )
    return found.folder.absolute() / MODELS


def network_folder(models: Path, name: str) -> Path:
    """The folder of a network by its name.

    Raises
    ------
    PoseDataError
        There is none of that name.
    """
    folder = models / name
    if not folder.is_dir():
        raise PoseDataError(
            f"there is no network '{name}'",
            file=models,
            todo="models list shows those there are",
        )
    return folder


def read_network(folder: Path, root: Path) -> Network:
    """One network; what is damaged stands in its ``problem``."""
    name = folder.relative_to(root).as_posix()
    try:
        state = training_state(folder)
        record = read_record(folder)
        config = effective_config(folder)
        views = names_at(config, "data.view_names", folder / CONFIG_YAML)
        return Network(
            name,
            folder,
            state,
            config,
            record,
            read_pixel_errors(folder, views),
            read_pixel_errors(folder, views, held_out=True),
            _predicted(folder),
        )
    except PoseDataError as error:
        return Network(name, folder, TrainingState(State.UNFINISHED), problem=str(error))


def _predicted(folder: Path) -> tuple[str, ...]:
    ends = ("_temporal_norm", "_pca_singleview_error", "_pca_multiview_error")
    stems = [path.stem for path in (folder / "video_preds").glob("*.csv")]
    return tuple(sorted(stem for stem in stems if not stem.endswith(ends)))


def _network_folders(root: Path) -> list[Path]:
    found = []
    for folder in _folders_in(root):
        if _is_network(folder):
            found.append(folder)
        elif not (folder / ENSEMBLE_YAML).is_file():
            found += [inner for inner in _folders_in(folder) if _is_network(inner)]
    return found


def _is_network(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (CONFIG_YAML, STATUS, RECORD))


def _folders_in(root: Path) -> list[Path]:
    try:
        return sorted(Path(entry.path) for entry in os.scandir(root) if entry.is_dir())
    except OSError:
        return []
