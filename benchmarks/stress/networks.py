"""Files of a network for the trials of reading: made, read, given to commands."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

from .project import SESSION, VIEWS

_NETWORK = "models/net"

FILES = {
    "config.yaml": f"{_NETWORK}/config.yaml",
    "training record": f"{_NETWORK}/napari-pose3d.json",
    "prediction record": f"{_NETWORK}/napari-pose3d-predictions.json",
    "training status": f"{_NETWORK}/train_status.json",
    "pixel errors": f"{_NETWORK}/predictions_{VIEWS[0]}_pixel_error.csv",
    "ensemble.yaml": "models/several/ensemble.yaml",
}
"""Formats, and where the file of each lies in the project."""


def write_files(folder: Path) -> None:
    """Put them into the project, which has labels."""
    from napari_pose3d.core.models.configuration.config_file import config_text
    from napari_pose3d.core.models.configuration.project_dataset import (
        project_config,
        project_dataset,
    )
    from napari_pose3d.core.models.predictions.prediction_record import (
        SessionPrediction,
        note_prediction,
    )
    from napari_pose3d.core.models.runs.process_identity import ProcessIdentity
    from napari_pose3d.core.models.runs.training_record import TrainingRecord, write_record
    from napari_pose3d.settings import TrainingSettings

    for file in FILES.values():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
    config = project_config(project_dataset(folder), TrainingSettings(), calibrated=True)
    (folder / FILES["config.yaml"]).write_text(config_text(config))
    network = folder / _NETWORK
    record = TrainingRecord(
        "net",
        0,
        "/nowhere/litpose",
        {"lightning-pose": "2.1.0"},
        "2026-01-01T00:00:00Z",
        {f"CollectedData_{view}.csv": "ab" for view in VIEWS},
        n_frames=3,
        process=ProcessIdentity.of(os.getpid()),
        started=1.7e9,
        ended=1.7e9 + 60,
        exit_code=0,
    )
    write_record(network, record)
    files = {view: f"{SESSION}_{view}.csv" for view in VIEWS}
    done = SessionPrediction(dict.fromkeys(VIEWS, "1-ab"), "2-cd", {"batch": 8}, files, 12)
    note_prediction(network, SESSION, done)
    progress = {"completed": 3, "total": 10, "timestamp": 1.7e9}
    status = {"status": "TRAINING", "progress": progress}
    (folder / FILES["training status"]).write_text(json.dumps(status, indent=1))
    rows = [f"labeled-data/{SESSION}_{VIEWS[0]}/img{i:08d}.png,{i}.5,2.25,train" for i in (1, 4, 7)]
    (folder / FILES["pixel errors"]).write_text("\n".join([",nose,tail,set", *rows, ""]))
    members = [f"- id: net-seed{seed}\n" for seed in range(2)]
    (folder / FILES["ensemble.yaml"]).write_text("".join(["members:\n", *members]))
    assert all((folder / file).is_file() for file in FILES.values())


def commands(name: str, folder: Path, path: Path, rng: random.Random) -> list[list[str]]:
    """What is done with such a file on the command line."""
    check = ["models", "check", str(folder), "--no-litpose", "--no-recommend"]
    return [
        ["models", "list", str(folder), "--settings"],
        [*check, "--config", str(path)] if name == "config.yaml" else check,
        ["models", "predict", str(folder), "--sessions", "all", "--models", "net", "--onnx"],
        ["info", str(folder)],
    ]


def _networks(folder: Path, path: Path) -> str:
    from napari_pose3d.core.models.listing.model_list import list_ensembles, list_networks

    found = list_networks(folder)
    list_ensembles(folder)
    return "" if path.parent.name == "several" or found else "a network is not listed"


def _training(folder: Path, path: Path) -> str:
    from napari_pose3d.core.models.runs.training_record import read_record

    record = read_record(path.parent)
    if record is None:
        return "no record" if path.is_file() else ""
    return "" if isinstance(record.labels, dict) and record.started >= 0 else "another record"


def _predictions(folder: Path, path: Path) -> str:
    from napari_pose3d.core.models.predictions.prediction_record import is_done, read_predictions

    for each in read_predictions(path.parent).values():
        is_done(path.parent, each, each)
    return ""


READERS: dict[str, Callable[[Path, Path], str]] = {
    **dict.fromkeys(FILES, _networks),
    "training record": _training,
    "prediction record": _predictions,
}
"""By format: what is wrong about what was read, or ""."""
