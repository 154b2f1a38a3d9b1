"""What a network has predicted, and from what, so that nothing is predicted twice.

``litpose`` itself passes over a video where a file of its name is there, be it of another video or
of older weights.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from napari_pose3d.core.formats.containers.typed_json import dataclass_of
from napari_pose3d.core.formats.predictions.prediction_csv import count_frames
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.input_files import input_errors, open_input, read_text
from napari_pose3d.errors import PoseDataError

RECORD = "napari-pose3d-predictions.json"
SCHEMA = 1
PRECISION = "precision"
"""In the settings where an exported network of 16 bits predicted."""
_SAMPLE = 1 << 20


@dataclass(frozen=True)
class SessionPrediction:
    """One session predicted by one network.

    Attributes
    ----------
    videos : mapping of view to str
        Fingerprints of the videos.
    weights : str
        Fingerprint of the checkpoint.
    settings : mapping of str to Any
        What changes the result.
    files : mapping of view to str
        Names of the tables in ``video_preds``.
    n_frames : int
        Rows of each.
    """

    videos: Mapping[str, str]
    weights: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    n_frames: int = 0


def fingerprint(path: Path) -> str:
    """Size, and SHA-256 of the first, middle and last MB: a large video is not read to its end.

    Raises
    ------
    PoseDataError
        It cannot be read.
    """
    digest = hashlib.sha256()
    with open_input(path) as stream, input_errors(path):
        size = stream.seek(0, 2)
        for start in sorted({0, max(0, size // 2 - _SAMPLE // 2), max(0, size - _SAMPLE)}):
            stream.seek(start)
            digest.update(stream.read(_SAMPLE))
    return f"{size}-{digest.hexdigest()}"


def read_predictions(network: Path) -> dict[str, SessionPrediction]:
    """What a network has predicted for us, by session; empty where there is no record.

    Raises
    ------
    PoseDataError
        The record is damaged, or of a later version of this program.
    """
    path = network / RECORD
    if not path.is_file():
        return {}
    with input_errors(path, KeyError, TypeError, AttributeError):
        content = json.loads(read_text(path))
        if content["schema"] > SCHEMA:
            raise PoseDataError(
                "the record is of a later version of napari-pose3d", file=path, todo="Update it"
            )
        sessions = content["sessions"].items()
        return {name: dataclass_of(SessionPrediction, each) for name, each in sessions}


def note_prediction(network: Path, session: str, done: SessionPrediction) -> None:
    """Add a session to the record of a network.

    Raises
    ------
    PoseDataError
        It cannot be read or written.
    """
    sessions = {**read_predictions(network), session: done}
    content = {"schema": SCHEMA, "sessions": {name: asdict(e) for name, e in sessions.items()}}
    with FileGroup(overwrite=True) as group:
        group.open(network / RECORD).write(json.dumps(content, indent=1) + "\n")


def is_done(network: Path, recorded: SessionPrediction | None, wanted: SessionPrediction) -> bool:
    """Whether a session is predicted with these videos, weights and settings, and still whole."""
    if recorded is None:
        return False
    same = (recorded.videos, recorded.weights) == (wanted.videos, wanted.weights)
    asked, had = dict(wanted.settings), dict(recorded.settings)
    # What was predicted in full precision is good enough for all; in half, for its like only.
    if PRECISION not in had:
        asked.pop(PRECISION, None)
    same = same and had == asked
    if not same or set(recorded.files) != set(wanted.videos):
        return False
    for name in recorded.files.values():
        path = network / "video_preds" / name
        if not path.is_file():
            return False
        try:
            if count_frames(path) != recorded.n_frames:
                return False
        except PoseDataError:
            return False
    return True
