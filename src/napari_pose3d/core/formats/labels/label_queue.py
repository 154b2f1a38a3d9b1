"""``CollectedData_<view>.unlabeled.jsonl``: the pictures of one view that wait to be labeled.

One JSON object in each line: ``{"frame_path": ..., "predictions": null or {...}}``. Lines that do
not change stay as they are.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from napari_pose3d.core.errors import PoseDataError

SUFFIX = ".unlabeled.jsonl"
_PATH = "frame_path"
_PREDICTIONS = "predictions"
# Who proposed, where it was us.
_MODEL = "napari-pose3d"


@dataclass(frozen=True, eq=False)
class LabelQueue:
    """The lines of a queue, and the picture of each.

    Attributes
    ----------
    path : Path
    lines : tuple of str
        Those that hold something, without line feeds.
    pictures : tuple of str
        The picture of each line, relative to the project.
    """

    path: Path
    lines: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()

    def predictions(self, picture: str) -> dict[str, tuple[float, float]]:
        """Positions that a model proposed for a picture, px by keypoint; empty without any."""
        if picture not in self.pictures:
            return {}
        entry = json.loads(self.lines[self.pictures.index(picture)])
        proposed = (entry.get(_PREDICTIONS) or {}).get(_PREDICTIONS) or []
        return {
            str(each["keypoint_name"]): (float(each["x"]), float(each["y"]))
            for each in proposed
            if each.get("x") is not None and each.get("y") is not None
        }

    def with_added(
        self,
        pictures: Sequence[str],
        predictions: Mapping[str, Mapping[str, tuple[float, float]]] | None = None,
    ) -> LabelQueue:
        """The queue with further pictures at its end; those in it already stay where they are.

        Parameters
        ----------
        pictures : sequence of str
        predictions : mapping of picture to positions by keypoint, optional
            px; what is proposed for them.
        """
        known = set(self.pictures)
        new = [p for p in dict.fromkeys(pictures) if p not in known]
        entries = [{_PATH: p, _PREDICTIONS: _proposed((predictions or {}).get(p))} for p in new]
        lines = [json.dumps(entry, separators=(",", ":"), ensure_ascii=False) for entry in entries]
        return replace(self, lines=(*self.lines, *lines), pictures=(*self.pictures, *new))

    def without(self, pictures: Collection[str]) -> LabelQueue:
        """The queue without some pictures."""
        kept = [i for i, picture in enumerate(self.pictures) if picture not in pictures]
        return replace(
            self,
            lines=tuple(self.lines[i] for i in kept),
            pictures=tuple(self.pictures[i] for i in kept),
        )

    def text(self) -> str:
        """The whole file as it is to be written; empty for an empty queue."""
        return "".join(f"{line}\n" for line in self.lines)


def read_label_queue(path: str | os.PathLike[str], data: bytes | None = None) -> LabelQueue:
    """Read a queue; one that is not there is empty.

    Parameters
    ----------
    data : bytes, optional
        Its content, where that has been read already.

    Raises
    ------
    PoseDataError
        When it cannot be read, or a line is not what it should be; names the line.
    """
    path = Path(path)
    try:
        text = (path.read_bytes() if data is None else data).decode("utf-8-sig")
    except FileNotFoundError:
        return LabelQueue(path)
    except OSError as error:
        raise PoseDataError(f"cannot be read ({error.strerror or error})", file=path) from error
    except UnicodeDecodeError as error:
        raise PoseDataError("the text is not in UTF-8", file=path) from error
    lines, pictures = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.rstrip("\r")
        if not line.strip():
            continue
        lines.append(line)
        pictures.append(_picture_of(line, path, number))
    return LabelQueue(path, tuple(lines), tuple(pictures))


def _proposed(positions: Mapping[str, tuple[float, float]] | None) -> dict[str, Any] | None:
    """Predictions as Lightning Pose's app writes them."""
    if not positions:
        return None
    listed = [{"keypoint_name": k, "x": x, "y": y} for k, (x, y) in positions.items()]
    milliseconds = round(datetime.now(UTC).timestamp() * 1000)
    return {"model_name": _MODEL, "date_time": milliseconds, _PREDICTIONS: listed}


def _picture_of(line: str, path: Path, number: int) -> str:
    try:
        entry = json.loads(line)
    except json.JSONDecodeError as error:
        raise PoseDataError(
            f"this is not valid JSON ({error.msg})",
            file=path,
            place=f"line {number}",
            todo="Mend or remove this line",
        ) from error
    picture = entry.get(_PATH) if isinstance(entry, dict) else None
    if not isinstance(picture, str) or not picture:
        raise PoseDataError(
            "the line names no picture",
            file=path,
            place=f"line {number}",
            expected='{"frame_path": "labeled-data/...", "predictions": ...}',
        )
    return picture.replace("\\", "/")
