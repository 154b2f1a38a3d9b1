"""Trainings begun: a fresh folder for each network, and a process that trains them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.safe_names import refuse_unsafe_names
from napari_pose3d.errors import PoseDataError

from ..configuration.config_file import Config, config_text
from ..configuration.training_config import config_of_seed, with_label_files
from ..installation.litpose_facts import LitposeFacts
from ..installation.litpose_search import Installation
from ..preflight.resource_checks import check_outputs
from ..preflight.training_copy import make_training_copy
from ..preflight.training_input import TrainingInput, training_input
from .training_record import (
    ASKED_CONFIG,
    TrainingRecord,
    file_hash,
    read_record,
    write_record,
)

MODELS = "models"
_QUEUES = ("napari-pose3d", "training")
_UNSAFE = set("[]*?='\"")
_SECONDS = 60.0


@dataclass(frozen=True)
class PreparedTraining:
    """Networks whose folders are ready to be trained.

    Attributes
    ----------
    folders : tuple of Path
    group : str
    filled, left_out : int
        Views that got projected positions, and frames that are not trained on.
    """

    folders: tuple[Path, ...]
    group: str
    filled: int = 0
    left_out: int = 0


def network_folders(project: Path, name: str, seeds: Sequence[int]) -> tuple[Path, ...]:
    """Where the networks of some seeds lie: ``models/<name>-seed<N>``.

    Raises
    ------
    PoseDataError
        The name cannot be one of a folder that ``litpose`` can use.
    """
    refuse_unsafe_names([name], "network")
    if _UNSAFE & set(name) or name.startswith((".", "version_")):
        raise PoseDataError(
            f"litpose cannot use a network called '{name}'",
            expected="a name without [ ] * ? = and quotation marks",
        )
    return tuple(project / MODELS / f"{name}-seed{seed}" for seed in seeds)


def prepare_trainings(
    project: Path,
    config: Config,
    name: str,
    seeds: Sequence[int],
    installation: Installation | None,
    *,
    facts: LitposeFacts | None = None,
    same_split: bool = False,
    continued_from: Mapping[int, Path] | None = None,
    place: str = "",
) -> PreparedTraining:
    """Make the folders of networks: configuration, label files and record.

    Parameters
    ----------
    project : Path
    config : Config
        But for the seed.
    name : str
        Of the networks together.
    seeds : sequence of int
    installation : Installation or None
        None for another machine's.
    facts : LitposeFacts, optional
        For the record.
    same_split : bool
        Whether all train on the same frames.
    continued_from : mapping of seed to Path, optional
        Folders of networks whose weights they begin with.
    place : str
        Where they are to run; "" for here.

    Raises
    ------
    PoseDataError
        A folder is in use, or something cannot be written; nothing is left behind then.
    """
    folders = network_folders(project, name, seeds)
    for finding in check_outputs(folders):
        raise PoseDataError(finding.problem, file=finding.where, todo=finding.remedy)
    given = training_input(config)
    with ExitStack() as undo:
        filled = left_out = 0
        for folder, seed in zip(folders, seeds, strict=True):
            folder.mkdir(parents=True, exist_ok=True)
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
            filled, left_out = _prepare(
                folder,
                given,
                config_of_seed(config, seed, folder.name, same_split=same_split),
                TrainingRecord(
                    group=name,
                    seed=seed,
                    litpose="" if installation is None else str(installation.executable),
                    place=place,
                    versions={} if facts is None else dict(facts.versions),
                    created=datetime.now().astimezone().isoformat(timespec="seconds"),
                    continued_from=str((continued_from or {}).get(seed, "")),
                ),
            )
        undo.pop_all()
    return PreparedTraining(folders, name, filled, left_out)


def start_trainings(
    project: Path, prepared: PreparedTraining, litpose: Path, *, at_once: int = 1, gpus: int = 0
) -> None:
    """Train networks in the background, in a process that outlives this one.

    Parameters
    ----------
    project : Path
    prepared : PreparedTraining
    litpose : Path
        The executable.
    at_once : int
        How many at a time; with several GPUs, on each of them.
    gpus : int
        How many NVIDIA GPUs there are.

    Raises
    ------
    PoseDataError
        The process could not be started.
    """
    if at_once < 1:
        raise PoseDataError(f"{at_once} networks at a time cannot be", expected="1 or more")
    place = project.joinpath(*_QUEUES)
    stem = f"{prepared.group}-{datetime.now():%Y%m%d-%H%M%S-%f}"
    queue_file = place / f"{stem}.json"
    content = {
        "litpose": str(litpose),
        "at_once": at_once,
        "gpus": gpus,
        "folders": [str(folder) for folder in prepared.folders],
    }
    with FileGroup() as group:
        group.open(queue_file).write(json.dumps(content, indent=1) + "\n")
    log = place / f"{stem}.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.queue_worker", str(queue_file)],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            cwd=place,
            start_new_session=True,
        )
    # Only with its name in the records do others know that they wait.
    limit = time.monotonic() + _SECONDS
    while any(_queue_of(folder) is None for folder in prepared.folders):
        code = process.poll()
        if code is not None or time.monotonic() > limit:
            lines = log.read_text(errors="replace").strip().splitlines()
            last = lines[-1] if lines else f"exit code {code}"
            raise PoseDataError(f"the trainings could not be started ({last})", file=log)
        time.sleep(0.05)


def _queue_of(folder: Path) -> object | None:
    record = read_record(folder)
    return None if record is None else record.queue


def _prepare(
    folder: Path, given: TrainingInput, config: Config, record: TrainingRecord
) -> tuple[int, int]:
    copy = make_training_copy(given, folder)
    text = config_text(with_label_files(config, copy.files, copy.boxes))
    with FileGroup() as group:
        group.open(folder / ASKED_CONFIG).write(text)
    hashes = {str(each.path): file_hash(each.path) for each in given.labels}
    left_out = len(copy.left_out)
    write_record(
        folder,
        replace(
            record,
            labels=hashes,
            n_frames=given.n_rows - left_out,
            filled=len(copy.filled),
            left_out=left_out,
        ),
    )
    return len(copy.filled), left_out
