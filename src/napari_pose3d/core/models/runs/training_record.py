"""Our own record in the folder of a network: what was asked for, with what, and what runs it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

from napari_pose3d.core.formats.containers.typed_json import dataclass_of
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.input_files import input_errors, read_bytes, read_text
from napari_pose3d.errors import PoseDataError

from .process_identity import ProcessIdentity

RECORD = "napari-pose3d.json"
ASKED_CONFIG = "asked_config.yaml"
REMOTE_CONFIG = "remote_config.yaml"
"""The same with the paths of another machine, or of a cluster's nodes."""
STOP_FILE = "napari-pose3d-stop"
SCHEMA = 1


@dataclass(frozen=True)
class TrainingRecord:
    """What is known of a training that we started.

    Attributes
    ----------
    group : str
        Trainings that were started together: an ensemble.
    seed : int
    litpose : str
        The executable.
    versions : mapping of str to str
        Of the distributions in its environment.
    created : str
        Time, ISO 8601.
    labels : mapping of str to str
        Label files with their SHA-256.
    n_frames : int
        Labeled frames.
    filled, left_out : int
        Views that got projected positions, and frames that the copy of the labels lacks.
    continued_from : str
        The folder of the network whose weights it began with; "" for none.
    place : str
        Where it runs, ``ssh://host/folder`` or ``slurm``; "" for here.
    process, queue : ProcessIdentity or None
        ``litpose``, and what waits for it.
    started, ended : float
        Seconds since 1970; 0 for not yet.
    exit_code : int or None
        Not to be trusted: ``litpose`` ends with 0 when it was terminated.
    """

    group: str
    seed: int
    litpose: str
    versions: Mapping[str, str] = field(default_factory=dict)
    created: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    n_frames: int = 0
    filled: int = 0
    left_out: int = 0
    continued_from: str = ""
    place: str = ""
    process: ProcessIdentity | None = None
    queue: ProcessIdentity | None = None
    started: float = 0.0
    ended: float = 0.0
    exit_code: int | None = None

    @property
    def distilled(self) -> str:
        """The distilled set that it learns from; "" for the labels of the project itself."""
        places = {PurePath(name).parent for name in self.labels}
        sets = {place.name for place in places if place.parent.name == "distillation"}
        return sets.pop() if sets else ""


def write_record(folder: Path, record: TrainingRecord) -> None:
    """Write the record into the folder of its network.

    Raises
    ------
    PoseDataError
        It cannot be written.
    """
    with FileGroup(overwrite=True) as group:
        stream = group.open(folder / RECORD)
        stream.write(json.dumps({"schema": SCHEMA, **asdict(record)}, indent=1) + "\n")


def read_record(folder: Path) -> TrainingRecord | None:
    """The record of a network; None where we did not start it.

    Raises
    ------
    PoseDataError
        It is damaged, or of a later version of this program.
    """
    path = folder / RECORD
    if not path.is_file():
        return None
    with input_errors(path, KeyError, TypeError, AttributeError):
        content = json.loads(read_text(path))
        if content.pop("schema") > SCHEMA:
            raise PoseDataError(
                "the record is of a later version of napari-pose3d", file=path, todo="Update it"
            )
        return dataclass_of(TrainingRecord, content)


def update_record(folder: Path, **changes: Any) -> TrainingRecord:
    """Write some fields anew.

    Raises
    ------
    PoseDataError
        There is no record, it is damaged, or cannot be written.
    """
    record = read_record(folder)
    if record is None:
        raise PoseDataError(
            "this is no training of ours", file=folder, expected="a network that was trained here"
        )
    new = replace(record, **changes)
    write_record(folder, new)
    return new


def file_hash(path: Path) -> str:
    """SHA-256 of a label file or a configuration.

    Raises
    ------
    PoseDataError
        It cannot be read.
    """
    return hashlib.sha256(read_bytes(path, largest=1 << 30)).hexdigest()
